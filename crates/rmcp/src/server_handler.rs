//! A wrapped handler of a server is a handler of a server: requests are recorded, all other calls are passed on.
//! Each method of `rmcp` 3.11 is listed: a method that is missing would answer with its default.
#![expect(
    deprecated,
    reason = "peers of older protocol versions call what is deprecated"
)]

use std::borrow::Cow;

use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelTaskParams, CancelledNotificationParam,
    CompleteRequestParams, CompleteResult, CustomNotification, CustomRequest, CustomResult,
    DiscoverResult, GetPromptRequestParams, GetPromptResponse, GetSkillRequestParams,
    GetSkillResult, GetTaskParams, GetTaskResult, InitializeRequestParams, InitializeResult,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListSkillsResult,
    ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ProtocolVersion,
    ReadResourceDirectoryRequestParams, ReadResourceDirectoryResult, ReadResourceRequestParams,
    ReadResourceResponse, ServerConfig, SetLevelRequestParams, SubscribeRequestParams,
    SubscriptionFilter, Tool, UnsubscribeRequestParams, UpdateTaskParams,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer, SubscriptionContext};
use tracefuse_core::Span;

use crate::call::Call;
use crate::delegate::{no_input, notifications, requests};
use crate::handler::{Incoming, Traced, run};
use crate::outcome;

fn incoming<H>(of: &Traced<H>, call: Call, context: &RequestContext<RoleServer>) -> Incoming {
    let version = context.protocol_version();
    of.incoming(call, context, version.map(|version| version.to_string()))
}

type Page = Option<PaginatedRequestParams>;

impl<H: ServerHandler> ServerHandler for Traced<H> {
    requests! {
        RoleServer:
        call_tool(CallToolRequestParams) -> CallToolResponse:
            |request| Call::tool(&request.name),
            |span, request| span.set_input_with(|| &request.arguments),
            outcome::tool_response;
        get_prompt(GetPromptRequestParams) -> GetPromptResponse:
            |request| Call::prompt(&request.name),
            |span, request| span.set_input_with(|| &request.arguments),
            outcome::prompt_response;
        read_resource(ReadResourceRequestParams) -> ReadResourceResponse:
            |request| Call::resource("resources/read", &request.uri),
            no_input,
            outcome::resource_response;
        read_resource_directory(ReadResourceDirectoryRequestParams) -> ReadResourceDirectoryResult:
            |request| Call::resource("resources/directory/read", &request.uri);
        complete(CompleteRequestParams) -> CompleteResult:
            |_| Call::new("completion/complete"),
            |span, request| span.set_input_with(|| &request.argument),
            |span: &Span, result: &CompleteResult| span.set_output(&result.completion);
        initialize(InitializeRequestParams) -> InitializeResult:
            |_| Call::new("initialize");
        list_tools(Page) -> ListToolsResult: |_| Call::new("tools/list");
        list_prompts(Page) -> ListPromptsResult: |_| Call::new("prompts/list");
        list_resources(Page) -> ListResourcesResult:
            |_| Call::new("resources/list");
        list_resource_templates(Page) -> ListResourceTemplatesResult:
            |_| Call::new("resources/templates/list");
        list_skills(Page) -> ListSkillsResult: |_| Call::new("skills/list");
        get_skill(GetSkillRequestParams) -> GetSkillResult:
            |_| Call::new("skills/get");
        set_level(SetLevelRequestParams) -> (): |_| Call::new("logging/setLevel");
        subscribe(SubscribeRequestParams) -> ():
            |request| Call::resource("resources/subscribe", &request.uri);
        unsubscribe(UnsubscribeRequestParams) -> ():
            |request| Call::resource("resources/unsubscribe", &request.uri);
        get_task(GetTaskParams) -> GetTaskResult: |_| Call::new("tasks/get");
        update_task(UpdateTaskParams) -> (): |_| Call::new("tasks/update");
        cancel_task(CancelTaskParams) -> (): |_| Call::new("tasks/cancel");
        on_custom_request(CustomRequest) -> CustomResult:
            |request| Call::custom(&request.method),
            |span, request| span.set_input_with(|| &request.params),
            outcome::json;
        discover() -> DiscoverResult: Call::new("server/discover");
    }

    async fn ping(&self, context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.handler.ping(context).await
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.handler.listen(context).await
    }

    notifications! {
        RoleServer:
        on_cancelled(CancelledNotificationParam);
        on_progress(ProgressNotificationParam);
        on_initialized();
        on_roots_list_changed();
        on_custom_notification(CustomNotification);
    }

    fn negotiate_initialize(
        &self,
        request: &InitializeRequestParams,
    ) -> Result<InitializeResult, ErrorData> {
        self.handler.negotiate_initialize(request)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        self.handler.supported_protocol_versions()
    }

    fn accepted_subscription_filter(
        &self,
        requested: &SubscriptionFilter,
    ) -> Option<SubscriptionFilter> {
        self.handler.accepted_subscription_filter(requested)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.handler.get_tool(name)
    }

    fn get_info(&self) -> ServerConfig {
        self.handler.get_info()
    }
}
