//! Anthropic: the Messages API.
//! Called by `provider`; `stream` gives it the message that it put together from events.

use serde_json::{Value, json};

use super::envelope::unwrapped;
use super::{Facts, error, text, without_nulls};
use crate::llm::usage::{self, Language};

pub(crate) fn facts(response: &Value) -> Facts {
    let whole = response;
    let used = usage::read(Language::Anthropic, response);
    // The first event of a stream and the result of a batch have the message inside.
    let response = unwrapped(response);
    let message = response
        .get("message")
        .filter(|m| m.is_object())
        .unwrap_or(response);
    // Its last event but one has the reason inside `delta`.
    let reason = message
        .get("stop_reason")
        .or_else(|| response.get("delta")?.get("stop_reason"));
    Facts {
        provider: "anthropic",
        model: text(message.get("model")).map(str::to_owned),
        usage: used.usage,
        cost: used.cost,
        parameters: used.parameters,
        finish_reason: text(reason).map(Value::from),
        output: message
            .get("content")
            .and_then(|content| output(message, content)),
        cut: 0,
        error: error::read(whole, "anthropic"),
    }
}

/// The message as it would be sent back: its role and its blocks, or its text if it is nothing else.
fn output(message: &Value, content: &Value) -> Option<Value> {
    let role = text(message.get("role")).unwrap_or("assistant");
    // As a request may have it; some servers that speak this language answer so.
    if let Some(text) = text(Some(content)) {
        return Some(json!({ "role": role, "content": text }));
    }
    let blocks = content.as_array().filter(|blocks| !blocks.is_empty())?;
    let plain = |block: &Value| {
        let text = block
            .get("text")
            .filter(|_| text(block.get("type")) == Some("text"))?;
        // Citations belong to the block and not to its text.
        block
            .get("citations")
            .is_none_or(Value::is_null)
            .then(|| text.clone())
    };
    let content = match blocks.as_slice() {
        [only] => plain(only),
        _ => None,
    };
    let content = content.unwrap_or_else(|| {
        blocks
            .iter()
            .map(|block| {
                block
                    .as_object()
                    .map_or_else(|| block.clone(), |b| Value::Object(without_nulls(b)))
            })
            .collect()
    });
    Some(json!({ "role": role, "content": content }))
}
