//! A call of an observed function: the span it runs in, and the forms in which it runs.
//! Called by expansions of `#[observe]`; the handles of core do the work.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use serde::ser::Serialize;
use tracefuse_core::{ObservationType, Span, SpanBuilder, TraceBuilder, bridge};

/// A call that has not begun.
#[expect(clippy::exhaustive_enums, reason = "expansions pass it on as it is")]
#[expect(missing_debug_implementations, reason = "not a public API")]
pub enum Call {
    /// Below the current span.
    Child(SpanBuilder),
    /// Where no span is current: a trace of the global tracer.
    Root(Box<TraceBuilder>),
}

/// A child of the current span, or a trace of the global tracer.
pub fn call(name: &str, kind: ObservationType) -> Call {
    let current = Span::current();
    if bridge::is_outside_trace(&current)
        && let Some(tracer) = crate::global::get()
    {
        let trace = tracer.trace(name).observation_type(kind);
        return Call::Root(Box::new(trace));
    }
    Call::Child(current.observation(name, kind))
}

impl Call {
    /// Its input, built only if it is recorded.
    #[must_use]
    pub fn input_with<T: Serialize>(self, value: impl FnOnce() -> T) -> Self {
        match self {
            Self::Child(span) => Self::Child(span.input_with(value)),
            Self::Root(trace) => Self::Root(Box::new(trace.input_with(value))),
        }
    }

    fn start(self) -> Span {
        match self {
            Self::Child(span) => span.start(),
            Self::Root(trace) => trace.start().root().clone(),
        }
    }
}

/// Runs `body` in a span; `judge` sees what it returns before the span ends.
pub fn run<R>(call: Call, body: impl FnOnce() -> R, judge: impl FnOnce(&Span, &R)) -> R {
    let work = |span: &Span| {
        let returned = body();
        judge(span, &returned);
        returned
    };
    match call {
        Call::Child(span) => span.run(|span| work(&span)),
        Call::Root(trace) => trace.run(|trace| work(trace.root())),
    }
}

/// [`run`], for async bodies; starts when first polled.
pub fn run_async<R>(
    call: Call,
    body: impl Future<Output = R>,
    judge: impl FnOnce(&Span, &R),
) -> impl Future<Output = R> {
    in_call(call, body, |span, returned| {
        judge(&span, &returned);
        span.end();
        returned
    })
}

/// Runs `body` in a span and leaves the span open, for the stream that is returned.
pub fn open<R>(call: Call, body: impl FnOnce() -> R) -> (Span, R) {
    let span = call.start();
    let returned = bridge::run_open_sync(&span, body);
    (span, returned)
}

/// [`open`], for async bodies; starts when first polled.
pub fn open_async<R>(call: Call, body: impl Future<Output = R>) -> impl Future<Output = (Span, R)> {
    in_call(call, body, |span, returned| (span, returned))
}

fn in_call<F, D, T>(call: Call, body: F, done: D) -> InCall<F, D>
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
    struct InCall<F, D> {
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
