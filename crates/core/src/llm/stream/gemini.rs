//! The chunks of a Gemini stream, put together into the response they are the pieces of.
//! Driven by `assembly`; `provider` reads the response. Must not know spans.

use serde_json::{Map, Value, json};

use super::assembly::{Language, fields, fold, size};
use super::interactions::Interaction;
use super::merge::{add_up, extend, is_empty, says};
use super::partial_args;
use crate::llm::provider::{Facts, gemini};

fold! {
    /// Puts Gemini's chunks together: [`Observed::gemini`](super::Observed::gemini).
    Gemini(Chunks)
}

#[derive(Default)]
struct Chunks {
    response: Map<String, Value>,
    candidates: Vec<Candidate>,
    interaction: Interaction,
    /// What the turns of a live session used that are over: each turn is billed with all that was said before it.
    earlier: Map<String, Value>,
    complete: bool,
    /// The model has called a tool. What it says after that, with the result, is billed as a turn is.
    called: bool,
}

#[derive(Default)]
struct Candidate {
    index: u64,
    role: Option<Value>,
    parts: Vec<Value>,
    finish_reason: Option<Value>,
    /// Everything else, such as what a search found.
    fields: Map<String, Value>,
}

impl Language for Chunks {
    const NAME: &'static str = "gemini";
    const SKIP: &'static [&'static str] = gemini::SKIP;

    fn add(&mut self, mut chunk: Map<String, Value>) -> bool {
        // Code Assist wraps each chunk.
        if let Some(Value::Object(inner)) = chunk.remove("response") {
            return self.add(inner);
        }
        if let Some(Value::String(name)) = chunk.get("event_type") {
            let name = name.clone();
            return self.interaction.add(&name, chunk);
        }
        let mut carries = false;
        let (said, calls) = of_live(&mut chunk);
        for candidate in said {
            self.begin_turn();
            carries |= self.add_candidate(candidate);
        }
        self.called |= calls;
        for (content, complete) in LIVE {
            let content = chunk.get(content).and_then(|content| content.get(complete));
            self.complete |= content.is_some_and(says);
        }
        if let Some(Value::Array(candidates)) = chunk.remove("candidates") {
            for candidate in candidates {
                if let Value::Object(candidate) = candidate {
                    carries |= self.add_candidate(candidate);
                }
            }
        }
        for key in USAGE {
            if let Some(Value::Object(usage)) = chunk.remove(key) {
                let known = self.response.entry(key).or_insert_with(|| json!({}));
                if let Value::Object(known) = known {
                    crate::llm::usage::absorb(known, usage);
                }
            }
        }
        extend(&mut self.response, chunk);
        carries
    }

    fn is_complete(&self) -> bool {
        let mut candidates = self.candidates.iter();
        let ended = candidates.all(|candidate| candidate.finish_reason.is_some());
        self.complete || self.interaction.is_complete() || (!self.candidates.is_empty() && ended)
    }

    fn bytes(&self) -> usize {
        let candidates = self.candidates.iter().map(|candidate| {
            let parts = candidate.parts.iter().map(size).sum::<usize>();
            parts + fields(&candidate.fields)
        });
        fields(&self.response) + candidates.sum::<usize>() + self.interaction.bytes()
    }

    fn facts(mut self) -> Facts {
        self.candidates.sort_by_key(|candidate| candidate.index);
        self.end_turn();
        let candidates = self.candidates.into_iter().map(Candidate::whole).collect();
        self.response.insert("candidates".to_owned(), candidates);
        extend(&mut self.response, self.earlier);
        let mut interaction = self.interaction.whole();
        if let Some(steps) = interaction.remove("steps") {
            self.response.insert("steps".to_owned(), steps);
        }
        extend(&mut self.response, interaction);
        gemini::facts(&Value::Object(self.response))
    }
}

const USAGE: [&str; 2] = ["usageMetadata", "usage_metadata"];

/// Where a message of the Live API says that a turn is over; SDKs of some languages write snake case.
const LIVE: [(&str, &str); 2] = [
    ("serverContent", "turnComplete"),
    ("server_content", "turn_complete"),
];

impl Chunks {
    /// Another turn of a live session, or another call of the model within one, if the one before is over.
    fn begin_turn(&mut self) {
        if std::mem::take(&mut self.complete) | std::mem::take(&mut self.called) {
            self.end_turn();
        }
    }

    fn end_turn(&mut self) {
        for key in USAGE {
            if let Some(Value::Object(usage)) = self.response.remove(key) {
                let known = self.earlier.entry(key).or_insert_with(|| json!({}));
                if let Value::Object(known) = known {
                    add_up(known, usage);
                }
            }
        }
    }

    fn add_candidate(&mut self, mut candidate: Map<String, Value>) -> bool {
        let index = candidate.get("index").and_then(Value::as_u64).unwrap_or(0);
        let at = self
            .candidates
            .iter()
            .position(|known| known.index == index);
        let at = at.unwrap_or_else(|| {
            self.candidates.push(Candidate {
                index,
                ..Candidate::default()
            });
            self.candidates.len() - 1
        });
        let Some(known) = self.candidates.get_mut(at) else {
            return false;
        };
        for key in ["finishReason", "finish_reason"] {
            let reason = candidate.remove(key).filter(says);
            if let Some(reason) = reason
                && reason != "FINISH_REASON_UNSPECIFIED"
            {
                known.finish_reason = Some(reason);
            }
        }
        let content = candidate.remove("content");
        extend(&mut known.fields, candidate);
        let Some(Value::Object(mut content)) = content else {
            return false;
        };
        if let Some(role) = content.remove("role").filter(Value::is_string) {
            known.role = Some(role);
        }
        let Some(Value::Array(parts)) = content.remove("parts") else {
            return false;
        };
        let mut carries = false;
        for part in parts {
            carries |= carries_content(&part);
            known.add(part);
        }
        carries
    }
}

/// What a message of the Live API says, as candidates: a turn of the model, the text of its sound, calls; and whether there
/// are calls.
fn of_live(message: &mut Map<String, Value>) -> (Vec<Map<String, Value>>, bool) {
    let mut contents = Vec::new();
    for (content, turn, transcription) in [
        ("serverContent", "modelTurn", "outputTranscription"),
        ("server_content", "model_turn", "output_transcription"),
    ] {
        if let Some(Value::Object(content)) = message.get_mut(content) {
            contents.extend(content.remove(turn));
            let said = content.remove(transcription);
            contents.extend(said.map(|said| json!({ "parts": [said] })));
        }
    }
    let mut has_calls = false;
    for (call, calls) in [
        ("toolCall", "functionCalls"),
        ("tool_call", "function_calls"),
    ] {
        if let Some(Value::Object(mut call)) = message.remove(call)
            && let Some(Value::Array(calls)) = call.remove(calls)
        {
            has_calls = true;
            let parts = calls
                .into_iter()
                .map(|call| json!({ "functionCall": call }));
            contents.push(json!({ "parts": parts.collect::<Vec<_>>() }));
        }
    }
    let candidate = |content| Map::from_iter([("content".to_owned(), content)]);
    (contents.into_iter().map(candidate).collect(), has_calls)
}

/// A text, a thought, a call, a picture; not a signature or a flag.
fn carries_content(part: &Value) -> bool {
    let fields = part.as_object().into_iter().flatten();
    fields
        .filter(|(key, _)| {
            !matches!(
                key.as_str(),
                "thought" | "thoughtSignature" | "thought_signature"
            )
        })
        .any(|(key, value)| {
            if key == "text" {
                says(value)
            } else {
                !value.is_null()
            }
        })
}

impl Candidate {
    /// A text continues the text of the same kind before it. Every other part is added as it is.
    fn add(&mut self, part: Value) {
        if let (Some(Value::Object(last)), Value::Object(part)) = (self.parts.last_mut(), &part)
            && is_text(last)
            && is_text(part)
            && last.get("thought") == part.get("thought")
            && let (Some(Value::String(text)), Some(Value::String(piece))) =
                (last.get_mut("text"), part.get("text"))
        {
            text.push_str(piece);
            return;
        }
        if !is_empty(&part) {
            partial_args::push(&mut self.parts, part);
        }
    }

    fn whole(mut self) -> Value {
        self.fields.insert(
            "content".to_owned(),
            json!({ "role": self.role, "parts": self.parts }),
        );
        if let Some(reason) = self.finish_reason {
            self.fields.insert("finishReason".to_owned(), reason);
        }
        Value::Object(self.fields)
    }
}

fn is_text(part: &Map<String, Value>) -> bool {
    part.iter()
        .all(|(key, value)| key == "text" || key == "thought" || value.is_null())
}
