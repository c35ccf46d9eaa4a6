//! `llm.*`: the names of OpenInference for a model call, and Traceloop's among them.
//! Called by `openinference`.

use serde_json::{Map, Value as Json};
use tracefuse_core::ObservationType;

use crate::facts::{Certainty, Rank};
use crate::observation::Observation;
use crate::traceloop;
use crate::value::Value;

/// Names of types within the places of messages.
const TYPES: &[&str] = &["message", "message_content", "tool_call"];

pub(crate) fn record_llm<'a>(
    to: &Observation,
    name: &str,
    rest: &str,
    value: Value<'a>,
) -> Option<Value<'a>> {
    let is_llm_call = || to.set_kind(ObservationType::Generation, Certainty::Model);
    for prefix in ["token_count.", "usage."] {
        if let Some(count) = rest.strip_prefix(prefix) {
            is_llm_call();
            let taken = to.with_facts(|facts| facts.tokens.take(name, count, &value));
            return (!taken).then_some(value);
        }
    }
    if let Some(part) = rest.strip_prefix("cost.") {
        let taken = to.with_facts(|facts| facts.tokens.take_cost(part, &value));
        return (!taken).then_some(value);
    }
    for (prefix, is_input) in [("input_messages.", true), ("output_messages.", false)] {
        if let Some(place) = rest.strip_prefix(prefix) {
            is_llm_call();
            let part = value.json();
            let taken = to.take_part(is_input, place, TYPES, part);
            return (!taken).then_some(value);
        }
    }
    match rest {
        "model_name" | "response.model_name" | "response.model" => {
            is_llm_call();
            to.set_response_model(&value.text());
        }
        "request.model_name" | "request.model" => {
            is_llm_call();
            to.set_request_model(value.into_text());
        }
        "invocation_parameters" => match serde_json::from_str::<Map<String, Json>>(&value.text()) {
            Ok(parameters) => {
                for (key, value) in parameters {
                    match (key.as_str(), value) {
                        // A call that failed has the model here alone.
                        ("model", Json::String(model)) => to.set_request_model(model),
                        (key, value) => to.span.add_model_parameter(key, value),
                    }
                }
            }
            Err(_) => return Some(value),
        },
        // Traceloop.
        "request.type" => match traceloop::kind(&value.text()) {
            Some(kind) => to.set_kind(kind, Certainty::Operation),
            None => return Some(value),
        },
        "prompts" => to.set_input(Rank::Text, value),
        "completions" | "choices" => to.set_output(Rank::Text, value),
        "finish_reason" => to.span.add_metadata("finish_reason", &value),
        _ => {
            let parameter = [
                "temperature",
                "top_p",
                "top_k",
                "frequency_penalty",
                "presence_penalty",
                "is_streaming",
            ];
            let parameter = parameter.iter().find(|known| **known == rest).copied();
            match parameter.or_else(|| rest.strip_prefix("request.")) {
                Some(parameter) => to.span.add_model_parameter(parameter, &value),
                None => return Some(value),
            }
        }
    }
    None
}
