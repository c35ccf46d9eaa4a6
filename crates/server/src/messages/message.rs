//! Reads one message, or an item that is shown as one. Called by the parent module; its parts are read by `part`.

use serde_json::{Map, Value};

use super::part::{call, part, parts_of};
use super::{Message, Part};

pub(super) fn message(value: &Value) -> Option<Message> {
    // Items of OpenAI's responses beside messages.
    const ITEMS: &[&str] = &[
        "function_call",
        "function_call_output",
        "reasoning",
        "tool_use",
        "tool_result",
        "custom_tool_call",
        "custom_tool_call_output",
    ];
    let fields = value.as_object()?;
    // A choice or a candidate, and LangChain's serialized message, have the message inside.
    for key in ["message", "delta", "kwargs", "data"] {
        if let Some(mut inner) = fields
            .get(key)
            .filter(|_| !fields.contains_key("role"))
            .and_then(message_or_text)
        {
            if inner.role.is_empty() {
                inner.role = role_of(fields).unwrap_or_default();
            }
            return Some(inner);
        }
    }
    if let Some(content) = fields
        .get("content")
        .filter(|content| content.get("parts").is_some())
    {
        return message(content);
    }
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
    if text("type").is_some_and(|kind| ITEMS.contains(&kind.as_str())) {
        let part = part(value);
        let is_answer = matches!(part, Part::Answer { .. });
        let role = if is_answer { "tool" } else { "assistant" };
        return Some(Message {
            role: role.to_owned(),
            name: None,
            parts: vec![part],
        });
    }
    let role = role_of(fields)?;
    let mut parts = Vec::new();
    for key in ["thinking", "reasoning_content", "reasoning"] {
        parts.extend(
            text(key)
                .filter(|text| !text.is_empty())
                .map(Part::Thinking),
        );
    }
    for key in ["content", "parts"] {
        parts.extend(fields.get(key).map(parts_of).unwrap_or_default());
    }
    if let Some(refusal) = text("refusal") {
        parts.push(Part::Text(refusal));
    }
    if let Some(pictures) = fields.get("images").and_then(Value::as_array) {
        let picture = |base64: &Value| {
            Some(Part::Picture(format!(
                "data:image/png;base64,{}",
                base64.as_str()?
            )))
        };
        parts.extend(pictures.iter().filter_map(picture));
    }
    if let Some(calls) = fields.get("tool_calls").and_then(Value::as_array) {
        parts.extend(calls.iter().map(call));
    }
    if let Some(one) = fields.get("function_call").filter(|one| one.is_object()) {
        parts.push(call(one));
    }
    if role == "tool" && !matches!(parts.as_slice(), [Part::Answer { .. }]) {
        let id = text("tool_call_id");
        parts = vec![Part::Answer {
            id,
            is_error: false,
            content: parts,
        }];
    }
    Some(Message {
        role,
        name: text("name"),
        parts,
    })
}

fn message_or_text(value: &Value) -> Option<Message> {
    message(value).or_else(|| {
        let content = value.get("content")?;
        Some(Message {
            parts: parts_of(content),
            ..Message::default()
        })
    })
}

fn role_of(fields: &Map<String, Value>) -> Option<String> {
    if let Some(role) = fields.get("role").and_then(Value::as_str) {
        return Some(if role == "model" { "assistant" } else { role }.to_owned());
    }
    // Gemini's contents may have no role.
    if fields.get("parts").is_some_and(Value::is_array) {
        return Some("user".to_owned());
    }
    let kind = fields
        .get("type")
        .and_then(Value::as_str)
        .filter(|_| fields.contains_key("content"))?;
    let role = match kind {
        "human" | "HumanMessage" => "user",
        "ai" | "AIMessage" | "AIMessageChunk" => "assistant",
        "system" | "SystemMessage" => "system",
        "tool" | "function" | "ToolMessage" => "tool",
        _ => return None,
    };
    Some(role.to_owned())
}
