//! Calls of a client below the current span, with its context in `params._meta`.
//! `TracedPeer` is for code that keeps a `Peer`; `client` has the same calls for a running client.

use std::ops::Deref;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult,
    GetPromptRequestParams, GetPromptResponse, GetPromptResult, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, RequestParamsMeta,
};
use rmcp::service::{Peer, RoleClient, ServiceError};
use tracefuse_core::Span;
use tracefuse_core::bridge::{is_outside_trace, record_returned};

use crate::call::Call;
use crate::meta::Sent;
use crate::outcome;

/// What a client sends with its requests.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sending {
    pub(crate) traceparent_only: bool,
}

/// Sends a request in a span below the current one; `finish` reads the result.
pub(crate) async fn send<P: RequestParamsMeta, T>(
    (peer, how, call): (&Peer<RoleClient>, Sending, Call),
    mut params: P,
    input: fn(&Span, &P),
    request: impl AsyncFnOnce(P) -> Result<T, ServiceError>,
    finish: fn(&Span, &T),
) -> Result<T, ServiceError> {
    let parent = Span::current();
    if !call.does_work() && is_outside_trace(&parent) {
        // Clients list tools before the first trace: this is not counted as a span outside of a trace.
        return request(params).await;
    }
    let span = parent.observation(&call.name(), call.kind());
    let work = async move |span: Span| {
        let info = peer.peer_info();
        let version = info.as_ref().map(|info| info.protocol_version.as_str());
        call.describe(&span, version);
        input(&span, &params);
        let mut meta = params.meta_mut().take().unwrap_or_default();
        if how.traceparent_only {
            span.inject_traceparent(&mut Sent(&mut meta));
        } else {
            span.inject(&mut Sent(&mut meta));
        }
        *params.meta_mut() = Some(meta).filter(|meta| !meta.0.0.is_empty());
        let result = request(params).await;
        match &result {
            Ok(result) => finish(&span, result),
            Err(ServiceError::McpError(error)) => outcome::error(&span, error),
            Err(error) => record_returned(&span, error),
        }
        result
    };
    span.run_async(work).await
}

/// The calls of a client, for `TracedPeer` and `TracedClient`: documentation, then the call, its input and its output.
macro_rules! calls {
    ($self:ident: $peer:expr, $how:expr, $inner:expr) => {
        $crate::peer::calls! { @each $self: ($peer, $how, $inner)
            "Calls a tool, recorded as a `tool` observation.",
            call_tool(CallToolRequestParams) -> CallToolResult:
                |params| Call::tool(&params.name),
                |span, params| span.set_input_with(|| &params.arguments), outcome::tool;
            "Calls a tool without answering what the server asks meanwhile.",
            call_tool_once(CallToolRequestParams) -> CallToolResponse:
                |params| Call::tool(&params.name),
                |span, params| span.set_input_with(|| &params.arguments), outcome::tool_response;
            "Gets a prompt.",
            get_prompt(GetPromptRequestParams) -> GetPromptResult:
                |params| Call::prompt(&params.name),
                |span, params| span.set_input_with(|| &params.arguments), outcome::prompt;
            "Gets a prompt without answering what the server asks meanwhile.",
            get_prompt_once(GetPromptRequestParams) -> GetPromptResponse:
                |params| Call::prompt(&params.name),
                |span, params| span.set_input_with(|| &params.arguments), outcome::prompt_response;
            "Reads a resource.",
            read_resource(ReadResourceRequestParams) -> ReadResourceResult:
                |params| Call::resource("resources/read", &params.uri),
                |_, _| {}, outcome::resource;
            "Reads a resource without answering what the server asks meanwhile.",
            read_resource_once(ReadResourceRequestParams) -> ReadResourceResponse:
                |params| Call::resource("resources/read", &params.uri),
                |_, _| {}, outcome::resource_response;
            "Asks for completions of an argument.",
            complete(CompleteRequestParams) -> CompleteResult:
                |_| Call::new("completion/complete"),
                |span, params| span.set_input_with(|| &params.argument),
                |span, result| span.set_output(&result.completion);
        }
        $crate::peer::calls! { @pages $self: ($peer, $how, $inner)
            list_tools "tools/list" ListToolsResult;
            list_prompts "prompts/list" ListPromptsResult;
            list_resources "resources/list" ListResourcesResult;
            list_resource_templates "resources/templates/list" ListResourceTemplatesResult;
        }
    };
    (@each $self:ident: $parts:tt $(
        $doc:literal, $method:ident($Params:ty) -> $Result:ty: $call:expr, $input:expr, $output:expr;
    )*) => {$(
        $crate::peer::calls! { @one $self: $parts $doc, $method($Params) -> $Result: $call, $input, $output; }
    )*};
    (@one $self:ident: ($peer:expr, $how:expr, $inner:expr)
        $doc:literal, $method:ident($Params:ty) -> $Result:ty: $call:expr, $input:expr, $output:expr;
    ) => {
        #[doc = $doc]
        ///
        /// # Errors
        /// Those of `rmcp`'s method of this name, as they are.
        pub async fn $method(&$self, params: $Params) -> Result<$Result, ServiceError> {
            let call: fn(&$Params) -> Call = $call;
            let call = ($peer, $how, call(&params));
            let request = async |params| $inner.$method(params).await;
            $crate::peer::send(call, params, $input, request, $output).await
        }
    };
    (@pages $self:ident: $parts:tt $($method:ident $name:literal $Result:ty;)*) => {$(
        $crate::peer::calls! { @page $self: $parts $method $name $Result; }
    )*};
    (@page $self:ident: ($peer:expr, $how:expr, $inner:expr) $method:ident $name:literal $Result:ty;) => {
        #[doc = concat!("One page of `", $name, "`; recorded inside of a trace only.")]
        ///
        /// # Errors
        /// Those of `rmcp`'s method of this name, as they are.
        pub async fn $method(
            &$self,
            params: Option<PaginatedRequestParams>,
        ) -> Result<$Result, ServiceError> {
            let call = ($peer, $how, Call::new($name));
            let request = async |params| $inner.$method(Some(params)).await;
            let params = params.unwrap_or_default();
            $crate::peer::send(call, params, |_, _| {}, request, outcome::nothing).await
        }
    };
}
pub(crate) use calls;

/// A [`Peer`] of a server whose calls are recorded below the current span; made by
/// [`TracedClient::peer`](crate::TracedClient::peer). Everything else is reached through `Deref`, without a span.
///
/// ```no_run
/// # async fn example(peer: rmcp::Peer<rmcp::RoleClient>) -> Result<(), rmcp::ServiceError> {
/// use rmcp::model::CallToolRequestParams;
/// use tracefuse_rmcp::TracedPeer;
///
/// let peer = TracedPeer::new(peer);
/// let weather = peer.call_tool(CallToolRequestParams::new("forecast")).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct TracedPeer {
    peer: Peer<RoleClient>,
    how: Sending,
}

impl TracedPeer {
    /// Records the calls through this peer.
    #[must_use]
    pub const fn new(peer: Peer<RoleClient>) -> Self {
        Self {
            peer,
            how: Sending {
                traceparent_only: false,
            },
        }
    }

    pub(crate) const fn with(peer: Peer<RoleClient>, how: Sending) -> Self {
        Self { peer, how }
    }

    /// Sends no `baggage`: a server that is not yours gets the trace's id, but not its user and session.
    #[must_use]
    pub const fn traceparent_only(mut self) -> Self {
        self.how.traceparent_only = true;
        self
    }

    calls!(self: &self.peer, self.how, self.peer);
}

impl Deref for TracedPeer {
    type Target = Peer<RoleClient>;

    fn deref(&self) -> &Self::Target {
        &self.peer
    }
}
