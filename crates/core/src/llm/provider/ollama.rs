//! Ollama's own language: `/api/chat`, `/api/generate` and `/api/embed`.
//! Called by `provider` for whole answers and for the last object of a stream.

use serde_json::{Value, json};

use super::{Facts, error, text, without_nulls};
use crate::llm::usage::{self, Language};

/// Vectors and token ids, of which nothing is recorded.
pub(crate) const SKIP: &[&str] = &["embedding", "embeddings", "context"];

pub(crate) fn facts(response: &Value) -> Facts {
    let used = usage::read(Language::Ollama, response);
    Facts {
        provider: "ollama",
        model: text(response.get("model")).map(str::to_owned),
        usage: used.usage,
        cost: used.cost,
        parameters: used.parameters,
        finish_reason: text(response.get("done_reason")).map(Value::from),
        output: output(response),
        cut: 0,
        error: error::read(response, "ollama"),
    }
}

/// The message, or the text of `/api/generate`.
fn output(response: &Value) -> Option<Value> {
    if let Some(message) = response.get("message").and_then(Value::as_object) {
        let message = without_nulls(message);
        let says = |(key, value): (&String, &Value)| key != "role" && value.as_str() != Some("");
        return message.iter().any(says).then_some(Value::Object(message));
    }
    let said = text(response.get("response"));
    match text(response.get("thinking")) {
        Some(thinking) => {
            let content = said.unwrap_or_default();
            Some(json!({ "role": "assistant", "content": content, "thinking": thinking }))
        }
        None => said.map(Value::from),
    }
}
