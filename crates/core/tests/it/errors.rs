//! Errors: what a status does to their level, errors that are returned from span to span, hostile ones.

use std::fmt;

use futures::executor::block_on;
use tracefuse_core::record::{SpanRecord, StatusCode};
use tracefuse_core::{Level, Span, Status};

use crate::support::{Recorder, tracer};

fn outcome(span: &SpanRecord) -> (Option<Level>, StatusCode, Option<&str>) {
    (span.level(), span.status(), span.status_message())
}

fn of(work: impl FnOnce(&Span)) -> SpanRecord {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let span = trace.span("work").start();
    work(&span);
    drop(span);
    kept.only()
}

#[test]
fn a_status_of_ok_takes_back_what_an_error_gave() {
    let handled = of(|span| {
        span.record_error("timeout");
        span.set_status(Status::Ok);
    });
    assert_eq!(outcome(&handled), (None, StatusCode::Ok, None));
    assert_eq!(handled.exceptions().next().unwrap().message(), "timeout");

    let handled = of(|span| {
        span.set_status(Status::error("timeout"));
        span.set_status(Status::Ok);
    });
    assert_eq!(outcome(&handled), (None, StatusCode::Ok, None));

    let unset = of(|span| {
        span.record_error("timeout");
        span.set_status(Status::Unset);
    });
    assert_eq!(outcome(&unset), (None, StatusCode::Unset, None));
}

#[test]
fn a_level_and_a_message_that_were_set_stay_at_ok() {
    let set = of(|span| {
        span.record_error("timeout");
        span.set_level(Level::Warning);
        span.set_status_message("second try");
        span.set_status(Status::Ok);
    });
    assert_eq!(
        outcome(&set),
        (Some(Level::Warning), StatusCode::Ok, Some("second try"))
    );
}

#[test]
fn an_error_after_ok_is_an_error() {
    let failed = of(|span| {
        span.record_error("first");
        span.set_status(Status::Ok);
        span.record_error("second");
    });
    assert_eq!(
        outcome(&failed),
        (Some(Level::Error), StatusCode::Error, Some("error: second"))
    );
    assert_eq!(failed.exceptions().len(), 2);
}

/// Span and whether its errors are propagated.
fn propagated(kept: &Recorder) -> Vec<(String, Vec<bool>)> {
    let spans = kept.spans();
    spans
        .iter()
        .map(|span| {
            let marks = span.exceptions().map(|error| error.is_propagated());
            (span.name().to_owned(), marks.collect())
        })
        .collect()
}

fn named(name: &str, marks: &[bool]) -> (String, Vec<bool>) {
    (name.to_owned(), marks.to_vec())
}

#[test]
fn an_error_that_is_returned_through_spans_counts_once() {
    let (tracer, kept, _) = tracer();
    let result = tracer.trace("root").try_run(|trace| {
        trace.span("outer").try_run(|outer| {
            outer
                .span("inner")
                .try_run(|_| Err::<(), _>(anyhow::anyhow!("disk full")))
                .map_err(|error| error.context("saving"))
        })
    });
    result.unwrap_err();
    assert_eq!(
        propagated(&kept),
        [
            named("inner", &[false]),
            named("outer", &[true]),
            named("root", &[true])
        ]
    );
    let levels: Vec<_> = kept.spans().iter().map(SpanRecord::level).collect();
    assert_eq!(levels, [Some(Level::Error); 3], "each span failed");

    let (tracer, kept, _) = crate::support::tracer();
    let result = block_on(tracer.trace("root").try_run_async(async |trace| {
        trace
            .span("inner")
            .try_run_async(async |_| Err::<(), _>("timeout"))
            .await
            .map_err(|error| format!("calling the tool: {error}"))
    }));
    result.unwrap_err();
    assert_eq!(
        propagated(&kept),
        [named("inner", &[false]), named("root", &[true])]
    );
}

#[test]
fn an_error_that_a_span_records_and_returns_counts_once() {
    let (tracer, kept, _) = tracer();
    let result = tracer.trace("root").try_run(|trace| {
        trace.record_error("timeout");
        Err::<(), _>("timeout")
    });
    result.unwrap_err();
    assert_eq!(propagated(&kept), [named("root", &[false, true])]);
}

#[test]
fn errors_of_their_own_count_each() {
    let (tracer, kept, _) = tracer();
    tracer.trace("root").run(|trace| {
        for _ in 0..2 {
            let _ = trace.span("try").try_run(|_| Err::<(), _>("timeout"));
        }
        trace.record_error("timeout");
        trace.record_error("timeout");
        trace.record_error("timeout");
        let _ = trace.span("other").try_run(|_| Err::<(), _>("refused"));
    });
    assert_eq!(
        propagated(&kept),
        [
            named("try", &[false]),
            named("try", &[false]),
            named("other", &[false]),
            // Each failed try is passed on once; the third one is an error of the root.
            named("root", &[true, true, false]),
        ]
    );
}

#[test]
fn a_panic_counts_once() {
    let (tracer, kept, _) = tracer();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        tracer.trace("root").run(|trace| {
            trace.span("inner").run(|_| panic!("index out of bounds"));
        });
    }));
    panic.unwrap_err();
    assert_eq!(
        propagated(&kept),
        [named("inner", &[false]), named("root", &[true])]
    );
}

#[derive(Debug)]
struct Hostile(fn(&mut fmt::Formatter<'_>) -> fmt::Result);

impl fmt::Display for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0(f)
    }
}

impl std::error::Error for Hostile {}

#[test]
fn an_error_whose_display_fails_or_panics_is_recorded() {
    for (display, message) in [
        (
            (|_| panic!("bad format")) as fn(&mut fmt::Formatter<'_>) -> fmt::Result,
            "<its Display panicked: bad format>",
        ),
        (|_| Err(fmt::Error), "<its Display returned an error>"),
    ] {
        let (tracer, kept, _) = tracer();
        let result = tracer
            .trace("root")
            .try_run(|_| Err::<(), _>(Hostile(display)));
        assert!(result.is_err(), "returned as it is");
        let root = kept.only();
        assert_eq!(root.level(), Some(Level::Error));
        assert_eq!(root.exceptions().next().unwrap().message(), message);
    }
}
