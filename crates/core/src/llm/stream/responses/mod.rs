//! The events of the Responses API and of realtime, put together into one response. A session has several responses.
//! Called by `openai`. Must not know Chat Completions.

mod response;

use serde_json::{Map, Value};

use self::response::Response;
use super::merge::{add_up, extend};

/// The responses of a stream: one of the Responses API, several of a realtime session. Each is billed.
#[derive(Default)]
pub(super) struct Responses(Vec<Response>);

impl Responses {
    /// Whether each response that began has ended.
    pub(super) fn are_complete(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(Response::has_ended)
    }

    pub(super) fn bytes(&self) -> usize {
        self.0.iter().map(Response::bytes).sum()
    }

    /// Takes in an event. `true` if it carries content, reasoning or a call.
    pub(super) fn add(&mut self, name: &str, event: Map<String, Value>) -> bool {
        let response = event
            .get("response")
            .and_then(|response| response.get("id"));
        let id = response.or_else(|| event.get("response_id"));
        let id = id.and_then(Value::as_str).map(str::to_owned);
        let response = self.of(id.as_deref(), name == "response.created");
        response.is_some_and(|response| response.add(name, event))
    }

    /// A response, whole or as far as it is.
    pub(super) fn add_response(&mut self, whole: Map<String, Value>) -> bool {
        let id = whole.get("id").and_then(Value::as_str).map(str::to_owned);
        let response = self.of(id.as_deref(), false);
        response.is_some_and(|response| response.add_response(whole))
    }

    /// The response with this id. An unknown id is one of the last response, unless that has ended or another one begins:
    /// gateways give one response several ids.
    fn of(&mut self, id: Option<&str>, begins: bool) -> Option<&mut Response> {
        let id = id.filter(|id| !id.is_empty());
        let known = |response: &Response| id.is_some() && response.id.as_deref() == id;
        let at = self.0.iter().position(known).or_else(|| {
            let last = self.0.len().checked_sub(1)?;
            let response = self.0.get(last)?;
            let is_other =
                id.is_some() && response.id.is_some() && (begins || response.has_ended());
            (!is_other).then_some(last)
        });
        let response = match at {
            Some(at) => self.0.get_mut(at),
            None => {
                self.0.push(Response::default());
                self.0.last_mut()
            }
        }?;
        if response.id.is_none() {
            response.id = id.map(str::to_owned);
        }
        Some(response)
    }

    /// All as one response: the items of each, and what all used.
    pub(super) fn whole(self) -> Map<String, Value> {
        let (mut whole, mut output, mut usage) = (Map::new(), Vec::new(), Map::new());
        let has_ended = self.0.iter().any(Response::has_ended);
        for response in self.0 {
            let mut fields = response.whole();
            if let Some(Value::Array(items)) = fields.remove("output") {
                output.extend(items);
            }
            if let Some(Value::Object(used)) = fields.remove("usage") {
                add_up(&mut usage, used);
            }
            extend(&mut whole, fields);
        }
        // Without its list of items the reason of its end is none.
        if !output.is_empty() || has_ended {
            whole.insert("output".to_owned(), Value::Array(output));
        }
        if !usage.is_empty() {
            whole.insert("usage".to_owned(), Value::Object(usage));
        }
        whole
    }
}
