//! `gen_ai.*`: OpenTelemetry's conventions, and the older names that frameworks still send.
//! Called by `observation`.

use std::time::Duration;

use tracefuse_core::bridge::set_first_token;
use tracefuse_core::{ObservationType, Timestamp};

use crate::observation::{Certainty, Facts, Observation, Rank};
use crate::value::Value;

/// Takes a field by its name, and by the name after `gen_ai.`.
pub(crate) fn record(to: &Observation, name: &str, rest: &str, value: Value<'_>) {
    if let Some(count) = rest.strip_prefix("usage.") {
        let taken = to.with_facts(|facts| {
            let is_cost = count.contains("cost");
            match is_cost {
                true => facts.tokens.take_cost(count, &value),
                false => facts.tokens.take(name, count, &value),
            }
        });
        if !taken {
            to.span.add_metadata(name, &value);
        }
        return;
    }
    if let Some(unit) = rest.strip_prefix("cost.")
        && to.with_facts(|facts| facts.tokens.take_cost(unit, &value))
    {
        return;
    }
    // Traceloop: a message by its parts.
    for (prefix, is_input) in [("prompt.", true), ("completion.", false)] {
        if let Some(place) = rest.strip_prefix(prefix)
            && to.take_part(is_input, place, &[], value.json())
        {
            to.set_kind(ObservationType::Generation, Certainty::Model);
            return;
        }
    }
    match rest {
        "operation.name" => {
            if let Some(kind) = kind(&value.text()) {
                to.set_kind(kind, Certainty::Operation);
            }
            to.with_facts(|facts| facts.operation = Some(value.into_text()));
        }
        "request.model" => {
            to.set_kind(ObservationType::Generation, Certainty::Model);
            to.set_request_model(value.into_text());
        }
        "response.model" => {
            to.set_kind(ObservationType::Generation, Certainty::Model);
            to.set_response_model(&value.text());
        }
        "input.messages" => to.with_facts(|facts| {
            if Rank::Messages >= facts.input {
                facts.input = Rank::Messages;
                facts.messages = Some(value.into_text());
            }
        }),
        "system_instructions" => {
            to.with_facts(|facts| facts.system = Some(value.into_text()));
        }
        "prompt" => to.set_input(Rank::Text, value),
        "tool.call.arguments" => to.set_input(Rank::Tool, value),
        "output.messages" => to.set_output(Rank::Messages, value),
        "completion" => to.set_output(Rank::Text, value),
        "tool.call.result" => to.set_output(Rank::Tool, value),
        "tool.name" => {
            to.set_kind(ObservationType::Tool, Certainty::Tool);
            to.span.add_metadata(name, &value);
            to.with_facts(|facts| facts.tool = Some(value.into_text()));
        }
        "agent.name" => {
            to.set_kind(ObservationType::Agent, Certainty::Agent);
            to.span.add_metadata(name, &value);
            to.with_facts(|facts| facts.agent = Some(value.into_text()));
        }
        "workflow.name" => {
            to.span.add_metadata(name, &value);
            to.with_facts(|facts| facts.workflow = Some(value.into_text()));
        }
        "prompt.name" => to.with_facts(|facts| facts.prompt.0 = Some(value.into_text())),
        "prompt.version" => to.set_prompt_version(&value),
        "retrieval.query.text" => to.set_input(Rank::Text, value),
        "retrieval.documents" => to.set_output(Rank::Text, value),
        "openai.response.service_tier" | "response.service_tier" => {
            to.span.add_model_parameter("service_tier", &value);
        }
        "conversation.id" => to.set_session(&value.text()),
        "response.time_to_first_chunk" => {
            let seconds = value.number();
            match seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
                Some(after) => set_first_token(&to.span, |start| later(start, after)),
                None => to.span.add_metadata(name, &value),
            }
        }
        _ => match rest.strip_prefix("request.") {
            Some(parameter) => to.span.add_model_parameter(parameter, &value),
            None => to.span.add_metadata(name, &value),
        },
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
    Timestamp::from_unix_nanos(time.as_unix_nanos().saturating_add(nanos))
}

/// The observation an operation is.
fn kind(operation: &str) -> Option<ObservationType> {
    Some(match operation {
        "chat" | "completion" | "text_completion" | "generate_content" | "generate"
        | "transcription" | "image_generation" | "audio_generation" => ObservationType::Generation,
        "embeddings" => ObservationType::Embedding,
        "invoke_agent" | "create_agent" => ObservationType::Agent,
        "execute_tool" => ObservationType::Tool,
        "retrieval" | "rerank" | "search_memory" => ObservationType::Retriever,
        "create_memory"
        | "update_memory"
        | "upsert_memory"
        | "delete_memory"
        | "create_memory_store"
        | "delete_memory_store" => ObservationType::Tool,
        "plan" => ObservationType::Agent,
        "invoke_workflow" => ObservationType::Chain,
        _ => return None,
    })
}

/// A span that is called by its operation alone, since `tracing` has names that are fixed at compile time,
/// gets the name the conventions give it, such as `execute_tool add`.
pub(crate) fn name(span: &str, facts: &Facts) -> Option<String> {
    let operation = facts.operation.as_deref().filter(|name| *name == span)?;
    let subject = match operation {
        "execute_tool" => &facts.tool,
        "invoke_agent" | "create_agent" | "plan" => &facts.agent,
        // Releases before 0.1.0 have `gen_ai.workflow.name`.
        "invoke_workflow" if facts.workflow.is_some() => &facts.workflow,
        "invoke_workflow" => &facts.agent,
        _ => &facts.request_model,
    };
    Some(format!("{operation} {}", subject.as_deref()?))
}

/// The messages with the instructions as the first of them, unless they have such a message already;
/// instructions that are not taken come back.
pub(crate) fn with_system(messages: String, system: Option<String>) -> (String, Option<String>) {
    let Some(system) = system else {
        return (messages, None);
    };
    // A quote inside of a text is escaped, so this is found in the structure only.
    let has_own = [r#""role":"system""#, r#""role": "system""#];
    if has_own.iter().any(|role| messages.contains(role)) {
        return (messages, Some(system));
    }
    let (Some(rest), Ok(quoted)) = (
        messages.trim_start().strip_prefix('['),
        serde_json::to_string(&system),
    ) else {
        return (messages, Some(system));
    };
    // Instructions are text or, as the conventions have it, an array of parts.
    let content = if system.trim_start().starts_with('[') {
        &system
    } else {
        &quoted
    };
    let comma = if rest.trim_start().starts_with(']') {
        ""
    } else {
        ","
    };
    let merged = format!(r#"[{{"role":"system","content":{content}}}{comma}{rest}"#);
    (merged, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_become_the_first_message() {
        let merge = |messages: &str, system: &str| {
            with_system(messages.to_owned(), Some(system.to_owned()))
        };
        for (messages, system, merged) in [
            (
                r#"[{"role":"user"}]"#,
                "be \"brief\"",
                r#"[{"role":"system","content":"be \"brief\""},{"role":"user"}]"#,
            ),
            (
                "[]",
                r#"[{"type":"text"}]"#,
                r#"[{"role":"system","content":[{"type":"text"}]}]"#,
            ),
        ] {
            assert_eq!(merge(messages, system), (merged.to_owned(), None));
        }
        for messages in ["plain", r#"[{"role":"system","content":"be brief"}]"#] {
            assert_eq!(
                merge(messages, "be brief"),
                (messages.to_owned(), Some("be brief".to_owned()))
            );
        }
    }

    #[test]
    fn a_span_named_by_its_operation_is_named_by_its_subject_too() {
        let facts = Facts {
            operation: Some("execute_tool".to_owned()),
            tool: Some("add".to_owned()),
            ..Facts::default()
        };
        assert_eq!(
            name("execute_tool", &facts).as_deref(),
            Some("execute_tool add")
        );
        assert_eq!(name("my own name", &facts), None);
    }
}
