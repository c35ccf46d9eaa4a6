//! Gemini: `generateContent` of the Gemini API and of Vertex AI.
//! Called by `provider`; `stream` hands it the response it put together from chunks.

use serde_json::{Map, Value, json};

use super::{Facts, error, one_or_all, text, without_nulls};
use crate::llm::usage::{self, Language};

/// Vectors, of which nothing is recorded.
pub(crate) const SKIP: &[&str] = &["embedding", "embeddings"];

/// A field in either case.
pub(crate) fn field<'a>(value: &'a Value, camel: &str, snake: &str) -> Option<&'a Value> {
    value
        .get(camel)
        .filter(|value| !value.is_null())
        .or_else(|| value.get(snake))
}

pub(crate) fn facts(response: &Value) -> Facts {
    let whole = response;
    let used = usage::read(Language::Gemini, response);
    // Code Assist wraps the answer.
    let inner = response.get("response").filter(|r| r.is_object());
    let response = inner.unwrap_or(response);
    let candidates = response.get("candidates").and_then(Value::as_array);
    let candidates = candidates.map_or(&[][..], Vec::as_slice);
    let reasons = candidates
        .iter()
        .filter_map(|candidate| text(field(candidate, "finishReason", "finish_reason")))
        .map(Value::from)
        .collect();
    // A prompt that was refused has no candidates.
    let refused = || {
        let feedback = field(response, "promptFeedback", "prompt_feedback")?;
        text(field(feedback, "blockReason", "block_reason")).map(Value::from)
    };
    Facts {
        provider: "gcp.gemini",
        model: text(field(response, "modelVersion", "model_version")).map(str::to_owned),
        usage: used.usage,
        cost: used.cost,
        parameters: used.parameters,
        finish_reason: one_or_all(reasons).or_else(refused),
        output: one_or_all(candidates.iter().filter_map(output).collect()),
        error: error::read(whole, "gemini"),
    }
}

/// A candidate's content: role and parts, or its text if it is nothing else.
fn output(candidate: &Value) -> Option<Value> {
    let content = candidate.get("content")?;
    let parts = content.get("parts")?.as_array()?;
    let parts: Vec<Map<String, Value>> = parts
        .iter()
        .filter_map(Value::as_object)
        .map(without_nulls)
        .collect();
    if parts.is_empty() {
        return None;
    }
    let role = text(content.get("role")).unwrap_or("model");
    let plain: Option<String> = parts
        .iter()
        .map(|part| part.get("text").filter(|_| part.len() == 1)?.as_str())
        .collect();
    Some(match plain {
        Some(text) => json!({ "role": role, "content": text }),
        None => json!({ "role": role, "parts": parts }),
    })
}
