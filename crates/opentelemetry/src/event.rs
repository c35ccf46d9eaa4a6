//! Events of a span: errors, messages of a conversation, and all others.
//! Called by `span`.

use opentelemetry::trace::Event;
use tracefuse_core::bridge::set_first_token;
use tracefuse_core::{Exception, Level, Timestamp};
use tracefuse_semconv::{FIRST_TOKEN_EVENT, MessageEvents, Observation, Value};

use crate::value::{time, value};

/// How events are recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Events {
    /// The span's status is OK: an error in it was handled.
    pub(crate) is_handled: bool,
    /// Whether log lines of level INFO and below are recorded too.
    pub(crate) log_lines: bool,
}

pub(crate) fn record(to: &Observation, events: Vec<Event>, how: Events) {
    let mut messages = MessageEvents::default();
    for event in events {
        if is_exception(&event.name) && !how.is_handled {
            exception(to, event);
            continue;
        }
        if event.name == FIRST_TOKEN_EVENT {
            set_first_token(to.span(), |_| time(event.timestamp));
        }
        let attributes = event.attributes.into_iter();
        let attributes = attributes.map(|known| (known.key.to_string(), value(known.value)));
        if let Some(attributes) = messages.take(to, &event.name, attributes.collect()) {
            other(to, &event.name, time(event.timestamp), attributes, how);
        }
    }
    // Attributes are read later and replace this.
    messages.finish(to);
}

/// An error by OpenTelemetry's name for all spans, or by those of its conventions for generative AI.
fn is_exception(event: &str) -> bool {
    [
        "exception",
        "gen_ai.client.inference.exception",
        "gen_ai.client.operation.exception",
    ]
    .contains(&event)
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

fn other(
    to: &Observation,
    name: &str,
    time: Timestamp,
    attributes: Vec<(String, Value<'_>)>,
    how: Events,
) {
    // `tracing-opentelemetry` adds these to each event.
    let severity = attributes.iter().find(|(known, _)| known == "level");
    let severity = severity.map(|(_, value)| value.text());
    let level = match severity.as_deref() {
        Some("ERROR" | "error") => Level::Error,
        Some("WARN" | "warn") => Level::Warning,
        Some("INFO" | "info") if how.log_lines => Level::Default,
        Some("DEBUG" | "debug" | "TRACE" | "trace") if how.log_lines => Level::Debug,
        Some("INFO" | "info" | "DEBUG" | "debug" | "TRACE" | "trace") => return,
        _ if is_exception(name) => Level::Warning,
        _ => Level::Default,
    };
    drop(severity);
    let mut described = to.span().event(name).at(time).level(level);
    for (key, value) in attributes {
        described = described.metadata(&key, value);
    }
    described.record();
}
