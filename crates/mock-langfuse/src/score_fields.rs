//! The fields of a stored score, as the read API shows them.
//! Called by `score_list`.

use serde_json::{Map, Value, json};

use crate::arrivals::Score;
use crate::js;
use crate::time::iso;

/// What scores are sorted by.
pub(crate) fn place(score: &Score) -> (i64, &str) {
    (score.timestamp, text(score, "id").unwrap_or_default())
}

fn text<'a>(score: &'a Score, key: &str) -> Option<&'a str> {
    score
        .body
        .get(key)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// The type that was given, or that of the value.
pub(crate) fn kind(score: &Score) -> &str {
    let is_number = score.body.get("value").is_some_and(Value::is_number);
    text(score, "dataType").unwrap_or(if is_number { "NUMERIC" } else { "CATEGORICAL" })
}

pub(crate) fn source(score: &Score) -> &str {
    text(score, "source").unwrap_or("API")
}

/// The value of its type: true and false of a boolean score.
pub(crate) fn value(score: &Score) -> Value {
    let value = score.body.get("value").cloned().unwrap_or_default();
    match kind(score) {
        "BOOLEAN" => (value.as_f64() == Some(1.0)).into(),
        _ => value.as_f64().map_or(value, js::number),
    }
}

pub(crate) fn shown(score: &Score, groups: &[&str]) -> Value {
    let or_null = |key: &str| score.body.get(key).cloned().unwrap_or_default();
    let (time, updated) = (iso(score.timestamp), iso(score.updated));
    let mut all = json!({
        "id": text(score, "id"), "projectId": "mock-project", "name": text(score, "name"), "dataType": kind(score),
        "value": value(score), "source": source(score), "timestamp": time, "environment": or_null("environment"),
        "createdAt": time, "updatedAt": updated,
    });
    if groups.contains(&"details") {
        all["comment"] = or_null("comment");
        all["configId"] = or_null("configId");
        all["metadata"] = metadata(&or_null("metadata")).into();
    }
    if groups.contains(&"annotation") {
        all["authorUserId"] = Value::Null;
        all["queueId"] = or_null("queueId");
    }
    if groups.contains(&"subject") {
        all["subject"] = subject(score);
    }
    all
}

/// An object by its keys; everything else under `metadata`.
fn metadata(given: &Value) -> Map<String, Value> {
    let shown = |value: &Value| match value {
        Value::String(text) => js::shown(text),
        other => js::shown(&js::stringify(other)),
    };
    match given {
        Value::Null => Map::new(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), shown(value)))
            .collect(),
        other => Map::from_iter([("metadata".to_owned(), shown(other))]),
    }
}

/// What a score is of.
fn subject(score: &Score) -> Value {
    let trace = text(score, "traceId");
    if let Some(run) = text(score, "datasetRunId") {
        return json!({ "kind": "experiment", "id": run });
    }
    if let Some(observation) = text(score, "observationId") {
        return json!({ "kind": "observation", "id": observation, "traceId": trace });
    }
    match text(score, "sessionId") {
        Some(session) => json!({ "kind": "session", "id": session }),
        None => json!({ "kind": "trace", "id": trace }),
    }
}
