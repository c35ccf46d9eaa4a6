//! The body of one event of the batch API: its fields, as a patch of a trace or of an observation.
//! Called by `batch`. Fields and their rules: `docs/langfuse.md` 1.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use tracefuse_core::bridge::{count, dollars, reported_usage};
use tracefuse_core::{Level, ObservationType};

use super::row::complete;
use super::span::MAX_ID;
use super::values::{environment, is_strict, time};
use crate::store::{Field, ObservationPatch, TracePatch};

/// What a Langfuse server of version 4 does with these events.
pub(super) const REFUSED: &str = "sent by the batch API: Langfuse 4 refuses traces and observations there in its default mode, send OTLP";

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

pub(super) fn trace(
    body: &Map<String, Json>,
    event_ns: i64,
    weight: usize,
) -> Result<TracePatch, String> {
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

pub(super) fn observation(
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
