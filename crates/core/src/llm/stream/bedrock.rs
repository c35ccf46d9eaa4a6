//! The events of Bedrock's ConverseStream, put together into the answer of Converse.
//! Driven by `assembly`; `provider` reads the answer. Must not know spans.

use serde_json::{Map, Value, json};

use super::assembly::{Language, fold};
use super::merge::{append, extend, put, says};
use crate::llm::provider::{Facts, bedrock};

fold! {
    /// Puts Bedrock's events together: [`Observed::bedrock`](super::Observed::bedrock).
    Bedrock(Events)
}

#[derive(Default)]
struct Events {
    answer: Map<String, Value>,
    role: Option<Value>,
    blocks: Vec<(Option<u64>, Map<String, Value>)>,
    complete: bool,
}

/// A key of an event in camel case; SDKs of some languages write snake case.
fn take(event: &mut Map<String, Value>, camel: &str, snake: &str) -> Option<Value> {
    event.remove(camel).or_else(|| event.remove(snake))
}

impl Language for Events {
    const NAME: &'static str = "bedrock";

    /// An event is an object in a field that names it, or, off the wire, the object alone.
    fn add(&mut self, mut event: Map<String, Value>) -> bool {
        let mut carries = false;
        for (camel, snake) in [
            ("messageStart", "message_start"),
            ("contentBlockStart", "content_block_start"),
            ("contentBlockDelta", "content_block_delta"),
            ("messageStop", "message_stop"),
            ("metadata", "metadata"),
        ] {
            if let Some(Value::Object(inner)) = take(&mut event, camel, snake) {
                carries |= self.add_inner(inner);
            }
        }
        carries | self.add_inner(event)
    }

    fn is_complete(&self) -> bool {
        self.complete
    }

    fn len(&self) -> usize {
        self.blocks.len()
    }

    fn facts(mut self) -> Facts {
        let blocks: Vec<_> = self
            .blocks
            .into_iter()
            .map(|(_, block)| whole(block))
            .collect();
        if !blocks.is_empty() {
            let role = self.role.unwrap_or_else(|| json!("assistant"));
            let message = json!({ "role": role, "content": blocks });
            self.answer
                .insert("output".to_owned(), json!({ "message": message }));
        }
        bedrock::facts(&Value::Object(self.answer))
    }
}

impl Events {
    fn add_inner(&mut self, mut event: Map<String, Value>) -> bool {
        let index = take(&mut event, "contentBlockIndex", "content_block_index");
        let index = index.as_ref().and_then(Value::as_u64);
        let mut carries = false;
        if let Some(role) = event.remove("role").filter(Value::is_string) {
            self.role = Some(role);
        }
        if let Some(Value::Object(start)) = event.remove("start") {
            carries |= start.values().any(says);
            self.blocks.push((index, start));
        }
        if let Some(Value::Object(delta)) = event.remove("delta") {
            let block = self.block(index);
            carries |= block.is_some_and(|block| add_delta(block, delta));
        }
        for (camel, snake) in [("stopReason", "stop_reason")] {
            if let Some(reason) = take(&mut event, camel, snake).filter(says) {
                self.complete = true;
                put(&mut self.answer, camel, reason);
            }
        }
        if let Some(Value::Object(usage)) = event.remove("usage") {
            let known = self.answer.entry("usage").or_insert_with(|| json!({}));
            if let Value::Object(known) = known {
                crate::llm::usage::absorb(known, usage);
            }
        }
        // Padding against attacks on the length of packets.
        event.remove("p");
        extend(&mut self.answer, event);
        carries
    }

    /// The block that a delta goes on; a new one if its start was not seen, as is usual for text.
    fn block(&mut self, index: Option<u64>) -> Option<&mut Map<String, Value>> {
        let known = match index {
            Some(_) => self.blocks.iter().rposition(|(known, _)| *known == index),
            None => self.blocks.len().checked_sub(1),
        };
        let known = match known {
            Some(at) => self.blocks.get_mut(at),
            None => {
                self.blocks.push((index, Map::new()));
                self.blocks.last_mut()
            }
        };
        known.map(|(_, block)| block)
    }
}

/// `{"text": ".."}`, `{"toolUse": {"input": ".."}}`, `{"reasoningContent": {"text": ".."}}`, `{"citation": ..}`
fn add_delta(block: &mut Map<String, Value>, delta: Map<String, Value>) -> bool {
    let mut carries = false;
    for (key, value) in delta {
        match (key.as_str(), value) {
            ("type", _) | (_, Value::Null) => {}
            (_, Value::String(piece)) => {
                carries |= key != "signature" && !piece.is_empty();
                append(block, &key, &piece);
            }
            ("citation", citation) => {
                carries = true;
                let list = block.entry("citations").or_insert_with(|| json!([]));
                if let Value::Array(list) = list {
                    list.push(citation);
                }
            }
            (_, Value::Object(inner)) => {
                let known = block.entry(key).or_insert_with(|| json!({}));
                if let Value::Object(known) = known {
                    carries |= add_delta(known, inner);
                }
            }
            (_, value) => put(block, &key, value),
        }
    }
    carries
}

/// A block as an answer has it: the input of a tool as JSON, reasoning in its own object.
fn whole(mut block: Map<String, Value>) -> Value {
    for key in ["toolUse", "tool_use"] {
        if let Some(Value::Object(call)) = block.get_mut(key)
            && let Some(Value::String(input)) = call.get("input")
            && let Ok(input) = serde_json::from_str::<Value>(input)
        {
            call.insert("input".to_owned(), input);
        }
    }
    if let Some(Value::Object(reasoning)) = block.get_mut("reasoningContent")
        && let Some(text) = reasoning.remove("text")
    {
        let mut inner = Map::from_iter([("text".to_owned(), text)]);
        if let Some(signature) = reasoning.remove("signature") {
            inner.insert("signature".to_owned(), signature);
        }
        reasoning.insert("reasoningText".to_owned(), Value::Object(inner));
    }
    Value::Object(block)
}
