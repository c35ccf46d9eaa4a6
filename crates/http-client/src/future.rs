//! A call whose response is waited for: its generation is current meanwhile, and is marked as cancelled if it is dropped.
//! Polled by `reqwest` and `tower`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::call::Call;

/// A call that is cancelled if it is dropped.
#[derive(Debug)]
pub(crate) struct Pending(Option<Box<Call>>);

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call.cancel();
        }
    }
}

pin_project_lite::pin_project! {
    /// The response of a client, with the call that it answers.
    pub(crate) struct Sending<F> {
        #[pin]
        inner: F,
        pending: Pending,
        // The client was polled after it took the request: the request is sent before it is read here.
        is_sent: bool,
    }
}

impl<F> Sending<F> {
    pub(crate) fn new(inner: F, call: Option<Box<Call>>) -> Self {
        Self {
            inner,
            pending: Pending(call),
            is_sent: false,
        }
    }
}

impl<F: Future> Future for Sending<F> {
    type Output = (F::Output, Option<Box<Call>>);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let pending = &mut this.pending.0;
        let entered = pending.as_ref().map(|call| call.span.enter());
        let polled = this.inner.poll(cx);
        drop(entered);
        match polled {
            Poll::Ready(output) => Poll::Ready((output, pending.take())),
            Poll::Pending => {
                match pending {
                    Some(call) if *this.is_sent => call.describe_early(),
                    Some(_) => {
                        // On a runtime of one thread the connection is another task: it runs now.
                        *this.is_sent = true;
                        cx.waker().wake_by_ref();
                    }
                    None => {}
                }
                Poll::Pending
            }
        }
    }
}
