//! What a server has of our spans: their identities, to find each again, and their contents, to compare two runs.
//! Used by `relay`.

use std::collections::{BTreeMap, BTreeSet};

use mock_langfuse::{MockLangfuse, Observation};
use serde_json::{Map, Value, json};

/// Trace, parent, start and end: what identifies a span beside its content.
pub(super) type Identity = (String, Option<String>, u64, u64);

/// By span id. An event is a span to the Langfuse exporter alone.
pub(super) fn identities(server: &MockLangfuse) -> BTreeMap<String, Identity> {
    let rows = server
        .observations()
        .into_iter()
        .filter(|row| row.kind != "EVENT");
    rows.map(|row| {
        (
            row.id,
            (row.trace_id, row.parent_id, row.start_ns, row.end_ns),
        )
    })
    .collect()
}

/// How often each span is there, as text of the names above it and all that it says, without ids and times.
pub(super) type Spans = BTreeMap<String, usize>;

/// For everything that a server has.
pub(super) fn contents(server: &MockLangfuse) -> Spans {
    let rows = server.observations();
    let by_id: BTreeMap<&str, &Observation> =
        rows.iter().map(|row| (row.id.as_str(), row)).collect();
    let mut spans = Spans::new();
    for row in &rows {
        *spans.entry(content(row, &by_id)).or_default() += 1;
    }
    spans
}

fn content(row: &Observation, by_id: &BTreeMap<&str, &Observation>) -> String {
    let mut fields = match serde_json::to_value(row) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    for own in ["id", "traceId", "parentObservationId"] {
        fields.remove(own);
    }
    fields.insert("attributes".to_owned(), json!(row.attributes));
    fields.insert("events".to_owned(), json!(row.span_events));
    let mut path = row.name.clone();
    let mut above = row;
    // A circle of parents ends as well.
    for _ in 0..by_id.len() {
        let Some(parent) = &above.parent_id else {
            break;
        };
        let Some(row) = by_id.get(parent.as_str()) else {
            path.insert_str(0, "? / ");
            break;
        };
        path = format!("{} / {path}", row.name);
        above = row;
    }
    let mut fields = Value::Object(fields);
    blur(&mut fields);
    format!("{path} {fields}")
}

/// The moment of the first token differs in each run; that there is one does not.
fn blur(value: &mut Value) {
    const MOMENTS: [&str; 3] = [
        "completionStartTime",
        "completion_start_time",
        "time_to_first_chunk",
    ];
    for (key, value) in value.as_object_mut().into_iter().flatten() {
        if MOMENTS.iter().any(|moment| key.ends_with(moment)) {
            *value = json!(!value.is_null());
        } else {
            blur(value);
        }
    }
}

/// Lines of what one has and the other has not.
pub(super) fn difference(direct: &Spans, through: &Spans) -> Vec<String> {
    let count = |spans: &Spans, span: &str| spans.get(span).copied().unwrap_or(0);
    let all: BTreeSet<&String> = direct.keys().chain(through.keys()).collect();
    all.into_iter()
        .filter(|span| count(direct, span) != count(through, span))
        .map(|span| {
            let (direct, through) = (count(direct, span), count(through, span));
            let span: String = span.chars().take(600).collect();
            format!("sent directly {direct} times, through the relay {through} times: {span}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_has_and_the_other_has_not_is_a_difference() {
        let spans = |spans: &[(&str, usize)]| -> Spans {
            spans
                .iter()
                .map(|(span, count)| ((*span).to_owned(), *count))
                .collect()
        };
        let direct = spans(&[("a", 1), ("b", 2)]);
        assert!(difference(&direct, &direct).is_empty());
        assert_eq!(difference(&direct, &spans(&[("a", 1), ("b", 1)])).len(), 1);
        assert_eq!(difference(&direct, &spans(&[("a", 1), ("c", 2)])).len(), 2);
    }
}
