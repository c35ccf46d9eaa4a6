//! Gemini: `generateContent` of the Gemini API and of Vertex AI.
//! Called by `provider`; `stream` hands it the response it put together from chunks.

use serde_json::{Map, Value, json};

use super::{Facts, count, error, one_or_all, text, without_nulls};
use crate::record::Usage;

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
        usage: field(response, "usageMetadata", "usage_metadata").and_then(usage),
        finish_reason: one_or_all(reasons).or_else(refused),
        output: one_or_all(candidates.iter().filter_map(output).collect()),
        error: error(response, "gemini"),
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

/// The prompt includes what was cached; results of tools and thoughts come on top.
fn usage(usage: &Value) -> Option<Usage> {
    let get = |camel, snake| count(field(usage, camel, snake));
    let prompt = get("promptTokenCount", "prompt_token_count");
    let candidates = get("candidatesTokenCount", "candidates_token_count")
        // Vertex AI's live API.
        .or_else(|| get("responseTokenCount", "response_token_count"));
    let total = get("totalTokenCount", "total_token_count");
    if prompt.is_none() && candidates.is_none() && total.is_none() {
        return None;
    }
    // What tools fed back is priced as input.
    let tools = get("toolUsePromptTokenCount", "tool_use_prompt_token_count").unwrap_or(0);
    let cached = get("cachedContentTokenCount", "cached_content_token_count").unwrap_or(0);
    let thoughts = get("thoughtsTokenCount", "thoughts_token_count").unwrap_or(0);
    let (prompt, candidates) = (prompt.unwrap_or(0), candidates.unwrap_or(0));
    let cached = cached.min(prompt);
    let input = prompt.saturating_add(tools);
    // Some proxies count thoughts among the candidates; only the total tells.
    let included = thoughts > 0 && thoughts <= candidates && total == input.checked_add(candidates);
    let candidates = if included {
        candidates - thoughts
    } else {
        candidates
    };
    let mut buckets = Usage::gemini(input, candidates);
    if cached > 0 {
        buckets = buckets.cached_tokens(cached);
    }
    if thoughts > 0 {
        buckets = buckets.reasoning_tokens(thoughts);
    }
    Some(match total {
        Some(total) => buckets.total(total),
        None => buckets,
    })
}
