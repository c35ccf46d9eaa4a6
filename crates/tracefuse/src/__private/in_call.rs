//! A future that is polled within a call of an observed function, whose span ends as cancelled if it is dropped.
//! Made by `forms`.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tracefuse_core::{Span, bridge};

use super::call::Call;

pub(super) fn in_call<F, D, T>(call: Call, body: F, done: D) -> InCall<F, D>
where
    F: Future,
    D: FnOnce(Span, F::Output) -> T,
{
    InCall {
        body,
        state: State {
            begin: Some((call, done)),
            running: None,
        },
    }
}

pin_project_lite::pin_project! {
    /// The body of an async function in its span. Written by hand, because each `async fn` around a future keeps it twice,
    /// and observed functions call each other.
    pub(super) struct InCall<F, D> {
        #[pin]
        body: F,
        state: State<D>,
    }
}

struct State<D> {
    /// Before the first poll.
    begin: Option<(Call, D)>,
    /// From then on until the body is done.
    running: Option<(Span, D)>,
}

impl<F, D, T> Future for InCall<F, D>
where
    F: Future,
    D: FnOnce(Span, F::Output) -> T,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        let state = this.state;
        if let Some((call, done)) = state.begin.take() {
            state.running = Some((call.start(), done));
        }
        let entered = state.running.as_ref().map(|(span, _)| span.enter());
        // Caught only to be recorded; then it continues unwinding.
        let polled = catch_unwind(AssertUnwindSafe(|| this.body.poll(cx)));
        drop(entered);
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(returned)) => match state.running.take() {
                Some((span, done)) => Poll::Ready(done(span, returned)),
                // The body was polled after its end and did not panic.
                None => Poll::Pending,
            },
            Err(panic) => {
                if let Some((span, _)) = state.running.take() {
                    bridge::record_panic(&span, &*panic);
                }
                resume_unwind(panic)
            }
        }
    }
}

impl<D> Drop for State<D> {
    fn drop(&mut self) {
        if let Some((span, _)) = self.running.take() {
            bridge::end_cancelled(&span, bridge::FUTURE_DROPPED);
        }
    }
}
