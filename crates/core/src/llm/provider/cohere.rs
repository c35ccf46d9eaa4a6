//! Cohere: Chat of version 2, and what embeddings, ranking and version 1 have in common with it.
//! Called by `provider` for whole answers and for the last event of a stream.

use serde_json::{Map, Value, json};

use super::envelope::unwrapped;
use super::{Facts, error, text, without_nulls};
use crate::llm::usage::{self, Language};

/// Vectors are not recorded.
pub(crate) const SKIP: &[&str] = &["embeddings"];

pub(crate) fn facts(response: &Value) -> Facts {
    let whole = response;
    let used = usage::read(Language::Cohere, response);
    let response = unwrapped(response);
    // The last event of a stream has the reason inside.
    let reason = response
        .get("finish_reason")
        .or_else(|| response.get("delta")?.get("finish_reason"));
    Facts {
        provider: "cohere",
        model: None,
        usage: used.usage,
        cost: used.cost,
        parameters: used.parameters,
        finish_reason: text(reason).map(Value::from),
        output: output(response),
        cut: 0,
        error: error::read(whole, "cohere"),
    }
}

/// The message: its role, parts and tool calls, or its text if it is nothing else; version 1 has the text alone.
fn output(response: &Value) -> Option<Value> {
    let Some(message) = response.get("message").and_then(Value::as_object) else {
        let said = text(response.get("text")).map(Value::from);
        let calls = response.get("tool_calls").and_then(Value::as_array);
        return match calls.filter(|calls| !calls.is_empty()) {
            Some(calls) => {
                Some(json!({ "role": "assistant", "content": said, "tool_calls": calls }))
            }
            None => said,
        };
    };
    let mut message: Map<String, Value> = without_nulls(message);
    let plain: Option<String> = match message.get("content") {
        Some(Value::Array(parts)) => parts.iter().map(plain).collect(),
        _ => None,
    };
    if let Some(text) = plain {
        message.insert("content".to_owned(), text.into());
    }
    let says_something = message.keys().any(|key| key != "role");
    message.entry("role").or_insert_with(|| json!("assistant"));
    says_something.then_some(Value::Object(message))
}

/// The text of a part that is nothing else.
fn plain(part: &Value) -> Option<&str> {
    let part = part.as_object()?;
    let only_text = part.get("type")?.as_str() == Some("text") && part.len() == 2;
    part.get("text").filter(|_| only_text)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_output_if_it_has_more_than_a_role() {
        let part = |text: &str| json!({ "type": "text", "text": text });
        let cited = json!({ "type": "text", "text": "a", "id": "1" });
        let call = json!({ "id": "c" });
        for (response, expected) in [
            (json!({ "message": { "role": "assistant" } }), None),
            (
                json!({ "message": { "role": "assistant", "content": null } }),
                None,
            ),
            (
                json!({ "message": { "content": [part("a"), part("b")] } }),
                Some(json!({ "role": "assistant", "content": "ab" })),
            ),
            (
                json!({ "message": { "content": [part("a"), cited] } }),
                Some(json!({ "role": "assistant", "content": [part("a"), cited] })),
            ),
            (json!({ "text": "a", "tool_calls": [] }), Some(json!("a"))),
            (
                json!({ "text": "a", "tool_calls": [call] }),
                Some(json!({ "role": "assistant", "content": "a", "tool_calls": [call] })),
            ),
        ] {
            assert_eq!(output(&response), expected, "{response}");
        }
    }
}
