//! What a server stores of a program, as facts that can be compared between runs: no ids, no times.
//! Made for each program by the functions in the parent module, and compared there.

use std::collections::{BTreeMap, BTreeSet};

use mock_langfuse::{MockLangfuse, Observation};
use serde_json::{Map, Value};

/// Where, such as `order / charge`; what, such as `metadata currency`; and its value.
pub(super) type Facts = BTreeMap<(String, String), String>;

/// Of the observations that a server stored, and of the scores that it was sent.
pub(super) fn facts(server: &MockLangfuse) -> Facts {
    let mut facts = Facts::new();
    let rows = server.observations();
    let mut rows: Vec<&Observation> = rows.iter().collect();
    rows.sort_by_key(|row| (row.start_ns, row.name.clone()));
    let places = places(&rows);
    for row in &rows {
        if let Some(place) = places.get(row.id.as_str()) {
            of_observation(place, row, &mut facts);
            of_experiment(place, row, &places, &mut facts);
        }
    }
    let traces: BTreeSet<&str> = rows.iter().map(|row| row.trace_id.as_str()).collect();
    note(&mut facts, "(request)", "traces", &traces.len().into());
    // As they were sent: a server of 4.16.0 refuses a list of them, which is what the Python SDK sends.
    for request in server.requests() {
        let body = serde_json::from_slice(&request.inflated);
        let (form, scores) = match (request.path.as_str(), body) {
            ("/api/public/scores", Ok(Value::Array(scores))) => ("a list", scores),
            ("/api/public/scores", Ok(score)) => ("one object each", vec![score]),
            ("/api/public/ingestion", Ok(batch)) => ("events of the old endpoint", events(&batch)),
            _ => continue,
        };
        note(&mut facts, "(request)", "scores", &form.into());
        for score in &scores {
            of_score(score, &places, &traces, &mut facts);
        }
    }
    facts
}

/// The scores of a batch.
fn events(batch: &Value) -> Vec<Value> {
    let events = batch["batch"].as_array().into_iter().flatten();
    let scores = events.filter(|event| event["type"] == "score-create");
    scores.map(|event| event["body"].clone()).collect()
}

/// Names from the root to each, by id; the second of the same name below one parent is `weather 2`.
fn places<'a>(rows: &[&'a Observation]) -> BTreeMap<&'a str, String> {
    let named = |row: &Observation| {
        let before =
            |other: &&&Observation| other.parent_id == row.parent_id && other.name == row.name;
        let nth = rows
            .iter()
            .take_while(|other| other.id != row.id)
            .filter(before)
            .count();
        match nth {
            0 => row.name.clone(),
            nth => format!("{} {}", row.name, nth + 1),
        }
    };
    let path = |row: &'a Observation| {
        let (mut path, mut above) = (named(row), row.parent_id.as_deref());
        // A missing parent ends the path, and so does a circle.
        for _ in 0..rows.len() {
            let Some(parent) = above else { break };
            match rows.iter().find(|row| row.id == parent) {
                Some(row) => {
                    path = format!("{} / {path}", named(row));
                    above = row.parent_id.as_deref();
                }
                None => return format!("? / {path}"),
            }
        }
        path
    };
    rows.iter()
        .map(|row| (row.id.as_str(), path(row)))
        .collect()
}

fn of_observation(place: &str, row: &Observation, facts: &mut Facts) {
    let Ok(Value::Object(fields)) = serde_json::to_value(row) else {
        return;
    };
    for (field, value) in fields {
        match field.as_str() {
            "id" | "traceId" | "parentObservationId" | "name" => {}
            // Times always differ; whether there is one is compared.
            "completionStartTime" => note(facts, place, &field, &there(&value)),
            // `Type: message` of an error; types are of their language.
            "statusMessage" => {
                let text = value.as_str().unwrap_or_default();
                let (kind, message) = match text.split_once(": ") {
                    Some((kind, message)) if !kind.contains(' ') => (Value::from(kind), message),
                    _ => (Value::Null, text),
                };
                let message = Some(message).filter(|message| !message.is_empty());
                note(facts, place, "statusMessage type", &kind);
                note(facts, place, &field, &Value::from(message));
            }
            "metadata" | "modelParameters" | "usageDetails" | "costDetails" => {
                for (key, value) in value.as_object().cloned().unwrap_or_else(Map::new) {
                    // What all spans have of the process is noted once.
                    match key.split_once('.') {
                        Some(("resourceAttributes", key)) => note(facts, "(resource)", key, &value),
                        Some(("scope", key)) => note(facts, "(scope)", key, &value),
                        _ => note(facts, place, &format!("{field} {key}"), &value),
                    }
                }
            }
            _ => note(facts, place, &field, &value),
        }
    }
}

/// The attributes of experiments, which the read API does not show.
fn of_experiment(
    place: &str,
    row: &Observation,
    places: &BTreeMap<&str, String>,
    facts: &mut Facts,
) {
    for (key, value) in &row.attributes {
        let Some(key) = key.strip_prefix("langfuse.experiment.") else {
            continue;
        };
        let value = match (key, value.as_str()) {
            // Random without a dataset.
            ("id", _) => there(value),
            (_, Some(id)) if places.contains_key(id) => Value::from(places[id].as_str()),
            _ => value.clone(),
        };
        note(facts, place, &format!("experiment {key}"), &value);
    }
}

fn of_score(
    score: &Value,
    places: &BTreeMap<&str, String>,
    traces: &BTreeSet<&str>,
    facts: &mut Facts,
) {
    let Some(fields) = score.as_object() else {
        return;
    };
    let place = format!("score {}", score["name"].as_str().unwrap_or_default());
    for (field, value) in fields {
        let value = match (field.as_str(), value.as_str()) {
            ("timestamp", _) => there(value),
            // Random, except an id that contains the trace's id.
            ("id", Some(id)) => match traces.iter().find_map(|trace| id.strip_prefix(trace)) {
                Some(rest) => Value::from(format!("(trace){rest}")),
                None => there(value),
            },
            ("traceId", Some(id)) if traces.contains(id) => Value::from("(trace)"),
            ("datasetRunId", _) => there(value),
            ("observationId", Some(id)) if places.contains_key(id) => {
                Value::from(places[id].as_str())
            }
            _ => value.clone(),
        };
        note(facts, &place, field, &value);
    }
}

fn there(value: &Value) -> Value {
    if value.is_null() {
        Value::Null
    } else {
        Value::from("(there)")
    }
}

/// An empty value is no fact.
fn note(facts: &mut Facts, place: &str, field: &str, value: &Value) {
    let empty = match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        _ => false,
    };
    if !empty {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        facts.insert((place.to_owned(), field.to_owned()), text);
    }
}

/// JSON texts are compared by value: spaces, the order of keys, and `1.0` for `1` make no difference.
pub(super) fn same(theirs: Option<&str>, ours: Option<&str>) -> bool {
    let json = |text: Option<&str>| serde_json::from_str::<Value>(text?).ok();
    let alike = |theirs: &Value, ours: &Value| {
        let numbers = theirs.as_f64().zip(ours.as_f64());
        theirs == ours || numbers.is_some_and(|(theirs, ours)| theirs == ours)
    };
    theirs == ours
        || json(theirs)
            .zip(json(ours))
            .is_some_and(|(theirs, ours)| alike(&theirs, &ours))
}

#[cfg(test)]
mod tests {
    use super::same;

    #[test]
    fn json_is_compared_by_meaning_and_other_text_as_it_is() {
        assert!(same(
            Some(r#"{"a": 1, "b": []}"#),
            Some(r#"{"b":[],"a":1}"#)
        ));
        assert!(same(Some("1.0"), Some("1")) && same(Some("plain"), Some("plain")));
        for (theirs, ours) in [
            (Some("1"), Some("2")),
            (Some("a"), None),
            (Some("a"), Some("A")),
        ] {
            assert!(!same(theirs, ours), "{theirs:?} {ours:?}");
        }
    }
}
