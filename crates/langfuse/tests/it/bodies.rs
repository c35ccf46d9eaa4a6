//! The bodies of requests for programs that bring records to a server by other means.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use serde_json::{Value, json};
use tracefuse_core::record::{Resource, ScoreRecord, ScoreTarget, SpanRecord, Timestamp};
use tracefuse_langfuse::encode;

use crate::support::{records, spans};

#[test]
fn spans_are_a_request_of_otlp() {
    let records = records(|recording| {
        let trace = recording.tracer.trace("root").start();
        trace.span("child").run(|_| {});
    });
    let sent: Vec<SpanRecord> = records
        .iter()
        .filter_map(|record| record.as_span().cloned())
        .collect();
    let body = encode::spans(&Resource::default(), &sent);
    let request = ExportTraceServiceRequest::decode(&*body).unwrap();
    let names: Vec<_> = spans(&request).into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["child", "root"]);
    assert!(body.capacity() < 4 * body.len(), "memory of about its size");
}

#[test]
fn a_score_is_an_object_and_one_that_is_no_number_is_refused() {
    let score = |value: f64| {
        let target = ScoreTarget::Session("s".into());
        let score = ScoreRecord::new("quality", value.into(), target, Timestamp::default());
        encode::score(&Resource::default(), &score)
    };
    let body: Value = serde_json::from_str(&score(0.5).unwrap()).unwrap();
    for (key, value) in [
        ("name", json!("quality")),
        ("value", json!(0.5)),
        ("sessionId", json!("s")),
    ] {
        assert_eq!(body[key], value, "{body}");
    }
    assert!(score(f64::NAN).is_err());
}
