//! The chunks of Chat Completions and Completions, put together into the choices of one response.
//! Called by `openai`. Must not know the Responses API.

use serde_json::{Map, Value, json};

use super::assembly::fields;
use super::calls;
use super::merge::{append, extend, is_empty, keep, put, says};

/// Fields of a delta that come whole, and maybe again; every other text comes in pieces.
const WHOLE: &[&str] = &[
    "role",
    "id",
    "name",
    "type",
    "object",
    "status",
    "phase",
    "model",
    "format",
    "tool_call_id",
    "channel",
    "recipient",
    "provider",
    "finish_reason",
];

/// Further fields of a delta that are no content.
const NO_CONTENT: &[&str] = &[
    "index",
    "annotations",
    "citations",
    "provider_specific_fields",
    "extra_content",
    "logprobs",
    "function_call",
    "tool_calls",
];

#[derive(Default)]
pub(super) struct Choices(Vec<Map<String, Value>>);

impl Choices {
    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(fields).sum()
    }

    /// Whether every choice that began has ended.
    pub(super) fn are_complete(&self) -> bool {
        !self.0.is_empty()
            && self
                .0
                .iter()
                .all(|choice| choice.get("finish_reason").is_some_and(says))
    }

    /// Takes in what a chunk has of one choice. `true` if it carries content.
    pub(super) fn add(&mut self, mut choice: Map<String, Value>) -> bool {
        let index = choice.remove("index").filter(|index| !index.is_null());
        let index = index.unwrap_or_else(|| json!(0));
        let at = self
            .0
            .iter()
            .position(|known| known.get("index") == Some(&index));
        let at = at.unwrap_or_else(|| {
            self.0.push(Map::from_iter([("index".to_owned(), index)]));
            self.0.len() - 1
        });
        let Some(known) = self.0.get_mut(at) else {
            return false;
        };
        choice.remove("logprobs");
        let mut carries = false;
        if let Some(Value::String(text)) = choice.remove("text")
            && !repeats(&choice, &text)
        {
            carries |= !text.is_empty();
            keep(known, "text", text.into());
        }
        for (key, whole) in [("delta", false), ("message", true)] {
            if let Some(Value::Object(mut delta)) = choice.remove(key)
                && let Value::Object(message) = known
                    .entry("message")
                    .or_insert_with(|| Value::Object(Map::new()))
            {
                if whole {
                    without_what_is_known(message, &mut delta);
                }
                carries |= add_delta(message, delta);
            }
        }
        if let Some(Value::Object(usage)) = choice.remove("usage") {
            let known = known.entry("usage").or_insert_with(|| json!({}));
            if let Value::Object(known) = known {
                crate::llm::usage::absorb(known, usage);
            }
        }
        extend(known, choice);
        carries
    }

    /// The choices as a response has them, in its order.
    pub(super) fn whole(mut self) -> Vec<Value> {
        self.0
            .sort_by_key(|choice| choice.get("index").and_then(Value::as_u64));
        let choices = self.0.into_iter().map(|mut choice| {
            let text = choice.remove("text");
            match (choice.get_mut("message"), text) {
                (Some(Value::Object(message)), text) if !message.is_empty() => {
                    calls::order(message);
                    if let Some(text) = text {
                        keep(message, "text", text);
                    }
                }
                (_, text) => {
                    choice.remove("message");
                    choice.extend(text.map(|text| ("text".to_owned(), text)));
                }
            }
            Value::Object(choice)
        });
        choices.collect()
    }
}

/// Whether the delta of a choice has the same text: Together writes it as of both APIs.
fn repeats(choice: &Map<String, Value>, text: &str) -> bool {
    let content = choice.get("delta").and_then(|delta| delta.get("content"));
    content.and_then(Value::as_str) == Some(text)
}

/// Of a message that a chunk has as a whole, leaves what is new: some servers repeat it at the end.
fn without_what_is_known(message: &Map<String, Value>, whole: &mut Map<String, Value>) {
    for (key, value) in whole.iter_mut() {
        let new = match (message.get(key), &*value) {
            (Some(Value::String(known)), Value::String(whole)) => whole
                .strip_prefix(known.as_str())
                .map(|rest| Value::from(rest.to_owned())),
            (Some(known), whole) if known == whole => Some(Value::Null),
            _ => None,
        };
        if let Some(new) = new.filter(|_| !WHOLE.contains(&key.as_str())) {
            *value = new;
        }
    }
}

/// Takes a delta into the message. `true` if it carries content, reasoning or a call.
fn add_delta(message: &mut Map<String, Value>, delta: Map<String, Value>) -> bool {
    let mut carries = false;
    for (key, value) in delta {
        let is_label = [WHOLE, NO_CONTENT]
            .iter()
            .any(|fields| fields.contains(&key.as_str()));
        carries |= !is_label && carries_content(&value);
        match (key.as_str(), value) {
            (_, Value::Null) | ("token_id", _) => {}
            ("content", value) => add_content(message, value),
            ("tool_calls", Value::Array(list)) => {
                carries |= list.iter().any(says);
                calls::add_calls(message, list);
            }
            ("function_call", Value::Object(call)) => {
                carries |= call.values().any(says);
                let known = message.entry(key).or_insert_with(|| json!({}));
                if let Value::Object(known) = known {
                    calls::add_function(known, call);
                }
            }
            ("reasoning_details", Value::Array(list)) => calls::add_details(message, list),
            ("audio", Value::Object(audio)) => {
                let known = message.entry(key).or_insert_with(|| json!({}));
                if let Value::Object(known) = known {
                    add_audio(known, audio);
                }
            }
            (_, Value::String(piece)) if !WHOLE.contains(&key.as_str()) => {
                append(message, &key, &piece);
            }
            (_, Value::Array(list)) => {
                let known = message.entry(key).or_insert_with(|| json!([]));
                if let Value::Array(known) = known {
                    for item in list {
                        if !known.contains(&item) {
                            known.push(item);
                        }
                    }
                }
            }
            (_, value) => put(message, &key, value),
        }
    }
    carries
}

/// A value with a text in it, other than the names of kinds.
fn carries_content(value: &Value) -> bool {
    match value {
        Value::Object(object) => object.iter().any(|(key, value)| {
            let label = WHOLE.contains(&key.as_str()) || key == "signature";
            !label && carries_content(value)
        }),
        Value::Array(list) => list.iter().any(carries_content),
        Value::String(text) => !text.is_empty(),
        _ => false,
    }
}

fn add_audio(known: &mut Map<String, Value>, audio: Map<String, Value>) {
    for (key, value) in audio {
        match (key.as_str(), value) {
            ("data" | "transcript", Value::String(piece)) => append(known, &key, &piece),
            (_, value) => put(known, &key, value),
        }
    }
}

/// Content is a text, or a list of parts, or first the one and then the other (Mistral's thinking models).
fn add_content(message: &mut Map<String, Value>, value: Value) {
    let known = message.entry("content").or_insert(Value::Null);
    let parts = match (&mut *known, value) {
        (Value::String(text), Value::String(piece)) => return text.push_str(&piece),
        (Value::Array(_), Value::String(piece)) if piece.is_empty() => return,
        (known, Value::String(piece)) if is_empty(known) => return *known = Value::from(piece),
        (_, Value::String(piece)) => vec![text_part(&piece)],
        (_, Value::Array(parts)) => parts,
        (_, Value::Object(part)) => vec![Value::Object(part)],
        _ => return,
    };
    if parts.is_empty() {
        return;
    }
    let mut list = match known.take() {
        Value::Array(list) => list,
        Value::String(text) if !text.is_empty() => vec![text_part(&text)],
        _ => Vec::new(),
    };
    for part in parts {
        add_part(&mut list, part);
    }
    *known = Value::Array(list);
}

fn text_part(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

/// A part of a list of content: text and thinking continue the part of their kind before them.
fn add_part(list: &mut Vec<Value>, part: Value) {
    let part = match part {
        Value::String(text) => text_part(&text),
        part => part,
    };
    if let (Some(Value::Object(last)), Value::Object(part)) = (list.last_mut(), &part)
        && last.get("type") == part.get("type")
        && last.get("index") == part.get("index")
    {
        let kind = part.get("type").and_then(Value::as_str);
        let key = kind.filter(|kind| matches!(*kind, "text" | "thinking"));
        let key = key.unwrap_or_default();
        let alone = part
            .keys()
            .all(|name| name == "type" || name == "index" || name == "closed" || name == key);
        match (last.get_mut(key), part.get(key)) {
            (Some(Value::String(text)), Some(Value::String(piece))) if alone => {
                text.push_str(piece);
                return;
            }
            (Some(Value::Array(known)), Some(Value::Array(parts))) if alone => {
                for part in parts {
                    add_part(known, part.clone());
                }
                return;
            }
            _ => {}
        }
    }
    // Parts of a first chunk may have pieces that belong together.
    let part = match part {
        Value::Object(mut part) => {
            if let Some(Value::Array(pieces)) = part.get_mut("thinking") {
                let mut joined = Vec::new();
                for piece in std::mem::take(pieces) {
                    add_part(&mut joined, piece);
                }
                *pieces = joined;
            }
            Value::Object(part)
        }
        part => part,
    };
    list.push(part);
}
