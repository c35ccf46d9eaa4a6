//! Announcements of media that the server refuses, and what it does with an upload that was finished.

use mock_langfuse::MockLangfuse;
use serde_json::{Value, json};

use crate::support::Call;

const HASH: &str = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";

fn announcement(fields: &Value) -> Value {
    let mut all = json!({ "contentType": "image/png", "contentLength": 5, "sha256Hash": HASH, "traceId": "t", "observationId": null, "field": "input" });
    for (key, value) in fields.as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

fn send(server: &MockLangfuse, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let call = Call::to(server).with("content-type", "application/json");
    let (status, body) = call
        .send(
            method,
            &format!("/api/public/media{path}"),
            body.to_string().as_bytes(),
        )
        .unwrap();
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

#[test]
fn an_announcement_is_checked() {
    let server = MockLangfuse::start();
    for (name, fields, status) in [
        ("good", json!({}), 201),
        ("text/plain", json!({ "contentType": "text/plain" }), 201),
        (
            "media type odd",
            json!({ "contentType": "image/x-odd" }),
            400,
        ),
        (
            "media type upper",
            json!({ "contentType": "IMAGE/PNG" }),
            400,
        ),
        (
            "media type charset",
            json!({ "contentType": "text/plain; charset=utf-8" }),
            400,
        ),
        (
            "media hash 44 bad",
            json!({ "sha256Hash": "!".repeat(44) }),
            400,
        ),
        ("hash short", json!({ "sha256Hash": "abc" }), 400),
        ("length 0", json!({ "contentLength": 0 }), 400),
        ("length 1.5", json!({ "contentLength": 1.5 }), 400),
        (
            "length too large",
            json!({ "contentLength": 1_000_000_001_u64 }),
            400,
        ),
        ("field", json!({ "field": "other" }), 400),
        ("no trace", json!({ "traceId": null }), 400),
        ("observation number", json!({ "observationId": 5 }), 400),
    ] {
        let (got, body) = send(&server, "POST", "", &announcement(&fields));
        assert_eq!(got, status, "{name}: {body}");
    }
}

#[test]
fn an_upload_is_finished_with_a_date_and_a_status() {
    let server = MockLangfuse::start();
    let (_, first) = send(&server, "POST", "", &announcement(&json!({})));
    let path = format!("/{}", first["mediaId"].as_str().unwrap());
    assert!(first["uploadUrl"].is_string());
    let done = json!({ "uploadedAt": "2026-11-27T08:00:00Z", "uploadHttpStatus": 200 });
    for (name, body, status) in [
        (
            "media PATCH bad at",
            json!({ "uploadedAt": "yesterday", "uploadHttpStatus": 200 }),
            400,
        ),
        ("no date", json!({ "uploadHttpStatus": 200 }), 400),
        (
            "status text",
            json!({ "uploadedAt": "2026-11-27T08:00:00Z", "uploadHttpStatus": "200" }),
            400,
        ),
        (
            "failed",
            json!({ "uploadedAt": "2026-11-27T08:00:00Z", "uploadHttpStatus": 500, "uploadHttpError": "x" }),
            200,
        ),
    ] {
        assert_eq!(send(&server, "PATCH", &path, &body).0, status, "{name}");
    }
    assert!(
        send(&server, "POST", "", &announcement(&json!({}))).1["uploadUrl"].is_string(),
        "a failed upload is done again"
    );
    assert_eq!(
        send(&server, "PATCH", &path, &done),
        (200, json!({ "message": "OK" }))
    );
    assert_eq!(
        send(&server, "POST", "", &announcement(&json!({}))).1["uploadUrl"],
        Value::Null
    );
    assert_eq!(send(&server, "PATCH", "/unknown", &done).0, 404);
}
