//! OpenInference's names: `openinference.*`, `llm.*`, `input.*`, `output.*`, `embedding.*`; and Traceloop's among
//! `llm.*`. Called by `read`.

use serde_json::{Map, Value as Json};
use tracefuse_core::ObservationType;
use tracefuse_core::bridge::{captures_content, update_trace};

use crate::facts::{Certainty, Rank};
use crate::observation::Observation;
use crate::traceloop;
use crate::value::Value;

/// Names of types within the places of messages.
const TYPES: &[&str] = &["message", "message_content", "tool_call"];

/// Takes a field by its name; gives it back if it is not one of these.
pub(crate) fn record<'a>(to: &Observation, name: &str, value: Value<'a>) -> Option<Value<'a>> {
    if let Some(rest) = name.strip_prefix("llm.") {
        return record_llm(to, name, rest, value);
    }
    if let Some(place) = name.strip_prefix("retrieval.documents.") {
        let taken = to.take_part(false, place, &["document"], value.json());
        return (!taken).then_some(value);
    }
    for (prefix, is_input) in [
        ("reranker.input_documents.", true),
        ("reranker.output_documents.", false),
    ] {
        if let Some(place) = name.strip_prefix(prefix) {
            let taken = to.take_part(is_input, place, &["document"], value.json());
            return (!taken).then_some(value);
        }
    }
    if let Some(place) = name.strip_prefix("embedding.embeddings.") {
        // Vectors are not recorded.
        let is_vector = place.ends_with(".vector");
        let taken = is_vector || to.take_part(true, place, &["embedding"], value.json());
        return (!taken).then_some(value);
    }
    match name {
        "openinference.span.kind" => {
            if let Some(kind) = kind(&value.text()) {
                to.set_kind(kind, Certainty::Operation);
            }
        }
        "input.value" => to.set_input(Rank::Text, value),
        "output.value" => to.set_output(Rank::Text, value),
        // The value itself shows which of both it is.
        "input.mime_type" | "output.mime_type" => {}
        "embedding.model_name" => {
            to.set_kind(ObservationType::Embedding, Certainty::Model);
            to.set_response_model(&value.text());
        }
        "reranker.query" => {
            to.set_kind(ObservationType::Retriever, Certainty::Model);
            // It is content; the input is the list of documents.
            if captures_content(&to.span) {
                to.span.add_metadata(name, &value);
            }
        }
        "reranker.model_name" => {
            to.set_kind(ObservationType::Retriever, Certainty::Model);
            to.set_response_model(&value.text());
        }
        "reranker.top_k" => to.span.add_model_parameter("top_k", &value),
        "tag.tags" => {
            let tags = value.texts();
            update_trace(&to.span, |trace| {
                tags.iter().for_each(|tag| trace.add_tag(tag))
            });
        }
        _ => return Some(value),
    }
    None
}

fn record_llm<'a>(to: &Observation, name: &str, rest: &str, value: Value<'a>) -> Option<Value<'a>> {
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

/// The observation a kind of OpenInference's is.
pub(crate) fn kind(kind: &str) -> Option<ObservationType> {
    Some(match kind.to_ascii_uppercase().as_str() {
        "LLM" => ObservationType::Generation,
        "EMBEDDING" => ObservationType::Embedding,
        "CHAIN" | "PROMPT" => ObservationType::Chain,
        "RETRIEVER" | "RERANKER" => ObservationType::Retriever,
        "TOOL" => ObservationType::Tool,
        "AGENT" => ObservationType::Agent,
        "GUARDRAIL" => ObservationType::Guardrail,
        "EVALUATOR" => ObservationType::Evaluator,
        _ => return None,
    })
}
