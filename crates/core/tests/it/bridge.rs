//! What the bridges read of a span and write to its trace.

use serde_json::json;
use tracefuse_core::Span;
use tracefuse_core::bridge::{count, now, reported_usage, update_trace};
use tracefuse_core::record::ValueRef;

use crate::support::tracer;

#[test]
fn what_is_written_to_the_trace_is_seen_by_its_spans() {
    let (tracer, recorder, _) = tracer();
    tracer.trace("t").run(|trace| {
        update_trace(trace.root(), |attributes| {
            attributes.user_id = Some("u".into())
        });
        update_trace(&Span::noop(), |_| panic!("there is no trace"));
    });
    assert_eq!(recorder.only().trace().user_id.as_deref(), Some("u"));
}

#[test]
fn the_time_is_that_of_the_traces_clock() {
    let (tracer, recorder, clock) = tracer();
    let time = tracer.trace("t").run(|trace| {
        clock.advance(std::time::Duration::from_secs(3));
        now(trace.root())
    });
    assert_eq!(time, Some(recorder.only().end_time()));
    assert_eq!(now(&Span::noop()), None);
}

#[test]
fn a_count_is_a_number_or_a_text_of_one() {
    for (value, expected) in [
        (json!(7), Some(7)),
        (json!(7.0), Some(7)),
        (json!("7"), Some(7)),
        (json!(null), None),
        (json!("seven"), None),
        (json!([7]), None),
    ] {
        assert_eq!(count(&value), expected, "{value}");
    }
}

#[test]
fn a_report_of_a_known_language_is_a_usage() {
    let report = json!({ "prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10 });
    let usage = reported_usage(&report).unwrap();
    let buckets: Vec<_> = usage.buckets().collect();
    assert_eq!(buckets, [("input", 8), ("output", 2), ("total", 10)]);
    assert_eq!(reported_usage(&json!({ "tokens": 8 })), None);
}

#[test]
fn a_value_holds_the_bytes_of_its_text() {
    assert_eq!(ValueRef::Str("abc").size(), 3);
    assert_eq!(ValueRef::Json("[1]").size(), 3);
    assert_eq!(
        [ValueRef::U64(1).size(), ValueRef::Bool(true).size()],
        [8, 8]
    );
}

#[test]
fn a_tracer_shows_whether_it_is_on() {
    let (tracer, _, _) = tracer();
    assert_eq!(format!("{tracer:?}"), "Tracer { enabled: true, .. }");
    let off = tracefuse_core::Tracer::noop();
    assert_eq!(format!("{off:?}"), "Tracer { enabled: false, .. }");
}
