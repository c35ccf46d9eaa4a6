//! The forms in which an observed function runs: at once or when polled, with its span ended or left open for a stream.
//! Called by expansions of `#[observe]`.

use std::future::Future;

use tracefuse_core::{Span, bridge};

use super::call::Call;
use super::in_call::in_call;

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
