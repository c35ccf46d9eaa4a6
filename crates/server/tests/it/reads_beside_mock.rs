//! The read API beside `mock-langfuse`, parameter by parameter: the same rows, fields, pages and refusals.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::beside_mock::{Both, differences};
use crate::samples::{JS, PYTHON, request, span, span_id, trace};
use crate::support::Answer;

/// What the official SDKs sent, and two traces of which each parameter finds a part.
fn filled() -> Both {
    let both = Both::start();
    both.spans(JS);
    let status = both.post(
        "application/x-protobuf",
        "gzip",
        "/api/public/otel/v1/traces",
        PYTHON,
    );
    assert_eq!(status, [200, 200]);
    for n in 1..=2u64 {
        let shared = [
            ("user.id", json!(format!("u{n}"))),
            ("session.id", json!("s")),
            ("langfuse.version", json!("v1")),
            ("langfuse.trace.name", json!("chat")),
            ("langfuse.trace.tags", json!(["a"])),
        ];
        let with = |more: &[(&'static str, Value)]| [&shared[..], more].concat();
        let long = json!("x".repeat(300));
        let (first, id) = (n * 100, trace(n));
        both.spans(&request(&[
            span(
                &id,
                first,
                None,
                &with(&[
                    ("langfuse.trace.metadata.k", long),
                    ("langfuse.observation.input", json!("in")),
                ]),
            ),
            span(
                &id,
                first + 1,
                Some(first),
                &with(&[
                    ("langfuse.observation.type", json!("generation")),
                    ("langfuse.observation.model.name", json!("m")),
                    (
                        "langfuse.observation.usage_details",
                        json!("{\"input\":5,\"output\":2}"),
                    ),
                    (
                        "langfuse.observation.cost_details",
                        json!("{\"input\":0.5}"),
                    ),
                    ("langfuse.observation.prompt.name", json!("p")),
                    ("langfuse.observation.prompt.version", json!(2)),
                ]),
            ),
            span(
                &id,
                first + 2,
                Some(first),
                &with(&[
                    ("langfuse.observation.level", json!("ERROR")),
                    ("langfuse.environment", json!("staging")),
                ]),
            ),
        ]));
    }
    both
}

fn rows(answer: &Answer) -> Vec<Value> {
    let mut rows = answer.json()["data"].as_array().unwrap().clone();
    let times: Vec<&str> = rows
        .iter()
        .filter_map(|row| row.get("startTime").or_else(|| row.get("timestamp")))
        .map(|time| time.as_str().unwrap())
        .collect();
    assert!(
        times.is_sorted_by(|a, b| a >= b),
        "the newest first: {times:?}"
    );
    // Each server has its own time for a score.
    for row in &mut rows {
        row.as_object_mut().unwrap().remove("timestamp");
    }
    // Of one millisecond in any order.
    rows.sort_by_key(|row| (row["traceId"].to_string(), row["id"].to_string()));
    rows
}

/// The number of rows that both have, with the same fields; `None` if both refuse.
fn alike(both: &Both, path: &str) -> Option<usize> {
    let [ours, theirs] = both.calls().map(|call| call.send("GET", path, b""));
    assert_eq!(
        ours.status, theirs.status,
        "{path}: {} {}",
        ours.body, theirs.body
    );
    if ours.status != 200 {
        let (ours, theirs) = (ours.json(), theirs.json());
        let kind = |body: &Value| (body["message"].clone(), body["error"].is_array());
        assert_eq!(kind(&ours), kind(&theirs), "{path}: {ours} {theirs}");
        return None;
    }
    let has_more = |answer: &Answer| answer.json()["meta"].get("cursor").is_some();
    assert_eq!(has_more(&ours), has_more(&theirs), "{path}");
    let (ours, theirs) = (rows(&ours), rows(&theirs));
    assert_eq!(ours.len(), theirs.len(), "{path}");
    let found = differences(&ours, &theirs);
    assert!(found.is_empty(), "{path}: {found:#?}");
    Some(ours.len())
}

#[test]
fn observations_are_found_by_each_parameter_alike() {
    let both = filled();
    let parent = format!("parentObservationId={}", span_id(100));
    let of_trace = format!("traceId={}&limit=1000", trace(1));
    let mut found = BTreeSet::new();
    for query in [
        "limit=1000",
        &of_trace,
        "traceId=none",
        "traceId=",
        "name=span+101",
        "type=GENERATION",
        "type=EVENT",
        "level=ERROR",
        "level=DEBUG",
        "userId=u1",
        "userId=user-42",
        "userId=",
        "sessionId=s",
        "version=v1",
        "environment=staging",
        "environment=staging&environment=default",
        "parentObservationId=",
        &parent,
        "isRootObservation=true",
        "isRootObservation=false",
        "fromStartTime=2026-11-18T11:08:00.000Z",
        "toStartTime=2026-11-18T11:08:00.000Z",
        "fromStartTime=2026-11-18T11:08:00Z&toStartTime=2026-11-18T11:08:31%2B00:00",
        "limit=0",
        "limit=",
        "limit=1000&type=GENERATION&level=DEFAULT&userId=u2",
    ] {
        let path = format!("/api/public/v2/observations?{query}");
        found.insert(alike(&both, &path).unwrap_or_else(|| panic!("{query} is refused")));
    }
    assert!(
        found.len() > 5,
        "the parameters make a difference: {found:?}"
    );
    for query in [
        "type=",
        "type=generation",
        "level=",
        "level=error",
        "isRootObservation=",
        "isRootObservation=1",
        "fromStartTime=",
        "fromStartTime=2026-11-18",
        "toStartTime=yesterday",
        "limit=-1",
        "limit=1.5",
        "limit=1001",
        "limit=many",
        "cursor=",
        "cursor=abc",
        "parseIoAsJson=true",
        "filter=%7B",
        "name=a&name=b",
    ] {
        let path = format!("/api/public/v2/observations?{query}");
        assert_eq!(alike(&both, &path), None, "{query}");
    }
}

#[test]
fn each_group_of_fields_is_shown_alike() {
    let both = filled();
    for groups in [
        "",
        "core",
        "basic",
        "time",
        "io",
        "metadata",
        "metadata&expandMetadata=k",
        "metadata,io",
        "model",
        "usage",
        "prompt",
        "metrics",
        "trace_context",
        "core,+basic,,unknown",
    ] {
        let path = format!("/api/public/v2/observations?limit=1000&fields={groups}");
        assert!(alike(&both, &path).is_some_and(|rows| rows > 6), "{groups}");
    }
}

#[test]
fn pages_have_every_observation_once_alike() {
    let both = filled();
    let read = both.calls().map(|call| {
        let mut ids = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/api/public/v2/observations?limit=2{cursor}");
            let answer = call.clone().send("GET", &path, b"").json();
            let page = answer["data"].as_array().unwrap();
            ids.extend(page.iter().map(|row| row["id"].to_string()));
            match answer["meta"]["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let once: BTreeSet<String> = ids.iter().cloned().collect();
        assert_eq!(once.len(), ids.len(), "{ids:?}");
        once
    });
    assert_eq!(read[0], read[1]);
    assert!(read[0].len() > 8, "{read:?}");
}

#[test]
fn scores_are_found_by_each_parameter_alike() {
    let both = Both::start();
    for (n, body) in [
        json!({"traceId": "t1", "name": "quality", "value": 0.5, "metadata": {"a": 1}}),
        json!({"traceId": "t1", "name": "good", "value": 1, "dataType": "BOOLEAN", "comment": "c"}),
        json!({"traceId": "t2", "name": "good", "value": 0, "dataType": "BOOLEAN"}),
        json!({"traceId": "t2", "observationId": "o", "name": "mood", "value": "sad", "environment": "staging"}),
        json!({"sessionId": "s", "name": "words", "value": "text", "dataType": "TEXT"}),
        json!({"traceId": "t3", "name": "quality", "value": 2}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = body;
        body["id"] = json!(format!("s{n}"));
        let body = body.to_string();
        let status = both.post("application/json", "", "/api/public/scores", body.as_bytes());
        assert_eq!(status, [200, 200], "{body}");
    }
    for (query, count) in [
        ("", Some(6)),
        ("limit=2", Some(2)),
        ("id=s0,s4", Some(2)),
        ("name=good", Some(2)),
        ("name=good,+mood", Some(3)),
        ("traceId=t1,t2", Some(4)),
        ("traceId=t2&observationId=o", Some(1)),
        ("sessionId=s", Some(1)),
        ("environment=staging", Some(1)),
        ("configId=none", Some(0)),
        ("queueId=none", Some(0)),
        ("dataType=boolean", Some(2)),
        ("dataType=NUMERIC,TEXT", Some(3)),
        ("source=api", Some(6)),
        ("source=EVAL", Some(0)),
        ("dataType=NUMERIC&value=0.5", Some(1)),
        ("dataType=NUMERIC&value=0.5,2", Some(2)),
        ("dataType=BOOLEAN&value=true", Some(1)),
        ("dataType=CATEGORICAL&value=sad", Some(1)),
        ("dataType=NUMERIC&valueMin=1", Some(1)),
        ("dataType=NUMERIC&valueMax=1", Some(1)),
        ("dataType=NUMERIC&valueMin=0.5&valueMax=2", Some(2)),
        ("fromTimestamp=2020-01-01T00:00:00Z", Some(6)),
        ("toTimestamp=2020-01-01T00:00:00Z", Some(0)),
        ("fields=details", Some(6)),
        ("fields=core,subject,annotation", Some(6)),
        ("value=0.5", None),
        ("dataType=NUMERIC&value=true", None),
        ("valueMin=1", None),
        ("valueMin=much&dataType=NUMERIC", None),
        ("dataType=FOO", None),
        ("source=ME", None),
        ("observationId=o", None),
        ("traceId=t1&sessionId=s", None),
        ("fields=nothing", None),
        ("limit=0", None),
        ("limit=101", None),
        ("unknown=1", None),
        ("cursor=abc", None),
    ] {
        let path = format!("/api/public/v3/scores?{query}");
        assert_eq!(alike(&both, &path), count, "{query}");
    }
}

#[test]
fn what_sdks_ask_at_their_start_is_answered_alike() {
    let both = Both::start();
    for path in ["health", "ready", "projects", "score-configs"] {
        let [ours, theirs] = both.calls().map(|call| {
            let answer = call.send("GET", &format!("/api/public/{path}"), b"");
            let body = answer.json();
            let first = body.pointer("/data/0").unwrap_or(&body).clone();
            let keys: BTreeSet<String> = first.as_object().unwrap().keys().cloned().collect();
            (answer.status, keys, body["status"].clone())
        });
        assert_eq!((ours.0, &ours.2), (theirs.0, &theirs.2), "{path}");
        // This server may answer with more fields.
        assert!(ours.1.is_superset(&theirs.1), "{path}: {ours:?} {theirs:?}");
    }
}
