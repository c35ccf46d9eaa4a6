//! Records as the plain values that trees and compact lines are drawn from.
//! Fed by `exporter`; its values are held by `open`, so each is short whatever the record had.

use tracefuse_exporter::record::{EventRef, SpanRecord, ValueRef};

use crate::model::{TreeHeader, TreeSpan};
use crate::preview::{preview, short};
use crate::usage::total_cost;

/// Events and errors kept of one span.
const MOST: usize = 1_000;

pub(crate) fn header(record: &SpanRecord) -> TreeHeader {
    let trace = record.trace();
    let name = if trace.name.is_empty() {
        record.name()
    } else {
        &trace.name
    };
    let mut header = TreeHeader::new(short(name), record.trace_id().to_string());
    header.user = trace.user_id.as_deref().map(short);
    header.session = trace.session_id.as_deref().map(short);
    header.tags = trace.tags.iter().take(MOST).map(|tag| short(tag)).collect();
    header
}

/// The span, and its events as spans below it.
pub(crate) fn spans(record: &SpanRecord, io: bool) -> Vec<TreeSpan> {
    let events = record.events().take(MOST);
    let mut spans = vec![span(record, io)];
    spans.extend(events.map(|of| event(record, of, io)));
    spans
}

pub(crate) fn span(record: &SpanRecord, io: bool) -> TreeSpan {
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
    for exception in record.exceptions().take(MOST) {
        let message = format!("{}: {}", exception.kind(), exception.message());
        let sources = exception.sources().into_iter().flat_map(str::lines);
        span = span.exception(short(&message), sources.map(short));
    }
    span.parent = record.parent_span_id().map(|id| id.to_string());
    span.first_token_ns = record.completion_start_time().map(|at| at.as_unix_nanos());
    span.status_message = record.status_message().map(short);
    span.model = record.model().map(short);
    if io {
        span.input = record.input().map(value);
        span.output = record.output().map(value);
    }
    span
}

fn event(record: &SpanRecord, event: EventRef<'_>, io: bool) -> TreeSpan {
    let at = event.time().as_unix_nanos();
    let mut span = TreeSpan::new(event.id().to_string(), short(event.name()), at, at)
        .parent(record.span_id().to_string())
        .kind("event")
        .level(event.level().as_str());
    if io {
        span.input = event.input().map(value);
        span.output = event.output().map(value);
    }
    span
}

fn value(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Str(text) | ValueRef::Json(text) => preview(text),
        other => other.to_string(),
    }
}
