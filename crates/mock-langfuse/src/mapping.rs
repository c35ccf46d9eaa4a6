//! From a span's attributes to the row the server stores (`docs/langfuse.md` 2.4 to 2.7, 1.6, 1.7).
//! Called by `otlp` for spans that were accepted; read back by `read` and by tests.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::cost::cost;
use crate::input_output::input_output;
use crate::kind::kind;
use crate::metadata::metadata;
use crate::names::MODELS;
use crate::parameters::model_parameters;
use crate::usage::{repeats_usage, usage};
use crate::values::{Attributes, WireSpan, filled, non_empty, present, text};
use crate::{js, time};

/// An observation as the server stores it: one row per span, never merged.
///
/// The server stores an absent text as `""`; here it is `None`, and the read API of this crate answers as the server does.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are Langfuse's own, by their names")]
pub struct Observation {
    pub id: String,
    pub trace_id: String,
    #[serde(rename = "parentObservationId")]
    pub parent_id: Option<String>,
    /// `SPAN`, `GENERATION`, ...
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    /// Nanoseconds as sent; the read API gives milliseconds.
    #[serde(skip)]
    pub start_ns: u64,
    /// Nanoseconds as sent.
    #[serde(skip)]
    pub end_ns: u64,
    pub level: String,
    pub status_message: Option<String>,
    pub input: Option<String>,
    pub output: Option<String>,
    /// Each value as the read API shows it: a text that is JSON as what it says.
    pub metadata: BTreeMap<String, Value>,
    pub model: Option<String>,
    /// Empty where the parameters are no object.
    pub model_parameters: BTreeMap<String, Value>,
    #[serde(rename = "usageDetails")]
    pub usage: BTreeMap<String, u64>,
    #[serde(rename = "costDetails")]
    pub cost: BTreeMap<String, f64>,
    /// RFC 3339, in milliseconds.
    pub completion_start_time: Option<String>,
    pub prompt_name: Option<String>,
    pub prompt_version: Option<u16>,
    /// The root's own name where none was given.
    pub trace_name: Option<String>,
    pub user_id: Option<String>,
    pub session_id: Option<String>,
    pub tags: Vec<String>,
    pub release: Option<String>,
    pub version: Option<String>,
    pub environment: String,
    pub public: bool,
    #[serde(rename = "isRootObservation")]
    pub is_root: bool,
    /// The span's attributes as they were sent, for tests; no field of the server's.
    #[serde(skip)]
    pub attributes: BTreeMap<String, Value>,
    /// Names of the span events, which the server discards.
    #[serde(skip)]
    pub span_events: Vec<String>,
    /// Metadata as it is stored, by path and text.
    #[serde(skip)]
    pub(crate) metadata_texts: BTreeMap<String, String>,
    /// Model parameters as they are shown, an object or not.
    #[serde(skip)]
    pub(crate) parameters: Value,
}

pub(crate) fn observation(span: WireSpan) -> Observation {
    let a = &span.attributes;
    let given = |names: &[&str]| present(a, names).map(text);
    let first = |names: &[&str]| filled(a, names).map(text);
    // Missing times take the other one, and the time of arrival where there is none.
    let now = || {
        u64::try_from(time::now())
            .unwrap_or(0)
            .saturating_mul(1_000_000)
    };
    let start = span.start.or(span.end).unwrap_or_else(now);
    let end = span.end.unwrap_or(start);
    let is_true =
        |value: Option<&Value>| value.is_some_and(|value| *value == true || *value == "true");
    let kind = kind(&span);
    let is_generation = kind == "GENERATION";
    let (input, output) = input_output(a);
    let own_or_resource = |own: &str, resource: &str| {
        present(a, &[own])
            .or_else(|| present(&span.resource, &[resource]))
            .map(text)
    };
    let metadata_texts = metadata(&span);
    let parameters = model_parameters(a);
    let name = name(&span);
    let is_root = span.parent_id.is_none() || is_true(a.get("langfuse.internal.is_app_root"));
    let own_name = (is_root && !name.is_empty()).then(|| name.clone());
    Observation {
        id: span.span_id.clone().unwrap_or_default(),
        trace_id: span.trace_id.clone().unwrap_or_default(),
        is_root,
        parent_id: span.parent_id.clone(),
        kind,
        start_ns: start,
        end_ns: end,
        level: level(a, span.status_code),
        status_message: non_empty(
            given(&["langfuse.observation.status_message"]).or_else(|| span.status_message.clone()),
        ),
        input,
        output,
        metadata: metadata_texts
            .iter()
            .map(|(key, text)| (key.clone(), js::shown(text)))
            .collect(),
        model: if repeats_usage(a) {
            None
        } else {
            first(MODELS)
        },
        model_parameters: parameters
            .as_object()
            .cloned()
            .unwrap_or_else(Map::new)
            .into_iter()
            .collect(),
        usage: usage(a),
        cost: cost(a),
        completion_start_time: first_token(a).map(time::iso),
        prompt_name: non_empty(
            given(&["langfuse.observation.prompt.name", "langfuse.prompt.name"])
                .filter(|_| is_generation),
        ),
        prompt_version: present(
            a,
            &[
                "langfuse.observation.prompt.version",
                "langfuse.prompt.version",
            ],
        )
        .filter(|_| is_generation)
        .and_then(js::parse_int)
        .and_then(|version| js::number(version).as_u64()?.try_into().ok())
        .filter(|version| *version > 0),
        trace_name: non_empty(given(&["langfuse.trace.name"])).or(own_name),
        user_id: first(&[
            "langfuse.user.id",
            "user.id",
            "langfuse.observation.metadata.langfuse_user_id",
            "langfuse.trace.metadata.langfuse_user_id",
            "ai.telemetry.metadata.userId",
        ]),
        session_id: first(&[
            "langfuse.session.id",
            "session.id",
            "gen_ai.conversation.id",
            "langfuse.observation.metadata.langfuse_session_id",
            "langfuse.trace.metadata.langfuse_session_id",
            "ai.telemetry.metadata.sessionId",
        ]),
        tags: tags(a),
        release: non_empty(own_or_resource("langfuse.release", "langfuse.release")),
        version: non_empty(own_or_resource("langfuse.version", "service.version")),
        environment: of_environment(&span),
        public: is_true(present(a, &["langfuse.trace.public", "langfuse.public"])),
        name,
        span_events: span.events.iter().map(|(name, _)| name.clone()).collect(),
        metadata_texts,
        parameters,
        attributes: span.attributes,
    }
}

/// The span's name, unless an attribute of a framework says better.
fn name(span: &WireSpan) -> String {
    let a = &span.attributes;
    let there = |name: &str| a.get(name).map(text);
    let operation = || {
        let prefix = filled(a, &["ai.telemetry.functionId"]).map(|id| format!("{}:", text(id)));
        there("ai.operationId").map(|id| format!("{}{id}", prefix.unwrap_or_default()))
    };
    filled(a, &["gen_ai.tool.name"])
        .map(text)
        .or_else(|| there("genkit:name"))
        .or_else(|| filled(a, &["logfire.msg"]).map(text))
        .or_else(|| there("ai.toolCall.name"))
        .or_else(operation)
        .unwrap_or_else(|| span.name.clone())
}

/// The attribute wins over the status.
fn level(a: &Attributes, status: Option<i64>) -> String {
    let by_status = if status == Some(2) {
        "ERROR"
    } else {
        "DEFAULT"
    };
    let Some(level) = a.get("langfuse.observation.level").and_then(Value::as_str) else {
        return by_status.into();
    };
    match level.trim().to_uppercase().as_str() {
        "DEBUG" | "TRACE" | "VERBOSE" => "DEBUG",
        "DEFAULT" | "INFO" | "LOG" | "NOTICE" | "OK" | "SUCCESS" => "DEFAULT",
        "WARNING" | "WARN" => "WARNING",
        "ERROR" | "FATAL" | "CRITICAL" => "ERROR",
        _ => by_status,
    }
    .into()
}

/// Milliseconds since 1970: a date, or JSON that says one.
fn first_token(a: &Attributes) -> Option<i64> {
    let given = filled(a, &["langfuse.observation.completion_start_time"])?;
    let quoted = || match given {
        Value::String(text) => js::parse(text).filter(|value| !js::is_falsy(value)),
        _ => None,
    };
    time::javascript(given).or_else(|| time::javascript(&quoted()?))
}

/// A list; a text that is a JSON list; or names with commas between them, of which an empty one is kept.
fn tags(a: &Attributes) -> Vec<String> {
    let names = [
        "langfuse.trace.tags",
        "langfuse.tags",
        "langfuse.observation.metadata.langfuse_tags",
        "langfuse.trace.metadata.langfuse_tags",
        "ai.telemetry.metadata.tags",
        "tag.tags",
    ];
    match filled(a, &names) {
        Some(Value::Array(tags)) => tags.iter().map(js::string).collect(),
        Some(Value::String(list)) => match js::parse(list) {
            Some(Value::Array(tags)) => tags.iter().map(js::string).collect(),
            _ if list.contains(',') => list.split(',').map(|tag| tag.trim().to_owned()).collect(),
            _ => vec![list.clone()],
        },
        _ => Vec::new(),
    }
}

fn of_environment(span: &WireSpan) -> String {
    let names = [
        "langfuse.environment",
        "deployment.environment.name",
        "deployment.environment",
    ];
    let of =
        |name: &&str| filled(&span.attributes, &[name]).or_else(|| filled(&span.resource, &[name]));
    environment(names.iter().find_map(of))
}

/// 1.6: what does not fit silently becomes `default`.
pub(crate) fn environment(given: Option<&Value>) -> String {
    let mut name = given
        .and_then(Value::as_str)
        .unwrap_or("default")
        .to_lowercase();
    while let Some(rest) = name.strip_prefix("langfuse") {
        name = rest.strip_prefix(['-', '_']).unwrap_or(rest).to_owned();
    }
    name.truncate(name.char_indices().nth(40).map_or(name.len(), |(at, _)| at));
    let fits = !name.is_empty()
        && name
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
    if fits { name } else { "default".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments_that_do_not_fit_become_default() {
        let long = "a".repeat(50);
        for (name, stored) in [
            (None, "default"),
            (Some("Staging"), "staging"),
            (Some("Prod.EU"), "default"),
            (Some("langfuse-langfuse_x"), "x"),
            (Some("langfuse--x"), "-x"),
            (Some("langfuse"), "default"),
            (Some(long.as_str()), &long[..40]),
        ] {
            let given = name.map(Value::from);
            assert_eq!(environment(given.as_ref()), stored);
        }
        assert_eq!(environment(Some(&Value::from(5))), "default");
    }

    #[test]
    fn a_level_wins_over_the_status() {
        let of = |level: Option<&str>, status| {
            let level =
                level.map(|level| ("langfuse.observation.level".to_owned(), Value::from(level)));
            super::level(&level.into_iter().collect(), Some(status))
        };
        for (given, status, wanted) in [
            (Some("DEFAULT"), 2, "DEFAULT"),
            (Some(" warn "), 0, "WARNING"),
            (Some("nonsense"), 2, "ERROR"),
            (None, 2, "ERROR"),
            (None, 0, "DEFAULT"),
        ] {
            assert_eq!(of(given, status), wanted, "{given:?} {status}");
        }
    }
}
