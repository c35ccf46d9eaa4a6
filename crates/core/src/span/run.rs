//! Work in a span: it is current meanwhile, and ends with its work, however that ends.
//! Used by the builders of spans and traces, and by futures and streams that carry one.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;

use crate::record::{AsException, Exception};
use crate::span::feature::RECORDS;
use crate::span::handle::Span;

pub(crate) fn record_err<T, E: AsException<Via>, Via>(span: &Span, result: &Result<T, E>) {
    if let Err(error) = result {
        span.record_error(error);
    }
}

/// Runs `f` with `span` current; `judge` sees the result before the span ends.
pub(crate) fn run<R>(span: &Span, f: impl FnOnce() -> R, judge: impl FnOnce(&R)) -> R {
    if !RECORDS {
        return f();
    }
    let entered = span.enter();
    // Caught only to be recorded, then it goes on: what it left broken stays as broken as it was.
    let result = catch_unwind(AssertUnwindSafe(f));
    drop(entered);
    match result {
        Ok(value) => {
            judge(&value);
            span.end();
            value
        }
        Err(panic) => {
            record_panic(span, &*panic);
            resume_unwind(panic)
        }
    }
}

/// Runs `future` with `span` current in every poll; `judge` sees the result before the span ends.
pub(crate) async fn run_async<R>(
    span: &Span,
    future: impl Future<Output = R>,
    judge: impl FnOnce(&R),
) -> R {
    let unless_done = CancelOnDrop(span);
    let mut future = pin!(future);
    let value = poll_fn(|cx| {
        let entered = span.enter();
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        drop(entered);
        polled.unwrap_or_else(|panic| {
            record_panic(span, &*panic);
            resume_unwind(panic)
        })
    })
    .await;
    judge(&value);
    span.end();
    drop(unless_done);
    value
}

pub(crate) fn record_panic(span: &Span, panic: &(dyn std::any::Any + Send)) {
    if span.open.is_some() {
        span.record_exception(Exception::panic(panic));
        span.end();
    }
}

/// Of a span whose future was given up.
pub(crate) const FUTURE_DROPPED: &str = "cancelled: the future was dropped before it completed";

/// Marks the span as cancelled unless it has ended: a future that is dropped gets no other word.
struct CancelOnDrop<'a>(&'a Span);

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(open) = &self.0.open {
            open.end_cancelled(FUTURE_DROPPED);
        }
    }
}
