//! The type of an observation (`docs/langfuse.md` 2.6).
//! Called by `mapping`.

use serde_json::Value;

use crate::values::WireSpan;

/// What `langfuse.observation.type` may be.
const TYPES: &[&str] = &[
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

/// Attributes that made a span of the Python SDK up to 3.3 a generation.
const OF_GENERATIONS: &[&str] = &[
    "langfuse.observation.model.name",
    "langfuse.observation.cost_details",
    "langfuse.observation.usage_details",
    "langfuse.observation.completion_start_time",
    "langfuse.observation.model.parameters",
    "langfuse.observation.prompt.name",
    "langfuse.observation.prompt.version",
];

/// The first rule that yields a type.
pub(crate) fn kind(span: &WireSpan) -> String {
    let rules: [fn(&WireSpan) -> Option<&str>; 6] = [
        by_old_python,
        by_own_name,
        by_openinference,
        by_operation,
        by_genkit,
        by_names,
    ];
    let found = rules.iter().find_map(|rule| rule(span));
    found.unwrap_or("SPAN").to_uppercase()
}

fn of<'a>(span: &'a WireSpan, name: &str) -> Option<&'a str> {
    span.attributes.get(name).and_then(Value::as_str)
}

fn by_old_python(span: &WireSpan) -> Option<&str> {
    let is_python = of(span, "langfuse.observation.type") == Some("span")
        && span.scope_name.as_deref() == Some("langfuse-sdk")
        && span
            .resource
            .get("telemetry.sdk.language")
            .and_then(Value::as_str)
            == Some("python");
    let version = span.scope_version.as_deref().unwrap_or_default();
    let mut numbers = version
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or(0));
    let (major, minor) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let is_old = (major, minor) <= (3, 3);
    let has_more = OF_GENERATIONS
        .iter()
        .any(|name| span.attributes.contains_key(*name));
    (is_python && is_old && has_more).then_some("GENERATION")
}

fn by_own_name(span: &WireSpan) -> Option<&str> {
    of(span, "langfuse.observation.type").filter(|kind| TYPES.contains(kind))
}

fn by_openinference(span: &WireSpan) -> Option<&str> {
    match of(span, "openinference.span.kind")? {
        "LLM" => Some("GENERATION"),
        kind @ ("CHAIN" | "RETRIEVER" | "EMBEDDING" | "AGENT" | "TOOL" | "GUARDRAIL"
        | "EVALUATOR") => Some(kind),
        _ => None,
    }
}

fn by_operation(span: &WireSpan) -> Option<&str> {
    match of(span, "gen_ai.operation.name")? {
        "chat" | "completion" | "text_completion" | "generate_content" | "generate" => {
            Some("GENERATION")
        }
        "embeddings" => Some("EMBEDDING"),
        "invoke_agent" | "create_agent" => Some("AGENT"),
        "execute_tool" => Some("TOOL"),
        _ => None,
    }
}

fn by_genkit(span: &WireSpan) -> Option<&str> {
    match of(span, "genkit:metadata:subtype")? {
        "background-model" | "model" => Some("GENERATION"),
        "embedder" => Some("EMBEDDING"),
        "tool" | "tool.v2" => Some("TOOL"),
        "retriever" => Some("RETRIEVER"),
        "evaluator" => Some("EVALUATOR"),
        _ => None,
    }
}

fn by_names(span: &WireSpan) -> Option<&str> {
    let has_value = |name: &&str| match span.attributes.get(*name) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    };
    if ["gen_ai.tool.name", "gen_ai.tool.call.id"]
        .iter()
        .any(has_value)
    {
        return Some("TOOL");
    }
    let models = [
        "langfuse.observation.model.name",
        "gen_ai.request.model",
        "gen_ai.response.model",
        "llm.model_name",
        "model",
    ];
    models.iter().any(has_value).then_some("GENERATION")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_yields_a_type_decides() {
        let of = |pairs: &[(&str, &str)]| {
            let attributes = pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), Value::from(*v)));
            kind(&WireSpan {
                attributes: attributes.collect(),
                ..WireSpan::default()
            })
        };
        for (attributes, wanted) in [
            (vec![("langfuse.observation.type", "GENERATION")], "SPAN"),
            (
                vec![("langfuse.observation.type", "tool"), ("model", "m")],
                "TOOL",
            ),
            (vec![("model", "m")], "GENERATION"),
            (vec![("model", "")], "SPAN"),
            (vec![("openinference.span.kind", "LLM")], "GENERATION"),
            (vec![("gen_ai.operation.name", "execute_tool")], "TOOL"),
            (
                vec![("gen_ai.tool.name", "weather"), ("model", "m")],
                "TOOL",
            ),
            (vec![("genkit:metadata:subtype", "embedder")], "EMBEDDING"),
            (vec![], "SPAN"),
        ] {
            assert_eq!(of(&attributes), wanted, "{attributes:?}");
        }
    }

    #[test]
    fn a_span_of_an_old_python_sdk_with_a_model_is_a_generation() {
        for (version, wanted) in [
            ("3.3.0", "GENERATION"),
            ("3.4.0", "SPAN"),
            ("4.0.0", "SPAN"),
        ] {
            let text = |text: &str| Value::from(text);
            let span = WireSpan {
                attributes: [
                    ("langfuse.observation.type".to_owned(), text("span")),
                    ("langfuse.observation.model.name".to_owned(), text("m")),
                ]
                .into(),
                resource: [("telemetry.sdk.language".to_owned(), text("python"))].into(),
                scope_name: Some("langfuse-sdk".into()),
                scope_version: Some(version.into()),
                ..WireSpan::default()
            };
            assert_eq!(kind(&span), wanted, "{version}");
        }
    }
}
