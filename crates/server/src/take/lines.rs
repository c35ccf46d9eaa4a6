//! Lines of a file that is imported: OTLP, Langfuse's batch API, or the console's JSON lines.
//! Called by the command line, through `take`.

use serde_json::{Map, Value, json};

use super::event::REFUSED;
use super::{TakeError, Taken, batch, otlp_json, parse_json};
use crate::store::Kind;

/// Reads a line: a request of OTLP in JSON (`resourceSpans`), a batch of Langfuse's batch API (`batch`), or a span or score as
/// the console writes it (`schema`).
///
/// ```
/// let line = r#"{"schema": 1, "trace_id": "0af7651916cd43dd8448eb211c80319c", "span_id": "00f067aa0ba902b7",
///     "name": "answer", "type": "generation", "start_time": "2026-11-27T12:00:00Z"}"#;
/// let taken = tracefuse_server::take::line(line.as_bytes())?;
/// assert_eq!(taken.changes.len(), 2); // the trace and the span
/// # Ok::<(), tracefuse_server::take::TakeError>(())
/// ```
///
/// # Errors
/// It is none of these.
pub fn line(line: &[u8]) -> Result<Taken, TakeError> {
    let document: Value =
        parse_json(line).map_err(|error| TakeError(format!("it is not JSON: {error}")))?;
    let Some(fields) = document.as_object() else {
        return Err(TakeError("it is no JSON object".to_owned()));
    };
    if fields.contains_key("resourceSpans") || fields.contains_key("resource_spans") {
        return otlp_json(line);
    }
    if fields.contains_key("batch") {
        return batch(line).map(of_a_file);
    }
    match fields.get("schema").and_then(Value::as_u64) {
        Some(1) => super::events(&json!({ "batch": console(fields) })).map(of_a_file),
        Some(schema) => Err(TakeError(format!(
            "it is of schema {schema} of the console's JSON lines, where this version reads schema 1: update the program"
        ))),
        None => Err(TakeError(
            "it has none of the fields resourceSpans (OTLP), batch (Langfuse) and schema (JSON lines of the console)"
                .to_owned(),
        )),
    }
}

/// The line was not sent by the batch API, so the note about that API is left out.
fn of_a_file(mut taken: Taken) -> Taken {
    for change in &mut taken.changes {
        if let Kind::Observation(patch) = &mut change.0 {
            patch.notes.retain(|note| note != REFUSED);
        }
    }
    taken
}

/// A line of the console as events of the batch API.
fn console(line: &Map<String, Value>) -> Vec<Value> {
    let at = |key: &str| line.get(key).cloned().unwrap_or(Value::Null);
    if line.contains_key("score_id") {
        return vec![event(
            "score-create",
            &at("time"),
            json!({
                "id": at("score_id"),
                "name": at("name"),
                "value": at("value"),
                "dataType": at("data_type"),
                "traceId": at("trace_id"),
                "observationId": at("span_id"),
                "sessionId": at("session_id"),
                "comment": at("comment"),
                "configId": at("config_id"),
                "environment": at("environment"),
                "metadata": at("metadata"),
                "timestamp": at("time"),
            }),
        )];
    }
    let of = |object: &str, key: &str| {
        let inner = line.get(object).and_then(|object| object.get(key));
        inner.cloned().unwrap_or(Value::Null)
    };
    let start = at("start_time");
    let mut events = Vec::new();
    let is_root = at("parent_span_id").is_null();
    let of_root = |value: Value| if is_root { value } else { Value::Null };
    let trace = json!({
        "id": at("trace_id"),
        "name": of("trace", "name"),
        "userId": of("trace", "user_id"),
        "sessionId": of("trace", "session_id"),
        "tags": of("trace", "tags"),
        "metadata": of("trace", "metadata"),
        "version": of("trace", "version"),
        "release": of("trace", "release"),
        "environment": of("trace", "environment"),
        "public": of("trace", "public"),
        "timestamp": of_root(start.clone()),
        "input": of_root(at("input")),
        "output": of_root(at("output")),
    });
    events.push(event("trace-create", &start, trace));
    let mut metadata = at("metadata");
    if let Some(exceptions) = line.get("exceptions") {
        let mut fields = match metadata {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        fields.insert("exceptions".to_owned(), exceptions.clone());
        metadata = fields.into();
    }
    let kind = at("type");
    let kind = format!("{}-create", kind.as_str().unwrap_or("span"));
    events.push(event(
        &kind,
        &start,
        json!({
            "id": at("span_id"),
            "traceId": at("trace_id"),
            "parentObservationId": at("parent_span_id"),
            "name": at("name"),
            "startTime": start,
            "endTime": at("end_time"),
            "completionStartTime": at("completion_start_time"),
            "level": at("level"),
            "statusMessage": at("status_message"),
            "model": at("model"),
            "modelParameters": at("model_parameters"),
            "usageDetails": at("usage"),
            "costDetails": at("cost"),
            "promptName": of("prompt", "name"),
            "promptVersion": of("prompt", "version"),
            "input": at("input"),
            "output": at("output"),
            "metadata": metadata,
            "environment": of("trace", "environment"),
        }),
    ));
    for inner in line
        .get("events")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let at = |key: &str| inner.get(key).cloned().unwrap_or(Value::Null);
        events.push(event(
            "event-create",
            &at("time"),
            json!({
                "id": at("id"),
                "traceId": line.get("trace_id"),
                "parentObservationId": line.get("span_id"),
                "name": at("name"),
                "startTime": at("time"),
                "level": at("level"),
                "input": at("input"),
                "output": at("output"),
                "metadata": at("metadata"),
            }),
        ));
    }
    events
}

fn event(kind: &str, time: &Value, mut body: Value) -> Value {
    if let Value::Object(fields) = &mut body {
        fields.retain(|_, value| !value.is_null());
    }
    let id = body.get("id").cloned().unwrap_or_default();
    json!({ "id": id, "type": kind, "timestamp": time, "body": body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_line_of_the_batch_api_has_its_note() {
        let span = r#"{"schema": 1, "trace_id": "t", "span_id": "s", "name": "a", "start_time": "2026-11-27T12:00:00Z"}"#;
        let batch = r#"{"batch": [{"id": "1", "type": "span-create", "timestamp": "2026-11-27T12:00:00Z",
            "body": {"id": "s", "traceId": "t", "level": "error"}}]}"#;
        for (line, expected) in [(span, 0), (batch, 1)] {
            let taken = super::line(line.as_bytes()).unwrap();
            let notes = taken.changes.iter().filter_map(|change| match &change.0 {
                Kind::Observation(patch) => Some(patch.notes.len()),
                _ => None,
            });
            assert_eq!(notes.collect::<Vec<_>>(), [expected], "{line}");
        }
    }

    #[test]
    fn a_line_that_is_none_says_what_is_missing() {
        for (line, said) in [
            ("", "it is not JSON"),
            ("[]", "no JSON object"),
            ("{}", "none of the fields"),
            (r#"{"schema": 2}"#, "schema 2"),
            (r#"{"schema": "1"}"#, "none of the fields"),
            (r#"{"batch": 1}"#, "batch"),
        ] {
            let error = super::line(line.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(said), "{line}: {error}");
        }
    }
}
