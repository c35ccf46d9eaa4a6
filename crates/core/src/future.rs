//! Futures that carry a span: it is current whenever they are polled, on whatever thread.
//! Used by applications to take a trace into spawned tasks.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::context;
use crate::span::Span;

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
///     spawn(fetch().in_span(trace.tool("fetch").start()));   // a span of its own, ended with the future
/// }).await;
/// # });
/// ```
pub trait InSpan: Future + Sized {
    /// Runs the future with `span` as its current span, and ends the span with the future unless
    /// other handles of it live on. If the future is dropped before that, the span is marked as cancelled.
    fn in_span(self, span: Span) -> WithSpan<Self> {
        WithSpan {
            inner: self,
            held: Held {
                span: Some(span),
                owned: true,
            },
        }
    }

    /// Runs the future below the span that is current now.
    fn in_current_span(self) -> WithSpan<Self> {
        WithSpan {
            inner: self,
            held: Held {
                span: Some(Span::current()),
                owned: false,
            },
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

struct Held {
    /// `None` once the future has completed.
    span: Option<Span>,
    owned: bool,
}

impl<F: Future> Future for WithSpan<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let entered = this.held.span.as_ref().map(context::enter);
        let poll = this.inner.poll(cx);
        drop(entered);
        if poll.is_ready() {
            this.held.span = None;
        }
        poll
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(live) = self.span.take().and_then(|span| span.live) else {
            return;
        };
        if self.owned && Arc::strong_count(&live) == 1 {
            live.end_cancelled();
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
