//! Writes records by the conventions of OpenInference (`llm.*`, `input.value`, `openinference.span.kind`), which Arize
//! Phoenix and others read. What they have no name for gets our own (`tracefuse.*`).
//! Called by `mapping` for each span if the exporter is set so; `messages` writes conversations.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};
use tracefuse_exporter::record::{ObservationType, SpanRecord, StatusCode, ValueRef};

use crate::encode::{Any, Attributes, SpanBody};
use crate::messages::{self, Side};
use crate::values::{level, set};
use crate::{kind, tokens};

/// Writes the attributes of a span. The user's metadata is one attribute of JSON, so its keys cannot collide with ours.
pub(crate) fn attributes(record: &SpanRecord, body: &mut SpanBody<'_>) {
    let mut to = body.attributes();
    let kind = record.observation_type();
    // Each span must have one; a plain span is a `CHAIN`.
    let span_kind = kind::names(kind).span_kind.unwrap_or("CHAIN");
    text(&mut to, "openinference.span.kind", Some(span_kind));
    of_trace(record, &mut to);
    let places = [
        ("input", Side::Input, record.input()),
        ("output", Side::Output, record.output()),
    ];
    for (place, side, value) in places {
        let Some(value) = value else { continue };
        let mime = match in_json(value) {
            Some(_) => "application/json",
            None => "text/plain",
        };
        set(&mut to, place, ".value", value);
        to.set_below(place, ".mime_type", Any::Str(mime));
        if kind == ObservationType::Generation {
            messages::write(&mut to, side, value);
        }
    }
    match kind {
        ObservationType::Tool => {
            text(&mut to, "tool.name", Some(record.name()));
            text(&mut to, "tool.parameters", record.input().and_then(in_json));
        }
        ObservationType::Agent => text(&mut to, "agent.name", Some(record.name())),
        _ => {}
    }
    model(record, &mut to);
    if let Some(exception) = record.exceptions().next() {
        text(&mut to, "error.type", Some(exception.kind()));
    }
    metadata(record, &mut to);
}

/// The text of a value that is JSON, or a text that is a JSON object or list: frameworks that record through
/// `tracing` have only texts.
fn in_json(value: ValueRef<'_>) -> Option<&str> {
    match value {
        ValueRef::Json(text) => Some(text),
        ValueRef::Str(text) if text.trim_start().starts_with(['{', '[']) => {
            serde_json::from_str::<Json>(text).is_ok().then_some(text)
        }
        _ => None,
    }
}

fn text(to: &mut Attributes<'_>, key: &str, value: Option<&str>) {
    if let Some(value) = value {
        to.set(key, Any::Str(value));
    }
}

fn of_trace(record: &SpanRecord, to: &mut Attributes<'_>) {
    let trace = record.trace();
    let name = Some(trace.name.as_str()).filter(|name| !name.is_empty());
    let message = record
        .status_message()
        .filter(|_| record.status() != StatusCode::Error);
    for (key, value) in [
        ("session.id", trace.session_id.as_deref()),
        ("user.id", trace.user_id.as_deref()),
        ("tracefuse.trace.name", name),
        ("tracefuse.level", level(record.level())),
        ("tracefuse.status_message", message),
        ("tracefuse.version", trace.version.as_deref()),
        ("tracefuse.release", trace.release.as_deref()),
        ("deployment.environment.name", trace.environment.as_deref()),
    ] {
        text(to, key, value);
    }
    let tags = || trace.tags.iter().map(String::as_str).chain(record.tags());
    if tags().next().is_some() {
        to.set_texts("tag.tags", tags());
    }
}

fn model(record: &SpanRecord, to: &mut Attributes<'_>) {
    let key = match record.observation_type() {
        ObservationType::Embedding => "embedding.model_name",
        _ => "llm.model_name",
    };
    text(to, key, record.model());
    let parameters = object(record.model_parameters());
    if !parameters.is_empty() {
        let parameters = Json::Object(parameters).to_string();
        text(to, "llm.invocation_parameters", Some(&parameters));
    }
    if let Some(prompt) = record.prompt() {
        text(to, "prompt.id", Some(prompt.name));
        let mut version = String::new();
        let _ = write!(version, "{}", prompt.version);
        text(to, "llm.prompt_template.version", Some(&version));
    }
    usage(record, to);
    cost(record, to);
    if let Some(time) = record.completion_start_time() {
        let seconds = time.since(record.start_time()).as_secs_f64();
        to.set("tracefuse.time_to_first_token", Any::Double(seconds));
    }
}

/// Parts of a count that have a name in these conventions.
const PARTS: &[(&str, &str)] = &[
    (tokens::CACHE_READ, "prompt_details.cache_read"),
    (tokens::CACHE_WRITE, "prompt_details.cache_write"),
    (tokens::AUDIO_IN, "prompt_details.audio"),
    (tokens::REASONING, "completion_details.reasoning"),
    (tokens::AUDIO_OUT, "completion_details.audio"),
];

/// Writes token counts. `prompt` and `completion` include their parts; our buckets are disjoint.
fn usage(record: &SpanRecord, to: &mut Attributes<'_>) {
    let counts = tokens::counts(record, false);
    for (count, units) in &counts {
        if let Some((_, part)) = PARTS.iter().find(|(name, _)| name == count) {
            set(to, TOKENS, part, ValueRef::U64(*units));
        }
    }
    let mut given = None;
    for (bucket, units) in record.usage() {
        let (counts, says_all) = tokens::counts_of(bucket);
        let is_named = |count: &&str| {
            [tokens::INPUT, tokens::OUTPUT].contains(count)
                || PARTS.iter().any(|(name, _)| name == count)
        };
        if bucket == "total" {
            given = Some(units);
        } else if !says_all || !counts.iter().all(is_named) {
            set(to, "tracefuse.usage.", bucket, ValueRef::U64(units));
        }
    }
    let whole = |wanted: &str| {
        let count = counts.iter().find(|(name, _)| *name == wanted);
        count.map(|(_, units)| *units)
    };
    let (input, output) = (whole(tokens::INPUT), whole(tokens::OUTPUT));
    let total = given.or_else(|| match (input, output) {
        (None, None) => None,
        _ => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
    });
    for (key, units) in [("prompt", input), ("completion", output), ("total", total)] {
        if let Some(units) = units {
            set(to, TOKENS, key, ValueRef::U64(units));
        }
    }
}

const TOKENS: &str = "llm.token_count.";

fn cost(record: &SpanRecord, to: &mut Attributes<'_>) {
    let (mut total, mut sum) = (None, None);
    for (bucket, dollars) in record.cost() {
        let key = match bucket {
            "total" => {
                total = Some(dollars);
                continue;
            }
            "input" => "llm.cost.prompt",
            "output" => "llm.cost.completion",
            _ => "",
        };
        sum = Some(sum.unwrap_or(0.0) + dollars);
        if key.is_empty() {
            set(to, "tracefuse.cost.", bucket, ValueRef::F64(dollars));
        } else {
            to.set(key, Any::Double(dollars));
        }
    }
    if let Some(dollars) = total.or(sum) {
        to.set("llm.cost.total", Any::Double(dollars));
    }
}

/// Writes the user's metadata. If a span and its trace have the same key, the span's value is written.
fn metadata(record: &SpanRecord, to: &mut Attributes<'_>) {
    let of_trace = record.trace().metadata.iter();
    let of_trace = of_trace.map(|(key, value)| (key.as_str(), value.as_ref()));
    let metadata = object(of_trace.chain(record.metadata()));
    if !metadata.is_empty() {
        text(to, "metadata", Some(&Json::Object(metadata).to_string()));
    }
}

fn object<'a>(pairs: impl Iterator<Item = (&'a str, ValueRef<'a>)>) -> Map<String, Json> {
    pairs
        .map(|(key, value)| (key.to_owned(), json(value)))
        .collect()
}

fn json(value: ValueRef<'_>) -> Json {
    match value {
        ValueRef::Bool(v) => v.into(),
        ValueRef::I64(v) => v.into(),
        ValueRef::U64(v) => v.into(),
        // JSON has no NaN and no infinities.
        ValueRef::F64(v) if v.is_finite() => v.into(),
        // JSON that is nested too deep is refused by the parser and sent as text.
        ValueRef::Json(text) => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        other => other.to_string().into(),
    }
}
