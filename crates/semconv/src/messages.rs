//! Messages of a conversation that came as span events, as older conventions of OpenTelemetry have them.
//! Called by a bridge for each event of a finished span, before its attributes.

use serde_json::{Map, Value as Json};

use crate::observation::Observation;
use crate::value::Value;

/// The messages of one span. Attributes that are recorded after them win.
///
/// ```
/// use tracefuse_semconv::{MessageEvents, Observation, Value};
///
/// # let tracer = tracefuse_core::Tracer::noop();
/// # let trace = tracer.trace("chat").start();
/// let observation = Observation::new(trace.root().clone(), true, "chat");
/// let mut messages = MessageEvents::default();
/// let content = ("content".to_owned(), Value::Str("hello".into()));
/// assert!(messages.take(&observation, "gen_ai.user.message", vec![content]).is_none());
/// messages.finish(&observation);
/// ```
#[derive(Debug, Default)]
pub struct MessageEvents {
    input: Vec<Json>,
    output: Vec<Json>,
}

impl MessageEvents {
    /// Takes an event by its name; gives the attributes back if it is no message.
    pub fn take<'a>(
        &mut self,
        to: &Observation,
        event: &str,
        attributes: Vec<(String, Value<'a>)>,
    ) -> Option<Vec<(String, Value<'a>)>> {
        match event {
            "gen_ai.client.inference.operation.details"
            | "gen_ai.content.prompt"
            | "gen_ai.content.completion" => {
                for (name, value) in attributes {
                    to.record(&name, value);
                }
            }
            "gen_ai.choice" => self.output.push(message(attributes, "assistant")),
            "gen_ai.system.message" => self.input.push(message(attributes, "system")),
            "gen_ai.user.message" => self.input.push(message(attributes, "user")),
            "gen_ai.assistant.message" => self.input.push(message(attributes, "assistant")),
            "gen_ai.tool.message" => self.input.push(message(attributes, "tool")),
            _ => return Some(attributes),
        }
        None
    }

    /// Records the messages as input and output.
    pub fn finish(self, to: &Observation) {
        let text = |messages: Vec<Json>| Value::Str(Json::Array(messages).to_string().into());
        if !self.input.is_empty() {
            to.record("gen_ai.prompt", text(self.input));
        }
        if !self.output.is_empty() {
            to.record("gen_ai.completion", text(self.output));
        }
    }
}

/// A message as JSON: its role, and its attributes except those of the whole call.
fn message(attributes: Vec<(String, Value<'_>)>, role: &str) -> Json {
    let mut message = Map::new();
    message.insert("role".to_owned(), role.into());
    for (name, value) in attributes {
        if !name.starts_with("gen_ai.") {
            message.insert(name, value.json());
        }
    }
    Json::Object(message)
}
