//! The body of a traced response: the trace ends with it.
//! Made by `future` when the handler has answered; polled by the server.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf as _;
use http_body::{Body, Frame, SizeHint};
use tracefuse_core::Trace;

use crate::open::{Open, note_error};

pin_project_lite::pin_project! {
    /// A body with the trace of its request, which ends when the body does. Size hints and trailers are the inner body's.
    pub struct TracedBody<B> {
        #[pin]
        inner: B,
        open: Open,
        // Bytes until the body is complete; `None` if its size is not known before.
        missing: Option<u64>,
    }
}

impl<B: Body> TracedBody<B> {
    pub(crate) fn new(inner: B, trace: Option<Trace>, is_sent: bool) -> Self {
        let mut open = Open {
            trace,
            cancelled: Some(
                "cancelled: the body was dropped before it ended, as when the client goes away",
            ),
        };
        if !is_sent || inner.is_end_stream() {
            end(&mut open);
        }
        Self {
            missing: inner.size_hint().exact(),
            inner,
            open,
        }
    }
}

fn end(open: &mut Open) {
    if let Some(trace) = open.trace.take() {
        trace.end();
    }
}

impl<B> Body for TracedBody<B>
where
    B: Body,
    B::Error: fmt::Display,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = {
            let inner = this.inner.as_mut();
            this.open.run(|| inner.poll_frame(cx))
        };
        let Poll::Ready(frame) = frame else {
            return Poll::Pending;
        };
        let is_over = match &frame {
            None => true,
            Some(Err(error)) => {
                if let Some(trace) = &this.open.trace {
                    note_error::<B::Error>(trace, "the response's body failed", error);
                }
                // The trace ends when the server drops the body, after the spans that the body holds.
                this.open.cancelled = None;
                false
            }
            Some(Ok(frame)) => {
                if let (Some(missing), Some(data)) = (this.missing.as_mut(), frame.data_ref()) {
                    *missing = missing.saturating_sub(data.remaining() as u64);
                }
                // A server may drop a body whose last byte it has, without another poll.
                this.inner.is_end_stream() || *this.missing == Some(0)
            }
        };
        if is_over {
            end(this.open);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> fmt::Debug for TracedBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedBody").finish_non_exhaustive()
    }
}
