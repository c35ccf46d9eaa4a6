//! The body of a request, which is read while it is sent.
//! Made by `reqwest` and `tower`. Every frame is passed on as it is.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};

use crate::body::show;
use crate::call::Sent;

pin_project_lite::pin_project! {
    /// The body of a request. Frames, errors, trailers and size are those of the inner body.
    pub struct RequestBody<B> {
        #[pin]
        inner: B,
        // `None` if the request is not recorded.
        sent: Option<Sent>,
    }
}

impl<B: Body> RequestBody<B> {
    pub(crate) fn new(inner: B, sent: Option<Sent>) -> Self {
        if let Some(sent) = sent.as_ref().filter(|_| inner.is_end_stream()) {
            sent.lock().complete = true;
        }
        Self { inner, sent }
    }
}

impl<B: Body> Body for RequestBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let polled = this.inner.as_mut().poll_frame(cx);
        if let (Poll::Ready(frame), Some(sent)) = (&polled, &*this.sent) {
            let mut sent = sent.lock();
            if let Some(Ok(frame)) = frame
                && let Some(data) = frame.data_ref()
            {
                let unseen = show(data, |bytes| sent.push(bytes));
                sent.skip(unseen);
            }
            sent.complete |= frame.is_none() || this.inner.is_end_stream();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> fmt::Debug for RequestBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").finish_non_exhaustive()
    }
}
