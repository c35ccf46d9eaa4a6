//! What the real server refuses, this one refuses, with the same status.

use mock_langfuse::MockLangfuse;
use serde_json::{Value, json};

use crate::support::{Call, JS, OTLP, PYTHON, post_python};

fn json_call(server: &MockLangfuse) -> Call<'_> {
    Call::to(server).with("content-type", "application/json")
}

#[test]
fn requests_are_refused_as_a_whole_with_the_status_of_the_real_server() {
    let server = MockLangfuse::start();
    let cases: Vec<(Call<'_>, &[u8], u16, &str)> = vec![
        (
            json_call(&server).with("content-type", "text/plain"),
            JS,
            400,
            "content type",
        ),
        (json_call(&server), b"{", 400, "parse"),
        (
            json_call(&server).with("content-type", "application/x-protobuf"),
            b"\xff\xff",
            400,
            "parse",
        ),
        (
            json_call(&server).with("content-encoding", "gzip"),
            JS,
            400,
            "decompress",
        ),
        (
            json_call(&server)
                .with("content-type", "application/x-protobuf")
                .with("content-encoding", "br"),
            PYTHON,
            400,
            "parse",
        ),
        (
            json_call(&server).with("x-langfuse-ingestion-version", "5"),
            JS,
            400,
            "version",
        ),
        (
            json_call(&server).with("x-langfuse-ingestion-version", "four"),
            JS,
            400,
            "version",
        ),
        (
            json_call(&server).with("authorization", ""),
            JS,
            401,
            "No authorization header",
        ),
        (
            json_call(&server).with("authorization", "Basic d3Jvbmc6a2V5"),
            JS,
            401,
            "configured the correct host",
        ),
        (
            json_call(&server).with("authorization", "Bearer pk-lf-mock"),
            JS,
            403,
            "insufficient permissions",
        ),
        (
            json_call(&server).with("authorization", "Bearer x"),
            JS,
            401,
            "Invalid public key. Confirm that you've configured the correct host.",
        ),
        (
            json_call(&server).with("authorization", "Token x"),
            JS,
            401,
            "Invalid authorization header",
        ),
        (
            json_call(&server),
            b"null",
            400,
            "Failed to parse OTel JSON Trace",
        ),
        (
            json_call(&server).with("host", "evil.example"),
            JS,
            403,
            "loopback",
        ),
    ];
    for (call, body, status, words) in cases {
        let answer = call.post(OTLP, body);
        assert_eq!(answer.0, status, "{answer:?}");
        assert!(answer.1.contains(words), "{answer:?}");
    }
    assert_eq!(json_call(&server).get(OTLP).0, 405);
    assert!(
        server.observations().is_empty(),
        "what was refused is not stored"
    );
    assert_eq!(
        json_call(&server).post(OTLP, br#"{"resourceSpans":[]}"#),
        (200, "{}".into())
    );
}

#[test]
fn one_bad_span_refuses_the_whole_request_and_the_text_counts_the_reasons() {
    let server = MockLangfuse::start();
    let span = |id: Value| json!({ "traceId": "ab".repeat(16), "spanId": id, "name": "x" });
    let request = |spans: Value| {
        json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] }).to_string()
    };
    let (status, body) = json_call(&server).post(
        OTLP,
        request(json!([
            span("cd".repeat(8).into()),
            span(Value::Null),
            span(5.into())
        ]))
        .as_bytes(),
    );
    assert_eq!(status, 400);
    assert!(
        body.contains("2 of 3 span(s) cannot be processed (spanId:absent, spanId:not_an_id)"),
        "{body}"
    );
    for bad in [json!({ "attributes": {} }), json!({ "events": 1 })] {
        let mut bad_span = span("cd".repeat(8).into());
        bad_span
            .as_object_mut()
            .unwrap()
            .extend(bad.as_object().unwrap().clone());
        assert_eq!(
            json_call(&server)
                .post(OTLP, request(json!([bad_span])).as_bytes())
                .0,
            400
        );
    }
    assert_eq!(
        json_call(&server)
            .post(OTLP, request(json!({})).as_bytes())
            .0,
        400
    );
    assert!(server.observations().is_empty());
}

#[test]
fn what_is_spelled_otherwise_and_taken_is_taken() {
    let server = MockLangfuse::start();
    let gzip = {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, JS).unwrap();
        encoder.finish().unwrap()
    };
    let version = "x-langfuse-ingestion-version";
    for (name, call, body) in [
        (
            "ct upper",
            Call::to(&server).with("content-type", "Application/JSON"),
            JS,
        ),
        (
            "gzip, identity",
            json_call(&server).with("content-encoding", "gzip, identity"),
            &gzip,
        ),
        ("version '4.1'", json_call(&server).with(version, "4.1"), JS),
        ("version ''", json_call(&server).with(version, " "), JS),
        ("version '0x4'", json_call(&server).with(version, "0x4"), JS),
        ("version 3", json_call(&server).with(version, "3"), JS),
    ] {
        let (status, body) = call.post(OTLP, body);
        assert_eq!(status, 200, "{name}: {body}");
    }
    assert_eq!(server.observations().len(), 30);
}

#[test]
fn fields_that_are_no_lists_refuse_the_whole_request() {
    let server = MockLangfuse::start();
    for (body, reason) in [
        (
            json!({ "resourceSpans": [{ "scopeSpans": {} }] }),
            "scopeSpans:not_an_array",
        ),
        (
            json!({ "resourceSpans": [{ "resource": { "attributes": {} } }] }),
            "resource.attributes:not_an_array",
        ),
        (
            json!({ "resourceSpans": [{ "scopeSpans": [{ "scope": { "name": "s", "attributes": 1 } }] }] }),
            "Instrumentation scopes: s.",
        ),
    ] {
        let (status, answer) = json_call(&server).post(OTLP, body.to_string().as_bytes());
        assert_eq!(status, 400, "{body}");
        assert!(answer.contains(reason), "{answer}");
    }
}

#[test]
fn the_old_endpoint_takes_scores_and_sdk_logs_and_nothing_else() {
    let server = MockLangfuse::start();
    let at = "2026-01-01T00:00:00Z";
    let batch = json!({ "batch": [
        { "id": "1", "type": "trace-create", "timestamp": at, "body": { "id": "t" } },
        { "id": "2", "type": "score-create", "timestamp": at, "body": { "id": "s", "name": "q", "value": 1, "traceId": "t" } },
        { "id": "3", "type": "score-create", "timestamp": at, "body": { "name": "dropped", "value": 1, "traceId": "t" } },
        { "id": "4", "type": "sdk-log", "timestamp": at, "body": { "log": "x" } },
        { "id": "5", "type": "score-create", "body": { "id": "x", "name": "q", "value": 1, "traceId": "t" } },
        { "id": "6", "type": "score-create", "timestamp": at, "body": { "id": "y", "name": "q", "value": 1 } },
    ]});
    let post = |authorization: &str| {
        let call = json_call(&server).with("authorization", authorization);
        call.post("/api/public/ingestion", batch.to_string().as_bytes())
    };
    for authorization in ["Basic cGstbGYtbW9jazpzay1sZi1tb2Nr", "Bearer pk-lf-mock"] {
        let (status, body) = post(authorization);
        assert_eq!(status, 207, "{body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        let ids = |list: &Value| -> Vec<String> {
            let events = list.as_array().unwrap().iter();
            events
                .map(|event| event["id"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(ids(&answer["successes"]), ["2", "3"]);
        assert_eq!(ids(&answer["errors"]), ["1", "5", "6"]);
        assert!(
            answer["errors"]
                .as_array()
                .unwrap()
                .iter()
                .all(|error| error["status"] == 400)
        );
    }
    assert_eq!(post("Bearer x").0, 401);
    assert_eq!(server.scores().len(), 1);
    let gzip = json_call(&server).with("content-encoding", "gzip");
    assert_eq!(
        gzip.post("/api/public/ingestion", PYTHON),
        (400, "Invalid JSON".into())
    );
    let large = vec![b' '; 4_718_593];
    let (status, body) = json_call(&server).post("/api/public/ingestion", &large);
    assert_eq!((status, body.as_str()), (413, "Body exceeded 4.5mb limit"));
}

#[test]
fn a_score_is_one_object_and_an_array_is_refused() {
    let server = MockLangfuse::start();
    let score = json!({ "name": "quality", "value": 0.9, "traceId": "t" });
    let (status, body) =
        json_call(&server).post("/api/public/scores", score.to_string().as_bytes());
    assert_eq!(status, 200);
    assert!(serde_json::from_str::<Value>(&body).unwrap()["id"].is_string());
    assert_eq!(
        json_call(&server)
            .post("/api/public/scores", json!([score]).to_string().as_bytes())
            .0,
        400
    );
    let (_, body) = json_call(&server).get("/api/public/v3/scores?name=quality");
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap()["data"][0]["value"],
        0.9
    );
}

#[test]
fn the_rest_of_the_api_answers_as_mode_events_only_does() {
    let server = MockLangfuse::start();
    assert_eq!(
        Call::to(&server)
            .with("authorization", "")
            .get("/api/public/health")
            .0,
        200
    );
    assert_eq!(json_call(&server).get("/api/public/projects").0, 200);
    assert_eq!(
        json_call(&server)
            .with("authorization", "Basic eDp5")
            .get("/api/public/projects")
            .0,
        401
    );
    for old in [
        "/traces",
        "/traces/1",
        "/observations",
        "/sessions",
        "/scores",
        "/v2/scores",
        "/metrics/daily",
    ] {
        let (status, body) = json_call(&server).get(&format!("/api/public{old}"));
        assert_eq!(status, 404, "{old}");
        assert!(body.contains("events_only mode"), "{body}");
    }
    for (method, path) in [
        ("PUT", "/scores"),
        ("DELETE", "/v2/observations"),
        ("GET", "/ingestion"),
        ("PUT", "/media/x"),
    ] {
        let path = format!("/api/public{path}");
        let (status, body) = json_call(&server).send(method, &path, b"").unwrap();
        assert_eq!(status, 405, "{method} {path}");
        assert!(body.contains("MethodNotAllowedError"), "{body}");
    }
    let (status, body) = json_call(&server).get("/api/public/score-configs");
    let none =
        json!({ "data": [], "meta": { "page": 1, "limit": 50, "totalItems": 0, "totalPages": 0 } });
    assert_eq!(
        (status, serde_json::from_str::<Value>(&body).unwrap()),
        (200, none)
    );
    assert_eq!(
        json_call(&server)
            .get("/api/public/v2/observations?limit=5000")
            .0,
        400
    );
}

#[test]
fn a_body_that_inflates_beyond_the_limit_is_refused() {
    let server = MockLangfuse::builder().max_body(1024).start().unwrap();
    let (status, _) = post_python(&server);
    assert_eq!(status, 413);
}
