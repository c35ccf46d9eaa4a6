//! The methods of a wrapped handler, written once: a request is recorded and passed to the handler in it, a notification is
//! passed on. The macros are expanded in `server_handler` and `client_handler`, which name the role, the methods, and `incoming`.

use tracefuse_core::Span;

pub(crate) fn no_input<P>(_: &Span, _: &P) {}

/// Requests of a role: how the call is described, and unless it has neither, what its input is and what its result says.
macro_rules! requests {
    ($Role:ident: $($method:ident($($Params:ty)?) -> $Result:ty: $call:expr $(, $input:expr, $output:expr)?;)*) => {$(
        requests!(@ $Role $method($($Params)?) -> $Result: $call $(, $input, $output)?);
    )*};
    (@ $Role:ident $method:ident($Params:ty) -> $Result:ty: $call:expr) => {
        requests!(@ $Role $method($Params) -> $Result: $call, no_input, outcome::nothing);
    };
    (@ $Role:ident $method:ident($Params:ty) -> $Result:ty: $call:expr, $input:expr, $output:expr) => {
        async fn $method(
            &self,
            request: $Params,
            context: RequestContext<$Role>,
        ) -> Result<$Result, ErrorData> {
            let call: fn(&$Params) -> Call = $call;
            let input: fn(&Span, &$Params) = $input;
            let incoming = incoming(self, call(&request), &context);
            let work = async move |span: &Span| {
                input(span, &request);
                self.handler.$method(request, context).await
            };
            run(incoming, work, $output).await
        }
    };
    (@ $Role:ident $method:ident() -> $Result:ty: $call:expr) => {
        async fn $method(&self, context: RequestContext<$Role>) -> Result<$Result, ErrorData> {
            let incoming = incoming(self, $call, &context);
            let work = async move |_: &Span| self.handler.$method(context).await;
            run(incoming, work, outcome::nothing).await
        }
    };
}

/// Notifications of a role, which have no span.
macro_rules! notifications {
    ($Role:ident: $($method:ident($($Params:ty)?);)*) => {$(
        notifications!(@ $Role $method($($Params)?));
    )*};
    (@ $Role:ident $method:ident($Params:ty)) => {
        async fn $method(&self, params: $Params, context: NotificationContext<$Role>) {
            self.handler.$method(params, context).await;
        }
    };
    (@ $Role:ident $method:ident()) => {
        async fn $method(&self, context: NotificationContext<$Role>) {
            self.handler.$method(context).await;
        }
    };
}

pub(crate) use {notifications, requests};
