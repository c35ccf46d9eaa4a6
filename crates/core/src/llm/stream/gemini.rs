//! The chunks of a Gemini stream, put together into the response they are the pieces of.
//! Driven by `Observed`; `provider` reads the response.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Fold;
use crate::llm::provider::{gemini, tree};
use crate::span::handle::Span;

/// Puts Gemini's chunks together: [`Observed::gemini`](super::Observed::gemini).
#[derive(Default)]
pub struct Gemini {
    response: Map<String, Value>,
    candidates: Vec<Candidate>,
}

#[derive(Default)]
struct Candidate {
    index: u64,
    role: Option<Value>,
    parts: Vec<Value>,
    finish_reason: Option<Value>,
    /// What was searched for.
    grounding: Option<Value>,
}

impl<I: Serialize + ?Sized> Fold<I> for Gemini {
    fn push(&mut self, item: &I) {
        if let Some(Value::Object(chunk)) = tree::read(item, gemini::SKIP) {
            self.add(chunk);
        }
    }

    fn is_complete(&self) -> bool {
        let mut candidates = self.candidates.iter();
        !self.candidates.is_empty() && candidates.all(|c| c.finish_reason.is_some())
    }

    fn record(mut self, span: &Span) {
        let candidates = self.candidates.into_iter().map(Candidate::whole).collect();
        self.response.insert("candidates".to_owned(), candidates);
        span.record_facts(gemini::facts(&Value::Object(self.response)));
    }
}

impl Gemini {
    fn add(&mut self, mut chunk: Map<String, Value>) {
        // Code Assist wraps each chunk.
        if let Some(Value::Object(inner)) = chunk.remove("response") {
            chunk = inner;
        }
        if let Some(Value::Array(candidates)) = chunk.remove("candidates") {
            for candidate in &candidates {
                self.add_candidate(candidate);
            }
        }
        // Counts are cumulative, so the last word counts.
        let said = chunk.into_iter().filter(|(_, value)| !value.is_null());
        self.response.extend(said);
    }

    fn add_candidate(&mut self, candidate: &Value) {
        let index = candidate.get("index").and_then(Value::as_u64).unwrap_or(0);
        if !self.candidates.iter().any(|known| known.index == index) {
            self.candidates.push(Candidate {
                index,
                ..Candidate::default()
            });
        }
        let Some(known) = self.candidates.iter_mut().find(|c| c.index == index) else {
            return;
        };
        if let Some(reason) = gemini::field(candidate, "finishReason", "finish_reason") {
            known.finish_reason = Some(reason.clone()).filter(|reason| !reason.is_null());
        }
        if let Some(grounding) = gemini::field(candidate, "groundingMetadata", "grounding_metadata")
            && grounding.is_object()
        {
            known.grounding = Some(grounding.clone());
        }
        let Some(content) = candidate.get("content") else {
            return;
        };
        if let Some(role) = content.get("role").filter(|role| !role.is_null()) {
            known.role = Some(role.clone());
        }
        for part in content
            .get("parts")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            known.add(part);
        }
    }
}

impl Candidate {
    /// Text goes on where text of its kind ended; every other part stands for itself.
    fn add(&mut self, part: &Value) {
        if let (Some(Value::Object(last)), Value::Object(part)) = (self.parts.last_mut(), part)
            && is_text(last)
            && is_text(part)
            && last.get("thought") == part.get("thought")
            && let (Some(Value::String(text)), Some(Value::String(piece))) =
                (last.get_mut("text"), part.get("text"))
        {
            text.push_str(piece);
            return;
        }
        self.parts.push(part.clone());
    }

    fn whole(self) -> Value {
        json!({
            "content": { "role": self.role, "parts": self.parts },
            "finishReason": self.finish_reason,
            "groundingMetadata": self.grounding,
        })
    }
}

fn is_text(part: &Map<String, Value>) -> bool {
    part.iter()
        .all(|(key, value)| key == "text" || key == "thought" || value.is_null())
}

/// A size only: what has arrived is a model's answer.
impl fmt::Debug for Gemini {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gemini")
            .field("candidates", &self.candidates.len())
            .finish_non_exhaustive()
    }
}
