//! The wrapper of a handler: each request that it receives is a span in its caller's trace.
//! Made by `traced`; `server_handler` and `client_handler` pass each request to `run`.

use http::request::Parts;
use rmcp::ErrorData;
use rmcp::model::{NumberOrString, RequestMetaObject};
use rmcp::service::{RequestContext, ServiceRole};
use tracefuse_core::bridge::is_outside_trace;
use tracefuse_core::propagation::RemoteContext;
use tracefuse_core::{Span, SpanBuilder, TraceBuilder, Tracer};

use crate::call::Call;
use crate::meta::Received;
use crate::outcome;

/// A handler whose requests are recorded; made by [`traced`]. It is served as the handler in it.
#[derive(Clone, Debug)]
pub struct Traced<H> {
    pub(crate) handler: H,
    tracer: Tracer,
}

/// Records each request that a handler receives, in the trace of its caller: a
/// [`ServerHandler`](rmcp::handler::server::ServerHandler), or a [`ClientHandler`](rmcp::handler::client::ClientHandler)
/// that answers a server. The tracer is kept open as long as the handler.
///
/// Handlers run with their span as the current span: what they record is below it. Work that they spawn keeps it with
/// [`InSpan`](tracefuse_core::InSpan).
///
/// ```
/// # #[cfg(feature = "server")]
/// # {
/// # let tracer = tracefuse_core::Tracer::noop();
/// use rmcp::ServerHandler;
///
/// #[derive(Clone)]
/// struct Weather;
/// impl ServerHandler for Weather {}
///
/// let handler = tracefuse_rmcp::traced(Weather, &tracer);
/// // stdio: handler.serve(rmcp::transport::stdio()).await
/// // HTTP: StreamableHttpService::new(move || Ok(handler.clone()), sessions, config)
/// # drop(handler);
/// # }
/// ```
pub fn traced<H>(handler: H, tracer: &Tracer) -> Traced<H> {
    Traced {
        handler,
        tracer: tracer.clone(),
    }
}

/// Where the span of a request belongs.
enum Place {
    Trace(Box<TraceBuilder>),
    Child(SpanBuilder),
    Nowhere,
}

/// What is known of a request beside its parameters.
pub(crate) struct Incoming {
    call: Call,
    place: Place,
    id: String,
    protocol_version: Option<String>,
    session: Option<String>,
    http: Option<http::Version>,
}

impl Incoming {
    fn describe(&self, span: &Span) {
        self.call.describe(span, self.protocol_version.as_deref());
        span.add_metadata("jsonrpc.request.id", &self.id);
        if let Some(session) = &self.session {
            span.add_metadata("mcp.session.id", session);
        }
        if let Some(version) = self.http {
            span.add_metadata("network.transport", "tcp");
            span.add_metadata("network.protocol.name", "http");
            let version = format!("{version:?}");
            let version = version.strip_prefix("HTTP/").unwrap_or(&version);
            span.add_metadata("network.protocol.version", version);
        }
    }
}

impl<H> Traced<H> {
    /// The handler in it.
    pub const fn inner(&self) -> &H {
        &self.handler
    }

    /// Returns the handler.
    pub fn into_inner(self) -> H {
        self.handler
    }

    pub(crate) fn incoming<R: ServiceRole>(
        &self,
        call: Call,
        context: &RequestContext<R>,
        protocol_version: Option<String>,
    ) -> Incoming {
        let http = context.extensions.get::<Parts>();
        let session = http.and_then(|parts| parts.headers.get("mcp-session-id"));
        Incoming {
            place: self.place(&call, &context.meta, http),
            call,
            id: match &context.id {
                NumberOrString::Number(id) => id.to_string(),
                NumberOrString::String(id) => id.to_string(),
            },
            protocol_version,
            session: session.and_then(|id| Some(id.to_str().ok()?.to_owned())),
            http: http.map(|parts| parts.version),
        }
    }

    fn place(&self, call: &Call, meta: &RequestMetaObject, http: Option<&Parts>) -> Place {
        let trace = || {
            let trace = self.tracer.trace(&call.name());
            trace.observation_type(call.kind())
        };
        let current = Span::current();
        let by_http = http.and_then(|parts| RemoteContext::extract(&parts.headers));
        if let Some(remote) = RemoteContext::extract(&Received(meta)) {
            let continued = trace().continue_remote(&remote);
            let ids = |of: &RemoteContext| (of.trace_id(), of.parent_span_id());
            let continued = match by_http {
                _ if current.is_recording() => continued.link(&current),
                Some(by_http) if ids(&by_http) != ids(&remote) => continued.link(&by_http),
                _ => continued,
            };
            return Place::Trace(Box::new(continued));
        }
        if !is_outside_trace(&current) {
            return Place::Child(current.observation(&call.name(), call.kind()));
        }
        if let Some(by_http) = by_http {
            return Place::Trace(Box::new(trace().continue_remote(&by_http)));
        }
        if call.does_work() {
            return Place::Trace(Box::new(trace().continue_from(&Received(meta))));
        }
        Place::Nowhere
    }
}

/// Runs the work of a request in its span; `finish` reads the result.
pub(crate) async fn run<T>(
    mut incoming: Incoming,
    work: impl AsyncFnOnce(&Span) -> Result<T, ErrorData>,
    finish: impl FnOnce(&Span, &T),
) -> Result<T, ErrorData> {
    let place = std::mem::replace(&mut incoming.place, Place::Nowhere);
    let recorded = async move |span: Span| {
        incoming.describe(&span);
        let result = work(&span).await;
        match &result {
            Ok(result) => finish(&span, result),
            Err(error) => outcome::error(&span, error),
        }
        result
    };
    match place {
        Place::Trace(trace) => {
            trace
                .run_async(async move |trace| recorded(trace.root().clone()).await)
                .await
        }
        Place::Child(child) => child.run_async(recorded).await,
        Place::Nowhere => recorded(Span::noop()).await,
    }
}
