//! The objects of a stream of Ollama's own API, put together into one answer.
//! Driven by `assembly`; `provider` reads the answer. Must not know spans.

use serde_json::{Map, Value, json};

use super::assembly::{Language, fields, fold};
use super::merge::{append, extend, keep, put};
use crate::llm::provider::{Facts, ollama};

fold! {
    /// Puts Ollama's objects together: [`Observed::ollama`](super::Observed::ollama).
    Ollama(Objects)
}

#[derive(Default)]
struct Objects {
    answer: Map<String, Value>,
    message: Map<String, Value>,
}

impl Language for Objects {
    const NAME: &'static str = "ollama";
    const SKIP: &'static [&'static str] = ollama::SKIP;

    fn add(&mut self, mut object: Map<String, Value>) -> bool {
        let mut carries = false;
        // `/api/generate` has its texts at the top, `/api/chat` in a message.
        for key in ["response", "thinking"] {
            if let Some(Value::String(piece)) = object.remove(key) {
                carries |= !piece.is_empty();
                keep(&mut self.answer, key, piece.into());
            }
        }
        if let Some(Value::Object(message)) = object.remove("message") {
            for (key, value) in message {
                match (key.as_str(), value) {
                    (_, Value::Null) => {}
                    ("content" | "thinking", Value::String(piece)) => {
                        carries |= !piece.is_empty();
                        append(&mut self.message, &key, &piece);
                    }
                    (_, Value::Array(list)) => {
                        carries |= !list.is_empty();
                        let known = self.message.entry(key).or_insert_with(|| json!([]));
                        if let Value::Array(known) = known {
                            known.extend(list);
                        }
                    }
                    (_, value) => put(&mut self.message, &key, value),
                }
            }
        }
        extend(&mut self.answer, object);
        carries
    }

    fn is_complete(&self) -> bool {
        self.answer.get("done") == Some(&Value::Bool(true))
    }

    fn bytes(&self) -> usize {
        fields(&self.answer) + fields(&self.message)
    }

    fn facts(mut self) -> Facts {
        if !self.message.is_empty() {
            // `/api/generate` has no message. A stream that has both loses neither.
            for key in ["response", "thinking"] {
                if let Some(text) = self.answer.remove(key) {
                    keep(&mut self.message, key, text);
                }
            }
            self.answer
                .insert("message".to_owned(), Value::Object(self.message));
        }
        ollama::facts(&Value::Object(self.answer))
    }
}
