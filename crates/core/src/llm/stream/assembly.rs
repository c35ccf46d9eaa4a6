//! What the folds of all languages share: items of any type as chunks, errors, the first content, the end.
//! Driven by `Observed`, and by `provider` for bodies that are a stream. Must not know a language's chunks.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::fold::MAX_TEXT;
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

    /// About how many bytes are kept.
    fn bytes(&self) -> usize;

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
    /// Bytes of the chunks that came since the kept bytes were counted.
    unseen: usize,
    /// The limit of kept text is reached: the texts of further chunks are left out.
    full: bool,
    /// Bytes of texts that were left out.
    cut: usize,
}

/// Chunks that are kept before the first content, and bytes of their texts.
const MAX_KEPT: usize = 256;
const MAX_KEPT_BYTES: usize = 256 * 1024;

/// Bytes of chunks after which the kept bytes are counted: counting reads all of them.
const LOOK: usize = 8 * 1024 * 1024;

/// Fields whose texts are read although there is no room for texts: names, kinds, reasons.
const LABELS: &[&str] = &[
    "type",
    "event_type",
    "object",
    "role",
    "id",
    "item_id",
    "response_id",
    "model",
    "modelVersion",
    "model_version",
    "status",
    "reason",
    "finish_reason",
    "finishReason",
    "stop_reason",
    "stopReason",
    "done_reason",
    "modality",
    "service_tier",
];

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
                let mut chunk = L::unwrapped(chunk);
                if !self.has_room(&mut chunk) {
                    return;
                }
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

    /// Whether a chunk is read. When the limit of kept text is reached, it is read without its texts: it may have the usage.
    fn has_room(&mut self, chunk: &mut Map<String, Value>) -> bool {
        self.unseen = self.unseen.saturating_add(fields(chunk));
        let mut has_room = true;
        if self.unseen > LOOK {
            self.unseen = 0;
            let kept = self.language.bytes();
            self.full = kept > MAX_TEXT;
            has_room = kept <= 2 * MAX_TEXT;
        }
        if self.full {
            for (key, value) in chunk.iter_mut() {
                self.cut = self.cut.saturating_add(cut_texts(key, value));
            }
        }
        has_room
    }

    /// Keeps a chunk as long as there is room.
    fn keep(&mut self, chunk: &Map<String, Value>) {
        if self.kept.len() >= MAX_KEPT {
            return;
        }
        self.kept_bytes = self.kept_bytes.saturating_add(fields(chunk));
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
        facts.cut = self.cut;
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
            .field("bytes", &self.language.bytes())
            .field("complete", &self.is_complete())
            .finish_non_exhaustive()
    }
}

/// Empties the texts of a value. Returns their bytes.
fn cut_texts(key: &str, value: &mut Value) -> usize {
    match value {
        Value::String(text) if !LABELS.contains(&key) => {
            let bytes = text.len();
            text.clear();
            bytes
        }
        Value::Array(list) => list.iter_mut().map(|value| cut_texts(key, value)).sum(),
        Value::Object(object) => object
            .iter_mut()
            .map(|(key, value)| cut_texts(key, value))
            .sum(),
        _ => 0,
    }
}

/// About how many bytes a value takes as JSON.
pub(super) fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(|value| 1 + size(value)).sum(),
        Value::Object(object) => fields(object),
        _ => 4,
    }
}

/// [`size`] of an object's fields.
pub(super) fn fields(object: &Map<String, Value>) -> usize {
    let sizes = object.iter().map(|(key, value)| key.len() + size(value));
    sizes.sum()
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

    /// A language whose kept bytes are what its last chunk said.
    #[derive(Default)]
    struct Fixed(usize);

    impl Language for Fixed {
        const NAME: &'static str = "fixed";

        fn add(&mut self, chunk: Map<String, Value>) -> bool {
            let bytes = chunk.get("bytes").and_then(Value::as_u64);
            self.0 = bytes.map_or(self.0, |bytes| bytes as usize);
            false
        }

        fn is_complete(&self) -> bool {
            false
        }

        fn bytes(&self) -> usize {
            self.0
        }

        fn facts(self) -> Facts {
            Facts::default()
        }
    }

    /// The kept bytes are counted after 8 MiB of chunks. Above 64 MiB texts are left out, above 128 MiB chunks are.
    #[test]
    fn what_is_kept_is_counted_now_and_then() {
        for (unseen, kept, full, has_room) in [
            (LOOK - 2, usize::MAX, false, true),
            (LOOK - 1, MAX_TEXT, false, true),
            (LOOK - 1, MAX_TEXT + 1, true, true),
            (LOOK - 1, 2 * MAX_TEXT, true, true),
            (LOOK - 1, 2 * MAX_TEXT + 1, true, false),
        ] {
            let mut assembly = Assembly {
                language: Fixed(kept),
                unseen,
                ..Assembly::default()
            };
            let mut chunk = Map::from_iter([("x".to_owned(), json!("y"))]);
            assert_eq!(assembly.has_room(&mut chunk), has_room, "{unseen} {kept}");
            assert_eq!(assembly.full, full, "{unseen} {kept}");
            let text = if full { "" } else { "y" };
            assert_eq!(
                (chunk["x"].as_str(), assembly.cut),
                (Some(text), usize::from(full))
            );
        }
        assert_eq!((LOOK, MAX_TEXT), (8 << 20, 64 << 20));
    }

    /// Chunks that no language reads are kept as long as they are few and small.
    #[test]
    fn of_unknown_chunks_256_of_together_256_kib_are_kept() {
        let sized = |bytes: usize| json!({ "x": "y".repeat(bytes - 1) });
        for (chunks, kept) in [
            (vec![sized(2); 300], 256),
            (vec![sized(256 * 1024)], 1),
            (vec![sized(256 * 1024 + 1)], 0),
            (vec![sized(100 * 1024); 4], 2),
        ] {
            let mut assembly = Assembly::<Fixed>::default();
            for chunk in &chunks {
                assembly.push(chunk);
            }
            assert_eq!(assembly.kept.len(), kept);
        }
    }
}
