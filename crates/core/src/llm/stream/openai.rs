//! The chunks of an OpenAI stream, put together into the response they are the pieces of.
//! Driven by `Observed`; `provider` reads the response.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Fold;
use crate::llm::provider::{openai, tree};
use crate::span::handle::Span;

/// Puts OpenAI's chunks together: [`Observed::openai`](super::Observed::openai).
#[derive(Default)]
pub struct OpenAi {
    /// All of the response but its choices; the whole of it in the Responses API.
    response: Map<String, Value>,
    choices: Vec<Value>,
    /// Responses API: items that are done, and the text of the one that is not.
    items: Vec<Value>,
    text: String,
    complete: bool,
}

impl<I: Serialize + ?Sized> Fold<I> for OpenAi {
    fn push(&mut self, item: &I) {
        if let Some(Value::Object(chunk)) = tree::read(item, openai::SKIP) {
            self.add(chunk);
        }
    }

    fn is_complete(&self) -> bool {
        self.complete
    }

    fn record(self, span: &Span) {
        span.record_facts(openai::facts(&self.response()));
    }
}

impl OpenAi {
    fn add(&mut self, mut chunk: Map<String, Value>) {
        if let Some(Value::String(event)) = chunk.remove("type") {
            return self.add_event(&event, chunk);
        }
        if let Some(Value::Array(choices)) = chunk.remove("choices") {
            for choice in choices {
                if let Value::Object(choice) = choice {
                    self.add_choice(choice);
                }
            }
        }
        let said = chunk.into_iter().filter(|(_, value)| !value.is_null());
        self.response.extend(said);
    }

    fn add_choice(&mut self, mut choice: Map<String, Value>) {
        // What is a delta in a chunk is the message of the whole.
        if let Some(delta) = choice.remove("delta") {
            choice.insert("message".to_owned(), delta);
        }
        if choice
            .get("finish_reason")
            .is_some_and(|why| !why.is_null())
        {
            self.complete = true;
        }
        choice.entry("index").or_insert_with(|| json!(0));
        merge_item(&mut self.choices, Value::Object(choice));
    }

    fn add_event(&mut self, event: &str, mut chunk: Map<String, Value>) {
        match (event, chunk.remove("response"), chunk.remove("item")) {
            ("response.output_text.delta", ..) => {
                if let Some(Value::String(delta)) = chunk.get("delta") {
                    self.text.push_str(delta);
                }
            }
            ("response.output_item.done", _, Some(item)) => {
                self.text.clear();
                self.items.push(item);
            }
            ("error", ..) => {
                self.response
                    .insert("error".to_owned(), Value::Object(chunk));
            }
            (_, Some(Value::Object(response)), _) => {
                self.complete = matches!(
                    event,
                    "response.completed" | "response.incomplete" | "response.failed"
                );
                self.response = response;
            }
            // Transcriptions and images: the last event has no response, only what the response would say.
            _ => {
                let said = ["usage", "text"]
                    .into_iter()
                    .filter_map(|key| chunk.remove_entry(key));
                self.response.extend(said);
            }
        }
    }

    fn response(self) -> Value {
        let Self {
            mut response,
            mut choices,
            mut items,
            text,
            ..
        } = self;
        if !choices.is_empty() {
            for choice in &mut choices {
                forget_places(choice);
            }
            response.insert("choices".to_owned(), Value::Array(choices));
        } else if !self.complete {
            if !text.is_empty() {
                items.push(json!({ "type": "message", "role": "assistant", "content": text }));
            }
            if !items.is_empty() {
                response.insert("output".to_owned(), Value::Array(items));
            }
        }
        Value::Object(response)
    }
}

/// Where a tool call stands among the others matters to chunks only.
fn forget_places(choice: &mut Value) {
    let calls = choice
        .get_mut("message")
        .and_then(|message| message.get_mut("tool_calls"))
        .and_then(Value::as_array_mut);
    for call in calls.into_iter().flatten() {
        if let Some(call) = call.as_object_mut() {
            call.remove("index");
        }
    }
}

/// Said whole and maybe again, while every other text comes in pieces.
const WHOLE: &[&str] = &["role", "id", "type", "name", "finish_reason", "object"];

fn merge(target: &mut Map<String, Value>, delta: Map<String, Value>) {
    for (key, value) in delta {
        match (target.get_mut(&key), value) {
            (_, Value::Null) => {}
            (Some(Value::String(text)), Value::String(piece)) => {
                if !WHOLE.contains(&key.as_str()) {
                    text.push_str(&piece);
                } else if !piece.is_empty() {
                    *text = piece;
                }
            }
            (Some(Value::Object(target)), Value::Object(delta)) => merge(target, delta),
            (Some(Value::Array(list)), Value::Array(items)) => {
                for item in items {
                    merge_item(list, item);
                }
            }
            (Some(target), value) => *target = value,
            (None, value) => {
                target.insert(key, value);
            }
        }
    }
}

/// Goes on with the item at the same `index`, unless it is another by its `id`; else adds it.
fn merge_item(list: &mut Vec<Value>, item: Value) {
    let id = |item: &Value| {
        let id = item.get("id")?.as_str()?;
        (!id.is_empty()).then(|| id.to_owned())
    };
    let same = |known: &&mut Value| {
        known.get("index") == item.get("index")
            && match (id(known), id(&item)) {
                (Some(known), Some(new)) => known == new,
                _ => true,
            }
    };
    if item.get("index").is_none() {
        list.push(item);
        return;
    }
    match (list.iter_mut().rev().find(same), item) {
        (Some(Value::Object(known)), Value::Object(item)) => merge(known, item),
        (_, item) => list.push(item),
    }
}

/// A size only: what has arrived is a model's answer.
impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAi")
            .field("choices", &self.choices.len())
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}
