//! The service that the layer makes: it opens a trace for each request, or continues its caller's.
//! Made by `TraceLayer`; `future` waits for the response.

use std::fmt;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::TraceLayer;
use crate::body::TracedBody;
use crate::future::ResponseFuture;

/// A service with a [`TraceLayer`].
#[derive(Clone)]
pub struct Traced<S> {
    pub(crate) inner: S,
    pub(crate) layer: TraceLayer,
}

impl<S, B, R> Service<Request<B>> for Traced<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: fmt::Display,
    R: Body,
    R::Error: fmt::Display,
{
    type Response = Response<TracedBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let trace = self.layer.start(&parts);
        let method = parts.method.clone();
        // A service may do its work when it is called, before its future is polled.
        let answer = {
            let _entered = trace.root().enter();
            self.inner.call(Request::from_parts(parts, body))
        };
        ResponseFuture::new(answer, trace, method)
    }
}

impl<S> fmt::Debug for Traced<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traced").finish_non_exhaustive()
    }
}
