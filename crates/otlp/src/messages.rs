//! Writes conversations in the flat form of OpenInference: `llm.input_messages.0.message.role` and so on.
//! Called by `openinference` with the input and the output of a model, in the forms of OpenAI, Anthropic, Gemini and OpenTelemetry.

use std::borrow::Cow;

use serde_json::Value as Json;
use tracefuse_exporter::record::ValueRef;

use crate::encode::{Any, Attributes};

/// Whether a conversation is the input or the output of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Input,
    Output,
}

/// Writes the messages of `value`. A value that is no conversation is only in `input.value` or `output.value`.
pub(crate) fn write(to: &mut Attributes<'_>, side: Side, value: ValueRef<'_>) {
    let (prefix, role) = match side {
        Side::Input => ("llm.input_messages", "user"),
        Side::Output => ("llm.output_messages", "assistant"),
    };
    let (text, is_json) = match value {
        ValueRef::Str(text) => (text, false),
        ValueRef::Json(text) => (text, true),
        _ => return,
    };
    // A text may be a conversation as JSON.
    let tree = match is_json || text.trim_start().starts_with(['{', '[']) {
        true => serde_json::from_str::<Json>(text).ok(),
        false => None,
    };
    let messages = tree.as_ref().map(messages).unwrap_or_default();
    let has_role = |message: &&Json| message.get("role").is_some_and(Json::is_string);
    if !is_json && (messages.is_empty() || !messages.iter().all(has_role)) {
        let message = format!("{prefix}.0.message.");
        to.set_below(&message, "role", Any::Str(role));
        to.set_below(&message, "content", Any::Str(text));
        return;
    }
    for (index, message) in messages.into_iter().enumerate() {
        write_message(to, &format!("{prefix}.{index}.message."), role, message);
    }
}

/// The messages of a request or a response, out of the object that contains them.
fn messages(tree: &Json) -> Vec<&Json> {
    let is_message = |tree: &Json| {
        ["role", "content", "parts"]
            .iter()
            .any(|key| tree.get(key).is_some())
    };
    match tree {
        Json::Array(items) if items.iter().all(is_message) => items.iter().collect(),
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
    if let Some(name) = field("name") {
        to.set_below(prefix, "name", Any::Str(name));
    }
    let mut answers = parts(message).iter().filter_map(answer);
    let answered = field("tool_call_id").or_else(|| answers.find_map(|(id, _)| id));
    if let Some(id) = answered {
        to.set_below(prefix, "tool_call_id", Any::Str(id));
    }
    if let Some(text) = field("content") {
        to.set_below(prefix, "content", Any::Str(text));
    }
    for (index, part) in parts(message).iter().enumerate() {
        let prefix = format!("{prefix}contents.{index}.message_content.");
        write_part(to, &prefix, part);
    }
    // Calls of Anthropic, Gemini and OpenTelemetry are among the parts.
    let listed = message.get("tool_calls").and_then(Json::as_array);
    let listed = listed.into_iter().flatten().map(|call| {
        let function = call.get("function").unwrap_or(call);
        Call::of(call, function, "arguments")
    });
    let among_parts = parts(message).iter().filter_map(Call::in_part);
    for (index, call) in listed.chain(among_parts).enumerate() {
        call.write(to, &format!("{prefix}tool_calls.{index}.tool_call."));
    }
}

/// The parts of a message; empty if it is a plain text.
fn parts(message: &Json) -> &[Json] {
    let list = |key| message.get(key).and_then(Json::as_array);
    list("content")
        .or_else(|| list("parts"))
        .map_or(&[], Vec::as_slice)
}

fn is(part: &Json, kind: &str) -> bool {
    part.get("type").and_then(Json::as_str) == Some(kind)
}

fn write_part(to: &mut Attributes<'_>, prefix: &str, part: &Json) {
    // OpenTelemetry names the text `content`.
    let of_text = |key| part.get(key).and_then(Json::as_str);
    let of_text = of_text("text").or_else(|| of_text("content").filter(|_| is(part, "text")));
    let text = of_text.or_else(|| part.as_str()).map(Cow::Borrowed);
    let of_answer = || answer(part).and_then(|(_, value)| plain(value));
    if let Some(text) = text.or_else(of_answer) {
        to.set_below(prefix, "type", Any::Str("text"));
        to.set_below(prefix, "text", Any::Str(&text));
        return;
    }
    let url = part.pointer("/image_url/url").and_then(Json::as_str);
    if let Some(url) = url {
        to.set_below(prefix, "type", Any::Str("image"));
        to.set_below(prefix, "image.image.url", Any::Str(url));
    }
}

/// The id of the call and the tool's answer, if the part is one.
fn answer(part: &Json) -> Option<(Option<&str>, Option<&Json>)> {
    let (part, id, value) = if is(part, "tool_call_response") {
        (part, "id", "response")
    } else if is(part, "tool_result") {
        (part, "tool_use_id", "content")
    } else {
        (part.get("functionResponse")?, "id", "response")
    };
    Some((part.get(id).and_then(Json::as_str), part.get(value)))
}

/// Text as it is, everything else as JSON.
fn plain(value: Option<&Json>) -> Option<Cow<'_, str>> {
    match value? {
        Json::Null => None,
        Json::String(text) => Some(Cow::Borrowed(text)),
        other => Some(Cow::Owned(other.to_string())),
    }
}

struct Call<'a> {
    id: Option<&'a Json>,
    name: Option<&'a Json>,
    arguments: Option<&'a Json>,
}

impl<'a> Call<'a> {
    fn of(call: &'a Json, function: &'a Json, arguments: &str) -> Self {
        Self {
            id: call.get("id"),
            name: function.get("name"),
            arguments: function.get(arguments),
        }
    }

    fn in_part(part: &'a Json) -> Option<Self> {
        if is(part, "tool_use") {
            return Some(Self::of(part, part, "input"));
        }
        if is(part, "tool_call") {
            return Some(Self::of(part, part, "arguments"));
        }
        let call = part.get("functionCall")?;
        Some(Self::of(call, call, "args"))
    }

    fn write(&self, to: &mut Attributes<'_>, prefix: &str) {
        for (key, value) in [
            ("id", self.id),
            ("function.name", self.name),
            ("function.arguments", self.arguments),
        ] {
            if let Some(text) = plain(value) {
                to.set_below(prefix, key, Any::Str(&text));
            }
        }
    }
}
