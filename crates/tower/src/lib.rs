//! A tower layer for servers (axum, hyper, tonic): each request becomes a trace, or goes on with its caller's.
//!
//! ```
//! use tracefuse_tower::TraceLayer;
//! # let tracer = tracefuse_core::Tracer::noop();
//! let layer = TraceLayer::new(tracer.clone());
//! // axum: Router::new().route("/chat", post(chat)).layer(layer)
//! ```
//!
//! A request's trace is named by method and path, begins below the span that its `traceparent` names, with the user
//! and session of its `baggage`, and is current in the handler. It ends when the handler has answered; a body that is
//! streamed afterwards is not part of it (`observed` of the core traces streams). A status of 500 and more is
//! level ERROR. For outgoing requests there is [`inject_current`].

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{HeaderMap, Request, Response};
use tower_layer::Layer;
use tower_service::Service;
use tracefuse_core::{InSpan, Span, Status, Trace, Tracer};

type Name = Arc<dyn Fn(&http::request::Parts) -> String + Send + Sync>;

/// Writes where the current trace stands into the headers of a request: for your own services, since user and
/// session go along.
///
/// ```
/// let mut request = http::Request::builder().uri("http://service.internal/chat").body(()).unwrap();
/// tracefuse_tower::inject_current(request.headers_mut());
/// ```
pub fn inject_current(headers: &mut HeaderMap) {
    Span::current().inject(headers);
}

/// Makes a trace of every request; made by [`TraceLayer::new`].
#[derive(Clone)]
pub struct TraceLayer {
    tracer: Tracer,
    name: Name,
}

impl TraceLayer {
    /// A layer that records with `tracer`.
    #[must_use]
    pub fn new(tracer: Tracer) -> Self {
        Self {
            tracer,
            name: Arc::new(|request| format!("{} {}", request.method, request.uri.path())),
        }
    }

    /// Another name for the trace of a request, such as its route: paths with ids in them make too many names.
    #[must_use]
    pub fn name(
        mut self,
        name: impl Fn(&http::request::Parts) -> String + Send + Sync + 'static,
    ) -> Self {
        self.name = Arc::new(name);
        self
    }
}

impl<S> Layer<S> for TraceLayer {
    type Service = Traced<S>;

    fn layer(&self, inner: S) -> Traced<S> {
        Traced {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service with a [`TraceLayer`].
#[derive(Clone)]
pub struct Traced<S> {
    inner: S,
    layer: TraceLayer,
}

impl<S, B, R> Service<Request<B>> for Traced<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: fmt::Display,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let trace = self
            .layer
            .tracer
            .trace(&(self.layer.name)(&parts))
            .continue_from(&parts.headers)
            .start();
        trace
            .root()
            .add_metadata("http.request.method", parts.method.as_str());
        trace.root().add_metadata("url.path", parts.uri.path());
        // A service may do its work when it is called, before it is polled.
        let answer = {
            let _entered = trace.root().enter();
            self.inner.call(Request::from_parts(parts, body))
        };
        let root = trace.root().clone();
        Box::pin(
            async move {
                let answer = answer.await;
                record(&trace, &answer);
                answer
            }
            .in_span(root),
        )
    }
}

fn record<R, E: fmt::Display>(trace: &Trace, answer: &Result<Response<R>, E>) {
    match answer {
        Ok(response) => {
            let status = response.status();
            trace
                .root()
                .add_metadata("http.response.status_code", status.as_u16());
            if status.is_server_error() {
                trace.set_status(Status::error(format!("answered with status {status}")));
            }
        }
        Err(error) => trace.set_status(Status::error(format!("the service failed: {error}"))),
    }
    trace.finish();
}

impl fmt::Debug for TraceLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceLayer").finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for Traced<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traced").finish_non_exhaustive()
    }
}
