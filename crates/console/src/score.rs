//! A line per score: time, target, name, value, comment.
//! Called by `exporter` for scores that are in no tree; the JSON form is documented in `json`.

use serde_json::{Map, Value, json};
use tracefuse_exporter::record::{Resource, ScoreRecord, ScoreTarget, ScoreValue, ValueRef};

use crate::paint::{BOLD, DIM, Line, PLAIN};
use crate::sanitize::Sanitized;

/// `13:19:50.504 4bf92f35 score quality = 0.9  because`: like a span's line in the compact format.
pub(crate) fn line(score: &ScoreRecord, width: Option<usize>) -> Line {
    let time = score.timestamp.to_string();
    let target = match &score.target {
        ScoreTarget::Trace(trace) => short(&trace.to_string()),
        ScoreTarget::Observation(trace, span) => {
            format!("{}/{}", short(&trace.to_string()), short(&span.to_string()))
        }
        ScoreTarget::Session(session) => format!("session {session}"),
        ScoreTarget::DatasetRun(run) => format!("experiment {run}"),
        _ => String::new(),
    };
    let mut line = Line::new()
        .with(DIM, Sanitized::new(time.get(11..23).unwrap_or_default()))
        .with(DIM, Sanitized::of(format_args!(" {target} ")))
        .with(PLAIN, Sanitized::own("score "))
        .with(BOLD, Sanitized::new(&score.name))
        .with(PLAIN, Sanitized::of(format_args!(" = {}", score.value)));
    if let Some(comment) = &score.comment {
        line = line.with(DIM, Sanitized::of(format_args!("  {comment}")));
    }
    match width {
        Some(width) => line.cut(width),
        None => line,
    }
}

fn short(id: &str) -> String {
    id.get(..8).unwrap_or_default().to_owned()
}

/// JSON text as JSON, everything else as it is.
fn plain(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        other => json!(other),
    }
}

/// A line of JSON, as `json` documents it.
pub(crate) fn json(score: &ScoreRecord, resource: &Resource) -> Line {
    let value = match &score.value {
        ScoreValue::Numeric(number) if number.is_finite() => json!(number),
        ScoreValue::Boolean(yes) => json!(yes),
        other => json!(other.to_string()),
    };
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    put("schema", json!(1));
    put("score_id", json!(score.id));
    match &score.target {
        ScoreTarget::Trace(trace) => {
            put("trace_id", json!(trace));
        }
        ScoreTarget::Observation(trace, span) => {
            put("trace_id", json!(trace));
            put("span_id", json!(span));
        }
        ScoreTarget::Session(session) => {
            put("session_id", json!(session));
        }
        ScoreTarget::DatasetRun(run) => {
            put("dataset_run_id", json!(run));
        }
        _ => {}
    }
    put("name", json!(score.name));
    put("value", value);
    put("data_type", json!(score.value.data_type()));
    put("time", json!(score.timestamp.to_string()));
    let environment = score.environment.as_ref().or(resource.environment.as_ref());
    for (key, text) in [
        ("comment", score.comment.as_ref()),
        ("config_id", score.config_id.as_ref()),
        ("environment", environment),
    ] {
        if let Some(text) = text {
            put(key, json!(text));
        }
    }
    let metadata: Map<String, Value> = score
        .metadata
        .iter()
        .map(|(key, value)| (key.clone(), plain(value.as_ref())))
        .collect();
    if !metadata.is_empty() {
        put("metadata", Value::Object(metadata));
    }
    Line::new().with(PLAIN, Sanitized::json(&Value::Object(map).to_string()))
}
