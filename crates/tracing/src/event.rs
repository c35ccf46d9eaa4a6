//! Events of `tracing`: events of the innermost observation, and its failure if they say so.
//! Called by `layer`.

use tracefuse_core::{Level, Span, Status};
use tracefuse_semconv::Value;
use tracing_core::{Event, Level as Severity};

use crate::fields::Fields;

/// A name longer than this goes to the metadata in full and is cut.
const MAX_NAME: usize = 200;

/// Records an event on a span that is recorded.
pub(crate) fn record(span: &Span, event: &Event<'_>) {
    let metadata = event.metadata();
    let mut message = None;
    let mut error = None;
    let mut fields = Vec::new();
    event.record(&mut Fields(|name: &'static str, value: Value<'_>| {
        match name {
            "message" => message = Some(value.into_text()),
            // What log records say of themselves through their bridge.
            _ if name.starts_with("log.") => {}
            _ => {
                let value = value.into_owned();
                if matches!(name, "error" | "err" | "exception.message") {
                    error = Some(value.text().into_owned());
                }
                fields.push((name, value));
            }
        }
    }));
    // A given name wins over the source location that `tracing` uses as a name.
    let named = !metadata.name().starts_with("event ");
    let text = message.as_deref().or(error.as_deref());
    let name = match text {
        Some(text) if !named => cut(text),
        _ => metadata.name(),
    };
    let mut described = span.event(name).level(level(*metadata.level()));
    if let Some(text) = message.as_deref().filter(|text| *text != name) {
        described = described.metadata("message", text);
    }
    for (name, value) in fields {
        described = described.metadata(name, value);
    }
    described.metadata("target", metadata.target()).record();
    if *metadata.level() == Severity::ERROR {
        let message = match (&message, &error) {
            (Some(message), Some(error)) => format!("{message}: {error}"),
            (Some(text), None) | (None, Some(text)) => text.clone(),
            (None, None) => name.to_owned(),
        };
        span.set_status(Status::error(message));
    }
}

fn level(severity: Severity) -> Level {
    match severity {
        Severity::ERROR => Level::Error,
        Severity::WARN => Level::Warning,
        Severity::INFO => Level::Default,
        _ => Level::Debug,
    }
}

/// The first line, or what fits of it.
fn cut(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    if line.len() <= MAX_NAME {
        return line;
    }
    let end = (0..=MAX_NAME).rev().find(|end| line.is_char_boundary(*end));
    end.and_then(|end| line.get(..end)).unwrap_or(line)
}
