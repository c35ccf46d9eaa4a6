//! Traceloop's names (OpenLLMetry), beside OpenTelemetry's: `traceloop.*` and `llm.*`; and the names that only
//! pydantic-ai and logfire use. Called by `read`.

use tracefuse_core::ObservationType;

use crate::facts::{Certainty, Rank};
use crate::observation::Observation;
use crate::value::Value;

/// Takes a field by the name after `traceloop.`; gives it back if it is not one of these.
pub(crate) fn record<'a>(to: &Observation, rest: &str, value: Value<'a>) -> Option<Value<'a>> {
    match rest {
        "span.kind" => match &*value.text() {
            "workflow" => to.set_kind(ObservationType::Chain, Certainty::Operation),
            "agent" => to.set_kind(ObservationType::Agent, Certainty::Operation),
            "tool" => to.set_kind(ObservationType::Tool, Certainty::Operation),
            "task" => to.set_kind(ObservationType::Span, Certainty::Operation),
            _ => return Some(value),
        },
        "entity.input" => to.set_input(Rank::Tool, value),
        "entity.output" => to.set_output(Rank::Tool, value),
        "prompt.key" => to.with_facts(|facts| facts.prompt.0 = Some(value.into_text())),
        "prompt.version" => to.set_prompt_version(&value),
        "association.properties.session_id" => to.set_session(&value.text()),
        "association.properties.user_id" => to.set_user(value.into_text()),
        _ => return Some(value),
    }
    None
}

/// What a request is by Traceloop's `llm.request.type`.
pub(crate) fn kind(request: &str) -> Option<ObservationType> {
    Some(match request {
        "chat" | "completion" => ObservationType::Generation,
        "embedding" => ObservationType::Embedding,
        "rerank" => ObservationType::Retriever,
        _ => return None,
    })
}

/// Takes a field that only pydantic-ai and logfire write; gives it back if it is not one of these.
pub(crate) fn record_pydantic<'a>(
    to: &Observation,
    name: &str,
    value: Value<'a>,
) -> Option<Value<'a>> {
    match name {
        "pydantic_ai.all_messages" | "all_messages_events" => to.set_input(Rank::Text, value),
        "final_result" => to.set_output(Rank::Text, value),
        "tool_arguments" => to.set_input(Rank::Tool, value),
        "tool_response" => to.set_output(Rank::Tool, value),
        "operation.cost" => {
            if !to.with_facts(|facts| facts.tokens.take_cost("cost", &value)) {
                return Some(value);
            }
        }
        _ => return Some(value),
    }
    None
}
