//! Scores as the server takes and keeps them.

use mock_langfuse::MockLangfuse;
use serde_json::{Value, json};

use crate::support::Call;

fn post(server: &MockLangfuse, score: &Value) -> (u16, String) {
    Call::to(server)
        .with("content-type", "application/json")
        .post("/api/public/scores", score.to_string().as_bytes())
}

#[test]
fn a_score_of_the_same_id_takes_the_place_of_the_first() {
    let server = MockLangfuse::start();
    for value in [0.1, 0.9] {
        let score = json!({ "id": "s1", "name": "quality", "value": value, "traceId": "t" });
        assert_eq!(post(&server, &score), (200, r#"{"id":"s1"}"#.into()));
    }
    let other = json!({ "name": "quality", "value": "good", "sessionId": "s" });
    assert_eq!(post(&server, &other).0, 200);
    assert_eq!(server.scores().len(), 2);
    assert_eq!(server.scores()[0]["value"], 0.9);
    let (status, body) = Call::to(&server).get("/api/public/v3/scores?sessionId=s");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, body["data"].as_array().unwrap().len()), (200, 1));
}

#[test]
fn what_is_no_score_is_refused() {
    let server = MockLangfuse::start();
    let long = "x".repeat(501);
    for score in [
        json!({ "name": "", "value": 1, "traceId": "t" }),
        json!({ "name": "q", "traceId": "t" }),
        json!({ "name": "q", "value": 1 }),
        json!({ "name": "q", "value": 1, "observationId": "o", "sessionId": "s" }),
        json!({ "name": "q", "value": "high", "dataType": "NUMERIC", "traceId": "t" }),
        json!({ "name": "q", "value": true, "dataType": "BOOLEAN", "traceId": "t" }),
        json!({ "name": "q", "value": 2, "dataType": "BOOLEAN", "traceId": "t" }),
        json!({ "name": "q", "value": 1, "dataType": "CATEGORICAL", "traceId": "t" }),
        json!({ "name": "q", "value": "", "dataType": "TEXT", "traceId": "t" }),
        json!({ "name": "q", "value": long, "dataType": "TEXT", "traceId": "t" }),
        json!({ "name": "q", "value": 1, "dataType": "numeric", "traceId": "t" }),
        json!({ "name": "q", "value": 1, "traceId": 7 }),
        json!([]),
    ] {
        assert_eq!(post(&server, &score).0, 400, "{score}");
    }
    assert!(server.scores().is_empty());
}
