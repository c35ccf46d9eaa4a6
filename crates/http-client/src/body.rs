//! The body of a response, which is read while it arrives, and what both bodies show of a frame.
//! Made by `reqwest` and `tower`. Every frame is passed on as it is.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Buf;
use http_body::{Body, Frame, SizeHint};

use crate::reading::{End, Reading};

/// The most slices of a chunk that are read.
const SLICES: usize = 16;

/// Calls `show` with the bytes of a chunk; returns how many bytes it did not get.
pub(crate) fn show(data: &impl Buf, mut look: impl FnMut(&[u8])) -> u64 {
    let mut slices = [std::io::IoSlice::new(&[]); SLICES];
    let used = data.chunks_vectored(&mut slices);
    let mut rest = data.remaining() as u64;
    for slice in slices.iter().take(used) {
        rest = rest.saturating_sub(slice.len() as u64);
        look(slice);
    }
    rest
}

/// A response whose body was not received to its end; the generation ends with it.
#[derive(Debug)]
pub(crate) struct Open(Option<Box<Reading>>);

impl Open {
    fn end(&mut self, end: &End<'_>) {
        if let Some(reading) = self.0.take() {
            reading.finish(end);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.end(&End::Dropped);
    }
}

/// The text of an error, for its record.
pub(crate) type Describe<E> = fn(&E) -> String;

pin_project_lite::pin_project! {
    /// The body of a response. Frames, errors, trailers and size are those of the inner body.
    pub struct ResponseBody<B: Body> {
        #[pin]
        inner: B,
        open: Open,
        describe: Describe<B::Error>,
    }
}

impl<B: Body> ResponseBody<B> {
    /// `reading` is `None` if the body is not recorded.
    pub(crate) fn new(inner: B, reading: Option<Reading>, describe: Describe<B::Error>) -> Self {
        let mut open = Open(reading.map(Box::new));
        if inner.is_end_stream() {
            open.end(&End::Complete);
        }
        Self {
            inner,
            open,
            describe,
        }
    }
}

impl<B: Body> Body for ResponseBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let polled = this.inner.as_mut().poll_frame(cx);
        let Poll::Ready(frame) = &polled else {
            return polled;
        };
        match frame {
            None => this.open.end(&End::Complete),
            Some(Err(error)) => {
                if this.open.0.is_some() {
                    let message = (this.describe)(error);
                    let kind = std::any::type_name::<B::Error>();
                    this.open.end(&End::Failed(kind, &message));
                }
            }
            Some(Ok(frame)) => {
                if let (Some(reading), Some(data)) = (&mut this.open.0, frame.data_ref()) {
                    show(data, |bytes| reading.push(bytes));
                    // A client may drop a body whose last byte it has, without another poll.
                    if reading.is_complete() || this.inner.is_end_stream() {
                        this.open.end(&End::Complete);
                    }
                }
            }
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

impl<B: Body> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}
