//! A wrapped handler of a client is a handler of a client: requests of a server are recorded, all other calls are passed on.
//! Each method of `rmcp` 3.11 is listed: a method that is missing would answer with its default.
#![expect(
    deprecated,
    reason = "peers of older protocol versions call what is deprecated"
)]

use rmcp::ErrorData;
use rmcp::handler::client::ClientHandler;
use rmcp::model::{
    CancelledNotificationParam, ClientConfig, CreateMessageRequestParams, CreateMessageResult,
    CustomNotification, CustomRequest, CustomResult, ElicitRequestParams, ElicitResult,
    ListRootsResult, LoggingMessageNotificationParam, ProgressNotificationParam,
    ResourceUpdatedNotificationParam, SubscriptionsAcknowledgedNotificationParams,
    TaskStatusNotificationParams,
};
use rmcp::service::{NotificationContext, RequestContext, RoleClient};
use tracefuse_core::Span;

use crate::call::Call;
use crate::delegate::{notifications, requests};
use crate::handler::{Incoming, Traced, run};
use crate::outcome;

fn incoming<H>(of: &Traced<H>, call: Call, context: &RequestContext<RoleClient>) -> Incoming {
    let info = context.peer.peer_info();
    of.incoming(
        call,
        context,
        info.map(|info| info.protocol_version.to_string()),
    )
}

impl<H: ClientHandler> ClientHandler for Traced<H> {
    requests! {
        RoleClient:
        create_message(CreateMessageRequestParams) -> CreateMessageResult:
            |_| Call::new("sampling/createMessage"),
            |span, request| span.set_input_with(|| &request.messages),
            outcome::json;
        create_elicitation(ElicitRequestParams) -> ElicitResult:
            |_| Call::new("elicitation/create"),
            |span, request| span.set_input_with(|| request),
            outcome::json;
        on_custom_request(CustomRequest) -> CustomResult:
            |request| Call::custom(&request.method),
            |span, request| span.set_input_with(|| &request.params),
            outcome::json;
        list_roots() -> ListRootsResult: Call::new("roots/list");
    }

    async fn ping(&self, context: RequestContext<RoleClient>) -> Result<(), ErrorData> {
        self.handler.ping(context).await
    }

    notifications! {
        RoleClient:
        on_cancelled(CancelledNotificationParam);
        on_progress(ProgressNotificationParam);
        on_logging_message(LoggingMessageNotificationParam);
        on_resource_updated(ResourceUpdatedNotificationParam);
        on_resource_list_changed();
        on_tool_list_changed();
        on_prompt_list_changed();
        on_subscriptions_acknowledged(SubscriptionsAcknowledgedNotificationParams);
        on_task_status(TaskStatusNotificationParams);
        on_custom_notification(CustomNotification);
    }

    fn get_info(&self) -> ClientConfig {
        self.handler.get_info()
    }
}
