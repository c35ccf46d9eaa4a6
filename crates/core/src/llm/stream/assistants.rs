//! The events of OpenAI's Assistants, put together into the messages and the calls of one run.
//! Called by `openai`. Must not know Chat Completions.
//!
//! An event is an object that names itself, such as `{"object": "thread.message.delta", "id": "msg_1", "delta": {..}}`.
//! SDKs put the name of the event around it: `{"event": "thread.message.delta", "data": {..}}`.

use serde_json::{Map, Value, json};

use super::assembly::fields;
use super::calls;
use super::merge::{append, extend, says};

#[derive(Default)]
pub(super) struct Run {
    /// The messages in the order in which they began.
    messages: Vec<Message>,
    /// A message with nothing but calls.
    calls: Map<String, Value>,
    /// The model, the usage and the status of the run.
    fields: Map<String, Value>,
    complete: bool,
}

struct Message {
    id: Option<Value>,
    parts: Vec<Part>,
}

/// A part of a message: a text, which comes in pieces, or another one.
struct Part {
    index: Option<u64>,
    fields: Map<String, Value>,
}

/// The event that an SDK put its name around, or the chunk itself.
pub(super) fn unwrapped(mut chunk: Map<String, Value>) -> Map<String, Value> {
    let name = chunk.get("event").and_then(Value::as_str);
    let is_named = name.is_some_and(|name| name == "error" || name.starts_with("thread."));
    if is_named && let Some(Value::Object(event)) = chunk.remove("data") {
        return event;
    }
    chunk
}

/// Whether a chunk is such an event.
pub(super) fn is_event(chunk: &Map<String, Value>) -> bool {
    let object = chunk.get("object").and_then(Value::as_str);
    object.is_some_and(|object| object.starts_with("thread."))
}

impl Run {
    pub(super) fn bytes(&self) -> usize {
        let parts = self.messages.iter().flat_map(|message| &message.parts);
        let parts = parts.map(|part| fields(&part.fields)).sum::<usize>();
        parts + fields(&self.calls) + fields(&self.fields)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Takes in an event. `true` if it carries content or a call.
    pub(super) fn add(&mut self, mut event: Map<String, Value>) -> bool {
        let object = event.remove("object");
        match object.as_ref().and_then(Value::as_str).unwrap_or_default() {
            "thread.message.delta" => match event.remove("delta") {
                Some(Value::Object(mut delta)) => {
                    let content = delta.remove("content");
                    self.add_content(event.remove("id"), content, false)
                }
                _ => false,
            },
            // What the user wrote is a message too.
            "thread.message" if event.get("role").is_none_or(|role| role == "assistant") => {
                let content = event.remove("content");
                self.add_content(event.remove("id"), content, true)
            }
            "thread.run.step.delta" => {
                let details = event.remove("delta").and_then(|mut delta| {
                    let details = delta.get_mut("step_details")?;
                    Some(details.get_mut("tool_calls")?.take())
                });
                let Some(Value::Array(pieces)) = details else {
                    return false;
                };
                let carries = pieces.iter().any(says);
                calls::add_calls(&mut self.calls, pieces);
                carries
            }
            "thread.run" => {
                self.add_run(event);
                false
            }
            _ => false,
        }
    }

    /// The parts of a message: pieces of them, or each as a whole, which is taken if none of its pieces was seen.
    fn add_content(&mut self, id: Option<Value>, content: Option<Value>, whole: bool) -> bool {
        let Some(Value::Array(parts)) = content else {
            return false;
        };
        let known = self.messages.iter().position(|known| known.id == id);
        let at = known.unwrap_or_else(|| {
            let parts = Vec::new();
            self.messages.push(Message { id, parts });
            self.messages.len() - 1
        });
        let Some(message) = self.messages.get_mut(at) else {
            return false;
        };
        if whole && !message.parts.is_empty() {
            return false;
        }
        let mut carries = false;
        for part in parts {
            if let Value::Object(part) = part {
                carries |= message.add(part);
            }
        }
        carries
    }

    fn add_run(&mut self, mut run: Map<String, Value>) {
        let status = run.get("status").and_then(Value::as_str);
        let ended = [
            "completed",
            "incomplete",
            "failed",
            "cancelled",
            "expired",
            "requires_action",
        ];
        self.complete = status.is_some_and(|status| ended.contains(&status));
        let kept = ["model", "usage", "status", "incomplete_details"];
        run.retain(|key, _| kept.contains(&key.as_str()));
        extend(&mut self.fields, run);
    }

    /// The messages as the choices of a chat; and the fields that a response has.
    pub(super) fn whole(mut self) -> (Vec<Value>, Map<String, Value>) {
        let mut messages: Vec<Value> = self
            .messages
            .into_iter()
            .filter_map(Message::whole)
            .collect();
        calls::order(&mut self.calls);
        if let Some(calls) = self.calls.remove("tool_calls") {
            messages.insert(0, json!({ "role": "assistant", "tool_calls": calls }));
        }
        let details = self.fields.remove("incomplete_details");
        let status = self.fields.remove("status").filter(|_| self.complete);
        let reason = details.and_then(|details| details.get("reason").cloned());
        let mut choices: Vec<_> = messages
            .into_iter()
            .map(|message| json!({ "message": message }))
            .collect();
        if let Some(reason) = reason.or(status) {
            match choices.last_mut().and_then(Value::as_object_mut) {
                Some(choice) => _ = choice.insert("finish_reason".to_owned(), reason),
                None => choices.push(json!({ "finish_reason": reason })),
            }
        }
        (choices, self.fields)
    }
}

impl Message {
    /// `{"index": 0, "type": "text", "text": {"value": ".."}}`: texts are joined, annotations are collected.
    fn add(&mut self, mut piece: Map<String, Value>) -> bool {
        let index = piece.remove("index").as_ref().and_then(Value::as_u64);
        let known = self
            .parts
            .iter()
            .position(|part| index.is_some() && part.index == index);
        let at = known.unwrap_or_else(|| {
            let fields = Map::new();
            self.parts.push(Part { index, fields });
            self.parts.len() - 1
        });
        let Some(part) = self.parts.get_mut(at) else {
            return false;
        };
        let mut carries = piece
            .iter()
            .any(|(key, value)| key != "type" && key != "text" && says(value));
        if let Some(Value::Object(mut text)) = piece.remove("text") {
            if let Some(Value::String(value)) = text.remove("value") {
                carries |= !value.is_empty();
                append(&mut part.fields, "text", &value);
            }
            if let Some(Value::Array(more)) = text.remove("annotations")
                && !more.is_empty()
                && let Value::Array(list) = part
                    .fields
                    .entry("annotations")
                    .or_insert_with(|| json!([]))
            {
                list.extend(more);
            }
        }
        extend(&mut part.fields, piece);
        carries
    }

    /// The message, or its text if it is nothing else; `None` if it has not begun.
    fn whole(mut self) -> Option<Value> {
        self.parts.sort_by_key(|part| part.index);
        let texts = self.parts.iter().map(|part| {
            let is_text = part.fields.keys().all(|key| key == "type" || key == "text");
            part.fields.get("text").filter(|_| is_text)?.as_str()
        });
        let text: Option<String> = texts.collect();
        let content = match text {
            Some(text) if text.is_empty() => return None,
            Some(text) => Value::from(text),
            None => self
                .parts
                .into_iter()
                .map(|part| Value::Object(part.fields))
                .collect(),
        };
        Some(json!({ "role": "assistant", "content": content }))
    }
}
