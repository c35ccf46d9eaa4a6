//! Scores as the server takes, keeps and shows them.

use mock_langfuse::{MockLangfuse, Scenario};
use serde_json::{Value, json};

use crate::support::Call;

fn post(server: &MockLangfuse, score: &Value) -> (u16, String) {
    Call::to(server)
        .with("content-type", "application/json")
        .post("/api/public/scores", score.to_string().as_bytes())
}

fn list(server: &MockLangfuse, query: &str) -> (u16, Value) {
    let (status, body) = Call::to(server).get(&format!("/api/public/v3/scores?{query}"));
    (status, serde_json::from_str(&body).unwrap())
}

fn names(list: &Value) -> Vec<&str> {
    let scores = list["data"].as_array().unwrap().iter();
    scores
        .map(|score| score["name"].as_str().unwrap())
        .collect()
}

#[test]
fn a_score_of_the_same_id_takes_the_place_of_the_first() {
    let server = MockLangfuse::start();
    for (value, trace) in [(0.1, "t"), (0.9, "other")] {
        let score = json!({ "id": "s1", "name": "quality", "value": value, "traceId": trace });
        assert_eq!(post(&server, &score), (200, r#"{"id":"s1"}"#.into()));
    }
    let other = json!({ "name": "quality", "value": "good", "sessionId": "s" });
    assert_eq!(post(&server, &other).0, 200);
    assert_eq!(server.scores().len(), 2);
    assert_eq!(server.scores()[0]["value"], 0.9);
    assert_eq!(
        server.scores()[0]["traceId"],
        "t",
        "a score stays at its trace"
    );
    assert_eq!(
        list(&server, "sessionId=s").1["data"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn what_is_no_score_is_refused() {
    let server = MockLangfuse::start();
    let score = |fields: Value| {
        let mut score = json!({ "name": "q", "value": 1, "traceId": "t" });
        for (key, value) in fields.as_object().unwrap() {
            score[key] = value.clone();
        }
        score
    };
    for (name, score) in [
        ("name empty", score(json!({ "name": "" }))),
        ("no value", json!({ "name": "q", "traceId": "t" })),
        ("no target", json!({ "name": "q", "value": 1 })),
        (
            "observation alone",
            score(json!({ "traceId": null, "observationId": "o", "sessionId": "s" })),
        ),
        (
            "numeric text",
            score(json!({ "value": "high", "dataType": "NUMERIC" })),
        ),
        (
            "boolean true",
            score(json!({ "value": true, "dataType": "BOOLEAN" })),
        ),
        (
            "boolean 2",
            score(json!({ "value": 2, "dataType": "BOOLEAN" })),
        ),
        (
            "categorical number",
            score(json!({ "value": 1, "dataType": "CATEGORICAL" })),
        ),
        (
            "text empty",
            score(json!({ "value": "", "dataType": "TEXT" })),
        ),
        (
            "text long",
            score(json!({ "value": "x".repeat(501), "dataType": "TEXT" })),
        ),
        ("type lower", score(json!({ "dataType": "numeric" }))),
        ("type null", score(json!({ "dataType": null }))),
        ("trace number", score(json!({ "traceId": 7 }))),
        ("score trace empty", score(json!({ "traceId": "" }))),
        ("score session+trace", score(json!({ "sessionId": "s" }))),
        ("score trace+run", score(json!({ "datasetRunId": "r" }))),
        (
            "score session empty",
            score(json!({ "traceId": null, "sessionId": "" })),
        ),
        ("score id long", score(json!({ "id": "x".repeat(801) }))),
        ("score env int", score(json!({ "environment": 5 }))),
        ("score env null", score(json!({ "environment": null }))),
        ("score source", score(json!({ "source": "ANNOTATION" }))),
        ("source unknown", score(json!({ "source": "EVAL" }))),
        (
            "correction with config",
            score(json!({ "value": "x", "dataType": "CORRECTION", "configId": "c" })),
        ),
        ("list", json!([])),
    ] {
        let (status, body) = post(&server, &score);
        assert_eq!(status, 400, "{name}: {body}");
    }
    assert!(server.scores().is_empty());
    let target = post(&server, &score(json!({ "sessionId": "s" }))).1;
    assert!(
        target.contains("Provide exactly one of the following: traceId"),
        "{target}"
    );
    let large = score(json!({ "comment": "x".repeat(1 << 20) }));
    assert_eq!(
        post(&server, &large),
        (413, "Body exceeded 1mb limit".into())
    );
    assert!(server.scores().is_empty());
}

#[test]
fn the_public_key_alone_may_send_scores() {
    let server = MockLangfuse::start();
    let score = json!({ "name": "q", "value": 1, "traceId": "t" }).to_string();
    for (key, status) in [("Bearer pk-lf-mock", 200), ("Bearer x", 401)] {
        let call = Call::to(&server)
            .with("content-type", "application/json")
            .with("authorization", key);
        assert_eq!(
            call.post("/api/public/scores", score.as_bytes()).0,
            status,
            "{key}"
        );
    }
}

#[test]
fn a_score_that_the_worker_drops_is_answered_and_not_stored() {
    let server = MockLangfuse::builder()
        .score_config("known")
        .start()
        .unwrap();
    for (fields, stored) in [
        (
            json!({ "name": "q", "value": 1, "traceId": "t", "configId": "unknown" }),
            0,
        ),
        (
            json!({ "name": "q", "value": "x", "dataType": "CORRECTION", "sessionId": "s" }),
            0,
        ),
        (
            json!({ "name": "q", "value": "x", "dataType": "CORRECTION", "traceId": "t" }),
            1,
        ),
        (
            json!({ "name": "q", "value": 1, "traceId": "t", "configId": "known", "source": "ANNOTATION" }),
            2,
        ),
    ] {
        assert_eq!(post(&server, &fields).0, 200, "{fields}");
        assert_eq!(server.scores().len(), stored, "{fields}");
    }
    assert_eq!(
        server.scores()[0]["name"],
        "output",
        "the name of a correction"
    );
}

#[test]
fn scores_are_shown_newest_first_with_their_subject_if_asked_for() {
    let server = MockLangfuse::start();
    for score in [
        json!({ "id": "1", "name": "first", "value": 1, "dataType": "BOOLEAN", "traceId": "t", "environment": "Prod.EU" }),
        json!({ "id": "2", "name": "second", "value": 0, "dataType": "BOOLEAN", "traceId": "t", "observationId": "o" }),
        json!({ "id": "3", "name": "third", "value": 2.0, "sessionId": "s", "comment": "c", "metadata": { "a": { "b": "5" } }, "environment": "Staging" }),
    ] {
        assert_eq!(post(&server, &score).0, 200);
    }
    let (status, all) = list(&server, "fields=details,subject");
    assert_eq!(
        (status, names(&all)),
        (200, vec!["third", "second", "first"])
    );
    let (third, second, first) = (&all["data"][0], &all["data"][1], &all["data"][2]);
    assert_eq!(
        (&third["value"], &third["dataType"], &third["environment"]),
        (&json!(2), &json!("NUMERIC"), &json!("staging"))
    );
    assert_eq!(
        (&third["comment"], &third["metadata"]),
        (&json!("c"), &json!({ "a": { "b": "5" } }))
    );
    assert_eq!(third["subject"], json!({ "kind": "session", "id": "s" }));
    assert_eq!(
        (&second["value"], &second["subject"]),
        (
            &json!(false),
            &json!({ "kind": "observation", "id": "o", "traceId": "t" })
        )
    );
    assert_eq!(
        (&first["value"], &first["environment"]),
        (&json!(true), &json!("default"))
    );
    let core = &list(&server, "").1["data"][0];
    for (field, is_there) in [
        ("timestamp", true),
        ("source", true),
        ("projectId", true),
        ("createdAt", true),
        ("traceId", false),
        ("subject", false),
        ("comment", false),
    ] {
        assert_eq!(
            core.as_object().unwrap().contains_key(field),
            is_there,
            "{field}"
        );
    }
    let mut cursor = String::new();
    let mut pages = Vec::new();
    for _ in 0..3 {
        let (_, page) = list(&server, &format!("limit=1{cursor}"));
        pages.push(names(&page).join(","));
        cursor = format!(
            "&cursor={}",
            page["meta"]["cursor"].as_str().unwrap_or_default()
        );
    }
    assert_eq!(pages, ["third", "second", "first"]);
}

#[test]
fn a_query_for_scores_is_checked() {
    let server = MockLangfuse::start();
    for name in ["a", "b"] {
        post(
            &server,
            &json!({ "name": name, "value": 1, "traceId": name }),
        );
    }
    for (query, status, found) in [
        ("limit=100", 200, 2),
        ("limit=1001", 400, 0),
        ("limit=0", 400, 0),
        ("dataType=FOO", 400, 0),
        ("dataType=numeric", 200, 2),
        ("observationId=o", 400, 0),
        ("observationId=o&traceId=a", 200, 0),
        ("traceId=a&sessionId=s", 400, 0),
        ("traceId=a,b", 200, 2),
        ("name=a", 200, 1),
        ("userId=u", 400, 0),
        ("fields=nope", 400, 0),
        ("unknown=1", 400, 0),
        ("cursor=abc", 400, 0),
        ("value=1", 400, 0),
        ("value=1&dataType=NUMERIC", 200, 2),
        ("valueMin=2&dataType=NUMERIC", 200, 0),
        ("fromTimestamp=soon", 400, 0),
        ("fromTimestamp=2026-01-01", 200, 2),
    ] {
        let (got, body) = list(&server, query);
        assert_eq!(got, status, "{query}: {body}");
        if status == 200 {
            assert_eq!(names(&body).len(), found, "{query}");
        }
    }
}

#[test]
fn a_server_of_4_59_takes_scores_as_a_list() {
    let server = MockLangfuse::start();
    let good = json!({ "id": "1", "name": "q", "value": 1, "traceId": "t", "timestamp": "2026-11-01T00:00:00Z" });
    let bad = json!({ "name": "q", "value": 1 });
    assert_eq!(
        post(&server, &json!([good])).0,
        400,
        "4.16.0 takes one object"
    );
    let scenario: Scenario = "server_version = \"4.59.0\"".parse().unwrap();
    assert_eq!(scenario, Scenario::new().server_version("4.59.0"));
    server.set_scenario(scenario);
    assert!(
        Call::to(&server)
            .get("/api/public/health")
            .1
            .contains("4.59.0")
    );
    assert_eq!(
        post(&server, &json!([good])),
        (202, r#"{"message":"Accepted"}"#.into())
    );
    let (status, body) = post(
        &server,
        &json!([bad, json!({ "name": "r", "value": 2, "sessionId": "s" }), 5]),
    );
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &body["accepted"], &body["rejected"]),
        (207, &json!(1), &json!(2))
    );
    assert_eq!(body["errors"].as_array().unwrap().len(), 2);
    assert_eq!(
        post(
            &server,
            &json!({ "name": "one", "value": 1, "traceId": "t" })
        )
        .0,
        200
    );
    assert_eq!(names(&list(&server, "").1), ["one", "r", "q"]);
    let first = &list(&server, "name=q").1["data"][0];
    assert_eq!(
        first["timestamp"], "2026-11-01T00:00:00.000Z",
        "a score of a list may bring its time"
    );
}
