//! Estimates how many bytes a record takes on the wire, before compression. Delivery cuts batches by it.
//! Called by `exporter` once per record. Follows what `mapping` writes; never too small.

use tracefuse_exporter::record::{SpanAttribute, SpanRecord, TraceAttributes, ValueRef};

use crate::text;

/// Ids, times, type, level and flags of a span, with their names.
const SPAN: usize = 256;
/// The longest of our names, the tags and the lengths of an attribute.
const ATTRIBUTE: usize = 64;
/// The ids of a link, as JSON with its keys.
const LINK: usize = 96;
/// A key of JSON, with quotes and separators.
const ENTRY: usize = 8;

/// The size of a record and its child observations, each with the trace's attributes.
pub(crate) fn hint(record: &SpanRecord) -> usize {
    let shared = SPAN + trace(record.trace());
    let mut size = shared + record.name().len();
    // Lists are objects or arrays of JSON: each has one attribute, whose name is counted with every entry.
    let (mut errors, mut error_texts) = (0, 0);
    for attribute in record.attributes() {
        size += match attribute {
            SpanAttribute::Metadata(key, value) => metadata(key, value),
            SpanAttribute::Input(value) | SpanAttribute::Output(value) => {
                ATTRIBUTE + value_size(value)
            }
            // Not all of these are sent; they are counted so that a new one needs nothing here.
            SpanAttribute::Model(text)
            | SpanAttribute::RequestModel(text)
            | SpanAttribute::ResponseModel(text)
            | SpanAttribute::Provider(text) => ATTRIBUTE + text.len(),
            // Once as an attribute, once as the message of the status.
            SpanAttribute::StatusMessage(text) => 2 * (ATTRIBUTE + text.len()),
            SpanAttribute::Prompt(prompt) => prompt.name.len() + 2 * ATTRIBUTE,
            SpanAttribute::CompletionStart(_) => 2 * ATTRIBUTE,
            SpanAttribute::Call(key, value) | SpanAttribute::ModelParameter(key, value) => {
                entry(key) + value_size(value)
            }
            SpanAttribute::Usage(key, _) | SpanAttribute::Cost(key, _) => entry(key) + NUMBER,
            SpanAttribute::Tag(tag) => entry(tag),
            SpanAttribute::Event(event) => {
                let metadata = event.metadata().map(|(key, value)| metadata(key, value));
                shared
                    + event.name().len()
                    + place(event.input())
                    + place(event.output())
                    + metadata.sum::<usize>()
            }
            SpanAttribute::Exception(error) => {
                let texts = error.kind().len()
                    + error.message().len()
                    + optional(error.sources())
                    + optional(error.stacktrace())
                    + 3 * ATTRIBUTE;
                errors += 1;
                error_texts += texts;
                // The first is also metadata of the span.
                if errors == 1 { texts } else { 0 }
            }
            SpanAttribute::Link(link) => {
                // As JSON among the metadata, and as a link.
                let metadata = link.metadata().map(|(key, value)| metadata(key, value));
                2 * ATTRIBUTE + LINK + 3 * metadata.sum::<usize>()
            }
            _ => 0,
        };
    }
    // An error is a span event; each of several also a child observation, which has the message twice more.
    size + match errors {
        0 | 1 => error_texts,
        _ => 4 * error_texts + errors * shared,
    }
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
        + trace
            .metadata
            .iter()
            .map(|(key, value)| metadata(key, value.as_ref()))
            .sum::<usize>()
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
fn metadata(key: &str, value: ValueRef<'_>) -> usize {
    let value = match value {
        ValueRef::Str(text) if text::may_be_json(text) => 2 * text.len() + 2,
        value => value_size(value),
    };
    ATTRIBUTE + key.len() + value
}

/// A key of JSON, and the attribute that it is in.
fn entry(key: &str) -> usize {
    ATTRIBUTE + key.len() + ENTRY
}

fn object(entries: impl Iterator<Item = usize>) -> usize {
    let sum: usize = entries.map(|entry| entry + ENTRY).sum();
    if sum == 0 { 0 } else { sum + ATTRIBUTE }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tracefuse_core::testing::Recorder;
    use tracefuse_core::{Cost, Exception, Link, Span, SpanId, Trace, TraceId, Usage};

    use super::*;

    fn of(trace: impl FnOnce(&Trace), fill: impl FnOnce(&Span)) -> usize {
        let recorder = Recorder::new();
        let root = recorder.tracer().trace("t").start();
        trace(&root);
        let span = root.generation("s").start();
        fill(&span);
        span.end();
        hint(&recorder.only())
    }

    /// Bytes that `fill` adds to the estimate of a span.
    #[track_caller]
    fn check(expected: usize, fill: impl FnOnce(&Span)) {
        assert_eq!(of(|_| {}, fill) - of(|_| {}, |_| {}), expected);
    }

    #[track_caller]
    fn check_trace(expected: usize, fill: impl FnOnce(&Trace)) {
        assert_eq!(of(fill, |_| {}) - of(|_| {}, |_| {}), expected);
    }

    /// Every span has this: its ids and times, the name of the trace, and what may come from the resource.
    const SHARED: usize = SPAN + 1 + 4 * ATTRIBUTE;

    #[test]
    fn a_value_counts_with_its_attribute_and_key() {
        assert_eq!(of(|_| {}, |_| {}), SHARED + 1);
        check(64 + 5, |span| span.set_input("12345"));
        check(64 + 5, |span| span.set_output("12345"));
        check(64 + 26, |span| span.set_output(7));
        check(64 + 7, |span| span.set_output(json!({ "a": 1 })));
        check(64 + 5, |span| span.set_model("12345"));
        check(5 + 2 * 64, |span| span.set_prompt("12345", 3));
        check(2 * 64, Span::record_first_token);
        check(64 + 5 + 8 + 2, |span| {
            span.add_model_parameter("12345", "ab")
        });
        check(64 + 5 + 8 + 26, |span| {
            span.add_model_parameter("12345", 0.5)
        });
        check(64 + 5 + 8 + 26, |span| {
            span.set_usage(Usage::default().bucket("12345", 7));
        });
        check(64 + 5 + 8 + 26, |span| {
            span.set_cost(Cost::default().bucket("12345", 0.5));
        });
        check(64 + 5 + 8, |span| span.add_tag("12345"));
        check(2 * (64 + 5), |span| span.set_status_message("12345"));
    }

    #[test]
    fn metadata_counts_its_quotes_if_it_is_json_in_a_text() {
        check(64 + 3 + 5, |span| span.add_metadata("key", "hello"));
        check(64 + 3 + 26, |span| span.add_metadata("key", 5));
        check(64 + 3 + 7, |span| {
            span.add_metadata("key", json!({ "a": 1 }))
        });
        check(64 + 3 + 2 * 7 + 2, |span| {
            span.add_metadata("key", r#"{"a":1}"#)
        });
    }

    #[test]
    fn events_errors_and_links_count_as_often_as_they_are_sent() {
        check(SHARED + 5 + (64 + 3) + (64 + 2) + 2 * (64 + 2), |span| {
            let event = span.event("12345").input("abc").output("de");
            event.metadata("k", "v").metadata("l", "w").record();
        });
        let error = || {
            let mut error = Exception::new("kind", "message");
            error.sources = "12".into();
            error.stacktrace = Some("345".into());
            error
        };
        let one = 4 + 7 + (64 + 2) + (64 + 3) + 3 * 64;
        // The first is metadata of the span and a span event, and makes the message of the status.
        let first = |span: &Span| span.record_exception(error());
        let message = 2 * (64 + "kind: message".len());
        check(message + 2 * one, first);
        let second = Exception::new("other", "");
        let both = one + 5 + 3 * 64;
        check(message + one + 4 * both + 2 * SHARED, |span| {
            first(span);
            span.record_exception(second);
        });
        check(2 * 64 + 96 + 3 * 2 * (64 + 2), |span| {
            let link = Link::new(TraceId::random(), SpanId::random());
            span.add_link(link.metadata("k", "v").metadata("l", "w"));
        });
    }

    #[test]
    fn attributes_of_the_trace_count_for_each_span() {
        check_trace(4, |trace| trace.set_name("12345"));
        check_trace(64 + 5, |trace| trace.set_user_id("12345"));
        check_trace(64 + 5, |trace| trace.set_session_id("12345"));
        check_trace(5 + 8 + 2 + 8 + 64, |trace| {
            trace.add_tag("12345");
            trace.add_tag("67");
        });
        check_trace((64 + 2) + (64 + 1 + 26), |trace| {
            trace.add_metadata("k", "v");
            trace.add_metadata("l", 2);
        });
    }
}
