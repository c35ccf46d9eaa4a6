//! Records as the plain values that trees and compact lines are drawn from.
//! Called by `exporter` and `open`; the only place that reads records for people.

use tracefuse_exporter::record::{
    EventRef, ExceptionRef, LinkRef, ScoreRecord, SpanRecord, StatusCode, TraceAttributes, TraceId,
    ValueRef,
};

use crate::choices::Text;
use crate::model::{TreeError, TreeHeader};
use crate::text::{full, preview, short};
use crate::tree_span::TreeSpan;
use crate::type_name::readable;
use crate::units::{count, dollars};
use crate::usage::total_cost;

/// Events, errors, tags and keys kept of one span.
const MOST: usize = 1_000;

/// The trace of this id as it was when this span ended.
pub(crate) fn header(
    id: TraceId,
    trace: &TraceAttributes,
    span_name: &str,
    text: Text,
) -> TreeHeader {
    let name = if trace.name.is_empty() {
        span_name
    } else {
        &trace.name
    };
    let mut header = TreeHeader::new(short(name), id.to_string());
    header.user = trace.user_id.as_deref().map(short);
    header.session = trace.session_id.as_deref().map(short);
    header.tags = trace.tags.iter().take(MOST).map(|tag| short(tag)).collect();
    for (word, fact) in [
        ("version", &trace.version),
        ("release", &trace.release),
        ("environment", &trace.environment),
    ] {
        let fact = fact.as_deref();
        header
            .facts
            .extend(fact.map(|fact| format!("{word} {}", short(fact))));
    }
    if trace.public {
        header.facts.push("public".to_owned());
    }
    let metadata = trace.metadata.iter();
    header.metadata = pairs(
        metadata.map(|(key, value)| (key.as_str(), value.as_ref())),
        text,
    );
    header
}

/// The span, and its events as spans below it.
pub(crate) fn spans(record: &SpanRecord, text: Text) -> Vec<TreeSpan> {
    let events = record.events().take(MOST);
    let mut spans = vec![span(record, text)];
    spans.extend(events.map(|of| event(record, of, text)));
    spans
}

pub(crate) fn span(record: &SpanRecord, text: Text) -> TreeSpan {
    let mut span = TreeSpan::new(
        record.span_id().to_string(),
        short(record.name()),
        record.start_time().as_unix_nanos(),
        record.end_time().as_unix_nanos(),
    )
    .kind(record.observation_type().as_str())
    .usage(record.usage());
    if let Some(level) = record.level() {
        span = span.level(level.as_str());
    }
    if let Some(cost) = total_cost(record.cost()) {
        span = span.cost(cost);
    }
    span.ok = record.status() == StatusCode::Ok;
    span.errors = record
        .exceptions()
        .take(MOST)
        .map(|of| error(of, text))
        .collect();
    // The message that the first error has set is the message of the error.
    let of_error = |message: &str| {
        let mut errors = record.exceptions();
        errors.any(|error| message == format!("{}: {}", error.kind(), error.message()))
    };
    span.status_message = record
        .status_message()
        .filter(|message| !of_error(message))
        .map(|message| long(message, text));
    span.parent = record.parent_span_id().map(|id| id.to_string());
    span.first_token_ns = record.completion_start_time().map(|at| at.as_unix_nanos());
    span.model = record.model().map(short);
    let prompt = record.prompt();
    span.prompt = prompt.map(|prompt| format!("{} v{}", short(prompt.name), prompt.version));
    span.parameters = record
        .model_parameters()
        .take(MOST)
        .map(|(name, of)| (short(name), value(of, Text::Line)))
        .collect();
    span.tags = record.tags().take(MOST).map(short).collect();
    span.metadata = pairs(record.metadata(), text);
    let links = record.links().take(MOST);
    span.links = links.map(|of| link(record, &of, text)).collect();
    if text == Text::Full {
        let usage = record
            .usage()
            .map(|(name, units)| (short(name), count(units)));
        let cost = record
            .cost()
            .map(|(name, amount)| (format!("{name} cost"), dollars(amount)));
        span.buckets = usage.chain(cost).take(MOST).collect();
    }
    if text != Text::None {
        span.input = record.input().map(|of| value(of, text));
        span.output = record.output().map(|of| value(of, text));
    }
    span
}

/// The span that is linked, with its trace unless that is the same, and the link's metadata.
fn link(record: &SpanRecord, link: &LinkRef<'_>, text: Text) -> String {
    let mut line = format!("span {}", link.span_id());
    if link.trace_id() != record.trace_id() {
        line = format!("{line} of trace {}", link.trace_id());
    }
    for (key, value) in pairs(link.metadata(), text) {
        line = format!("{line}  {key}={value}");
    }
    line
}

fn event(record: &SpanRecord, event: EventRef<'_>, text: Text) -> TreeSpan {
    let at = event.time().as_unix_nanos();
    let mut span = TreeSpan::new(event.id().to_string(), short(event.name()), at, at)
        .parent(record.span_id().to_string())
        .kind("event")
        .level(event.level().as_str());
    span.metadata = pairs(event.metadata(), text);
    if text != Text::None {
        span.input = event.input().map(|of| value(of, text));
        span.output = event.output().map(|of| value(of, text));
    }
    span
}

/// Its name and value and why, as a tree shows it.
pub(crate) fn score(score: &ScoreRecord) -> String {
    let mut text = format!("{} = {}", score.name, score.value);
    if let Some(comment) = &score.comment {
        text = format!("{text}  {comment}");
    }
    short(&text)
}

fn error(exception: ExceptionRef<'_>, text: Text) -> TreeError {
    let sources = exception.sources().into_iter().flat_map(str::lines);
    TreeError {
        kind: short(&readable(exception.kind())),
        message: long(exception.message(), text),
        sources: sources.map(|source| long(source, text)).collect(),
        stacktrace: exception
            .stacktrace()
            .filter(|_| text == Text::Full)
            .map(str::to_owned),
        propagated: exception.is_propagated(),
    }
}

fn pairs<'a>(
    pairs: impl Iterator<Item = (&'a str, ValueRef<'a>)>,
    text: Text,
) -> Vec<(String, String)> {
    if text == Text::None {
        return Vec::new();
    }
    let pairs = pairs.take(MOST);
    pairs
        .map(|(key, of)| (short(key), value(of, text)))
        .collect()
}

fn value(value: ValueRef<'_>, text: Text) -> String {
    match value {
        ValueRef::Str(whole) | ValueRef::Json(whole) => match text {
            Text::Full => full(whole),
            _ => preview(whole),
        },
        other => other.to_string(),
    }
}

fn long(message: &str, text: Text) -> String {
    match text {
        Text::Full => message.to_owned(),
        _ => short(message),
    }
}
