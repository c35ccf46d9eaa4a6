//! The events of Cohere's Chat (version 2), put together into its answer.
//! Driven by `assembly`; `provider` reads the answer. Must not know spans.

use serde_json::{Map, Value, json};

use super::assembly::{Language, fields, fold};
use super::merge::{adopt_fields, append, extend, keep, put, says};
use crate::llm::provider::{Facts, cohere};

fold! {
    /// Puts Cohere's events together: [`Observed::cohere`](super::Observed::cohere).
    Cohere(Events)
}

#[derive(Default)]
pub(super) struct Events {
    answer: Map<String, Value>,
    message: Map<String, Value>,
    content: Vec<(Option<u64>, Map<String, Value>)>,
    calls: Vec<(Option<u64>, Map<String, Value>)>,
    complete: bool,
}

impl Language for Events {
    const NAME: &'static str = "cohere";
    const SKIP: &'static [&'static str] = cohere::SKIP;

    fn add(&mut self, mut event: Map<String, Value>) -> bool {
        let index = event.get("index").and_then(Value::as_u64);
        let kind = event.remove("type");
        let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
        // Version 1 has the text at the top, and the whole answer in its last event.
        if let Some(Value::String(name)) = event.remove("event_type") {
            return self.add_version_1(&name, event);
        }
        let id = event.remove("id");
        let Some(Value::Object(mut delta)) = event.remove("delta") else {
            return self.add_whole(event);
        };
        if let Some(id) = id {
            put(&mut self.answer, "id", id);
        }
        if kind == "message-end" {
            self.complete = true;
        }
        let mut carries = false;
        if let Some(Value::Object(message)) = delta.remove("message") {
            carries = self.add_message(kind, index, message);
        }
        self.add_end(delta);
        carries
    }

    fn is_complete(&self) -> bool {
        self.complete
    }

    fn bytes(&self) -> usize {
        let items = self.content.iter().chain(&self.calls);
        let items = items.map(|(_, item)| fields(item)).sum::<usize>();
        fields(&self.answer) + fields(&self.message) + items
    }

    fn facts(mut self) -> Facts {
        let list = |items: Vec<(Option<u64>, Map<String, Value>)>| -> Vec<Value> {
            items
                .into_iter()
                .map(|(_, item)| Value::Object(item))
                .collect()
        };
        for (key, items) in [
            ("content", list(self.content)),
            ("tool_calls", list(self.calls)),
        ] {
            if !items.is_empty() {
                self.message.insert(key.to_owned(), Value::Array(items));
            }
        }
        if !self.message.is_empty() {
            // Version 1 has no message. A stream that has both loses neither.
            if let Some(text) = self.answer.remove("text") {
                keep(&mut self.message, "text", text);
            }
            self.answer
                .insert("message".to_owned(), Value::Object(self.message));
        }
        cohere::facts(&Value::Object(self.answer))
    }
}

impl Events {
    fn add_message(&mut self, kind: &str, index: Option<u64>, message: Map<String, Value>) -> bool {
        let mut carries = false;
        for (key, value) in message {
            match (key.as_str(), value) {
                ("content", Value::Object(part)) => {
                    let begins = kind == "content-start";
                    let known = entry(&mut self.content, index, begins);
                    carries |= known.is_some_and(|known| add_texts(known, part, "type"));
                }
                ("tool_calls", Value::Object(call)) => {
                    let begins = kind == "tool-call-start";
                    carries |= call.values().any(says);
                    let Some(known) = entry(&mut self.calls, index, begins) else {
                        continue;
                    };
                    for (key, value) in call {
                        match (key.as_str(), value) {
                            ("function", Value::Object(function)) => {
                                let known = known.entry(key).or_insert_with(|| json!({}));
                                if let Value::Object(known) = known {
                                    add_texts(known, function, "name");
                                }
                            }
                            (_, value) => put(known, &key, value),
                        }
                    }
                }
                ("citations", Value::Object(citation)) => {
                    let list = self.message.entry(key).or_insert_with(|| json!([]));
                    if let Value::Array(list) = list {
                        list.push(Value::Object(citation));
                    }
                }
                ("tool_plan", Value::String(piece)) => {
                    carries |= !piece.is_empty();
                    append(&mut self.message, &key, &piece);
                }
                (_, value) => put(&mut self.message, &key, value),
            }
        }
        carries
    }

    /// `finish_reason` and `usage`, at the end.
    fn add_end(&mut self, mut end: Map<String, Value>) {
        self.complete |= end.get("finish_reason").is_some_and(says);
        if let Some(Value::Object(usage)) = end.remove("usage") {
            let known = self.answer.entry("usage").or_insert_with(|| json!({}));
            if let Value::Object(known) = known {
                crate::llm::usage::absorb(known, usage);
            }
        }
        extend(&mut self.answer, end);
    }

    /// An answer that comes at once.
    fn add_whole(&mut self, mut answer: Map<String, Value>) -> bool {
        let message = answer.remove("message");
        if let Some(Value::Object(mut message)) = message {
            for (key, items) in [
                ("content", &mut self.content),
                ("tool_calls", &mut self.calls),
            ] {
                if let Some(Value::Array(list)) = message.remove(key) {
                    for (at, item) in list.into_iter().enumerate() {
                        if let Value::Object(item) = item
                            && let Some(known) = entry(items, Some(at as u64), false)
                        {
                            adopt_fields(known, item);
                        }
                    }
                }
            }
            extend(&mut self.message, message);
        }
        self.add_end(answer);
        !(self.content.is_empty() && self.calls.is_empty())
    }

    fn add_version_1(&mut self, name: &str, mut event: Map<String, Value>) -> bool {
        match (name, event.remove("text"), event.remove("response")) {
            ("text-generation", Some(Value::String(piece)), _) => {
                let carries = !piece.is_empty();
                keep(&mut self.answer, "text", piece.into());
                carries
            }
            ("stream-end", _, Some(Value::Object(response))) => {
                self.complete = true;
                adopt_fields(&mut self.answer, response);
                extend(&mut self.answer, event);
                false
            }
            _ => false,
        }
    }
}

/// The item with an index; a new one if there is none, or if one begins.
fn entry(
    items: &mut Vec<(Option<u64>, Map<String, Value>)>,
    index: Option<u64>,
    begins: bool,
) -> Option<&mut Map<String, Value>> {
    let known = match (begins, index) {
        (true, _) => None,
        (false, Some(_)) => items.iter().rposition(|(known, _)| *known == index),
        (false, None) => items.len().checked_sub(1),
    };
    let known = match known {
        Some(at) => items.get_mut(at),
        None => {
            items.push((index, Map::new()));
            items.last_mut()
        }
    };
    known.map(|(_, item)| item)
}

/// Appends texts, except the field `whole`. `true` if one is not empty.
fn add_texts(known: &mut Map<String, Value>, piece: Map<String, Value>, whole: &str) -> bool {
    let mut carries = false;
    for (key, value) in piece {
        match value {
            Value::Null => {}
            Value::String(text) if key != whole => {
                carries |= !text.is_empty();
                append(known, &key, &text);
            }
            value => put(known, &key, value),
        }
    }
    carries
}
