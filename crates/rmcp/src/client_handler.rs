//! A wrapped handler of a client is a handler of a client: what a server asks of it is recorded, all else is handed on.
//! Each method of `rmcp` 3.11 is here: one that is missing would answer with its default.
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

macro_rules! requests {
    ($($method:ident($Params:ty) -> $Result:ty: $call:expr, $input:expr;)*) => {$(
        async fn $method(
            &self,
            request: $Params,
            context: RequestContext<RoleClient>,
        ) -> Result<$Result, ErrorData> {
            let call: fn(&$Params) -> Call = $call;
            let input: fn(&Span, &$Params) = $input;
            let incoming = incoming(self, call(&request), &context);
            let work = async move |span: &Span| {
                input(span, &request);
                self.handler.$method(request, context).await
            };
            run(incoming, work, outcome::json).await
        }
    )*};
}

macro_rules! notifications {
    ($($method:ident($($Params:ty)?);)*) => {$(
        notifications!(@ $method($($Params)?));
    )*};
    (@ $method:ident($Params:ty)) => {
        async fn $method(&self, params: $Params, context: NotificationContext<RoleClient>) {
            self.handler.$method(params, context).await;
        }
    };
    (@ $method:ident()) => {
        async fn $method(&self, context: NotificationContext<RoleClient>) {
            self.handler.$method(context).await;
        }
    };
}

impl<H: ClientHandler> ClientHandler for Traced<H> {
    requests! {
        create_message(CreateMessageRequestParams) -> CreateMessageResult:
            |_| Call::new("sampling/createMessage"),
            |span, request| span.set_input_with(|| &request.messages);
        create_elicitation(ElicitRequestParams) -> ElicitResult:
            |_| Call::new("elicitation/create"),
            |span, request| span.set_input_with(|| request);
        on_custom_request(CustomRequest) -> CustomResult:
            |request| Call::custom(&request.method),
            |span, request| span.set_input_with(|| &request.params);
    }

    async fn list_roots(
        &self,
        context: RequestContext<RoleClient>,
    ) -> Result<ListRootsResult, ErrorData> {
        let incoming = incoming(self, Call::new("roots/list"), &context);
        let work = async move |_: &Span| self.handler.list_roots(context).await;
        run(incoming, work, outcome::nothing).await
    }

    async fn ping(&self, context: RequestContext<RoleClient>) -> Result<(), ErrorData> {
        self.handler.ping(context).await
    }

    notifications! {
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
