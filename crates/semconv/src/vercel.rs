//! Names of Vercel's AI SDK: `ai.*`, which its spans have beside OpenTelemetry's.
//! Called by `read`.

use std::time::Duration;

use serde_json::{Map, Value as Json};
use tracefuse_core::ObservationType;
use tracefuse_core::bridge::{set_first_token, update_trace};

use crate::facts::{Certainty, Rank};
use crate::gen_ai::later;
use crate::observation::Observation;
use crate::value::Value;

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

/// What the application says of its call.
fn record_telemetry<'a>(to: &Observation, key: &str, value: Value<'a>) -> Option<Value<'a>> {
    match key {
        "userId" => to.set_user(value.into_text()),
        "sessionId" => to.set_session(&value.text()),
        "tags" => {
            let tags = value.texts();
            update_trace(&to.span, |trace| {
                tags.iter().for_each(|tag| trace.add_tag(tag));
            });
        }
        // A prompt of Langfuse, as JSON.
        "langfusePrompt" => {
            let prompt: Map<String, Json> = serde_json::from_str(&value.text()).unwrap_or_default();
            let Some(name) = prompt.get("name").and_then(Json::as_str) else {
                return Some(value);
            };
            to.with_facts(|facts| facts.prompt.0 = Some(name.to_owned()));
            if let Some(version) = prompt.get("version").and_then(Json::as_u64) {
                to.set_prompt_version(&Value::U64(version));
            }
        }
        _ => to.span.add_metadata(key, &value),
    }
    None
}

/// Takes what the provider itself counted. Of Anthropic the SDK's own counts exclude the cache.
fn record_report(to: &Observation, value: &Value<'_>) {
    let metadata: Json = serde_json::from_str(&value.text()).unwrap_or_default();
    let count = |place: &str| metadata.pointer(place).and_then(Json::as_u64);
    let usage = |name: &str| count(&format!("/anthropic/usage/{name}"));
    let mut tokens: Vec<(&str, u64)> = Vec::new();
    if let Some(input) = usage("input_tokens") {
        let read = usage("cache_read_input_tokens").unwrap_or(0);
        let written = usage("cache_creation_input_tokens").unwrap_or(0);
        tokens.push((
            "input_tokens",
            input.saturating_add(read).saturating_add(written),
        ));
        tokens.push(("cache_read_input_tokens", read));
        tokens.push(("cache_creation_input_tokens", written));
        for lifetime in ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"] {
            let units = count(&format!("/anthropic/usage/cache_creation/{lifetime}"));
            tokens.extend(units.map(|units| (lifetime, units)));
        }
    }
    let costs = ["/gateway/cost", "/openrouter/usage/cost"];
    let cost = costs.iter().find_map(|place| metadata.pointer(place));
    let cost = match cost {
        Some(Json::String(text)) => Some(Value::Str(text.as_str().into())),
        Some(Json::Number(number)) => number.as_f64().map(Value::F64),
        _ => None,
    };
    to.with_facts(|facts| {
        for (name, units) in tokens {
            let attribute = format!("ai.response.providerMetadata.{name}");
            facts.tokens.take(&attribute, name, &Value::U64(units));
        }
        if let Some(cost) = cost {
            facts.tokens.take_cost("cost", &cost);
        }
    });
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
