//! The chunks of OpenAI's streams, put together into the response they are the pieces of: Chat Completions,
//! Completions, Responses, Assistants, realtime, transcriptions, pictures. Driven by `assembly`; `provider` reads the response.

use serde_json::{Map, Value, json};

use super::assembly::{Language, fields, fold};
use super::assistants;
use super::chat::Choices;
use super::dashscope::Repeated;
use super::merge::{adopt_fields, extend, keep, says};
use super::responses::Responses;
use super::servers;
use crate::llm::provider::{Facts, openai};

fold! {
    /// Puts OpenAI's chunks together: [`Observed::openai`](super::Observed::openai).
    OpenAi(Chunks)
}

#[derive(Default)]
pub(super) struct Chunks {
    /// All of a chat's response but its choices.
    fields: Map<String, Value>,
    choices: Choices,
    repeated: Repeated,
    responses: Responses,
    run: assistants::Run,
    /// A transcription, or what is said of a picture.
    media: Map<String, Value>,
    complete: bool,
}

impl Language for Chunks {
    const NAME: &'static str = "openai";

    fn unwrapped(mut chunk: Map<String, Value>) -> Map<String, Value> {
        // Vectors and pictures are not recorded. An object there is an event of an assistant.
        if chunk.get("data").is_some_and(Value::is_array) {
            chunk.remove("data");
        }
        assistants::unwrapped(chunk)
    }

    fn add(&mut self, mut chunk: Map<String, Value>) -> bool {
        if assistants::is_event(&chunk) {
            return self.run.add(chunk);
        }
        match chunk.remove("type") {
            // Some services give chunks with choices a type as well.
            Some(Value::String(event)) if !chunk.contains_key("choices") => {
                self.add_event(&event, chunk)
            }
            _ if chunk.get("object").and_then(Value::as_str) == Some("response") => {
                self.responses.add_response(chunk)
            }
            _ => self.add_chunk(chunk),
        }
    }

    fn is_complete(&self) -> bool {
        self.complete
            || self.choices.are_complete()
            || self.repeated.are_complete()
            || self.responses.are_complete()
            || self.run.is_complete()
    }

    fn bytes(&self) -> usize {
        let parts = [
            self.choices.bytes(),
            self.repeated.bytes(),
            self.responses.bytes(),
            self.run.bytes(),
        ];
        fields(&self.fields) + fields(&self.media) + parts.iter().sum::<usize>()
    }

    /// A stream has one kind of chunks. Of one that has several, none is lost.
    fn facts(self) -> Facts {
        let mut media = self.media;
        let segments = media.remove("segments_text");
        if let (None, Some(segments)) = (media.get("text"), segments) {
            media.insert("text".to_owned(), segments);
        }
        let mut chat = Map::new();
        let mut choices = self.choices.whole();
        choices.extend(self.repeated.whole());
        let (messages, run) = self.run.whole();
        choices.extend(messages);
        if !choices.is_empty() {
            chat.insert("choices".to_owned(), Value::Array(choices));
        }
        let response = self.responses.whole();
        if response.contains_key("usage") {
            // The other usage is of what the user said.
            media.remove("usage");
        }
        let parts = [chat, response, media];
        let output = |part: &Map<_, _>| openai::facts(&Value::Object(part.clone())).output;
        let mut outputs: Vec<Value> = parts.iter().filter_map(output).collect();
        let mut answer = Map::new();
        for part in parts.into_iter().chain([run, self.fields]) {
            extend(&mut answer, part);
        }
        let mut facts = openai::facts(&Value::Object(answer));
        if outputs.len() < 2 {
            facts.output = outputs.pop().or(facts.output);
        } else {
            facts.output = Some(Value::Array(outputs));
        }
        facts
    }
}

impl Chunks {
    fn add_chunk(&mut self, mut chunk: Map<String, Value>) -> bool {
        let mut carries = false;
        if let Some(Value::Array(choices)) = chunk.remove("choices") {
            for choice in choices {
                if let Value::Object(choice) = choice {
                    carries |= self.choices.add(choice);
                }
            }
        }
        if let Some(Value::Object(output)) = chunk.get_mut("output") {
            carries |= self.repeated.add(output);
        }
        self.complete |= servers::plain(&mut chunk);
        // Cloudflare has its text in `response`, llama.cpp in `content`, Baidu in `result`.
        for key in ["response", "content", "result"] {
            if chunk.get(key).is_some_and(Value::is_string)
                && let Some(piece) = chunk.remove(key)
            {
                carries |= says(&piece);
                keep(&mut self.media, "text", piece);
            }
        }
        if let Some(Value::String(whole)) = chunk.remove(servers::TEXT) {
            carries |= !whole.is_empty();
            let known = self.media.get("text").and_then(Value::as_str);
            if known.is_none_or(|known| whole.contains(known)) {
                self.media.insert("text".to_owned(), whole.into());
            }
        }
        if let Some(Value::Object(usage)) = chunk.remove("usage") {
            let known = self.fields.entry("usage").or_insert_with(|| json!({}));
            if let Value::Object(known) = known {
                crate::llm::usage::absorb(known, usage);
            }
        }
        extend(&mut self.fields, chunk);
        carries
    }

    fn add_event(&mut self, name: &str, mut event: Map<String, Value>) -> bool {
        // `transcript.text.delta`, `image_generation.completed`, `speech.audio.done`
        let (kind, phase) = name.rsplit_once('.').unwrap_or(("", name));
        match kind {
            // The second is of realtime.
            "transcript.text" | "conversation.item.input_audio_transcription" => {
                let piece = event.remove(if phase == "segment" { "text" } else { "delta" });
                let piece = piece.as_ref().and_then(Value::as_str).unwrap_or_default();
                if let Some(text) = event.remove("transcript") {
                    event.insert("text".to_owned(), text);
                }
                match phase {
                    "delta" => keep(&mut self.media, "text", piece.into()),
                    // Segments name the speaker; without deltas they have the only text.
                    "segment" => keep(&mut self.media, "segments_text", piece.into()),
                    _ => self.end_media(event),
                }
                !piece.is_empty()
            }
            // Mistral's conversations.
            "message.output" => {
                let content = event.remove("content").unwrap_or_default();
                let piece = content.get("text").cloned().unwrap_or(content);
                let carries = piece.is_string() && says(&piece);
                if carries {
                    keep(&mut self.media, "text", piece);
                }
                carries
            }
            "function.call" => {
                let arguments = event.remove("arguments").unwrap_or_default();
                let id = event.remove("id").unwrap_or_default();
                let item = json!({
                    "type": "function_call",
                    "id": id,
                    "call_id": event.remove("tool_call_id"),
                    "name": event.remove("name"),
                });
                let mut piece = event.clone();
                event.insert("item".to_owned(), item);
                self.responses.add("response.output_item.added", event);
                piece.insert("item_id".to_owned(), id);
                piece.insert("delta".to_owned(), arguments);
                self.responses
                    .add("response.function_call_arguments.delta", piece);
                true
            }
            "conversation.response" => {
                if phase == "done" {
                    self.end_media(event);
                }
                false
            }
            "image_generation" | "image_edit" | "speech.audio" => {
                let carries = ["b64_json", "audio"]
                    .iter()
                    .any(|key| event.contains_key(*key));
                if matches!(phase, "completed" | "done") {
                    // Pictures and sound are not recorded.
                    event.remove("b64_json");
                    event.remove("audio");
                    self.end_media(event);
                }
                carries
            }
            // Codex.
            "item" => {
                let id = event
                    .get("item")
                    .and_then(|item| item.get("id"))
                    .and_then(Value::as_str);
                let number = id.and_then(|id| id.rsplit('_').next()?.parse::<u64>().ok());
                event.insert("output_index".to_owned(), json!(number));
                let phase = if phase == "completed" {
                    "done"
                } else {
                    "added"
                };
                self.responses
                    .add(&format!("response.output_item.{phase}"), event)
            }
            "turn" if phase == "completed" => {
                // Of a session, up to this turn.
                let response = json!({ "usage": event.remove("usage") });
                event.insert("response".to_owned(), response);
                self.responses.add("response.completed", event)
            }
            _ => self.responses.add(name, event),
        }
    }

    fn end_media(&mut self, event: Map<String, Value>) {
        self.complete = true;
        adopt_fields(&mut self.media, event);
    }
}
