//! The events of an Anthropic stream, put together into the message they are the pieces of.
//! Driven by `assembly`; `provider` reads the message. Must not know spans.

use serde_json::{Map, Value, json};

use super::assembly::{Language, fields, fold};
use super::merge::{add_up, append, extend, keep, put, says};
use crate::llm::provider::{Facts, anthropic, one_or_all};

fold! {
    /// Puts Anthropic's events together: [`Observed::anthropic`](super::Observed::anthropic).
    Anthropic(Events)
}

#[derive(Default)]
pub(super) struct Events {
    /// Fields of the message; of an agent's messages, the last ones.
    message: Map<String, Value>,
    /// One message of a model, several of an agent.
    turns: Vec<Turn>,
    /// The turn that events without a message belong to.
    turn: usize,
    blocks: Vec<Block>,
    /// What all turns of an agent used, if it says so at its end.
    total: Option<Map<String, Value>>,
    complete: bool,
}

/// A message.
#[derive(Default)]
struct Turn {
    id: Option<String>,
    usage: Map<String, Value>,
    /// Its blocks came in pieces, so a whole message repeats them.
    in_pieces: bool,
}

struct Block {
    turn: usize,
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
        let kind = event.remove("type");
        let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
        match kind {
            // The second is an agent's, of a message as far as it is.
            "message_start" | "assistant" => match event.remove("message") {
                Some(Value::Object(message)) => self.add_message(message, kind == "assistant"),
                _ => false,
            },
            "message" => self.add_message(event, false),
            // The API before Messages (`/v1/complete`).
            "completion" => {
                let piece = event.remove("completion").filter(Value::is_string);
                let carries = piece.as_ref().is_some_and(says);
                if let Some(piece) = piece {
                    keep(&mut self.message, "completion", piece);
                }
                self.complete |= event.get("stop_reason").is_some_and(says);
                extend(&mut self.message, event);
                carries
            }
            "system" => {
                if let Some(model) = event.remove("model") {
                    self.message.entry("model").or_insert(model);
                }
                false
            }
            "result" => self.add_result(event),
            "content_block_start" => match event.remove("content_block") {
                Some(Value::Object(content)) => {
                    self.comes_in_pieces();
                    self.start(index, content)
                }
                _ => false,
            },
            "content_block_delta" => match event.remove("delta") {
                Some(Value::Object(delta)) => {
                    self.comes_in_pieces();
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

    fn bytes(&self) -> usize {
        let blocks = self.blocks.iter();
        let blocks = blocks.map(|block| fields(&block.content) + block.input.len());
        let turns = self.turns.iter().map(|turn| fields(&turn.usage));
        fields(&self.message) + blocks.sum::<usize>() + turns.sum::<usize>()
    }

    fn facts(mut self) -> Facts {
        // A block without an index belongs where it came.
        if self.blocks.iter().all(|block| block.index.is_some()) {
            self.blocks.sort_by_key(|block| (block.turn, block.index));
        }
        let blocks = self.blocks.into_iter().map(Block::whole).collect();
        self.message.insert("content".to_owned(), blocks);
        let mut usage = self.total.unwrap_or_default();
        if usage.is_empty() {
            for turn in self.turns {
                add_up(&mut usage, turn.usage);
            }
        }
        if !usage.is_empty() {
            self.message
                .insert("usage".to_owned(), Value::Object(usage));
        }
        let said = self.message.remove("completion").filter(says);
        let mut facts = anthropic::facts(&Value::Object(self.message));
        let outputs = facts.output.into_iter().chain(said).collect();
        facts.output = one_or_all(outputs);
        facts
    }
}

impl Events {
    /// A message, most often without content. If it is `partial`, its blocks follow those that are known.
    fn add_message(&mut self, mut message: Map<String, Value>, partial: bool) -> bool {
        let mut carries = false;
        let id = message.remove("id");
        self.turn = self.turn_of(id.as_ref().and_then(Value::as_str));
        let repeats = self.turn().is_some_and(|turn| partial && turn.in_pieces);
        let known = self.blocks.iter().filter(|block| block.turn == self.turn);
        let known = known.count() as u64;
        let content = match message.remove("content") {
            Some(text @ Value::String(_)) if says(&text) => {
                Some(json!([{ "type": "text", "text": text }]))
            }
            content => content,
        };
        if let Some(Value::Array(blocks)) = content
            && !repeats
        {
            for (at, block) in (0..).zip(blocks) {
                let index = if partial { known + at } else { at };
                let turn = self.turn;
                let is_at = |block: &Block| block.turn == turn && block.index == Some(index);
                let is_known = self.blocks.iter().any(is_at);
                if let (Value::Object(block), false) = (block, is_known) {
                    carries |= self.start(Some(index), block);
                }
            }
        }
        // An agent's own words, such as an error, have no model.
        if let Some(Value::String(model)) = message.get("model")
            && model.starts_with('<')
        {
            message.remove("model");
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
            turn: self.turn,
            index,
            content,
            input: String::new(),
        });
        carries
    }

    /// The end of an agent: what all its messages used, and its answer.
    fn add_result(&mut self, mut result: Map<String, Value>) -> bool {
        self.complete = true;
        if let Some(Value::Object(usage)) = result.remove("usage") {
            let counts = |units: &Value| units.as_u64().is_some_and(|units| units > 0);
            self.total = Some(usage).filter(|usage| usage.values().any(counts));
        }
        for key in ["total_cost_usd", "stop_reason"] {
            if let Some(value) = result.remove(key) {
                put(&mut self.message, key, value);
            }
        }
        match result.remove("result") {
            Some(text @ Value::String(_)) if self.blocks.is_empty() && says(&text) => {
                let text = Map::from_iter([("type".into(), "text".into()), ("text".into(), text)]);
                self.start(Some(0), text)
            }
            _ => false,
        }
    }

    /// The turn of a message; a message without an id belongs to the current turn.
    fn turn_of(&mut self, id: Option<&str>) -> usize {
        let id = id.filter(|id| !id.is_empty());
        let known = |turn: &Turn| id.is_some() && turn.id.as_deref() == id;
        if let Some(at) = self.turns.iter().position(known) {
            return at;
        }
        let goes_on = |turn: &Turn| id.is_none() || turn.id.is_none();
        if !self.turn().is_some_and(goes_on) {
            self.turns.push(Turn::default());
            self.turn = self.turns.len() - 1;
        }
        if let Some(turn) = self.turns.get_mut(self.turn)
            && turn.id.is_none()
        {
            turn.id = id.map(str::to_owned);
        }
        self.turn
    }

    fn comes_in_pieces(&mut self) {
        if let Some(turn) = self.turn_mut() {
            turn.in_pieces = true;
        }
    }

    fn turn(&self) -> Option<&Turn> {
        self.turns.get(self.turn)
    }

    /// The current turn; the first event begins the first turn.
    fn turn_mut(&mut self) -> Option<&mut Turn> {
        if self.turns.is_empty() {
            self.turns.push(Turn::default());
        }
        self.turns.get_mut(self.turn)
    }

    /// The block that a delta continues; a new one if its start was not seen.
    fn block(&mut self, index: Option<u64>, delta: &Map<String, Value>) -> Option<&mut Block> {
        let turn = self.turn;
        let is_at = |block: &Block| block.turn == turn && block.index == index;
        let known = match index {
            Some(_) => self.blocks.iter().rposition(is_at),
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
            turn,
            index,
            content: Map::from_iter([("type".to_owned(), Value::from(kind))]),
            input: String::new(),
        });
        self.blocks.last_mut()
    }

    /// Counts grow, so the later ones count; 0 and `null` say nothing that the start did not say.
    fn add_usage(&mut self, usage: Map<String, Value>) {
        if let Some(turn) = self.turn_mut() {
            crate::llm::usage::absorb(&mut turn.usage, usage);
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
