//! What was recorded of a span, as a row of the store: fields, totals, and what the span says of its trace.
//! Called by `span`, and by `event` for the totals.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tracefuse_core::record::{SpanAttribute, SpanRecord, TraceAttributes, ValueRef};
use tracefuse_semconv::{ENVIRONMENT, RELEASE, VERSION};

use super::values::{environment, shown};
use crate::model::{Bodies, ObservationRow};
use crate::store::Facts;

pub(super) fn short(name: &str) -> String {
    name.chars().take(80).collect()
}

/// Reads what was recorded into the row and the bodies.
pub(super) fn read(record: &SpanRecord, row: &mut ObservationRow, bodies: &mut Bodies) {
    for attribute in record.attributes() {
        match attribute {
            SpanAttribute::Input(value) => {
                bodies.input = Some(value.to_string()).filter(|text| !text.is_empty())
            }
            SpanAttribute::Output(value) => {
                bodies.output = Some(value.to_string()).filter(|text| !text.is_empty())
            }
            SpanAttribute::Model(model) => row.model = Some(model.to_owned()),
            SpanAttribute::StatusMessage(message) => {
                row.status_message = Some(message.to_owned()).filter(|message| !message.is_empty());
            }
            SpanAttribute::Prompt(prompt) => {
                row.prompt = Some((prompt.name.to_owned(), prompt.version.into()))
            }
            SpanAttribute::CompletionStart(first) => {
                let first = i64::try_from(first.as_unix_nanos()).unwrap_or(i64::MAX);
                row.ttft_ns = Some(first.saturating_sub(row.start_ns));
            }
            SpanAttribute::Metadata(key, value) => {
                bodies.metadata.insert(key.to_owned(), json(value));
            }
            SpanAttribute::ModelParameter(key, value) => {
                bodies.parameters.insert(key.to_owned(), json(value));
            }
            SpanAttribute::Usage(bucket, units) => {
                row.usage.insert(bucket.to_owned(), units);
            }
            SpanAttribute::Cost(bucket, dollars) => {
                row.cost.insert(bucket.to_owned(), dollars);
            }
            _ => {}
        }
    }
    complete(&mut row.usage, &mut row.cost);
}

/// Adds the totals where they are missing, by Langfuse's rules (`docs/langfuse.md` 1.7).
pub(super) fn complete(usage: &mut BTreeMap<String, u64>, cost: &mut BTreeMap<String, f64>) {
    if !usage.is_empty() && !usage.contains_key("total") {
        let total = usage
            .values()
            .fold(0u64, |sum, units| sum.saturating_add(*units));
        usage.insert("total".to_owned(), total);
    }
    let is_plain = cost
        .keys()
        .all(|bucket| matches!(bucket.as_str(), "input" | "output"));
    if !cost.is_empty() && is_plain {
        let total: f64 = cost.values().sum();
        cost.insert("total".to_owned(), (total * 1e12).round() / 1e12);
    }
}

fn json(value: ValueRef<'_>) -> Json {
    match value {
        ValueRef::Str(text) | ValueRef::Json(text) => shown(text),
        ValueRef::Bool(v) => v.into(),
        ValueRef::I64(v) => v.into(),
        ValueRef::U64(v) => v.into(),
        ValueRef::F64(v) => {
            serde_json::Number::from_f64(v).map_or_else(|| v.to_string().into(), Json::Number)
        }
        _ => Json::Null,
    }
}

/// What the span says about its trace; what it does not say, the resource may. The trace's metadata wins over the
/// observation's.
pub(super) fn facts(
    trace: &TraceAttributes,
    resource: &BTreeMap<String, Json>,
    bodies: &mut Bodies,
    notes: &mut Vec<String>,
) -> Facts {
    for (key, value) in &trace.metadata {
        bodies.metadata.insert(key.clone(), json(value.as_ref()));
    }
    let of_span = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| match bodies.metadata.get(*name) {
                Some(Json::String(text)) => Some(text.clone()),
                _ => None,
            })
    };
    let of_resource = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| Some(resource.get(*name)?.as_str()?.to_owned()))
    };
    let given = trace.environment.clone();
    let deployment = ["deployment.environment.name", "deployment.environment"];
    let given = given
        .or_else(|| of_resource(&[ENVIRONMENT]))
        .or_else(|| of_span(&deployment))
        .or_else(|| of_resource(&deployment));
    let stored = given.as_deref().map(environment);
    if let (Some(given), Some(stored)) = (&given, &stored)
        && given != stored
    {
        notes.push(format!(
            "Langfuse stores the environment {:?} as {stored}",
            short(given)
        ));
    }
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    Facts {
        name: Some(trace.name.clone()).filter(|name| !name.is_empty()),
        user_id: filled(&trace.user_id),
        session_id: filled(&trace.session_id),
        tags: trace.tags.clone(),
        release: filled(&trace.release).or_else(|| of_resource(&[RELEASE])),
        version: filled(&trace.version).or_else(|| of_resource(&[VERSION, "service.version"])),
        environment: Some(stored.unwrap_or_else(|| "default".to_owned())),
        public: trace.public,
    }
}
