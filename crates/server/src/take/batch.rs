//! Langfuse's batch API: events that create and update traces, observations and scores (`docs/langfuse.md` 1).
//! Called by `take` and by `api`. How events are merged is in `store`.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use tracefuse_core::bridge::{count, dollars, reported_usage};
use tracefuse_core::{Level, ObservationType};

use super::TakeError;
use super::score::score;
use super::span::{MAX_ID, complete};
use super::values::{environment, is_strict, time};
use crate::store::{Change, Field, Kind, ObservationPatch, TracePatch};

/// What a Langfuse server of version 4 does with these events.
pub(super) const REFUSED: &str = "sent by the batch API: Langfuse 4 refuses traces and observations there in its default mode, send OTLP";

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

/// A field that must be text.
fn text(body: &Map<String, Json>, key: &str) -> Result<Field<String>, String> {
    Ok(match body.get(key) {
        None => Field::Absent,
        Some(Json::Null) => Field::Null,
        Some(Json::String(text)) => Field::Is(text.clone()),
        Some(Json::Number(number)) => Field::Is(number.to_string()),
        Some(_) => return Err(format!("{key}: Invalid input: expected string")),
    })
}

/// An id; an empty one is none.
fn id(body: &Map<String, Json>, key: &str) -> Result<Option<String>, String> {
    let id = given(text(body, key)?);
    match id {
        Some(id) if id.chars().count() > MAX_ID => Err(format!(
            "{key}: Too big: expected string to have <={MAX_ID} characters"
        )),
        id => Ok(id),
    }
}

fn given(field: Field<String>) -> Option<String> {
    match field {
        Field::Is(text) => Some(text).filter(|text| !text.is_empty()),
        Field::Absent | Field::Null => None,
    }
}

/// A field that must be a time.
fn moment(
    body: &Map<String, Json>,
    key: &str,
    notes: &mut Vec<String>,
) -> Result<Field<i64>, String> {
    match text(body, key)? {
        Field::Absent => Ok(Field::Absent),
        Field::Null => Ok(Field::Null),
        Field::Is(text) => {
            if !is_strict(&text) {
                notes.push(format!("{key} has no T or no offset: Langfuse refuses it"));
            }
            let time = time(&text).ok_or_else(|| format!("{key}: Invalid ISO datetime"))?;
            Ok(Field::Is(time))
        }
    }
}

/// Any JSON: text as it is, everything else as JSON text.
fn any(body: &Map<String, Json>, key: &str) -> Field<String> {
    match body.get(key) {
        None => Field::Absent,
        Some(Json::Null) => Field::Null,
        Some(Json::String(text)) => Field::Is(text.clone()),
        Some(other) => Field::Is(other.to_string()),
    }
}

/// An object by key; a scalar or a list under the key `metadata`.
fn metadata(body: &Map<String, Json>) -> BTreeMap<String, Json> {
    match body.get("metadata") {
        None | Some(Json::Null) => BTreeMap::new(),
        Some(Json::Object(fields)) => fields.clone().into_iter().collect(),
        Some(other) => BTreeMap::from([("metadata".to_owned(), other.clone())]),
    }
}

fn trace(body: &Map<String, Json>, event_ns: i64, weight: usize) -> Result<TracePatch, String> {
    let tags = match body.get("tags") {
        Some(Json::Array(tags)) => tags
            .iter()
            .filter_map(|tag| tag.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    };
    let timestamp = moment(body, "timestamp", &mut Vec::new())?;
    Ok(TracePatch {
        id: id(body, "id")?
            .ok_or("id: a trace without an id is accepted by Langfuse and dropped")?,
        timestamp_ns: match timestamp {
            Field::Is(time) => Some(time),
            Field::Absent | Field::Null => None,
        },
        event_ns,
        name: text(body, "name")?,
        user_id: text(body, "userId")?,
        session_id: text(body, "sessionId")?,
        release: text(body, "release")?,
        version: text(body, "version")?,
        environment: given(text(body, "environment")?).map(|name| environment(&name)),
        public: body.get("public").and_then(Json::as_bool),
        tags,
        input: any(body, "input"),
        output: any(body, "output"),
        metadata: metadata(body),
        weight,
    })
}

fn observation(
    body: &Map<String, Json>,
    kind: ObservationType,
    event_ns: i64,
    weight: usize,
) -> Result<ObservationPatch, String> {
    let mut notes = vec![REFUSED.to_owned()];
    let trace_id = id(body, "traceId")?;
    let id = id(body, "id")?.ok_or("id: Invalid input: expected string")?;
    let start = moment(body, "startTime", &mut notes)?;
    let end = match kind {
        // An event has no length.
        ObservationType::Event => match &start {
            Field::Is(start) => Field::Is(*start),
            Field::Absent | Field::Null => Field::Is(event_ns),
        },
        _ => moment(body, "endTime", &mut notes)?,
    };
    let level = match text(body, "level")? {
        Field::Is(name) => {
            let known = [Level::Debug, Level::Default, Level::Warning, Level::Error];
            let known = known
                .into_iter()
                .find(|level| level.as_str().eq_ignore_ascii_case(&name));
            let known = known.ok_or_else(|| {
                format!("level: {name:?} is none of DEBUG, DEFAULT, WARNING, ERROR")
            })?;
            if known.as_str() != name {
                notes.push("the level is not in upper case: Langfuse refuses it".to_owned());
            }
            Some(known)
        }
        Field::Absent | Field::Null => None,
    };
    let prompt = given(text(body, "promptName")?);
    let version = body.get("promptVersion").and_then(Json::as_i64);
    let (mut usage, mut cost) = usage(body);
    complete(&mut usage, &mut cost);
    let parameters = match body.get("modelParameters") {
        Some(Json::Object(fields)) => fields.clone().into_iter().collect(),
        _ => BTreeMap::new(),
    };
    Ok(ObservationPatch {
        // An observation without a trace id gets a trace with the observation's id, so that an update finds it.
        trace_id: trace_id.unwrap_or_else(|| id.clone()),
        id,
        kind: Some(kind),
        parent: text(body, "parentObservationId")?,
        name: text(body, "name")?,
        start_ns: match start {
            Field::Is(time) => Some(time),
            Field::Absent | Field::Null => None,
        },
        event_ns,
        end_ns: end,
        first_token_ns: moment(body, "completionStartTime", &mut notes)?,
        level,
        status_message: text(body, "statusMessage")?,
        model: text(body, "model")?,
        prompt: prompt.zip(version),
        usage,
        cost,
        input: any(body, "input"),
        output: any(body, "output"),
        metadata: metadata(body),
        parameters,
        version: text(body, "version")?,
        environment: given(text(body, "environment")?).map(|name| environment(&name)),
        notes,
        weight,
    })
}

/// Units and cost by bucket: `usageDetails` and `costDetails`, or the older `usage`.
fn usage(body: &Map<String, Json>) -> (BTreeMap<String, u64>, BTreeMap<String, f64>) {
    let mut usage = BTreeMap::new();
    let mut cost = BTreeMap::new();
    let details = body
        .get("usageDetails")
        .filter(|details| details.is_object());
    let older = body.get("usage").and_then(Json::as_object);
    if let Some(details) = details {
        usage = units(details);
    } else if let Some(older) = older {
        let names = [
            ("input", ["input", "promptTokens", "prompt_tokens"]),
            (
                "output",
                ["output", "completionTokens", "completion_tokens"],
            ),
            ("total", ["total", "totalTokens", "total_tokens"]),
        ];
        for (bucket, names) in names {
            if let Some(units) = names.iter().find_map(|name| count(older.get(*name)?)) {
                usage.insert(bucket.to_owned(), units);
            }
        }
        for (bucket, name) in [
            ("input", "inputCost"),
            ("output", "outputCost"),
            ("total", "totalCost"),
        ] {
            if let Some(amount) = older.get(name).and_then(dollars) {
                cost.insert(bucket.to_owned(), amount);
            }
        }
    }
    if let Some(Json::Object(details)) = body.get("costDetails") {
        let given = details
            .iter()
            .filter_map(|(bucket, amount)| Some((bucket.clone(), dollars(amount)?)));
        cost = given.collect();
    }
    (usage, cost)
}

/// Integers of at least 0 by bucket; the usage object of a provider is split into its parts.
fn units(details: &Json) -> BTreeMap<String, u64> {
    if let Some(usage) = reported_usage(details) {
        return usage
            .buckets()
            .map(|(bucket, units)| (bucket.to_owned(), units))
            .collect();
    }
    let fields = details.as_object().into_iter().flatten();
    fields
        .filter_map(|(bucket, units)| Some((bucket.clone(), count(units)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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

    #[test]
    fn usage_of_either_form_is_read() {
        for (body, wanted) in [
            (
                json!({"usage": {"input": 3, "output": 4, "totalCost": 0.5}}),
                (7, Some(0.5)),
            ),
            (
                json!({"usage": {"promptTokens": 3, "completionTokens": 4, "totalTokens": 7}}),
                (7, None),
            ),
            (
                json!({"usageDetails": {"input": 3, "output": "4"}, "costDetails": {"input": 1, "output": 2}}),
                (7, Some(3.0)),
            ),
            (
                json!({"usageDetails": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}),
                (7, None),
            ),
        ] {
            let (mut units, mut cost) = usage(body.as_object().unwrap());
            complete(&mut units, &mut cost);
            assert_eq!(
                (units["total"], cost.get("total").copied()),
                wanted,
                "{body}"
            );
        }
    }
}
