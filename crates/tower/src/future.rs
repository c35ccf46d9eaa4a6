//! The future of a traced response: the root span is current in each poll, and the trace goes on in the body.
//! Made by `Traced`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Method, Response};
use http_body::Body;
use tracefuse_core::{Status, Trace};

use crate::body::TracedBody;
use crate::open::{Open, note_error};

pin_project_lite::pin_project! {
    /// The response of a service with a [`TraceLayer`](crate::TraceLayer).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        answer: F,
        open: Open,
        method: Method,
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn new(answer: F, trace: Trace, method: Method) -> Self {
        Self {
            answer,
            open: Open {
                trace: Some(trace),
                cancelled: Some("cancelled: the handler was dropped before it answered"),
            },
            method,
        }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: fmt::Display,
    R: Body,
    R::Error: fmt::Display,
{
    type Output = Result<Response<TracedBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = this.answer;
        let Poll::Ready(answer) = this.open.run(|| answer.poll(cx)) else {
            return Poll::Pending;
        };
        let trace = this.open.trace.take();
        Poll::Ready(match answer {
            Ok(response) => {
                if let Some(trace) = &trace {
                    note_status(trace, response.status());
                }
                let has_body = has_body(this.method, response.status());
                Ok(response.map(|body| TracedBody::new(body, trace, has_body)))
            }
            Err(error) => {
                if let Some(trace) = trace {
                    note_error::<E>(&trace, "the service failed", &error);
                    trace.end();
                }
                Err(error)
            }
        })
    }
}

fn note_status(trace: &Trace, status: http::StatusCode) {
    let root = trace.root();
    root.add_metadata("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        trace.set_status(Status::error(format!("answered with status {status}")));
    }
}

/// Whether a server sends the body (RFC 9110, 6.4.1): it drops the body of other responses without a poll.
fn has_body(method: &Method, status: http::StatusCode) -> bool {
    let without = status.is_informational() || matches!(status.as_u16(), 204 | 304);
    let is_tunnel = *method == Method::CONNECT && status.is_success();
    *method != Method::HEAD && !without && !is_tunnel
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
