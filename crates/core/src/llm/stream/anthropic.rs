//! The events of an Anthropic stream, put together into the message they are the pieces of.
//! Driven by `assembly`; `provider` reads the message. Must not know spans.

use serde_json::{Map, Value};

use super::assembly::{Language, fold};
use super::merge::{append, extend, put, says};
use crate::llm::provider::{Facts, anthropic};

fold! {
    /// Puts Anthropic's events together: [`Observed::anthropic`](super::Observed::anthropic).
    Anthropic(Events)
}

#[derive(Default)]
struct Events {
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

impl Language for Events {
    const NAME: &'static str = "anthropic";

    fn add(&mut self, mut event: Map<String, Value>) -> bool {
        // Agents wrap the events of their model.
        if let Some(Value::Object(inner)) = event.remove("event") {
            return self.add(inner);
        }
        let index = event.get("index").and_then(Value::as_u64);
        let kind = event.get("type").and_then(Value::as_str);
        match kind.unwrap_or_default() {
            "message_start" => match event.remove("message") {
                Some(Value::Object(message)) => self.add_message(message),
                _ => false,
            },
            "message" => self.add_message(event),
            "content_block_start" => match event.remove("content_block") {
                Some(Value::Object(content)) => self.start(index, content),
                _ => false,
            },
            "content_block_delta" => match event.remove("delta") {
                Some(Value::Object(delta)) => {
                    let block = self.block(index, &delta);
                    block.is_some_and(|block| block.add(delta))
                }
                _ => false,
            },
            "message_delta" => {
                if let Some(Value::Object(delta)) = event.remove("delta") {
                    self.complete |= delta.get("stop_reason").is_some_and(says);
                    extend(&mut self.message, delta);
                }
                if let Some(Value::Object(usage)) = event.remove("usage") {
                    self.add_usage(usage);
                }
                false
            }
            "message_stop" => {
                self.complete = true;
                false
            }
            _ => false,
        }
    }

    fn is_complete(&self) -> bool {
        self.complete
    }

    fn len(&self) -> usize {
        self.blocks.len()
    }

    fn facts(mut self) -> Facts {
        // A block without an index belongs where it came.
        if self.blocks.iter().all(|block| block.index.is_some()) {
            self.blocks.sort_by_key(|block| block.index);
        }
        let blocks = self.blocks.into_iter().map(Block::whole).collect();
        self.message.insert("content".to_owned(), blocks);
        anthropic::facts(&Value::Object(self.message))
    }
}

impl Events {
    /// A message, most often without content.
    fn add_message(&mut self, mut message: Map<String, Value>) -> bool {
        let mut carries = false;
        if let Some(Value::Array(blocks)) = message.remove("content") {
            for (at, block) in blocks.into_iter().enumerate() {
                let index = Some(at as u64);
                let known = self.blocks.iter().any(|known| known.index == index);
                if let (Value::Object(block), false) = (block, known) {
                    carries |= self.start(index, block);
                }
            }
        }
        if let Some(Value::Object(usage)) = message.remove("usage") {
            self.add_usage(usage);
        }
        self.complete |= message.get("stop_reason").is_some_and(says);
        extend(&mut self.message, message);
        carries
    }

    fn start(&mut self, index: Option<u64>, content: Map<String, Value>) -> bool {
        let carries = content
            .iter()
            .any(|(key, value)| !matches!(key.as_str(), "type" | "signature") && says(value));
        self.blocks.push(Block {
            index,
            content,
            input: String::new(),
        });
        carries
    }

    /// The block that a delta goes on; a new one if its start was not seen.
    fn block(&mut self, index: Option<u64>, delta: &Map<String, Value>) -> Option<&mut Block> {
        let known = match index {
            Some(_) => self.blocks.iter().rposition(|block| block.index == index),
            None => self.blocks.len().checked_sub(1),
        };
        if let Some(at) = known {
            return self.blocks.get_mut(at);
        }
        let kind = match delta.get("type").and_then(Value::as_str) {
            Some("input_json_delta") => "tool_use",
            Some("thinking_delta" | "signature_delta") => "thinking",
            Some("compaction_delta") => "compaction",
            _ => "text",
        };
        self.blocks.push(Block {
            index,
            content: Map::from_iter([("type".to_owned(), Value::from(kind))]),
            input: String::new(),
        });
        self.blocks.last_mut()
    }

    /// Counts grow, so the later ones count; 0 and `null` say nothing that the start did not say.
    fn add_usage(&mut self, usage: Map<String, Value>) {
        let known = self
            .message
            .entry("usage")
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(known) = known {
            crate::llm::usage::absorb(known, usage);
        }
    }
}

impl Block {
    /// `{"type": "text_delta", "text": ".."}` and its like.
    fn add(&mut self, delta: Map<String, Value>) -> bool {
        let mut carries = false;
        for (key, value) in delta {
            match (key.as_str(), value) {
                ("type", _) => {}
                ("partial_json", Value::String(piece)) => {
                    carries |= !piece.is_empty();
                    self.input.push_str(&piece);
                }
                ("citation", citation) => {
                    let citations = self.content.entry("citations").or_insert(Value::Null);
                    match citations {
                        Value::Array(citations) => citations.push(citation),
                        none => *none = Value::Array(vec![citation]),
                    }
                }
                (_, Value::String(piece)) => {
                    carries |= key != "signature" && !piece.is_empty();
                    append(&mut self.content, &key, &piece);
                }
                (_, Value::Null) => {}
                (_, value) => put(&mut self.content, &key, value),
            }
        }
        carries
    }

    fn whole(mut self) -> Value {
        if !self.input.is_empty() {
            // The input of a call that was cut off is no JSON and stays text.
            let input = serde_json::from_str(&self.input).unwrap_or(Value::String(self.input));
            self.content.insert("input".to_owned(), input);
        }
        Value::Object(self.content)
    }
}
