//! The events of Bedrock's ConverseStream, put together into the answer of Converse; and the chunks of a model that is asked
//! without Converse, which are in the language of its maker. Driven by `assembly`; `provider` reads the answer. Must not know
//! spans.

use serde_json::{Map, Value, json};

use super::assembly::{Language, fields, fold};
use super::merge::{append, extend, put, says};
use super::{anthropic, base64, cohere, openai};
use crate::llm::provider::{Facts, bedrock, one_or_all};

fold! {
    /// Puts Bedrock's events together: [`Observed::bedrock`](super::Observed::bedrock).
    Bedrock(Events)
}

#[derive(Default)]
struct Events {
    answer: Map<String, Value>,
    role: Option<Value>,
    blocks: Vec<(Option<u64>, Map<String, Value>)>,
    /// The text of a model that writes nothing else: Titan, Llama, older ones of Mistral and Cohere.
    text: String,
    /// The text that Nova Sonic plans to speak. The text that it has spoken follows, and replaces it.
    planned: String,
    /// Whether the content that has begun is such a plan.
    plans: bool,
    /// What a model writes in the language of its maker. A stream has one language; each further one is kept as well.
    native: Vec<Native>,
    complete: bool,
}

/// The language of a model's maker.
enum Native {
    Anthropic(Box<anthropic::Events>),
    Cohere(Box<cohere::Events>),
    OpenAi(Box<openai::Chunks>),
}

/// The counts that Bedrock adds to the last chunk.
const METRICS: &str = "amazon-bedrock-invocationMetrics";

/// Fields with a piece of text: of Llama, of Titan, of older releases of Claude.
const TEXTS: &[&str] = &["generation", "outputText", "completion"];
/// Lists of objects with a piece of text: of Mistral, of Cohere's Command.
const LISTS: &[&str] = &["outputs", "generations"];
/// Fields with the reason of the end.
const REASONS: &[&str] = &[
    "stopReason",
    "stop_reason",
    "completionReason",
    "finish_reason",
];

impl Native {
    /// The language of a chunk; `None` if it is one of Bedrock.
    fn of(chunk: &Map<String, Value>) -> Option<Self> {
        let text = |key: &str| chunk.get(key).and_then(Value::as_str);
        match text("type") {
            Some(kind) if kind.contains('-') => Some(Self::Cohere(Box::default())),
            Some(kind) if kind.contains('_') || kind == "ping" => {
                Some(Self::Anthropic(Box::default()))
            }
            _ if text("event_type").is_some() => Some(Self::Cohere(Box::default())),
            _ if chunk.get("choices").is_some_and(Value::is_array) => {
                Some(Self::OpenAi(Box::default()))
            }
            _ => None,
        }
    }

    fn is_as(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    fn add(&mut self, chunk: Map<String, Value>) -> bool {
        match self {
            Self::Anthropic(events) => events.add(chunk),
            Self::Cohere(events) => events.add(chunk),
            Self::OpenAi(chunks) => chunks.add(chunk),
        }
    }

    fn is_complete(&self) -> bool {
        match self {
            Self::Anthropic(events) => events.is_complete(),
            Self::Cohere(events) => events.is_complete(),
            Self::OpenAi(chunks) => chunks.is_complete(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Anthropic(events) => events.bytes(),
            Self::Cohere(events) => events.bytes(),
            Self::OpenAi(chunks) => chunks.bytes(),
        }
    }

    fn facts(self) -> Facts {
        match self {
            Self::Anthropic(events) => events.facts(),
            Self::Cohere(events) => events.facts(),
            Self::OpenAi(chunks) => chunks.facts(),
        }
    }
}

/// A key of an event in camel case; SDKs of some languages write snake case.
fn take(event: &mut Map<String, Value>, camel: &str, snake: &str) -> Option<Value> {
    event.remove(camel).or_else(|| event.remove(snake))
}

impl Language for Events {
    const NAME: &'static str = "bedrock";

    /// `{"chunk": {"bytes": ".."}}`, or `{"bytes": ".."}`: a chunk of the model's maker in base64, or as a list of bytes.
    fn unwrapped(chunk: Map<String, Value>) -> Map<String, Value> {
        let inner = chunk.get("chunk").and_then(Value::as_object);
        let bytes = match inner.unwrap_or(&chunk).get("bytes") {
            Some(Value::String(text)) => base64::decode(text),
            Some(Value::Array(list)) => {
                let byte = |value: &Value| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
                list.iter().map(byte).collect()
            }
            _ => None,
        };
        let native = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        native.unwrap_or(chunk)
    }

    /// An event is an object in a field that names it, or, off the wire, the object alone.
    fn add(&mut self, mut event: Map<String, Value>) -> bool {
        // Nova Sonic wraps each event.
        if let Some(Value::Object(inner)) = event.remove("event") {
            return self.add(inner);
        }
        if let Some(metrics) = event.remove(METRICS) {
            put(&mut self.answer, METRICS, metrics);
        }
        if let Some(new) = Native::of(&event) {
            let known = self.native.iter().position(|known| known.is_as(&new));
            let at = known.unwrap_or_else(|| {
                self.native.push(new);
                self.native.len() - 1
            });
            let native = self.native.get_mut(at);
            return native.is_some_and(|native| native.add(event));
        }
        let mut carries = self.add_pieces(&mut event);
        carries |= self.add_speech(&mut event);
        for (camel, snake) in [
            ("messageStart", "message_start"),
            ("contentBlockStart", "content_block_start"),
            ("contentBlockDelta", "content_block_delta"),
            ("messageStop", "message_stop"),
            ("metadata", "metadata"),
            ("completionEnd", "completion_end"),
        ] {
            if let Some(Value::Object(inner)) = take(&mut event, camel, snake) {
                carries |= self.add_inner(inner);
            }
        }
        carries |= self.add_inner(event);
        carries
    }

    fn is_complete(&self) -> bool {
        self.complete || self.native.iter().any(Native::is_complete)
    }

    fn bytes(&self) -> usize {
        let native = self.native.iter().map(Native::bytes).sum::<usize>();
        let blocks = self.blocks.iter().map(|(_, block)| fields(block));
        let texts = self.text.len() + self.planned.len();
        native + blocks.sum::<usize>() + texts + fields(&self.answer)
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
        let mut facts = bedrock::facts(&Value::Object(self.answer));
        if self.text.is_empty() {
            self.text = self.planned;
        }
        let text = (!self.text.is_empty()).then_some(Value::String(self.text));
        let mut outputs: Vec<Value> = facts.output.take().into_iter().chain(text).collect();
        for native in self.native {
            let native = native.facts();
            facts.model = native.model.or(facts.model);
            // The maker's own counts have more parts than Bedrock's.
            facts.usage = native.usage.or(facts.usage);
            facts.parameters.extend(native.parameters);
            facts.finish_reason = native.finish_reason.or(facts.finish_reason);
            facts.error = facts.error.or(native.error);
            outputs.extend(native.output);
        }
        facts.output = one_or_all(outputs);
        facts
    }
}

impl Events {
    /// Takes the pieces of text out of a chunk, and the reason of the end beside them.
    fn add_pieces(&mut self, chunk: &mut Map<String, Value>) -> bool {
        let mut carries = false;
        let mut reason = None;
        let mut add = |object: &mut Map<String, Value>, keys: &[&str]| {
            for key in keys {
                if let Some(Value::String(piece)) = object.remove(*key) {
                    carries |= !piece.is_empty();
                    self.text.push_str(&piece);
                }
            }
            for key in REASONS {
                reason = object.remove(*key).filter(says).or_else(|| reason.take());
            }
        };
        add(chunk, TEXTS);
        for key in LISTS {
            let Some(Value::Array(list)) = chunk.remove(*key) else {
                continue;
            };
            for item in list {
                if let Value::Object(mut item) = item {
                    add(&mut item, &["text"]);
                }
            }
        }
        if let Some(reason) = reason {
            self.complete = true;
            put(&mut self.answer, "stopReason", reason);
        }
        carries
    }

    /// Takes what Nova Sonic says out of an event. What it heard is no part of the answer; nor is the sound.
    fn add_speech(&mut self, event: &mut Map<String, Value>) -> bool {
        if let Some(begun) = event.get("contentStart") {
            let fields = begun.get("additionalModelFields").and_then(Value::as_str);
            self.plans = fields.is_some_and(|fields| fields.contains("SPECULATIVE"));
        }
        let sound = event.remove("audioOutput").is_some();
        if let Some(Value::Object(mut call)) = event.remove("toolUse") {
            let input = call.remove("content").unwrap_or_default();
            call.insert("input".to_owned(), input);
            let call = Map::from_iter([("toolUse".to_owned(), Value::Object(call))]);
            self.blocks.push((None, call));
            return true;
        }
        let said = event.remove("textOutput").unwrap_or_default();
        let is_answer = said.get("role").and_then(Value::as_str) != Some("USER");
        let text = said.get("content").and_then(Value::as_str);
        let text = text.filter(|_| is_answer).unwrap_or_default();
        let known = if self.plans {
            &mut self.planned
        } else {
            &mut self.text
        };
        known.push_str(text);
        sound || !text.is_empty()
    }

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

    /// The block that a delta continues; a new one if its start was not seen, as is usual for text.
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
            (_, Value::Array(pieces)) => {
                carries |= pieces.iter().any(says);
                add_pieces(block.entry(key).or_insert_with(|| json!([])), pieces);
            }
            (_, value) => put(block, &key, value),
        }
    }
    carries
}

/// Pieces of a tool's result, whose start is an object: a text goes on with the text before it.
fn add_pieces(known: &mut Value, pieces: Vec<Value>) {
    let list = match known {
        Value::Object(started) => started.entry("content").or_insert_with(|| json!([])),
        list => list,
    };
    let Value::Array(list) = list else { return };
    for piece in pieces {
        let text = piece.get("text").and_then(Value::as_str);
        match (list.last_mut(), text) {
            (Some(Value::Object(last)), Some(text)) if last.contains_key("text") => {
                append(last, "text", text);
            }
            _ => list.push(piece),
        }
    }
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
