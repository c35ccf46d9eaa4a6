//! Estimates how many bytes a record takes on the wire, before compression. Delivery cuts batches by it.
//! Called by `exporter` once per record. Follows what `mapping` writes; never too small.

use tracefuse_exporter::record::{SpanRecord, TraceAttributes, ValueRef};

use crate::text;

/// Ids, times, type, level and flags of a span, with their names.
const SPAN: usize = 256;
/// The longest of our names, the tags and the lengths of an attribute.
const ATTRIBUTE: usize = 64;
/// A key of JSON, with quotes and separators.
const ENTRY: usize = 8;

/// The size of a record and its child observations, each with the trace's attributes.
pub(crate) fn hint(record: &SpanRecord) -> usize {
    let shared = SPAN + trace(record.trace());
    let message = optional(record.status_message()) * 2;
    let mut size = shared + record.name().len() + message;
    size += place(record.input()) + place(record.output());
    size += optional(record.model());
    size += record
        .prompt()
        .map_or(0, |prompt| prompt.name.len() + 2 * ATTRIBUTE);
    size += record.completion_start_time().map_or(0, |_| 2 * ATTRIBUTE);
    size += object(
        record
            .model_parameters()
            .map(|(key, value)| key.len() + value_size(value)),
    );
    size += object(record.usage().map(|(key, _)| key.len() + NUMBER));
    size += object(record.cost().map(|(key, _)| key.len() + NUMBER));
    size += object(record.tags().map(str::len));
    size += attributes(record.metadata());
    let errors = record.exceptions().len();
    for (index, error) in record.exceptions().enumerate() {
        let texts = error.kind().len()
            + error.message().len()
            + optional(error.sources())
            + optional(error.stacktrace())
            + 3 * ATTRIBUTE;
        // An error is written as a span event; the first also as metadata of the span; each of several also as a
        // child observation, which has the message twice more.
        let copies = 1 + usize::from(index == 0) + if errors > 1 { 3 } else { 0 };
        size += copies * texts + if errors > 1 { shared } else { 0 };
    }
    for event in record.events() {
        size += shared + event.name().len() + place(event.input()) + place(event.output());
        size += attributes(event.metadata());
    }
    size
}

fn trace(trace: &TraceAttributes) -> usize {
    let texts = [
        &trace.user_id,
        &trace.session_id,
        &trace.version,
        &trace.release,
        &trace.environment,
    ];
    let texts = texts.into_iter().map(|text| optional(text.as_deref()));
    // Release, version and environment may come from the resource, which a record does not have.
    let fallbacks = 3 * ATTRIBUTE;
    trace.name.len()
        + ATTRIBUTE
        + fallbacks
        + texts.sum::<usize>()
        + object(trace.tags.iter().map(String::len))
        + attributes(
            trace
                .metadata
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_ref())),
        )
}

/// The longest number in decimal, with quotes.
const NUMBER: usize = 26;

fn value_size(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Str(text) | ValueRef::Json(text) => text.len(),
        _ => NUMBER,
    }
}

fn place(value: Option<ValueRef<'_>>) -> usize {
    value.map_or(0, |value| ATTRIBUTE + value_size(value))
}

fn optional(text: Option<&str>) -> usize {
    text.map_or(0, |text| ATTRIBUTE + text.len())
}

/// Metadata. A text that is JSON is quoted, which escapes its quotes.
fn attributes<'a>(entries: impl Iterator<Item = (&'a str, ValueRef<'a>)>) -> usize {
    let quoted = |value: ValueRef<'_>| match value {
        ValueRef::Str(text) if text::may_be_json(text) => 2 * text.len() + 2,
        value => value_size(value),
    };
    entries
        .map(|(key, value)| ATTRIBUTE + key.len() + quoted(value))
        .sum()
}

fn object(entries: impl Iterator<Item = usize>) -> usize {
    let sum: usize = entries.map(|entry| entry + ENTRY).sum();
    if sum == 0 { 0 } else { sum + ATTRIBUTE }
}
