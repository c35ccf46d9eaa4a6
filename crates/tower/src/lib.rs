//! A tower layer for servers (axum, hyper, tonic): each request becomes a trace, or continues its caller's trace.
//!
//! ```
//! use tracefuse_tower::{TraceLayer, matched_route};
//! # let tracer = tracefuse_core::Tracer::noop();
//! let layer = TraceLayer::new(tracer.clone())
//!     .filter(|request| matched_route(request) != Some("/health"));
//! // axum: Router::new().route("/chat", post(chat)).layer(layer)
//! ```
//!
//! # What is recorded
//! * **Name**: the method and the route that axum matched, such as `POST /chats/{id}` (feature `axum`); without a
//!   route, the method alone. [`TraceLayer::name`] gives another one. The path itself is metadata (`url.path`), because
//!   ids in it would make too many names.
//! * **Parent**: the span in the request's `traceparent`, with the user and the session of its `baggage`.
//! * **Current span**: the root is current in the handler, and whenever the response's body is polled.
//! * **End**: with the response's body, so that a streamed answer (server-sent events) is inside its trace, and what is
//!   set while it is streamed is recorded. A body of known size ends when its last byte was taken.
//! * **Cancelled**: if the handler or the body is dropped before it is done, for example because the client went away,
//!   the root has level WARNING and says so.
//! * **Errors**: a status of 500 and more, an error of the service, and an error of the body are level ERROR.
//!
//! For outgoing requests there is [`inject_current`].

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
mod future;
mod open;
mod service;

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;
use tower_layer::Layer;
use tracefuse_core::bridge::start_unrecorded;
use tracefuse_core::{Span, Trace, Tracer};

pub use body::TracedBody;
pub use future::ResponseFuture;
pub use service::Traced;

type Name = Arc<dyn Fn(&Parts) -> String + Send + Sync>;
type Filter = Arc<dyn Fn(&Parts) -> bool + Send + Sync>;

/// Writes the context of the current span into the headers of a request, see [`Span::inject`]: for your own services,
/// because user and session are sent too.
///
/// ```
/// let mut request = http::Request::builder().uri("http://service.internal/chat").body(()).unwrap();
/// tracefuse_tower::inject_current(request.headers_mut());
/// ```
pub fn inject_current(headers: &mut HeaderMap) {
    Span::current().inject(headers);
}

/// The route that axum matched, such as `/chats/{id}`; `None` for a request that no route matches, and in a build
/// without the feature `axum`.
#[must_use]
pub fn matched_route(request: &Parts) -> Option<&str> {
    #[cfg(feature = "axum")]
    let route = request
        .extensions
        .get::<axum::extract::MatchedPath>()
        .map(axum::extract::MatchedPath::as_str);
    #[cfg(not(feature = "axum"))]
    let route = {
        let _ = request;
        None
    };
    route
}

/// Makes a trace of every request; made by [`TraceLayer::new`].
///
/// ```
/// use tracefuse_tower::TraceLayer;
///
/// let tracer = tracefuse_core::Tracer::noop();
/// let layer = TraceLayer::new(tracer).filter(|request| request.uri.path() != "/health");
/// # drop(layer);
/// ```
#[derive(Clone)]
pub struct TraceLayer {
    tracer: Tracer,
    name: Name,
    filter: Option<Filter>,
}

impl TraceLayer {
    /// A layer that records with `tracer`. It keeps the tracer open as long as the server has it.
    #[must_use]
    pub fn new(tracer: Tracer) -> Self {
        Self {
            tracer,
            name: Arc::new(|request| match matched_route(request) {
                Some(route) => format!("{} {route}", request.method),
                None => request.method.to_string(),
            }),
            filter: None,
        }
    }

    /// Another name for the trace of a request.
    #[must_use]
    pub fn name(mut self, name: impl Fn(&Parts) -> String + Send + Sync + 'static) -> Self {
        self.name = Arc::new(name);
        self
    }

    /// Records only the requests for which `keep` is true; of several filters, all must keep a request. One that is left
    /// out records nothing, also not by `#[observe]`, and forwards its caller's context.
    ///
    /// ```
    /// use tracefuse_tower::{TraceLayer, matched_route};
    /// # let tracer = tracefuse_core::Tracer::noop();
    /// let layer = TraceLayer::new(tracer)
    ///     .filter(|request| request.uri.path() != "/health")
    ///     // With the feature `axum`: no trace for a 404, which no route matches.
    ///     .filter(|request| matched_route(request).is_some());
    /// ```
    #[must_use]
    pub fn filter(mut self, keep: impl Fn(&Parts) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Some(match self.filter.take() {
            Some(before) => Arc::new(move |request| before(request) && keep(request)),
            None => Arc::new(keep),
        });
        self
    }

    fn start(&self, request: &Parts) -> Trace {
        if self.filter.as_ref().is_some_and(|keep| !keep(request)) {
            let left_out = self.tracer.trace("").continue_from(&request.headers);
            return start_unrecorded(left_out);
        }
        let trace = self
            .tracer
            .trace(&(self.name)(request))
            .continue_from(&request.headers)
            .start();
        let root = trace.root();
        root.add_metadata("http.request.method", request.method.as_str());
        root.add_metadata("url.path", request.uri.path());
        if let Some(route) = matched_route(request) {
            root.add_metadata("http.route", route);
        }
        trace
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

impl fmt::Debug for TraceLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceLayer").finish_non_exhaustive()
    }
}
