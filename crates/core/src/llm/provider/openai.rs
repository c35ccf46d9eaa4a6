//! OpenAI: Chat Completions, Responses, Embeddings, Completions; and providers with a compatible API.
//! Called by `provider`; `stream` gives it the response that it put together from chunks.

use serde_json::Value;

use super::envelope::unwrapped;
use super::{Facts, error, one_or_all, text, without_nulls};
use crate::llm::usage::{self, Language};

/// Vectors and pictures, of which nothing is recorded.
pub(crate) const SKIP: &[&str] = &["data"];

pub(crate) fn facts(response: &Value) -> Facts {
    let whole = response;
    let used = usage::read(Language::OpenAi, response);
    let response = unwrapped(response);
    // DashScope has its answer in `output`.
    let choices = response
        .get("choices")
        .or_else(|| response.get("output")?.get("choices"));
    let choices = choices.and_then(Value::as_array);
    Facts {
        provider: provider(response),
        // The second is of watsonx.
        model: text(response.get("model"))
            .or_else(|| text(response.get("model_id")))
            .map(str::to_owned),
        usage: used.usage,
        cost: used.cost,
        parameters: used.parameters,
        finish_reason: choices.map_or_else(
            || stopped(response).or_else(|| stopped_by_server(response)),
            |choices| one_or_all(choices.iter().filter_map(finish_reason).collect()),
        ),
        output: match choices {
            Some(choices) => one_or_all(choices.iter().filter_map(message).collect()),
            None => output(response),
        },
        cut: 0,
        error: error::read(whole, "openai"),
    }
}

/// The provider that answers in OpenAI's language, where the answer shows it; by OpenTelemetry's names.
fn provider(response: &Value) -> &'static str {
    let has = |name: &str| response.get(name).is_some_and(|value| !value.is_null());
    let usage_has = |name: &str| {
        response
            .get("usage")
            .is_some_and(|usage| usage.get(name).is_some())
    };
    if has("x_groq") {
        "groq"
    } else if has("prompt_filter_results") {
        "azure.ai.openai"
    } else if usage_has("prompt_cache_hit_tokens") {
        "deepseek"
    } else if usage_has("num_search_queries") || has("search_results") && has("citations") {
        "perplexity"
    } else {
        "openai"
    }
}

/// The items of the Responses API, or the text of a transcription.
fn output(response: &Value) -> Option<Value> {
    if let Some(items) = response.get("output").and_then(Value::as_array) {
        return one_or_all(items.iter().map(plain).collect());
    }
    // An answer with a text and no choices; `text` of a Responses answer is a setting. DashScope, Cloudflare, Replicate.
    let places = [
        "/text",
        "/output",
        "/output/text",
        "/response",
        "/transcript",
        "/content",
        "/generated_text",
    ];
    let mut texts = places.iter().map(|place| response.pointer(place));
    // watsonx.
    let result = || match response
        .get("results")
        .and_then(Value::as_array)?
        .as_slice()
    {
        [only] => text(only.get("generated_text")),
        _ => None,
    };
    // Cloudflare's answer by a schema is an object.
    let object = || response.get("response").filter(|answer| says(answer));
    texts
        .find_map(text)
        .or_else(result)
        .map(Value::from)
        .or_else(|| object().cloned())
}

fn says(value: &Value) -> bool {
    value.as_object().is_some_and(|object| !object.is_empty())
}

/// DashScope writes "null" as long as there is none.
fn finish_reason(choice: &Value) -> Option<Value> {
    let reason = text(choice.get("finish_reason"));
    reason.filter(|reason| *reason != "null").map(Value::from)
}

/// Of the Responses API and realtime: why it is incomplete, else its status. Only a response has items.
fn stopped(response: &Value) -> Option<Value> {
    let output = response.get("output")?;
    let reason = |key: &str| text(response.get(key)?.get("reason"));
    reason("incomplete_details")
        .or_else(|| reason("status_details"))
        .or_else(|| text(response.get("status")))
        .map(Value::from)
        .or_else(|| finish_reason(output))
}

/// Why a server of open models stopped: llama.cpp, watsonx, Text Generation Inference.
fn stopped_by_server(response: &Value) -> Option<Value> {
    let places = [
        "/stop_type",
        "/stop_reason",
        "/results/0/stop_reason",
        "/details/finish_reason",
    ];
    let reason = places
        .iter()
        .find_map(|place| text(response.pointer(place)));
    reason.filter(|reason| *reason != "none").map(Value::from)
}

/// A choice's message; its text if it is of the old Completions API; a chunk's delta if it has content.
fn message(choice: &Value) -> Option<Value> {
    if let Some(message) = choice.get("message").filter(|message| !message.is_null()) {
        return Some(plain(message));
    }
    if let Some(text) = text(choice.get("text")) {
        return Some(Value::from(text));
    }
    let delta = without_nulls(choice.get("delta")?.as_object()?);
    let says_something = |(key, value): (&String, &Value)| {
        key != "role" && value.as_str().is_none_or(|text| !text.is_empty())
    };
    delta
        .iter()
        .any(says_something)
        .then_some(Value::Object(delta))
}

fn plain(value: &Value) -> Value {
    value.as_object().map_or_else(
        || value.clone(),
        |object| Value::Object(without_nulls(object)),
    )
}
