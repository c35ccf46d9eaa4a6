//! `gen_ai.*`: OpenTelemetry's conventions, and the older names that frameworks still send.
//! Called by `read`.

use std::time::Duration;

use tracefuse_core::bridge::set_first_token;
use tracefuse_core::{ObservationType, Timestamp};

use crate::facts::{Certainty, Rank};
use crate::observation::Observation;
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
        "tool.definitions" => {
            to.with_facts(|facts| facts.tools = Some(value.into_text()));
        }
        // `request.messages`, `response.text`, `tool.input` and the like are Sentry's.
        "prompt" | "request.messages" => to.set_input(Rank::Text, value),
        "tool.call.arguments" | "tool.input" => to.set_input(Rank::Tool, value),
        "output.messages" => to.set_output(Rank::Messages, value),
        "completion" => to.set_output(Rank::Text, value),
        "response.text" => to.set_answer("content", &value),
        "response.tool_calls" => to.set_answer("tool_calls", &value),
        "tool.call.result" | "tool.output" => to.set_output(Rank::Tool, value),
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
        "retrieval.query.text" | "memory.query.text" => to.set_input(Rank::Text, value),
        "retrieval.documents" => to.set_output(Rank::Text, value),
        "retrieval.top_k" => to.span.add_model_parameter("top_k", &value),
        "memory.records" => to.with_facts(|facts| facts.memory = Some(value.into_text())),
        "openai.response.service_tier" | "response.service_tier" => {
            to.span.add_model_parameter("service_tier", &value);
        }
        "response.finish_reason" => to.span.add_metadata("finish_reason", &value),
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

/// A time after another one.
pub(crate) fn later(time: Timestamp, by: Duration) -> Timestamp {
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
