//! Names of Vercel's AI SDK: `ai.*`, which its spans have beside OpenTelemetry's.
//! Called by `read`.

use std::time::Duration;

use tracefuse_core::ObservationType;
use tracefuse_core::bridge::set_first_token;

use crate::facts::{Certainty, Rank};
use crate::gen_ai::later;
use crate::observation::Observation;
use crate::value::Value;
use crate::vercel_report::{record_report, record_telemetry};

/// Takes a field by its name, and by the name after `ai.`; gives it back if it is not one of these.
pub(crate) fn record<'a>(
    to: &Observation,
    name: &str,
    rest: &str,
    value: Value<'a>,
) -> Option<Value<'a>> {
    if let Some(count) = rest.strip_prefix("usage.") {
        let taken = to.with_facts(|facts| facts.tokens.take(name, count, &value));
        return (!taken).then_some(value);
    }
    if let Some(key) = rest.strip_prefix("telemetry.metadata.") {
        return record_telemetry(to, key, value);
    }
    if let Some(setting) = rest.strip_prefix("settings.") {
        to.span.add_model_parameter(setting, &value);
        return None;
    }
    match rest {
        "operationId" => {
            if let Some(kind) = kind(&value.text()) {
                to.set_kind(kind, Certainty::Operation);
            }
            return Some(value);
        }
        "model.id" => {
            to.set_kind(ObservationType::Generation, Certainty::Model);
            to.set_request_model(value.into_text());
        }
        "response.model" => to.set_response_model(&value.text()),
        "prompt.messages" => to.set_input(Rank::Messages, value),
        "prompt" | "value" | "values" => to.set_input(Rank::Text, value),
        "toolCall.name" => {
            to.set_kind(ObservationType::Tool, Certainty::Tool);
            to.span.add_metadata(name, &value);
            to.with_facts(|facts| facts.tool = Some(value.into_text()));
        }
        "toolCall.args" => to.set_input(Rank::Tool, value),
        "toolCall.result" => to.set_output(Rank::Tool, value),
        // `result` is of releases before 4.
        "response.text" | "result.text" | "response.object" | "result.object" => {
            to.set_answer("content", &value);
        }
        "response.reasoning" => to.set_answer("reasoning", &value),
        "response.toolCalls" | "result.toolCalls" => to.set_answer("tool_calls", &value),
        "response.files" => to.set_answer("files", &value),
        "response.finishReason" | "finishReason" => to.span.add_metadata("finish_reason", &value),
        "response.msToFirstChunk" | "stream.msToFirstChunk" => {
            let after = value.number().map(|millis| millis / 1000.0);
            match after.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
                Some(after) => set_first_token(&to.span, |start| later(start, after)),
                None => return Some(value),
            }
        }
        "response.providerMetadata" | "result.providerMetadata" => {
            record_report(to, &value);
            return Some(value);
        }
        // Vectors, of which nothing is recorded.
        "embedding" | "embeddings" => {}
        _ => return Some(value),
    }
    None
}

/// The observation that an operation is. One that has others within, such as `ai.generateText`, is a chain.
fn kind(operation: &str) -> Option<ObservationType> {
    let (call, part) = operation.strip_prefix("ai.")?.split_once('.').map_or_else(
        || (operation.trim_start_matches("ai."), ""),
        |(call, part)| (call, part),
    );
    Some(match (call, part) {
        ("toolCall", _) => ObservationType::Tool,
        ("embed" | "embedMany", "doEmbed") => ObservationType::Embedding,
        ("rerank", "doRerank") => ObservationType::Retriever,
        (_, "") => ObservationType::Chain,
        (_, part) if part.starts_with("do") => ObservationType::Generation,
        _ => return None,
    })
}
