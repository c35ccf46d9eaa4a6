//! Langfuse's batch API: events that create and update traces, observations and scores (`docs/langfuse.md` 1).
//! Called by `take` and by `api`. The body of an event is read by `event`; how events are merged is in `store`.

use serde_json::{Map, Value as Json};
use tracefuse_core::ObservationType;

use super::TakeError;
use super::event::{observation, trace};
use super::score::score;
use super::values::time;
use crate::store::{Change, Kind};

/// The result of a batch: changes in the order in which they are merged, and an answer for each event.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) changes: Vec<Change>,
    /// Ids of the events that were taken.
    pub(crate) successes: Vec<String>,
    /// Ids of those that were not, and why.
    pub(crate) errors: Vec<(String, String)>,
}

pub(crate) fn batch(body: &Json) -> Result<Outcome, TakeError> {
    let Some(events) = body.get("batch").and_then(Json::as_array) else {
        let message = "Invalid input: expected an object with the array \"batch\"";
        return Err(TakeError(message.to_owned()));
    };
    let mut outcome = Outcome::default();
    let mut changes: Vec<(bool, i64, Change)> = Vec::new();
    for event in events {
        let id = event
            .get("id")
            .and_then(Json::as_str)
            .unwrap_or("unknown")
            .to_owned();
        match read(event) {
            // A log line is in neither list of the answer.
            Ok(None) => {}
            Ok(Some(change)) => {
                outcome.successes.push(id);
                changes.push(change);
            }
            Err(error) => outcome.errors.push((id, error)),
        }
    }
    // Creates before updates, each by its time; of equal ones the order of the batch.
    changes.sort_by_key(|(is_update, time, _)| (*is_update, *time));
    outcome.changes = changes.into_iter().map(|(_, _, change)| change).collect();
    Ok(outcome)
}

/// An event as a change, with what it is sorted by; none for a log line.
fn read(event: &Json) -> Result<Option<(bool, i64, Change)>, String> {
    let kind = event.get("type").and_then(Json::as_str).unwrap_or_default();
    if kind == "sdk-log" {
        return Ok(None);
    }
    let given = event.get("timestamp").and_then(Json::as_str);
    let event_ns = given
        .and_then(time)
        .ok_or("Invalid ISO datetime: the event needs a timestamp")?;
    let no_body = Map::new();
    let body = event
        .get("body")
        .and_then(Json::as_object)
        .unwrap_or(&no_body);
    let weight = event.to_string().len();
    let is_update = kind.ends_with("-update");
    let change = match kind {
        "trace-create" => Change(Kind::Trace(Box::new(trace(body, event_ns, weight)?))),
        "score-create" => {
            let id = event.get("id").and_then(Json::as_str).unwrap_or_default();
            score(body, id).map_err(|(place, message)| format!("{place}: {message}"))?
        }
        "observation-create" | "observation-update" => {
            let named = body.get("type").and_then(Json::as_str).unwrap_or("SPAN");
            let kind = observation_type(named)
                .ok_or_else(|| format!("type: {named:?} is no observation"))?;
            Change(Kind::Observation(Box::new(observation(
                body, kind, event_ns, weight,
            )?)))
        }
        _ => {
            let named = kind
                .strip_suffix("-create")
                .or_else(|| kind.strip_suffix("-update"));
            let known = named.and_then(observation_type);
            let known = known.ok_or_else(|| format!("type: {kind:?} is no event of this API"))?;
            Change(Kind::Observation(Box::new(observation(
                body, known, event_ns, weight,
            )?)))
        }
    };
    Ok(Some((is_update, event_ns, change)))
}

fn observation_type(name: &str) -> Option<ObservationType> {
    let mut known = ObservationType::ALL.into_iter();
    known.find(|kind| kind.as_str().eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::Field;

    #[test]
    fn events_that_are_wrong_are_named_and_others_taken() {
        let event = |id: &str, kind: &str, body: Json| json!({"id": id, "type": kind, "timestamp": "2026-11-27T12:00:00Z", "body": body});
        let body = json!({ "batch": [
            event("1", "span-update", json!({"id": "s", "traceId": "t", "endTime": "2026-11-27T12:00:01Z"})),
            event("2", "span-create", json!({"id": "s", "traceId": "t", "name": "work"})),
            event("3", "nonsense", json!({})),
            event("4", "generation-create", json!({"traceId": "t"})),
            event("5", "span-create", json!({"id": "x", "traceId": "t", "level": "LOUD"})),
            {"id": "6", "type": "span-create", "body": {"id": "x"}},
            event("7", "sdk-log", json!({"log": 1})),
            event("8", "span-create", json!({"id": "x", "traceId": {}})),
            event("9", "span-create", json!({"id": "x".repeat(801), "traceId": "t"})),
            event("10", "trace-create", json!({"id": "x".repeat(801)})),
        ] });
        let outcome = batch(&body).unwrap();
        assert_eq!(outcome.successes, ["1", "2"]);
        let refused: Vec<&str> = outcome.errors.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(refused, ["3", "4", "5", "6", "8", "9", "10"]);
        // The create is merged first.
        match &outcome.changes[0].0 {
            Kind::Observation(patch) => assert_eq!(patch.name, Field::Is("work".to_owned())),
            other => panic!("{other:?}"),
        }
    }
}
