//! What is taken in over a socket, and what is refused with which words.

use std::io::Write as _;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use serde_json::{Value, json};
use tracefuse_server::{ServerConfig, Tee, TraceQuery};

use crate::samples::{BATCH_JS, BATCH_PYTHON, JS, PYTHON, SCORES, request, span, trace};
use crate::support::Live;

const LANGFUSE: &str = "/api/public/otel/v1/traces";
const OTLP: &str = "/v1/traces";

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn both_addresses_take_protobuf_and_json_plain_and_gzip() {
    for path in [LANGFUSE, OTLP] {
        let live = Live::start();
        let answer = live.call().json().send("POST", path, JS);
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"), "{path}");
        let packed = live.call().json().with("content-encoding", "gzip");
        assert_eq!(packed.send("POST", path, &gzip(JS)).status, 200);
        let protobuf = live
            .call()
            .with("content-type", "application/x-protobuf")
            .with("content-encoding", "gzip");
        let answer = protobuf.send("POST", path, PYTHON);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (200, Some("application/x-protobuf"))
        );
        assert_eq!(
            live.store
                .traces(&TraceQuery::default())
                .unwrap()
                .rows
                .len(),
            2
        );
    }
}

#[test]
fn spans_without_an_id_are_refused_and_the_others_stored() {
    let live = Live::start();
    let mut bad = span("", 1, None, &[]);
    bad["name"] = json!("no trace");
    let body = request(&[bad, span(&trace(1), 2, None, &[])]);
    let answer = live.call().json().send("POST", OTLP, &body);
    let partial = &answer.json()["partialSuccess"];
    assert_eq!(
        (answer.status, &partial["rejectedSpans"]),
        (200, &json!("1"))
    );
    assert!(
        partial["errorMessage"]
            .as_str()
            .unwrap()
            .contains("no trace"),
        "{partial}"
    );
    let bytes = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![ScopeSpans {
                spans: vec![Span {
                    trace_id: vec![1; 16],
                    span_id: vec![0; 8],
                    ..Span::default()
                }],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    let call = live.call().with("content-type", "application/x-protobuf");
    let answer = call.send("POST", OTLP, &bytes.encode_to_vec());
    let heard = ExportTraceServiceResponse::decode(&answer.bytes[..]).unwrap();
    assert_eq!(heard.partial_success.unwrap().rejected_spans, 1);
    assert_eq!(
        live.store
            .traces(&TraceQuery::default())
            .unwrap()
            .rows
            .len(),
        1
    );
}

#[test]
fn what_langfuse_would_refuse_is_stored_with_a_note() {
    let live = Live::start();
    let mut odd = span(
        &trace(1),
        1,
        None,
        &[("langfuse.environment", json!("Prod.EU"))],
    );
    odd["status"] = json!({ "code": "STATUS_CODE_ERROR" });
    odd["endTimeUnixNano"] = Value::Null;
    odd["attributes"].as_array_mut().unwrap().push(json!({ "key": "map", "value": { "kvlistValue": { "values": [
        { "key": "a", "value": { "kvlistValue": { "values": [{ "key": "b", "value": { "intValue": "1" } }] } } },
    ] } } }));
    let call = live
        .call()
        .json()
        .with("x-langfuse-ingestion-version", "9")
        .with("authorization", "Bearer x");
    assert_eq!(call.send("POST", LANGFUSE, &request(&[odd])).status, 200);
    let view = live.store.trace(&trace(1)).unwrap().unwrap();
    let row = &view.observations[0];
    let notes = row.notes.join("\n");
    for word in [
        "status code",
        "end is missing",
        "Prod.EU",
        "map",
        "ingestion-version",
        "bearer",
    ] {
        assert!(notes.contains(word), "{word}: {notes}");
    }
    assert_eq!(
        (
            row.level.as_str(),
            view.trace.environment.as_str(),
            view.trace.notes
        ),
        ("ERROR", "default", 1)
    );
    let bodies = live.store.bodies(&trace(1), &row.id).unwrap().unwrap();
    assert_eq!(bodies.metadata.get("map"), Some(&json!({"a": {"b": 1}})));
}

#[test]
fn bodies_that_are_none_are_refused_with_a_sentence() {
    let mut config = ServerConfig::default();
    config.max_body = 1 << 16;
    config.max_inflated = 1 << 18;
    let live = Live::with(config);
    let post = |kind: &str, encoding: &str, body: &[u8]| {
        let call = live
            .call()
            .with("content-type", kind)
            .with("content-encoding", encoding);
        let answer = call.send("POST", LANGFUSE, body);
        (answer.status, answer.body)
    };
    let bomb = gzip(&vec![b' '; 1 << 20]);
    for (kind, encoding, body, status, said) in [
        ("application/json", "", &b"{"[..], 400, "parse"),
        ("application/json", "", b"null", 400, "parse"),
        (
            "application/json",
            "",
            br#"{"resourceSpans": {}}"#,
            400,
            "parse",
        ),
        ("application/x-protobuf", "", b"\xff\xff\xff", 400, "parse"),
        ("application/json", "gzip", b"not gzip", 400, "decompress"),
        ("application/json", "br", b"{}", 400, "gzip or none"),
        ("application/json", "gzip", &bomb, 413, "limit"),
        ("application/json", "", &vec![b' '; 1 << 17], 413, "limit"),
        ("application/json", "", b"{}", 200, "{}"),
        ("", "", br#"{"resourceSpans": []}"#, 200, ""),
    ] {
        let (got, text) = post(kind, encoding, body);
        assert_eq!(got, status, "{kind} {encoding}: {text}");
        assert!(text.contains(said), "{text}");
    }
    // A length that is announced and too long is refused before anything is read.
    let answer = live
        .call()
        .json()
        .with("content-length", "99999999")
        .send("POST", LANGFUSE, b"");
    assert_eq!(answer.status, 413);
}

#[test]
fn a_gzip_bomb_is_inflated_up_to_the_limit_only() {
    let mut config = ServerConfig::default();
    config.max_inflated = 16 << 20;
    let live = Live::with(config);
    let mebibyte = vec![b' '; 1 << 20];
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..100 {
        encoder.write_all(&mebibyte).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    for path in [
        LANGFUSE,
        OTLP,
        "/api/public/ingestion",
        "/api/public/scores",
    ] {
        let call = live.call().json().with("content-encoding", "gzip");
        let answer = call.send("POST", path, &bomb);
        assert_eq!(answer.status, 413, "{path}: {}", answer.body);
        assert!(answer.body.contains("16777216 bytes"), "{}", answer.body);
    }
    live.put(&request(&[span(&trace(1), 1, None, &[])]));
}

#[test]
fn batches_of_old_sdks_are_answered_by_event() {
    for body in [BATCH_JS, BATCH_PYTHON] {
        let live = Live::start();
        let answer = live
            .call()
            .json()
            .send("POST", "/api/public/ingestion", body);
        assert_eq!(answer.status, 207);
        let sent: Value = serde_json::from_slice(body).unwrap();
        let logs = sent["batch"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|event| event["type"] == "sdk-log")
            .count();
        let heard = answer.json();
        assert_eq!(
            heard["successes"].as_array().unwrap().len(),
            sent["batch"].as_array().unwrap().len()
        );
        assert_eq!((heard["errors"].as_array().unwrap().len(), logs), (0, 0));
        assert_eq!(
            live.store
                .traces(&TraceQuery::default())
                .unwrap()
                .rows
                .len(),
            1
        );
    }
    let live = Live::start();
    let post = |body: &str| {
        live.call()
            .json()
            .send("POST", "/api/public/ingestion", body.as_bytes())
    };
    assert_eq!(post("{").body, "Invalid JSON");
    assert_eq!(post("{}").status, 400);
    assert_eq!(
        post(r#"{"batch": []}"#).json(),
        json!({ "successes": [], "errors": [] })
    );
    let heard =
        post(r#"{"batch": [{"id": "1", "type": "nope", "timestamp": "2026-01-01T00:00:00Z"}]}"#)
            .json();
    assert_eq!(
        (&heard["errors"][0]["id"], &heard["errors"][0]["status"]),
        (&json!("1"), &json!(400))
    );
}

#[test]
fn scores_come_alone_and_in_lists() {
    let live = Live::start();
    let post = |body: &[u8]| live.call().json().send("POST", "/api/public/scores", body);
    let answer = post(SCORES);
    assert_eq!(
        (answer.status, answer.json()),
        (202, json!({ "message": "Accepted" }))
    );
    let one = post(
        br#"{"traceId": "t", "name": "good", "value": 1, "dataType": "BOOLEAN", "id": "mine"}"#,
    );
    assert_eq!((one.status, one.json()), (200, json!({ "id": "mine" })));
    let made = post(br#"{"sessionId": "s", "name": "n", "value": "x"}"#);
    assert_eq!(made.json()["id"].as_str().unwrap().len(), 16);
    let mixed = post(br#"[{"traceId": "t", "name": "ok", "value": 1}, {"name": "bad"}, 5]"#);
    assert_eq!(
        (
            mixed.status,
            &mixed.json()["accepted"],
            &mixed.json()["rejected"]
        ),
        (207, &json!(1), &json!(2))
    );
    for (body, status) in [(&b"{"[..], 400), (b"5", 400), (br#"{"name": "n"}"#, 400)] {
        assert_eq!(post(body).status, status);
    }
    let all = live.get("/api/public/v3/scores?fields=details,subject");
    assert_eq!(all["data"].as_array().unwrap().len(), 5);
}

#[test]
fn what_is_not_served_says_so() {
    let live = Live::start();
    for (method, path, status, said) in [
        ("GET", "/api/public/v2/prompts/x", 501, "not served here"),
        ("GET", "/api/public/metrics/daily", 501, "not served here"),
        ("POST", "/api/public/datasets", 501, "not served here"),
        ("GET", "/api/public/nonsense", 404, "there is no"),
        ("GET", "/v1/nonsense", 404, "there is no"),
        ("GET", LANGFUSE, 405, "takes no GET"),
        ("PUT", "/api/public/scores", 405, "takes no PUT"),
        ("GET", "/nonsense", 404, "there is no"),
        ("POST", "/traces/a/b/c/d", 404, "there is no"),
        ("POST", "/overview", 405, "takes no POST"),
        ("DELETE", "/", 405, "takes no DELETE"),
        ("POST", "/v1/metrics", 200, "{}"),
        ("GET", "/api/public/health", 200, "tracefuse"),
        ("GET", "/api/public/projects", 200, "local"),
    ] {
        let answer = live.call().send(method, path, b"");
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert!(
            answer.body.contains(said),
            "{method} {path}: {}",
            answer.body
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[test]
fn arrivals_are_reported_after_they_are_stored() {
    let live = Live::start();
    let mut arrivals = live.store.subscribe();
    live.put(&request(&[
        span(&trace(1), 1, None, &[]),
        span(&trace(1), 2, Some(1), &[]),
    ]));
    let heard = futures::executor::block_on(arrivals.recv()).unwrap();
    assert_eq!(
        (
            heard[0].trace_id.as_str(),
            heard[0].is_new,
            heard[0].changes
        ),
        (trace(1).as_str(), true, 2)
    );
    assert!(live.store.trace(&heard[0].trace_id).unwrap().is_some());
    live.put(&request(&[span(
        &trace(1),
        3,
        Some(1),
        &[("langfuse.observation.level", json!("ERROR"))],
    )]));
    let heard = futures::executor::block_on(arrivals.recv()).unwrap();
    assert_eq!((heard[0].is_new, heard[0].errors), (false, 1));
}

/// Tells the test what it takes; panics at a body that is a single `{}`.
struct Heard(std::sync::mpsc::Sender<(Vec<u8>, String)>);

impl Tee for Heard {
    fn take(&self, body: &bytes::Bytes, kind: &str) {
        assert_ne!(body.as_ref(), b"{}");
        self.0.send((body.to_vec(), kind.to_owned())).unwrap();
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        vec![("bodies", 7)]
    }
}

#[test]
fn a_tee_that_panics_does_not_change_the_answer() {
    let mut config = ServerConfig::default();
    config.tee = Some(std::sync::Arc::new(Heard(std::sync::mpsc::channel().0)));
    let live = Live::with(config);
    for _ in 0..2 {
        let answer = live.call().json().send("POST", LANGFUSE, b"{}");
        assert_eq!((answer.status, answer.body.as_str()), (200, "{}"));
    }
}

#[test]
fn each_body_that_was_stored_is_passed_on() {
    let (tell, heard) = std::sync::mpsc::channel();
    let mut config = ServerConfig::default();
    config.tee = Some(std::sync::Arc::new(Heard(tell)));
    let live = Live::with(config);
    assert_eq!(live.get("/api/public/health")["forward"]["bodies"], 7);
    live.call()
        .json()
        .with("content-encoding", "gzip")
        .send("POST", LANGFUSE, &gzip(JS));
    live.call().json().send("POST", LANGFUSE, b"{");
    let (body, kind) = heard.try_recv().unwrap();
    assert_eq!((body.as_slice(), kind.as_str()), (JS, "application/json"));
    assert!(heard.try_recv().is_err());
}

#[test]
fn messages_that_came_as_span_events_are_input_and_output() {
    let live = Live::start();
    let mut chat = span(
        &trace(1),
        1,
        None,
        &[("gen_ai.operation.name", json!("chat"))],
    );
    let event = |name: &str, content: &str| {
        json!({ "name": name, "timeUnixNano": "1795000000000000000",
            "attributes": [{ "key": "content", "value": { "stringValue": content } }] })
    };
    let text = |value: &str| json!({ "stringValue": value });
    chat["events"] = json!([
        event("gen_ai.user.message", "hello"), event("gen_ai.choice", "hi"), event("cache miss", "x"),
        { "name": "exception", "timeUnixNano": "1795000000000000001", "attributes": [
            { "key": "exception.type", "value": text("Timeout") }, { "key": "exception.message", "value": text("too late") },
            { "key": "exception.stacktrace", "value": text("at a\nat b") } ] },
    ]);
    live.put(&request(&[chat]));
    let view = live.store.trace(&trace(1)).unwrap().unwrap();
    let bodies = live
        .store
        .bodies(&trace(1), &view.observations[0].id)
        .unwrap()
        .unwrap();
    assert!(bodies.input.unwrap().contains("hello") && bodies.output.unwrap().contains("hi"));
    assert_eq!(
        (bodies.events.len(), bodies.events[0].name.as_str()),
        (1, "cache miss")
    );
    assert_eq!(
        (
            bodies.errors[0].kind.as_str(),
            bodies.errors[0].message.as_str()
        ),
        ("Timeout", "too late")
    );
}

#[test]
fn openinference_and_gen_ai_are_read_alike() {
    let live = Live::start();
    let one = [
        ("openinference.span.kind", json!("LLM")),
        ("llm.model_name", json!("gpt-4o-mini")),
        ("llm.token_count.prompt", json!(12)),
        ("llm.token_count.completion", json!(3)),
        ("input.value", json!("question")),
        ("output.value", json!("answer")),
        ("session.id", json!("s")),
    ];
    let two = [
        ("gen_ai.operation.name", json!("chat")),
        ("gen_ai.response.model", json!("gpt-4o-mini")),
        ("gen_ai.usage.input_tokens", json!(12)),
        ("gen_ai.usage.output_tokens", json!(3)),
        ("gen_ai.prompt", json!("question")),
        ("gen_ai.completion", json!("answer")),
        ("gen_ai.conversation.id", json!("s")),
    ];
    for (n, attributes) in [(1, &one[..]), (2, &two[..])] {
        live.put(&request(&[span(&trace(n), n, None, attributes)]));
        let view = live.store.trace(&trace(n)).unwrap().unwrap();
        let row = &view.observations[0];
        assert_eq!(
            (row.kind.as_str(), row.model.as_deref()),
            ("generation", Some("gpt-4o-mini"))
        );
        assert_eq!(
            (row.usage["input"], row.usage["output"], row.usage["total"]),
            (12, 3, 15)
        );
        assert!(
            row.cost_is_computed && row.cost["total"] > 0.0,
            "{:?}",
            row.cost
        );
        assert_eq!(view.trace.session_id.as_deref(), Some("s"));
        let bodies = live.store.bodies(&trace(n), &row.id).unwrap().unwrap();
        assert_eq!(
            (bodies.input.as_deref(), bodies.output.as_deref()),
            (Some("question"), Some("answer"))
        );
    }
}
