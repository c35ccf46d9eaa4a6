//! Futures and closures that carry a span: the span is current whenever they run, on any thread.
//! Used by applications to take a trace into spawned tasks and other threads.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::span::current;
use crate::span::feature::RECORDS;
use crate::span::handle::Span;
use crate::span::run::{FUTURE_DROPPED, record_panic};
use crate::span::unrecorded::ForwardGuard;

/// Takes a span into a future. Bring it into scope and every future has these methods.
///
/// ```
/// use tracefuse_core::{InSpan, Tracer};
/// # let tracer = Tracer::noop();
/// # async fn fetch() {}
/// # fn spawn(_: impl Future<Output = ()> + Send + 'static) {}
/// # futures::executor::block_on(async {
/// tracer.with_trace_async("request", async |trace| {
///     spawn(fetch().in_current_span());                      // below the trace's root
///     spawn(fetch().in_span(trace.tool("fetch").start()));   // a new span, which ends with the future
/// }).await;
/// # });
/// ```
pub trait InSpan: Future + Sized {
    /// Runs the future with `span` as its current span. The span ends with the future, unless other handles of it exist. If the
    /// future is dropped before it is done, the span is marked as cancelled; if it panics, the panic is recorded and
    /// continues unwinding.
    fn in_span(self, span: Span) -> WithSpan<Self> {
        WithSpan {
            inner: self,
            held: Held::new(span, Some(FUTURE_DROPPED)),
        }
    }

    /// Runs the future below the span that is current now.
    fn in_current_span(self) -> WithSpan<Self> {
        WithSpan {
            inner: self,
            held: Held::new(Span::current(), None),
        }
    }
}

impl<F: Future> InSpan for F {}

pin_project_lite::pin_project! {
    /// A future with a span; made by [`InSpan`].
    #[must_use = "futures do nothing unless polled"]
    pub struct WithSpan<F> {
        #[pin]
        inner: F,
        held: Held,
    }
}

impl<F: Future> Future for WithSpan<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let poll = this.held.run(|| this.inner.poll(cx));
        if poll.is_ready() {
            this.held.done();
        }
        poll
    }
}

impl Span {
    /// Takes the span into a closure that runs on another thread or in a pool. The closure runs with it as its current span,
    /// and ends it unless other handles of it exist. If the closure is dropped before it ran, the span is marked as cancelled;
    /// if it panics, the panic is recorded and continues unwinding.
    ///
    /// ```
    /// # use tracefuse_core::{Span, Tracer};
    /// # let tracer = Tracer::noop();
    /// # fn hash() {}
    /// tracer.trace("request").run(|trace| {
    ///     let below = std::thread::spawn(Span::current().wrap(hash));              // below the trace's root
    ///     let own = std::thread::spawn(trace.tool("hash").start().wrap(hash));     // a new span
    ///     # below.join().unwrap();
    ///     # own.join().unwrap();
    /// });
    /// ```
    pub fn wrap<R>(self, f: impl FnOnce() -> R) -> impl FnOnce() -> R {
        let dropped = "cancelled: the closure was dropped before it ran";
        let mut held = Held::new(self, Some(dropped));
        move || {
            let value = held.run(f);
            held.done();
            value
        }
    }
}

struct Held {
    /// `None` once the work is done.
    span: Option<Span>,
    /// The status message if this was the last handle and the work was dropped; `None` if the span does not belong to the
    /// work.
    cancelled: Option<&'static str>,
    /// What a trace that is not recorded forwards: the work may outlive the trace.
    forward: Option<ForwardGuard>,
}

impl Held {
    fn new(span: Span, cancelled: Option<&'static str>) -> Self {
        Self {
            forward: if RECORDS {
                span.unrecorded.guard()
            } else {
                None
            },
            span: Some(span),
            cancelled,
        }
    }

    fn done(&mut self) {
        self.span = None;
        self.forward = None;
    }

    fn run<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let entered = self.span.as_ref().map(current::enter);
        if self.cancelled.is_none() {
            return f();
        }
        // Caught only to be recorded; then it continues unwinding.
        let result = catch_unwind(AssertUnwindSafe(f));
        drop(entered);
        result.unwrap_or_else(|panic| {
            if let Some(span) = self.span.take()
                && span.is_last()
            {
                record_panic(&span, &*panic);
            }
            resume_unwind(panic)
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let (Some(span), Some(message)) = (self.span.take(), self.cancelled) else {
            return;
        };
        if let Some(open) = span.open.filter(|open| open.is_last()) {
            open.end_cancelled(message);
        }
    }
}

impl<F> fmt::Debug for WithSpan<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithSpan")
            .field("span", &self.held.span)
            .finish_non_exhaustive()
    }
}
