//! What the folds of all languages share: items of any type as chunks, errors, the first content, the end.
//! Driven by `Observed`, and by `provider` for bodies that are a stream. Must not know a language's chunks.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::pieces::{Found, Pieces};
use crate::llm::provider::{Facts, error, one_or_all, tree};
use crate::record::Exception;
use crate::span::handle::Span;

/// Puts the chunks of one language together into the answer they are the pieces of.
pub(super) trait Language: Default {
    /// Begins the kind of an error.
    const NAME: &'static str;
    /// Fields of a chunk that are not read.
    const SKIP: &'static [&'static str] = &[];

    /// The chunk without what the service puts around it.
    fn unwrapped(chunk: Map<String, Value>) -> Map<String, Value> {
        chunk
    }

    /// Takes in a chunk. `true` if it carries content, reasoning or a tool call.
    fn add(&mut self, chunk: Map<String, Value>) -> bool;

    /// Whether the answer is whole.
    fn is_complete(&self) -> bool;

    /// Parts that have arrived.
    fn len(&self) -> usize;

    /// What the answer says that has been put together.
    fn facts(self) -> Facts;
}

/// A stream that is being read.
#[derive(Default)]
pub(super) struct Assembly<L> {
    language: L,
    pieces: Pieces,
    error: Option<Exception>,
    /// Chunks before the first content. If the language can read none of them, they become the output.
    kept: Vec<Value>,
    kept_bytes: usize,
    has_content: bool,
    done: bool,
}

/// Chunks that are kept before the first content, and bytes of their texts.
const MAX_KEPT: usize = 256;
const MAX_KEPT_BYTES: usize = 256 * 1024;

impl<L: Language> Assembly<L> {
    pub(super) fn push<I: Serialize + ?Sized>(&mut self, item: &I) {
        match tree::raw(item, L::SKIP) {
            Some(Value::String(text)) => {
                let Found { values, done } = self.pieces.push(&text);
                self.done |= done;
                for value in values {
                    self.value(value);
                }
            }
            Some(value) => self.value(value),
            None => {}
        }
    }

    fn value(&mut self, value: Value) {
        match value {
            Value::Object(chunk) => {
                let chunk = L::unwrapped(chunk);
                if self.error.is_none() {
                    self.error = error::of_event(&chunk, L::NAME);
                }
                if !self.has_content {
                    self.keep(&chunk);
                }
                self.has_content |= self.language.add(chunk);
                if self.has_content {
                    self.kept = Vec::new();
                }
            }
            Value::Array(chunks) => {
                for chunk in chunks {
                    if let Value::Object(_) = chunk {
                        self.value(chunk);
                    }
                }
            }
            _ => {}
        }
    }

    /// Keeps a chunk as long as there is room.
    fn keep(&mut self, chunk: &Map<String, Value>) {
        if self.kept.len() >= MAX_KEPT {
            return;
        }
        let bytes = chunk
            .iter()
            .map(|(key, value)| key.len() + size(value))
            .sum();
        self.kept_bytes = self.kept_bytes.saturating_add(bytes);
        if self.kept_bytes <= MAX_KEPT_BYTES {
            self.kept.push(Value::Object(chunk.clone()));
        }
    }

    pub(super) fn has_content(&self) -> bool {
        self.has_content
    }

    pub(super) fn is_complete(&self) -> bool {
        self.done || self.error.is_some() || self.language.is_complete()
    }

    pub(super) fn record(self, span: &Span) {
        let mut facts = self.language.facts();
        if facts.output.is_none()
            && let Some(body) = self.pieces.body()
        {
            facts.error = facts.error.or_else(|| error::of_text(&body, L::NAME));
            facts.output = Some(Value::String(body));
        }
        if self.error.is_some() {
            facts.error = self.error;
        }
        if facts.say_nothing() {
            facts.output = one_or_all(self.kept);
        }
        span.record_facts(facts);
    }

    /// Sizes only: what has arrived is a model's answer.
    pub(super) fn debug(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(name)
            .field("parts", &self.language.len())
            .field("complete", &self.is_complete())
            .finish_non_exhaustive()
    }
}

/// About how many bytes a value takes as JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(|value| 1 + size(value)).sum(),
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| key.len() + size(value))
            .sum(),
        _ => 4,
    }
}

/// The public type of a language's fold.
macro_rules! fold {
    ($(#[$doc:meta])* $name:ident($language:ty)) => {
        $(#[$doc])*
        #[derive(Default)]
        pub struct $name(crate::llm::stream::assembly::Assembly<$language>);

        impl<I: serde::Serialize + ?Sized> crate::llm::stream::Fold<I> for $name {
            fn push(&mut self, item: &I) {
                self.0.push(item);
            }

            fn has_content(&self) -> bool {
                self.0.has_content()
            }

            fn is_complete(&self) -> bool {
                self.0.is_complete()
            }

            fn record(self, span: &crate::Span) {
                self.0.record(span);
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.debug(stringify!($name), f)
            }
        }
    };
}

pub(super) use fold;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_size_counts_texts_keys_and_numbers() {
        for (value, bytes) in [
            (json!("abc"), 3),
            (json!(null), 4),
            (json!([1, "ab"]), 1 + 4 + 1 + 2),
            (json!({ "key": "value" }), 3 + 5),
            (
                json!({ "a": { "bc": [true] }, "d": "e" }),
                1 + 2 + 1 + 4 + 1 + 1,
            ),
        ] {
            assert_eq!(size(&value), bytes, "{value}");
        }
    }
}
