//! The events of an Anthropic stream, put together into the message they are the pieces of.
//! Driven by `Observed`; `provider` reads the message.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::Fold;
use crate::llm::provider::{anthropic, tree};
use crate::llm::usage;
use crate::span::handle::Span;

/// Puts Anthropic's events together: [`Observed::anthropic`](super::Observed::anthropic).
#[derive(Default)]
pub struct Anthropic {
    message: Map<String, Value>,
    blocks: Vec<Block>,
    complete: bool,
}

struct Block {
    index: Option<u64>,
    content: Map<String, Value>,
    /// A tool's input comes as pieces of JSON text.
    input: String,
}

impl<I: Serialize + ?Sized> Fold<I> for Anthropic {
    fn push(&mut self, item: &I) {
        if let Some(Value::Object(event)) = tree::read(item, &[]) {
            self.add(event);
        }
    }

    fn is_complete(&self) -> bool {
        self.complete
    }

    fn record(mut self, span: &Span) {
        let blocks = self.blocks.into_iter().map(Block::whole).collect();
        self.message.insert("content".to_owned(), blocks);
        span.record_facts(anthropic::facts(&Value::Object(self.message)));
    }
}

impl Anthropic {
    fn add(&mut self, mut event: Map<String, Value>) {
        let index = event.get("index").and_then(Value::as_u64);
        let kind = event
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        match kind {
            "message_start" => {
                if let Some(Value::Object(message)) = event.remove("message") {
                    self.message = message;
                }
            }
            "content_block_start" => {
                if let Some(Value::Object(content)) = event.remove("content_block") {
                    self.blocks.push(Block {
                        index,
                        content,
                        input: String::new(),
                    });
                }
            }
            "content_block_delta" => {
                let block = self.blocks.iter_mut().rev().find(|b| b.index == index);
                if let (Some(block), Some(Value::Object(delta))) = (block, event.remove("delta")) {
                    block.add(delta);
                }
            }
            "message_delta" => {
                if let Some(Value::Object(delta)) = event.remove("delta") {
                    self.complete |= delta.get("stop_reason").is_some_and(|why| !why.is_null());
                    self.message.extend(delta);
                }
                if let Some(Value::Object(usage)) = event.remove("usage") {
                    self.add_usage(usage);
                }
            }
            "message_stop" => self.complete = true,
            "error" => {
                if let Some(error) = event.remove("error") {
                    self.message.insert("error".to_owned(), error);
                }
            }
            _ => {}
        }
    }

    /// Counts grow, so the last one counts; one that is left out, or zero, was stated at the start.
    fn add_usage(&mut self, later: Map<String, Value>) {
        let known = self
            .message
            .entry("usage")
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(known) = known {
            usage::absorb(known, later);
        }
    }
}

impl Block {
    /// `{"type": "text_delta", "text": ".."}` and its like.
    fn add(&mut self, delta: Map<String, Value>) {
        for (key, value) in delta {
            match (key.as_str(), value) {
                ("partial_json", Value::String(piece)) => self.input.push_str(&piece),
                ("citation", citation) => {
                    let citations = self.content.entry("citations").or_insert(Value::Null);
                    match citations {
                        Value::Array(citations) => citations.push(citation),
                        none => *none = Value::Array(vec![citation]),
                    }
                }
                ("text" | "thinking" | "signature", Value::String(piece)) => {
                    match self.content.get_mut(&key) {
                        Some(Value::String(text)) => text.push_str(&piece),
                        _ => {
                            self.content.insert(key, Value::String(piece));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn whole(mut self) -> Value {
        if !self.input.is_empty() {
            // Given up half-way it is no JSON, and stays the text it is.
            let input = serde_json::from_str(&self.input).unwrap_or(Value::String(self.input));
            self.content.insert("input".to_owned(), input);
        }
        Value::Object(self.content)
    }
}

/// A size only: what has arrived is a model's answer.
impl fmt::Debug for Anthropic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Anthropic")
            .field("blocks", &self.blocks.len())
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}
