//! Conversations in the flat form of OpenInference: `llm.input_messages.0.message.role` and so on.
//! Called by `openinference` with what went into a model and what came out, in the forms of OpenAI, Anthropic and Gemini.

use std::borrow::Cow;

use serde_json::Value as Json;
use tracefuse_exporter::record::ValueRef;

use crate::encode::{Any, Attributes};

/// Which end of the model a conversation is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Input,
    Output,
}

/// Writes the messages of `value`. What is no conversation is left to `input.value` and `output.value`.
pub(crate) fn write(to: &mut Attributes<'_>, side: Side, value: ValueRef<'_>) {
    let (prefix, role) = match side {
        Side::Input => ("llm.input_messages", "user"),
        Side::Output => ("llm.output_messages", "assistant"),
    };
    match value {
        ValueRef::Str(text) => {
            let message = format!("{prefix}.0.message.");
            to.set_below(&message, "role", Any::Str(role));
            to.set_below(&message, "content", Any::Str(text));
        }
        ValueRef::Json(text) => {
            let Ok(tree) = serde_json::from_str::<Json>(text) else {
                return;
            };
            for (index, message) in messages(&tree).into_iter().enumerate() {
                write_message(to, &format!("{prefix}.{index}.message."), role, message);
            }
        }
        _ => {}
    }
}

/// The messages in a request or a response, in whatever it wraps them.
fn messages(tree: &Json) -> Vec<&Json> {
    let is_message = |tree: &Json| {
        ["role", "content", "parts"]
            .iter()
            .any(|key| tree.get(key).is_some())
    };
    match tree {
        Json::Array(items) if !items.is_empty() && items.iter().all(is_message) => {
            items.iter().collect()
        }
        Json::Object(fields) => {
            for key in ["messages", "contents"] {
                if let Some(inner) = fields.get(key) {
                    return messages(inner);
                }
            }
            for (list, key) in [("choices", "message"), ("candidates", "content")] {
                if let Some(Json::Array(items)) = fields.get(list) {
                    return items.iter().filter_map(|item| item.get(key)).collect();
                }
            }
            if is_message(tree) {
                vec![tree]
            } else {
                Vec::new()
            }
        }
        _ => Vec::new(),
    }
}

fn write_message(to: &mut Attributes<'_>, prefix: &str, role: &str, message: &Json) {
    let field = |key| message.get(key).and_then(Json::as_str);
    to.set_below(prefix, "role", Any::Str(field("role").unwrap_or(role)));
    for key in ["name", "tool_call_id"] {
        if let Some(text) = field(key) {
            to.set_below(prefix, key, Any::Str(text));
        }
    }
    match message.get("content").or_else(|| message.get("parts")) {
        Some(Json::String(text)) => to.set_below(prefix, "content", Any::Str(text)),
        Some(Json::Array(parts)) => {
            for (index, part) in parts.iter().enumerate() {
                write_part(
                    to,
                    &format!("{prefix}contents.{index}.message_content."),
                    part,
                );
            }
        }
        _ => {}
    }
    let calls = message.get("tool_calls").and_then(Json::as_array);
    for (index, call) in calls.into_iter().flatten().enumerate() {
        let function = call.get("function").unwrap_or(call);
        let call = Call {
            id: call.get("id"),
            name: function.get("name"),
            arguments: function.get("arguments"),
        };
        call.write(to, &format!("{prefix}tool_calls.{index}.tool_call."));
    }
    // Anthropic's calls stand among the parts of the content.
    let parts = message.get("content").and_then(Json::as_array);
    let uses = parts
        .into_iter()
        .flatten()
        .filter(|part| is(part, "tool_use"));
    for (index, part) in uses.enumerate() {
        let call = Call {
            id: part.get("id"),
            name: part.get("name"),
            arguments: part.get("input"),
        };
        call.write(to, &format!("{prefix}tool_calls.{index}.tool_call."));
    }
}

fn is(part: &Json, kind: &str) -> bool {
    part.get("type").and_then(Json::as_str) == Some(kind)
}

fn write_part(to: &mut Attributes<'_>, prefix: &str, part: &Json) {
    let text = part
        .get("text")
        .and_then(Json::as_str)
        .or_else(|| part.as_str());
    if let Some(text) = text {
        to.set_below(prefix, "type", Any::Str("text"));
        to.set_below(prefix, "text", Any::Str(text));
        return;
    }
    let url = part.pointer("/image_url/url").and_then(Json::as_str);
    if let Some(url) = url {
        to.set_below(prefix, "type", Any::Str("image"));
        to.set_below(prefix, "image.image.url", Any::Str(url));
    }
}

struct Call<'a> {
    id: Option<&'a Json>,
    name: Option<&'a Json>,
    arguments: Option<&'a Json>,
}

impl Call<'_> {
    fn write(&self, to: &mut Attributes<'_>, prefix: &str) {
        for (key, value) in [
            ("id", self.id),
            ("function.name", self.name),
            ("function.arguments", self.arguments),
        ] {
            let text = match value {
                None | Some(Json::Null) => continue,
                Some(Json::String(text)) => Cow::Borrowed(text.as_str()),
                Some(other) => Cow::Owned(other.to_string()),
            };
            to.set_below(prefix, key, Any::Str(&text));
        }
    }
}
