//! Events of a span: errors, messages of a conversation, and all others.
//! Called by `span`.

use opentelemetry::trace::Event;
use serde_json::{Map, Value as Json};
use tracefuse_core::{Exception, Level};
use tracefuse_semconv::{Observation, Value};

use crate::value::{time, value};

/// How events are recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Events {
    /// The span's status is OK: an error in it was handled.
    pub(crate) overcome: bool,
    /// Also those that are log lines of level INFO and below.
    pub(crate) log_lines: bool,
}

/// Messages that came as events, as in older conventions.
#[derive(Default)]
struct Messages {
    input: Vec<Json>,
    output: Vec<Json>,
}

pub(crate) fn record(to: &Observation, events: Vec<Event>, how: Events) {
    let mut messages = Messages::default();
    for event in events {
        match &*event.name {
            "exception" if !how.overcome => exception(to, event),
            "gen_ai.client.inference.operation.details"
            | "gen_ai.content.prompt"
            | "gen_ai.content.completion" => {
                for attribute in event.attributes {
                    to.record(attribute.key.as_str(), value(attribute.value));
                }
            }
            "gen_ai.choice" => messages.output.push(message(event, "assistant")),
            "gen_ai.system.message" => messages.input.push(message(event, "system")),
            "gen_ai.user.message" => messages.input.push(message(event, "user")),
            "gen_ai.assistant.message" => messages.input.push(message(event, "assistant")),
            "gen_ai.tool.message" => messages.input.push(message(event, "tool")),
            _ => other(to, event, how),
        }
    }
    // Attributes, which are read after this, win.
    let text = |messages: Vec<Json>| Value::Str(Json::Array(messages).to_string().into());
    if !messages.input.is_empty() {
        to.record("gen_ai.prompt", text(messages.input));
    }
    if !messages.output.is_empty() {
        to.record("gen_ai.completion", text(messages.output));
    }
}

fn exception(to: &Observation, event: Event) {
    // Rust's `record_error` gives no type.
    let mut exception = Exception::new("error", "");
    for attribute in event.attributes {
        let value = value(attribute.value);
        match attribute.key.as_str() {
            "exception.type" => exception.kind = value.into_text(),
            "exception.message" => exception.message = value.into_text(),
            "exception.stacktrace" => exception.stacktrace = Some(value.into_text()),
            "exception.escaped" => {}
            name => to.record(name, value),
        }
    }
    to.record_exception(time(event.timestamp), exception);
}

/// A message as JSON: its role, and its attributes but for those of the whole call.
fn message(event: Event, role: &str) -> Json {
    let mut message = Map::new();
    message.insert("role".to_owned(), role.into());
    for attribute in event.attributes {
        let name = attribute.key.as_str();
        if !name.starts_with("gen_ai.")
            && let Ok(value) = serde_json::to_value(value(attribute.value))
        {
            message.insert(name.to_owned(), value);
        }
    }
    Json::Object(message)
}

fn other(to: &Observation, event: Event, how: Events) {
    // What `tracing` writes beside each of its events.
    let severity = event
        .attributes
        .iter()
        .find(|known| known.key.as_str() == "level")
        .map(|known| known.value.as_str());
    let level = match severity.as_deref() {
        Some("ERROR" | "error") => Level::Error,
        Some("WARN" | "warn") => Level::Warning,
        Some("INFO" | "info") if how.log_lines => Level::Default,
        Some("DEBUG" | "debug" | "TRACE" | "trace") if how.log_lines => Level::Debug,
        Some("INFO" | "info" | "DEBUG" | "debug" | "TRACE" | "trace") => return,
        _ if event.name == "exception" => Level::Warning,
        _ => Level::Default,
    };
    drop(severity);
    let span = to.span();
    let mut described = span
        .event(&event.name)
        .at(time(event.timestamp))
        .level(level);
    for attribute in event.attributes {
        described = described.metadata(attribute.key.as_str(), value(attribute.value));
    }
    described.record();
}
