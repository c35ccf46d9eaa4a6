//! The events of Gemini's Interactions API, put together into the interaction: steps, each of which is streamed.
//! Called by `gemini`. Must not know `generateContent`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::assembly::fields;
use super::merge::{append, extend, put, says};

/// Steps of an interaction; an index beyond this is none.
const MAX_STEPS: u64 = 4096;

#[derive(Default)]
pub(super) struct Interaction {
    fields: Map<String, Value>,
    steps: BTreeMap<u64, Map<String, Value>>,
    complete: bool,
}

impl Interaction {
    pub(super) fn bytes(&self) -> usize {
        fields(&self.fields) + self.steps.values().map(fields).sum::<usize>()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Takes in an event by its name. `true` if it carries content, reasoning or a call.
    pub(super) fn add(&mut self, name: &str, mut event: Map<String, Value>) -> bool {
        if let Some(Value::Object(interaction)) = event.remove("interaction") {
            self.complete |= name.starts_with("interaction.complete");
            return self.add_interaction(interaction);
        }
        let index = event.get("index").and_then(Value::as_u64);
        let index = index.filter(|index| *index < MAX_STEPS).unwrap_or(0);
        // Before 2026-05 the events were of contents.
        let begun = event.remove("step").or_else(|| event.remove("content"));
        if let Some(Value::Object(step)) = begun.filter(|_| name.ends_with(".start")) {
            let carries = step.iter().any(|(key, value)| {
                !matches!(key.as_str(), "type" | "signature" | "id") && says(value)
            });
            extend(self.step(index, ""), step);
            return carries;
        }
        match event.remove("delta") {
            Some(Value::Object(delta)) => self.add_delta(index, name, delta),
            _ => false,
        }
    }

    /// An interaction, whole or as far as it is.
    fn add_interaction(&mut self, mut interaction: Map<String, Value>) -> bool {
        let mut carries = false;
        for key in ["steps", "outputs"] {
            if let Some(Value::Array(steps)) = interaction.remove(key) {
                for (at, step) in steps.into_iter().enumerate() {
                    if let Value::Object(step) = step {
                        carries = true;
                        // What was streamed stays.
                        let known = self.step(at as u64, "");
                        if known.len() <= 1 {
                            extend(known, step);
                        }
                    }
                }
            }
        }
        if let Some(Value::Object(usage)) = interaction.remove("usage") {
            let known = self.fields.entry("usage").or_insert_with(|| json!({}));
            if let Value::Object(known) = known {
                crate::llm::usage::absorb(known, usage);
            }
        }
        extend(&mut self.fields, interaction);
        carries
    }

    fn add_delta(&mut self, index: u64, name: &str, mut delta: Map<String, Value>) -> bool {
        let kind = delta
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let kind = kind.to_owned();
        let is_content = name.starts_with("content.");
        match kind.as_str() {
            "text" if is_content => {
                let text = delta.remove("text");
                let text = text.as_ref().and_then(Value::as_str).unwrap_or_default();
                append(self.step(index, "text"), "text", text);
                !text.is_empty()
            }
            "thought_signature" => {
                let signature = delta.remove("signature").unwrap_or_default();
                put(self.step(index, "thought"), "signature", signature);
                false
            }
            "arguments" | "arguments_delta" => {
                let arguments = delta
                    .remove("arguments")
                    .or_else(|| delta.remove("partial_arguments"));
                let piece = arguments
                    .as_ref()
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                append(self.step(index, "function_call"), "arguments", piece);
                !piece.is_empty()
            }
            "thought_summary" => {
                let content = delta.remove("content").unwrap_or_default();
                add_part(self.step(index, "thought"), "summary", content)
            }
            _ if is_content => {
                extend(self.step(index, &kind), delta);
                true
            }
            _ => add_part(
                self.step(index, "model_output"),
                "content",
                Value::Object(delta),
            ),
        }
    }

    fn step(&mut self, index: u64, kind: &str) -> &mut Map<String, Value> {
        let step = self.steps.entry(index).or_default();
        if !kind.is_empty() {
            step.entry("type").or_insert(Value::from(kind));
        }
        step
    }

    /// The interaction with its steps, in their order.
    pub(super) fn whole(mut self) -> Map<String, Value> {
        let steps = self.steps.into_values().map(|mut step| {
            if let Some(Value::String(text)) = step.get("arguments")
                && let Ok(arguments) = serde_json::from_str::<Value>(text)
            {
                step.insert("arguments".to_owned(), arguments);
            }
            Value::Object(step)
        });
        let steps: Vec<Value> = steps.collect();
        if !steps.is_empty() {
            self.fields.insert("steps".to_owned(), steps.into());
        }
        self.fields
    }
}

/// Adds a part to a list of contents; a text continues the text before it. `true` if it says something.
fn add_part(step: &mut Map<String, Value>, list: &str, part: Value) -> bool {
    let Value::Object(part) = part else {
        return false;
    };
    let text = part.get("text").and_then(Value::as_str);
    let carries = text.is_none_or(|text| !text.is_empty());
    let known = step.entry(list).or_insert_with(|| json!([]));
    if let Value::Array(parts) = known {
        match (parts.last_mut(), text) {
            (Some(Value::Object(last)), Some(text)) if last.get("type") == part.get("type") => {
                append(last, "text", text);
            }
            _ => parts.push(Value::Object(part)),
        }
    }
    carries
}
