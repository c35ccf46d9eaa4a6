//! One response of the Responses API, put together from its events.
//! Called by `responses`.

use serde_json::{Map, Value, json};

use crate::llm::stream::assembly::fields;
use crate::llm::stream::merge::{adopt, adopt_fields, append, extend, is_empty, put, says};

/// An index beyond this is none: a list is filled up to the index.
const MAX_PARTS: usize = 1024;

#[derive(Default)]
pub(super) struct Response {
    pub(super) id: Option<String>,
    fields: Map<String, Value>,
    items: Vec<Item>,
    ended: bool,
}

struct Item {
    index: Option<u64>,
    fields: Map<String, Value>,
    done: bool,
}

/// Where a text belongs in its item.
enum Target {
    /// A field of the item.
    Field(&'static str),
    /// A part of a list: the list, the field with the part's index, the part's type, its field.
    Part(&'static str, &'static str, &'static str, &'static str),
    /// It is counted as content and not kept.
    Nowhere,
}

/// The type of the item that a text belongs to, and its place there.
fn target(subject: &str) -> Option<(&'static str, Target)> {
    use Target::{Field, Nowhere, Part};
    Some(match subject {
        "output_text" | "text" => (
            "message",
            Part("content", "content_index", "output_text", "text"),
        ),
        "refusal" => (
            "message",
            Part("content", "content_index", "refusal", "refusal"),
        ),
        "output_audio_transcript" | "audio_transcript" | "audio.transcript" => (
            "message",
            Part("content", "content_index", "output_audio", "transcript"),
        ),
        "output_audio" | "audio" => ("message", Nowhere),
        "reasoning_summary_text" | "reasoning_summary" => (
            "reasoning",
            Part("summary", "summary_index", "summary_text", "text"),
        ),
        "reasoning_text" | "reasoning" => (
            "reasoning",
            Part("content", "content_index", "reasoning_text", "text"),
        ),
        "function_call_arguments" => ("function_call", Field("arguments")),
        "mcp_call_arguments" | "mcp_call.arguments" => ("mcp_call", Field("arguments")),
        "custom_tool_call_input" => ("custom_tool_call", Field("input")),
        "code_interpreter_call_code" | "code_interpreter_call.code" => {
            ("code_interpreter_call", Field("code"))
        }
        _ => return None,
    })
}

impl Response {
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn bytes(&self) -> usize {
        let items = self.items.iter().map(|item| fields(&item.fields));
        fields(&self.fields) + items.sum::<usize>()
    }

    /// Takes in an event. `true` if it carries content, reasoning or a call.
    pub(super) fn add(&mut self, name: &str, mut event: Map<String, Value>) -> bool {
        let name = name.strip_prefix("response.").unwrap_or(name);
        let (subject, phase) = name.rsplit_once('.').unwrap_or(("", name));
        let mut carries = false;
        if let Some(Value::Object(response)) = event.remove("response") {
            let ends = ["completed", "incomplete", "failed", "cancelled", "done"];
            self.ended |= ends.contains(&phase);
            carries |= self.add_response(response);
        }
        match (subject, phase) {
            ("output_item", "added" | "done") => {
                if let Some(Value::Object(item)) = event.remove("item") {
                    carries |= self.add_item(&event, item, phase == "done");
                }
            }
            ("content_part", _) => self.add_part(&event, "content", "content_index"),
            ("reasoning_summary_part", _) => self.add_part(&event, "summary", "summary_index"),
            ("image_generation_call", "partial_image") => {
                if let Some(picture) = event.remove("partial_image_b64")
                    && let Some(item) = self.item(&event, "image_generation_call")
                {
                    put(&mut item.fields, "result", picture);
                }
                carries = true;
            }
            ("output_text.annotation", "added") => {
                if let Some(annotation) = event.remove("annotation").filter(says)
                    && let Some(item) = self.item(&event, "message")
                {
                    let part = part(&mut item.fields, &event, "content", "content_index");
                    let part = part.and_then(Value::as_object_mut);
                    let list = part.map(|part| part.entry("annotations").or_insert(json!([])));
                    if let Some(Value::Array(list)) = list {
                        list.push(annotation);
                    }
                }
            }
            (subject, "delta") => carries |= self.add_text(subject, &event, "delta"),
            (subject, "done") => carries |= self.add_text(subject, &event, "done"),
            _ => {}
        }
        carries
    }

    /// A response, whole or as far as it is.
    pub(super) fn add_response(&mut self, mut response: Map<String, Value>) -> bool {
        let mut carries = false;
        if let Some(Value::Array(items)) = response.remove("output") {
            for (at, item) in items.into_iter().enumerate() {
                let Value::Object(item) = item else { continue };
                let place = Map::from_iter([("output_index".to_owned(), json!(at))]);
                carries |= self.add_item(&place, item, true);
            }
        }
        let status = response.get("status").and_then(Value::as_str);
        self.ended |= matches!(
            status,
            Some("completed" | "incomplete" | "failed" | "cancelled")
        );
        extend(&mut self.fields, response);
        carries
    }

    /// An item that begins or is done. Where it has less than its pieces, the pieces stay.
    fn add_item(
        &mut self,
        event: &Map<String, Value>,
        item: Map<String, Value>,
        done: bool,
    ) -> bool {
        let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
        // A call is content as soon as it has a name; a message and reasoning when they have a text.
        let carries = done || kind.ends_with("_call");
        let index = event.get("output_index").and_then(Value::as_u64);
        let id = item
            .get("id")
            .and_then(Value::as_str)
            .filter(|id| !id.is_empty());
        let is_kind = |known: &Item| known.kind().is_none_or(|known| known == kind);
        let at = self
            .find(|known| id.is_some() && known.id() == id)
            .or_else(|| {
                self.find(|known| index.is_some() && known.index == index && is_kind(known))
            })
            .or_else(|| {
                // An item that begins with another id is another item.
                let open = |known: &Item| {
                    let begins = !done && id.is_some() && known.id().is_some();
                    !known.done && is_kind(known) && !begins
                };
                self.find(|known| open(known) && (index.is_none() || known.index.is_none()))
            });
        if let Some(known) = self.at(at, index) {
            known.done |= done;
            adopt_fields(&mut known.fields, item);
        }
        carries
    }

    /// A part that begins or is done.
    fn add_part(&mut self, event: &Map<String, Value>, list: &str, place: &str) {
        let Some(Value::Object(whole)) = event.get("part") else {
            return;
        };
        let kind = if list == "summary" {
            "reasoning"
        } else {
            "message"
        };
        let Some(item) = self.item(event, kind) else {
            return;
        };
        if let Some(part) = part(&mut item.fields, event, list, place) {
            adopt(part, Value::Object(whole.clone()));
        }
    }

    /// A piece of a text, or the whole of it.
    fn add_text(&mut self, subject: &str, event: &Map<String, Value>, phase: &str) -> bool {
        let (kind, target) = match target(subject) {
            Some((kind, target)) => (kind, Some(target)),
            None => ("", None),
        };
        let key = match &target {
            Some(Target::Field(key) | Target::Part(_, _, _, key)) => key,
            _ => subject,
        };
        let whole = phase == "done";
        let text = event.get(if whole { key } else { "delta" });
        let text = text.map(|text| text.get("text").unwrap_or(text));
        let Some(text) = text.and_then(Value::as_str).filter(|text| !text.is_empty()) else {
            return false;
        };
        if subject.is_empty() || matches!(target, Some(Target::Nowhere)) {
            return true;
        }
        let Some(item) = self.item(event, kind) else {
            return true;
        };
        let fields = match target {
            Some(Target::Part(list, place, kind, _)) => {
                match part(&mut item.fields, event, list, place) {
                    Some(Value::Object(fields)) => {
                        fields.entry("type").or_insert(Value::from(kind));
                        fields
                    }
                    _ => return true,
                }
            }
            _ => &mut item.fields,
        };
        if !whole {
            append(fields, key, text);
            return true;
        }
        match fields.get_mut(key) {
            Some(known) => adopt(known, Value::from(text)),
            None => {
                fields.insert(key.to_owned(), Value::from(text));
            }
        }
        true
    }

    /// The item that an event is about.
    fn item(&mut self, event: &Map<String, Value>, kind: &str) -> Option<&mut Item> {
        let index = event.get("output_index").and_then(Value::as_u64);
        let id = event
            .get("item_id")
            .and_then(Value::as_str)
            .filter(|id| !id.is_empty());
        let is_kind =
            |known: &Item| kind.is_empty() || known.kind().is_none_or(|known| known == kind);
        let at = self
            .find(|known| index.is_some() && known.index == index && is_kind(known))
            .or_else(|| self.find(|known| id.is_some() && known.id() == id))
            .or_else(|| self.find(|known| index.is_none() && !known.done && is_kind(known)));
        let item = self.at(at, index)?;
        if let (None, Some(id)) = (item.id(), id) {
            item.fields.insert("id".to_owned(), Value::from(id));
        }
        if item.kind().is_none() && !kind.is_empty() {
            item.fields.insert("type".to_owned(), Value::from(kind));
            if kind == "message" {
                item.fields
                    .entry("role")
                    .or_insert(Value::from("assistant"));
            }
        }
        Some(item)
    }

    fn find(&self, same: impl Fn(&Item) -> bool) -> Option<usize> {
        self.items.iter().rposition(same)
    }

    /// The item at a position; a new one if there is none.
    fn at(&mut self, at: Option<usize>, index: Option<u64>) -> Option<&mut Item> {
        let item = match at {
            Some(at) => self.items.get_mut(at),
            None => {
                self.items.push(Item {
                    index,
                    fields: Map::new(),
                    done: false,
                });
                self.items.last_mut()
            }
        }?;
        item.index = item.index.or(index);
        Some(item)
    }

    /// The response with all items, in their order.
    pub(super) fn whole(mut self) -> Map<String, Value> {
        self.items
            .sort_by_key(|item| item.index.unwrap_or(u64::MAX));
        let items: Vec<_> = self.items.into_iter().map(Item::whole).collect();
        if !items.is_empty() {
            self.fields.insert("output".to_owned(), Value::Array(items));
        }
        if !self.ended {
            // A response that was not read to its end has no reason for its end.
            self.fields.remove("status");
        }
        self.fields
    }
}

impl Item {
    fn id(&self) -> Option<&str> {
        self.fields.get("id")?.as_str().filter(|id| !id.is_empty())
    }

    fn kind(&self) -> Option<&str> {
        self.fields
            .get("type")?
            .as_str()
            .filter(|kind| !kind.is_empty())
    }

    fn whole(mut self) -> Value {
        for list in ["content", "summary"] {
            if let Some(Value::Array(parts)) = self.fields.get_mut(list) {
                parts.retain(|part| !is_empty(part));
            }
        }
        // The message that was being written, as its text.
        if !self.done
            && self.kind() == Some("message")
            && let Some(Value::Array(parts)) = self.fields.get("content")
            && let [Value::Object(part)] = parts.as_slice()
            && part.get("type").and_then(Value::as_str) == Some("output_text")
            && part.get("annotations").is_none_or(is_empty)
            && let Some(text) = part.get("text").cloned()
        {
            self.fields.insert("content".to_owned(), text);
        }
        Value::Object(self.fields)
    }
}

/// The part that an event is about, in a list of its item.
fn part<'a>(
    fields: &'a mut Map<String, Value>,
    event: &Map<String, Value>,
    list: &str,
    place: &str,
) -> Option<&'a mut Value> {
    let parts = fields.entry(list).or_insert(Value::Null);
    if is_empty(parts) {
        *parts = json!([]);
    }
    let parts = parts.as_array_mut()?;
    let last = parts.len().saturating_sub(1);
    let at = event.get(place).and_then(Value::as_u64);
    let at = at.map_or(last, |at| usize::try_from(at).unwrap_or(usize::MAX));
    let at = if at < MAX_PARTS { at } else { last };
    while parts.len() <= at {
        parts.push(json!({}));
    }
    parts.get_mut(at)
}
