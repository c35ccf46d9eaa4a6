//! Waits for the response of a `tower` service and puts the body that is read around its own.
//! Made by `tower`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use http_body::Body;

use crate::body::ResponseBody;
use crate::future::Sending;
use crate::reading::Reading;

pin_project_lite::pin_project! {
    /// The response of a [`Recorded`](crate::Recorded) client.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        pub(crate) inner: Sending<F>,
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: fmt::Display,
    R: Body,
    R::Error: fmt::Display,
{
    type Output = Result<Response<ResponseBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Poll::Ready((answer, call)) = self.project().inner.poll(cx) else {
            return Poll::Pending;
        };
        Poll::Ready(match answer {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                let size = body.size_hint().exact();
                let reading =
                    call.map(|call| Reading::new(call, parts.status, &parts.headers, size));
                let body = ResponseBody::new(body, reading, |error| error.to_string());
                Ok(Response::from_parts(parts, body))
            }
            Err(error) => {
                if let Some(call) = call {
                    call.fail(std::any::type_name::<E>(), &error.to_string());
                }
                Err(error)
            }
        })
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
