//! A request body that notes when its last byte is taken.
//! Made by `client`, read by hyper, which takes the next piece when there is room for it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// Gives a body in pieces: a body in one frame would count as taken before its
/// first byte has left, and every failed request as maybe delivered.
#[derive(Debug)]
pub(super) struct Upload {
    rest: Bytes,
    taken: Arc<AtomicBool>,
}

impl Upload {
    /// Sets `taken` when the last piece of `body` is taken; an empty body never sets it.
    pub(super) fn new(body: Bytes, taken: Arc<AtomicBool>) -> Self {
        Self { rest: body, taken }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.rest.len().min(PIECE_BYTES);
        let piece = self.rest.split_to(length);
        if self.rest.is_empty() {
            self.taken.store(true, Ordering::Relaxed);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

const PIECE_BYTES: usize = 16 * 1024;
