//! Runs work in a span: the span is current during the work and ends with it.
//! Called by the builders of spans and traces, by futures and by streams. Must not know what the work is.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;

use crate::record::{AsException, Exception};
use crate::span::feature::RECORDS;
use crate::span::handle::Span;

pub(crate) fn record_err<T, E: AsException<Via>, Via>(span: &Span, result: &Result<T, E>) {
    if let Err(error) = result
        && span.open.is_some()
    {
        span.record_failure(Exception::read(error), true);
    }
}

/// Runs `f` with `span` current; `judge` gets the result before the span ends.
pub(crate) fn run<R>(span: &Span, f: impl FnOnce() -> R, judge: impl FnOnce(&R)) -> R {
    if !RECORDS {
        return f();
    }
    let value = run_open_sync(span, f);
    judge(&value);
    span.end();
    value
}

/// Runs `f` with `span` current and leaves the span open, unless `f` panics.
pub(crate) fn run_open_sync<R>(span: &Span, f: impl FnOnce() -> R) -> R {
    let entered = span.enter();
    // The panic is recorded and then resumed, so no code here reads what it left inconsistent.
    let result = catch_unwind(AssertUnwindSafe(f));
    drop(entered);
    result.unwrap_or_else(|panic| {
        record_panic(span, &*panic);
        resume_unwind(panic)
    })
}

/// Runs `future` with `span` current in every poll; `judge` gets the result before the span ends.
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
        span.record_failure(Exception::panic(panic), true);
        span.end();
    }
}

/// Status message of a span whose future was dropped before it completed.
pub const FUTURE_DROPPED: &str = "cancelled: the future was dropped before it completed";

/// Marks the span as cancelled unless it has ended: this runs when the future is dropped.
struct CancelOnDrop<'a>(&'a Span);

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(open) = &self.0.open {
            open.end_cancelled(FUTURE_DROPPED);
        }
    }
}
