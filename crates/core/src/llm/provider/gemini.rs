//! Gemini: `generateContent` of the Gemini API and of Vertex AI, and the Interactions API.
//! Called by `provider`; `stream` gives it the response that it put together from chunks.

use serde_json::{Map, Value, json};

use super::envelope::unwrapped;
use super::{Facts, error, one_or_all, text, without_nulls};
use crate::llm::usage::{self, Language};

/// Vectors are not recorded.
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
    let response = unwrapped(response);
    let candidates = response.get("candidates").and_then(Value::as_array);
    let candidates = candidates.map_or(&[][..], Vec::as_slice);
    let reasons = candidates
        .iter()
        .filter_map(|candidate| text(field(candidate, "finishReason", "finish_reason")))
        .map(Value::from)
        .collect();
    // A prompt that was refused has no candidates.
    let feedback = field(response, "promptFeedback", "prompt_feedback");
    let refused = || text(field(feedback?, "blockReason", "block_reason")).map(Value::from);
    let explained = || {
        text(field(
            feedback?,
            "blockReasonMessage",
            "block_reason_message",
        ))
    };
    let interaction = interaction(response);
    let status = || text(response.get("status").filter(|_| interaction.is_some()));
    Facts {
        provider: "gcp.gemini",
        model: text(field(response, "modelVersion", "model_version"))
            .or_else(|| text(response.get("model")))
            .map(str::to_owned),
        usage: used.usage,
        cost: used.cost,
        parameters: used.parameters,
        finish_reason: one_or_all(reasons)
            .or_else(refused)
            .or_else(|| status().map(Value::from)),
        output: one_or_all(candidates.iter().filter_map(output).collect())
            .or_else(|| interaction.clone())
            .or_else(|| explained().map(Value::from)),
        cut: 0,
        error: error::read(whole, "gemini"),
    }
}

/// The answer of the Interactions API: its steps (before 2026-05 its contents), or its text if it is nothing else.
fn interaction(response: &Value) -> Option<Value> {
    let items = ["steps", "outputs"]
        .iter()
        .find_map(|key| response.get(*key)?.as_array())?;
    let is_answer = |item: &&Map<String, Value>| text(item.get("type")) != Some("user_input");
    let items: Vec<_> = items.iter().filter_map(Value::as_object).collect();
    let items: Vec<_> = items
        .into_iter()
        .filter(is_answer)
        .map(without_nulls)
        .collect();
    let [only] = items.as_slice() else {
        return (!items.is_empty()).then(|| json!({ "role": "model", "content": items }));
    };
    let contents = match only.get("content") {
        Some(Value::Array(contents)) => contents.iter().collect(),
        _ => vec![],
    };
    let plain = |content: &Value| {
        let is_text = text(content.get("type")) == Some("text");
        content
            .get("text")
            .filter(|_| is_text)?
            .as_str()
            .map(str::to_owned)
    };
    let texts: Option<String> = match text(only.get("type")) {
        Some("text") => plain(&Value::Object(only.clone())),
        Some("model_output") => contents.into_iter().map(plain).collect(),
        _ => None,
    };
    Some(match texts {
        Some(text) => json!({ "role": "model", "content": text }),
        None => json!({ "role": "model", "content": items }),
    })
}

/// A candidate's content: role and parts, or its text if it is nothing else; why there is none, if that is said.
fn output(candidate: &Value) -> Option<Value> {
    let said = field(candidate, "finishMessage", "finish_message");
    content(candidate).or_else(|| text(said).map(Value::from))
}

fn content(candidate: &Value) -> Option<Value> {
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
