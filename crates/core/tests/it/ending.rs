//! How spans end: once, with the truth about why.

use std::time::Duration;

use futures::FutureExt as _;
use futures::executor::block_on;
use tracefuse_core::record::{SpanRecord, StatusCode, Timestamp};
use tracefuse_core::{InSpan as _, Level};

use crate::support::{EPOCH, tracer};

fn outcome(span: &SpanRecord) -> (Option<Level>, StatusCode, Option<&str>) {
    (span.level(), span.status(), span.status_message())
}

#[test]
fn a_span_ends_once_by_any_of_its_handles() {
    let (tracer, kept, clock) = tracer();
    let trace = tracer.trace("root").start();
    let span = trace.span("work").start();
    let other = span.clone();
    clock.advance(Duration::from_millis(5));
    other.end();
    clock.advance(Duration::from_millis(5));
    span.set_output("too late");
    span.end();
    drop((span, other));
    let span = kept.only();
    assert_eq!(span.duration(), Duration::from_millis(5));
    assert!(span.output().is_none());
    assert_eq!(tracer.stats().late_writes, 1);
    assert_eq!(tracer.stats().open, 1, "the root");
}

#[test]
fn a_panic_ends_the_span_as_an_error_and_goes_on() {
    let (tracer, kept, _) = tracer();
    let panic = std::panic::catch_unwind(|| {
        tracer.trace("root").run(|trace| {
            trace
                .span("inner")
                .run(|_| panic!("broken {}", "pipe".to_owned() + ""))
        })
    });
    assert_eq!(
        panic.unwrap_err().downcast_ref::<String>().unwrap(),
        "broken pipe"
    );
    for name in ["inner", "root"] {
        let span = kept.named(name);
        assert_eq!(
            outcome(&span),
            (
                Some(Level::Error),
                StatusCode::Error,
                Some("panic: broken pipe")
            )
        );
    }
    assert!(!tracefuse_core::Span::current().is_recording());
}

#[test]
fn a_panic_in_a_future_ends_the_span_as_an_error_and_goes_on() {
    let (tracer, kept, _) = tracer();
    let future = tracer
        .trace("root")
        .run_async(async |_| panic!("in a poll"));
    let panic = block_on(std::panic::AssertUnwindSafe(future).catch_unwind());
    assert_eq!(
        *panic.unwrap_err().downcast_ref::<&str>().unwrap(),
        "in a poll"
    );
    assert_eq!(
        outcome(&kept.only()),
        (
            Some(Level::Error),
            StatusCode::Error,
            Some("panic: in a poll")
        )
    );
}

#[test]
fn a_future_that_is_dropped_ends_its_spans_as_cancelled() {
    let (tracer, kept, _) = tracer();
    let message = Some("cancelled: the future was dropped before it completed");
    let cancelled = (Some(Level::Warning), StatusCode::Unset, message);

    let future = tracer.trace("root").run_async(async |trace| {
        trace
            .span("inner")
            .run_async(async |_| std::future::pending::<()>().await)
            .await;
    });
    assert!(future.now_or_never().is_none());
    assert_eq!(outcome(&kept.named("inner")), cancelled);
    assert_eq!(outcome(&kept.named("root")), cancelled);

    let trace = tracer.trace("spawned").start();
    assert!(
        std::future::pending::<()>()
            .in_span(trace.span("task").start())
            .now_or_never()
            .is_none()
    );
    assert_eq!(outcome(&kept.named("task")), cancelled);
    assert_eq!(
        async { 7 }
            .in_span(trace.span("done").start())
            .now_or_never(),
        Some(7)
    );
    assert_eq!(
        outcome(&kept.named("done")),
        (None, StatusCode::Unset, None)
    );
}

#[test]
fn an_err_is_recorded_and_returned_as_it_is() {
    let (tracer, kept, _) = tracer();
    let result: Result<(), std::num::ParseIntError> = tracer
        .trace("root")
        .try_run(|trace| trace.span("parse").try_run(|_| "x".parse::<u8>().map(drop)));
    assert_eq!(
        result.unwrap_err().to_string(),
        "invalid digit found in string"
    );
    let span = kept.named("parse");
    let message = "core::num::error::ParseIntError: invalid digit found in string";
    assert_eq!(
        outcome(&span),
        (Some(Level::Error), StatusCode::Error, Some(message))
    );
    assert_eq!(span.exceptions().count(), 1);

    let failed = block_on(tracer.trace("async").try_run_async(async |_| {
        Err::<(), _>(anyhow::anyhow!("root cause").context("while answering"))
    }));
    assert_eq!(failed.unwrap_err().to_string(), "while answering");
    let span = kept.named("async");
    let exception = span.exceptions().next().unwrap();
    assert_eq!(
        (exception.kind(), exception.message(), exception.sources()),
        ("anyhow::Error", "while answering", Some("root cause"))
    );
}

#[test]
fn a_clock_that_steps_back_gives_no_negative_durations() {
    let (tracer, kept, clock) = tracer();
    tracer.trace("root").run(|trace| {
        trace
            .span("before")
            .run(|_| clock.advance(Duration::from_secs(1)));
        clock.step_to(Timestamp::from_unix_nanos(1));
        trace
            .span("after")
            .run(|_| clock.advance(Duration::from_secs(1)));
    });
    let (before, after, root) = (
        kept.named("before"),
        kept.named("after"),
        kept.named("root"),
    );
    assert_eq!(before.start_time().as_unix_nanos(), EPOCH);
    assert_eq!(before.end_time(), after.start_time());
    assert_eq!(root.duration(), Duration::from_secs(2));
}

#[test]
fn shutdown_ends_what_is_open_and_later_spans_are_not_recorded() {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let span = trace.span("open").start();
    let report = tracer.shutdown().unwrap();
    assert_eq!(report.unfinished, 2);
    let message = Some("unfinished: still open when the tracer was shut down");
    assert_eq!(
        outcome(&kept.named("open")),
        (Some(Level::Warning), StatusCode::Unset, message)
    );
    assert_eq!(
        outcome(&kept.named("root")),
        (Some(Level::Warning), StatusCode::Unset, message)
    );
    drop(span);
    tracer
        .trace("too late")
        .run(|trace| trace.span("child").run(|_| {}));
    assert_eq!(kept.spans().len(), 2);
    assert_eq!(tracer.stats().not_recorded, 1);
}

#[test]
fn the_last_tracer_or_trace_shuts_down_and_a_lone_span_does_not_keep_it_open() {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let span = trace.span("child").start();
    drop(tracer);
    trace.span("while the trace lives").run(|_| {});
    assert_eq!(kept.spans().len(), 1);
    drop(trace);
    assert_eq!(kept.spans().len(), 3);
    assert_eq!(outcome(&kept.named("child")).0, Some(Level::Warning));
    drop(span);
    assert_eq!(kept.spans().len(), 3);
}

#[test]
fn a_panic_in_a_future_that_carries_a_span_is_recorded_on_its_own_span_alone() {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let own = async { panic!("in a task") }.in_span(trace.span("own").start());
    let below = async { panic!("in a task") }.in_span(trace.root().clone());
    for future in [own.boxed(), below.boxed()] {
        let panicked: Result<(), _> = block_on(std::panic::AssertUnwindSafe(future).catch_unwind());
        assert!(panicked.is_err());
    }
    trace.finish();
    assert_eq!(
        outcome(&kept.named("own")),
        (
            Some(Level::Error),
            StatusCode::Error,
            Some("panic: in a task")
        )
    );
    assert_eq!(
        outcome(&kept.named("root")),
        (None, StatusCode::Unset, None)
    );
}
