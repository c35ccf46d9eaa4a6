//! Queries of the read API that the server refuses, and those that it takes.

use mock_langfuse::MockLangfuse;
use serde_json::Value;

use crate::support::{Call, JS, OTLP};

#[test]
fn a_query_for_observations_is_checked() {
    let server = MockLangfuse::start();
    let call = Call::to(&server).with("content-type", "application/json");
    assert_eq!(call.post(OTLP, JS).0, 200);
    for (query, status, found, words) in [
        ("limit=0", 200, 0, ""),
        ("limit=1000", 200, 5, ""),
        ("limit=1001", 400, 0, "Too big"),
        ("limit=-1", 400, 0, ""),
        ("limit=x", 400, 0, ""),
        ("cursor=abc", 400, 0, "Invalid cursor format"),
        ("cursor=1", 400, 0, "Invalid cursor format"),
        ("cursor=e30", 400, 0, "Invalid request data"),
        ("type=GENERATION", 200, 1, ""),
        ("type=generation", 400, 0, "Invalid option"),
        ("type=NOPE", 400, 0, "Invalid option"),
        ("level=ERROR", 200, 1, ""),
        ("level=error", 400, 0, "Invalid option"),
        ("level=NOPE", 400, 0, "Invalid option"),
        ("parseIoAsJson=false", 200, 5, ""),
        (
            "parseIoAsJson=true",
            400,
            0,
            "no longer supported on the v2 observations endpoint",
        ),
        ("isRootObservation=true", 200, 1, ""),
        ("isRootObservation=yes", 400, 0, "Invalid option"),
        ("fromStartTime=2026-11-23T00:00:00Z", 200, 5, ""),
        ("toStartTime=2026-11-23T00:00:00%2B00:00", 200, 0, ""),
        ("fromStartTime=x", 400, 0, "Invalid ISO datetime"),
        ("fromStartTime=2026-11-23", 400, 0, "Invalid ISO datetime"),
        ("filter=x", 400, 0, "Invalid JSON in filter parameter"),
        ("name=llm", 200, 1, ""),
        ("name=llm&name=lookup", 400, 0, "Invalid request data"),
        ("parentObservationId=", 200, 1, ""),
        ("environment=staging&environment=default", 200, 5, ""),
        ("fields=nope,core", 200, 5, ""),
    ] {
        let (got, body) = Call::to(&server).get(&format!("/api/public/v2/observations?{query}"));
        assert_eq!(got, status, "{query}: {body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        if status == 200 {
            assert_eq!(body["data"].as_array().unwrap().len(), found, "{query}");
        }
        assert!(body.to_string().contains(words), "{query}: {body}");
    }
}

#[test]
fn keys_are_asked_for_before_a_query_is_looked_at() {
    let server = MockLangfuse::start();
    for (key, status) in [("", 401), ("Bearer x", 401), ("Bearer pk-lf-mock", 403)] {
        let call = Call::to(&server).with("authorization", key);
        assert_eq!(
            call.get("/api/public/v2/observations?limit=x").0,
            status,
            "{key}"
        );
    }
}
