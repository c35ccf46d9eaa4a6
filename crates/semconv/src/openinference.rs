//! OpenInference's names: `openinference.*`, `llm.*`, `input.*`, `output.*`, `embedding.*`; and Traceloop's among
//! `llm.*`. Called by `read`.

use tracefuse_core::ObservationType;
use tracefuse_core::bridge::{captures_content, update_trace};

use crate::facts::{Certainty, Rank};
use crate::llm::record_llm;
use crate::observation::Observation;
use crate::value::Value;

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
