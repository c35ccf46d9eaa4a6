//! From a span's attributes to the row the server stores (`docs/langfuse.md` 2.4 to 2.7, 1.6, 1.7).
//! Called by `otlp` for spans that were accepted; read back by `read` and by tests.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::metadata::metadata;
use crate::usage::{cost, model_parameters, usage};
use crate::values::{Attributes, WireSpan, text};

/// An observation as the server stores it: one row per span, never merged.
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
    pub metadata: BTreeMap<String, Value>,
    #[serde(rename = "providedModelName")]
    pub model: Option<String>,
    pub model_parameters: BTreeMap<String, Value>,
    #[serde(rename = "usageDetails")]
    pub usage: BTreeMap<String, u64>,
    #[serde(rename = "costDetails")]
    pub cost: BTreeMap<String, f64>,
    pub completion_start_time: Option<String>,
    pub prompt_name: Option<String>,
    pub prompt_version: Option<u16>,
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
    /// Names of the span events, which the server throws away.
    #[serde(skip)]
    pub span_events: Vec<String>,
}

pub(crate) fn observation(span: WireSpan) -> Observation {
    let a = &span.attributes;
    let first = |names: &[&str]| names.iter().find_map(|name| a.get(*name)).map(text);
    let own_then_resource = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| a.get(*name).or_else(|| span.resource.get(*name)))
            .map(text)
    };
    // Missing times take the other one.
    let (start, end) = (
        span.start.or(span.end).unwrap_or(0),
        span.end.or(span.start).unwrap_or(0),
    );
    let parent_is_root = truthy(a.get("langfuse.internal.is_app_root"));
    let kind = kind(a);
    let is_generation = kind == "GENERATION";
    let (input, output) = input_output(a);
    let (usage, cost) = (usage(a), cost(a));
    let version =
        first(&["langfuse.version"]).or_else(|| span.resource.get("service.version").map(text));
    let release = own_then_resource(&["langfuse.release"]);
    let environment = own_then_resource(&["langfuse.environment"])
        .or_else(|| own_then_resource(&["deployment.environment.name"]))
        .or_else(|| own_then_resource(&["deployment.environment"]));
    let name = first(&[
        "gen_ai.tool.name",
        "logfire.msg",
        "ai.toolCall.name",
        "genkit:name",
    ])
    .unwrap_or_else(|| span.name.clone());
    Observation {
        id: span.span_id.clone().unwrap_or_default(),
        trace_id: span.trace_id.clone().unwrap_or_default(),
        is_root: span.parent_id.is_none() || parent_is_root,
        parent_id: span.parent_id.clone(),
        kind,
        name,
        start_ns: start,
        end_ns: end.max(start),
        level: level(a, span.status_code),
        status_message: first(&["langfuse.observation.status_message"])
            .or_else(|| span.status_message.clone()),
        input,
        output,
        metadata: metadata(&span),
        model: first(&[
            "langfuse.observation.model.name",
            "gen_ai.response.model",
            "ai.model.id",
            "gen_ai.request.model",
            "llm.response.model",
            "llm.model_name",
            "model",
        ]),
        model_parameters: model_parameters(a),
        usage,
        cost,
        completion_start_time: first(&["langfuse.observation.completion_start_time"])
            .map(|time| time.trim_matches('"').to_owned()),
        prompt_name: first(&["langfuse.observation.prompt.name"]).filter(|_| is_generation),
        prompt_version: a
            .get("langfuse.observation.prompt.version")
            .filter(|_| is_generation)
            .and_then(|v| v.as_u64()?.try_into().ok()),
        trace_name: first(&["langfuse.trace.name"]),
        user_id: first(&["langfuse.user.id", "user.id"]),
        session_id: first(&[
            "langfuse.session.id",
            "session.id",
            "gen_ai.conversation.id",
        ]),
        tags: tags(a),
        release,
        version,
        environment: self::environment(environment.as_deref()),
        public: truthy(
            a.get("langfuse.trace.public")
                .or_else(|| a.get("langfuse.public")),
        ),
        span_events: span.events.iter().map(|(name, _)| name.clone()).collect(),
        attributes: span.attributes,
    }
}

fn truthy(value: Option<&Value>) -> bool {
    matches!(value, Some(Value::Bool(true))) || value.and_then(Value::as_str) == Some("true")
}

/// 2.6, first rule that yields a type.
fn kind(a: &Attributes) -> String {
    const TYPES: [&str; 10] = [
        "span",
        "generation",
        "event",
        "embedding",
        "agent",
        "tool",
        "chain",
        "retriever",
        "guardrail",
        "evaluator",
    ];
    let str = |name: &str| a.get(name).and_then(Value::as_str);
    if let Some(kind) = str("langfuse.observation.type").filter(|kind| TYPES.contains(kind)) {
        return kind.to_uppercase();
    }
    let by_openinference = str("openinference.span.kind").and_then(|kind| match kind {
        "LLM" => Some("GENERATION"),
        "CHAIN" | "RETRIEVER" | "EMBEDDING" | "AGENT" | "TOOL" | "GUARDRAIL" | "EVALUATOR" => {
            Some(kind)
        }
        _ => None,
    });
    let by_operation = || {
        str("gen_ai.operation.name").and_then(|operation| match operation {
            "chat" | "completion" | "text_completion" | "generate_content" | "generate" => {
                Some("GENERATION")
            }
            "embeddings" => Some("EMBEDDING"),
            "invoke_agent" | "create_agent" => Some("AGENT"),
            "execute_tool" => Some("TOOL"),
            _ => None,
        })
    };
    let has = |names: &[&str]| names.iter().any(|name| a.contains_key(*name));
    let by_names = || {
        if has(&["gen_ai.tool.name", "gen_ai.tool.call.id"]) {
            return Some("TOOL");
        }
        let models = [
            "langfuse.observation.model.name",
            "gen_ai.request.model",
            "gen_ai.response.model",
            "llm.model_name",
            "model",
        ];
        has(&models).then_some("GENERATION")
    };
    by_openinference
        .or_else(by_operation)
        .or_else(by_names)
        .unwrap_or("SPAN")
        .to_owned()
}

/// 2.5: the attribute wins over the status.
fn level(a: &Attributes, status: Option<i64>) -> String {
    let by_status = if status == Some(2) {
        "ERROR"
    } else {
        "DEFAULT"
    };
    let Some(level) = a.get("langfuse.observation.level").and_then(Value::as_str) else {
        return by_status.into();
    };
    match level.to_uppercase().as_str() {
        "DEBUG" | "TRACE" | "VERBOSE" => "DEBUG",
        "DEFAULT" | "INFO" | "LOG" | "NOTICE" | "OK" | "SUCCESS" => "DEFAULT",
        "WARNING" | "WARN" => "WARNING",
        "ERROR" | "FATAL" | "CRITICAL" => "ERROR",
        _ => by_status,
    }
    .into()
}

/// 2.5 and 2.7: if either of Langfuse's own is set, nothing else is looked at.
fn input_output(a: &Attributes) -> (Option<String>, Option<String>) {
    let first = |names: &[&str]| names.iter().find_map(|name| a.get(*name)).map(text);
    let own = (
        first(&["langfuse.observation.input"]),
        first(&["langfuse.observation.output"]),
    );
    if own.0.is_some() || own.1.is_some() {
        return own;
    }
    (first(INPUTS), first(OUTPUTS))
}

pub(crate) const INPUTS: &[&str] = &[
    "input.value",
    "input",
    "prompt",
    "all_messages_events",
    "events",
    "tool_arguments",
    "gen_ai.input.messages",
    "gen_ai.tool.call.arguments",
];
pub(crate) const OUTPUTS: &[&str] = &[
    "output.value",
    "output",
    "final_result",
    "tool_response",
    "gen_ai.output.messages",
    "gen_ai.tool.call.result",
];

fn tags(a: &Attributes) -> Vec<String> {
    match a
        .get("langfuse.trace.tags")
        .or_else(|| a.get("langfuse.tags"))
        .or_else(|| a.get("tag.tags"))
    {
        Some(Value::Array(tags)) => tags.iter().map(text).collect(),
        Some(Value::String(list)) => match serde_json::from_str::<Vec<String>>(list) {
            Ok(tags) => tags,
            Err(_) => list
                .split(',')
                .map(|tag| tag.trim().to_owned())
                .filter(|tag| !tag.is_empty())
                .collect(),
        },
        _ => Vec::new(),
    }
}

/// 1.6: what does not fit silently becomes `default`.
fn environment(name: Option<&str>) -> String {
    let mut name = name.unwrap_or("default").to_lowercase();
    while let Some(rest) = name.strip_prefix("langfuse") {
        name = rest.trim_start_matches(['-', '_']).to_owned();
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
            (Some("langfuse"), "default"),
            (Some(long.as_str()), &long[..40]),
        ] {
            assert_eq!(environment(name), stored);
        }
    }

    #[test]
    fn a_type_in_another_case_falls_through_and_a_model_makes_a_generation() {
        let of = |pairs: &[(&str, &str)]| {
            kind(
                &pairs
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), Value::from(*v)))
                    .collect(),
            )
        };
        assert_eq!(of(&[("langfuse.observation.type", "GENERATION")]), "SPAN");
        assert_eq!(
            of(&[("langfuse.observation.type", "tool"), ("model", "m")]),
            "TOOL"
        );
        assert_eq!(of(&[("model", "m")]), "GENERATION");
        assert_eq!(of(&[("openinference.span.kind", "LLM")]), "GENERATION");
        assert_eq!(of(&[("gen_ai.operation.name", "execute_tool")]), "TOOL");
    }

    #[test]
    fn a_level_wins_over_the_status() {
        let of = |level: Option<&str>, status| level_of(level, status);
        fn level_of(level: Option<&str>, status: i64) -> String {
            let a = level
                .map(|level| ("langfuse.observation.level".to_owned(), Value::from(level)))
                .into_iter()
                .collect();
            super::level(&a, Some(status))
        }
        assert_eq!(of(Some("DEFAULT"), 2), "DEFAULT");
        assert_eq!(of(Some("warn"), 0), "WARNING");
        assert_eq!(of(Some("nonsense"), 2), "ERROR");
        assert_eq!(of(None, 2), "ERROR");
        assert_eq!(of(None, 0), "DEFAULT");
    }
}
