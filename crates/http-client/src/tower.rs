//! The layer for `tower` services that send HTTP requests, such as the clients of `hyper-util`.
//! The types of the bodies change: a request has a [`RequestBody`], a response a [`ResponseBody`].

use std::fmt;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;

use crate::body::ResponseBody;
use crate::future::Sending;
use crate::head::Head;
use crate::model_calls::ModelCalls;
use crate::request_body::RequestBody;
use crate::response_future::ResponseFuture;

impl<S> Layer<S> for ModelCalls {
    type Service = Recorded<S>;

    fn layer(&self, inner: S) -> Recorded<S> {
        Recorded {
            inner,
            calls: self.clone(),
        }
    }
}

/// A client whose model calls are recorded; made by [`ModelCalls`] as a layer.
#[derive(Clone)]
pub struct Recorded<S> {
    inner: S,
    calls: ModelCalls,
}

impl<S, B, R> Service<Request<B>> for Recorded<S>
where
    S: Service<Request<RequestBody<B>>, Response = Response<R>>,
    S::Error: fmt::Display,
    B: Body,
    R: Body,
    R::Error: fmt::Display,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (mut parts, body) = request.into_parts();
        let authority = parts.uri.authority().cloned().or_else(|| {
            // A request in origin form, as for a connection that is made already.
            let host = parts.headers.get(http::header::HOST)?;
            http::uri::Authority::try_from(host.as_bytes()).ok()
        });
        let host = authority.as_ref().map_or("", |authority| authority.host());
        let port = authority
            .as_ref()
            .and_then(|authority| authority.port_u16());
        let port = port.unwrap_or_else(|| match parts.uri.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            _ => 0,
        });
        let user = authority.as_ref().and_then(|authority| {
            let (user, _) = authority.as_str().rsplit_once('@')?;
            Some(user.split_once(':').unwrap_or((user, "")))
        });
        let (user, password) = user.unwrap_or_default();
        let call = self.calls.begin(&Head {
            method: &parts.method,
            host,
            port,
            path: parts.uri.path(),
            query: parts.uri.query(),
            user: [user, password],
            headers: &parts.headers,
        });
        let span = call.as_ref().map(|call| &call.span);
        self.calls.inject(span, host, port, &mut parts.headers);
        let body = RequestBody::new(body, call.as_ref().map(|call| call.sent.clone()));
        // A service may do its work when it is called, before its future is polled.
        let answer = {
            let _entered = call.as_ref().map(|call| call.span.enter());
            self.inner.call(Request::from_parts(parts, body))
        };
        ResponseFuture {
            inner: Sending::new(answer, call),
        }
    }
}

impl<S> fmt::Debug for Recorded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded").finish_non_exhaustive()
    }
}
