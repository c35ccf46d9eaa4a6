//! Bodies that other servers read and a strict parser refuses: one value costs no other.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use serde_json::json;

use crate::samples::{request, span, trace};
use crate::support::Live;

#[test]
fn json_that_javascript_reads_is_taken() {
    let live = Live::start();
    let body = String::from_utf8(request(&[span(
        &trace(1),
        1,
        None,
        &[("langfuse.observation.output", json!("CUT and 0.25"))],
    )]))
    .unwrap();
    // Half of an emoji, as a text has that was cut in JavaScript; and a number without bounds.
    let body = body
        .replace("CUT", "\\ud83d")
        .replace("\"kind\":1", "\"kind\":1e999");
    let answer = live
        .call()
        .json()
        .send("POST", "/api/public/otel/v1/traces", body.as_bytes());
    assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    let batch = r#"{"batch": [{"id": "1", "type": "trace-create", "timestamp": "2026-11-27T12:00:00Z",
        "body": {"id": "b", "name": "\udc4d", "input": [1e999, "\ud83d\udc4d"]}}]}"#;
    let answer = live
        .call()
        .json()
        .send("POST", "/api/public/ingestion", batch.as_bytes());
    assert_eq!(answer.json()["errors"], json!([]), "{}", answer.body);
    let score = b"{\"name\": \"n\xff\", \"traceId\": \"b\", \"value\": \"\\ud83d\"}";
    let answer = live.call().json().send("POST", "/api/public/scores", score);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let first = live.get(&format!("/api/public/traces/{}", trace(1)));
    assert_eq!(first["output"], "\u{fffd} and 0.25");
    let second = live.get("/api/public/traces/b");
    assert_eq!(
        (&second["name"], &second["input"]),
        (&json!("\u{fffd}"), &json!([null, "\u{1f44d}"]))
    );
    assert_eq!(second["scores"][0]["name"], "n\u{fffd}");
}

#[test]
fn protobuf_with_half_a_character_is_taken() {
    let live = Live::start();
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![ScopeSpans {
                spans: vec![Span {
                    trace_id: vec![1; 16],
                    span_id: vec![2; 8],
                    name: "cafe".to_owned(),
                    ..Span::default()
                }],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    let mut body = request.encode_to_vec();
    let at = body.windows(4).position(|four| four == b"cafe").unwrap();
    body[at + 3] = 0xc3;
    let call = live.call().with("content-type", "application/x-protobuf");
    let answer = call.send("POST", "/v1/traces", &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let stored = live.store.trace(&"01".repeat(16)).unwrap().unwrap();
    assert_eq!(stored.observations[0].name, "caf\u{fffd}");
}

#[test]
fn a_span_of_wrong_types_is_refused_and_the_others_stored() {
    let live = Live::start();
    let mut wrong = span(&trace(1), 1, None, &[]);
    wrong["name"] = json!(5);
    let body = request(&[wrong, span(&trace(1), 2, None, &[])]);
    let answer = live.call().json().send("POST", "/v1/traces", &body);
    let partial = &answer.json()["partialSuccess"];
    assert_eq!(
        (answer.status, &partial["rejectedSpans"]),
        (200, &json!("1"))
    );
    let said = partial["errorMessage"].as_str().unwrap();
    assert!(said.contains("integer `5`"), "{said}");
    let stored = live.store.trace(&trace(1)).unwrap().unwrap();
    assert_eq!(stored.observations.len(), 1);
}
