//! From a span on the wire to an observation, by the rules of `tracefuse-semconv`: the same that the bridges use.
//! Called by `take`. What was recorded is read by `row`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value as Json;
use tracefuse_core::bridge::{Measured, reopen, set_first_token};
use tracefuse_core::record::SpanRecord;
use tracefuse_core::{Level, Processor, SpanId, Timestamp, TraceId, Tracer};
use tracefuse_semconv::{APP_ROOT, FIRST_TOKEN_EVENT, MessageEvents, Observation, TRACE_NAME};

use super::Taken;
use super::row::{facts, read, short};
use super::wire::{Group, WireEvent, WireSpan, as_json};
use crate::model::{Bodies, ObservationRow, SpanError, SpanEvent};
use crate::store::{Change, Context, Kind, Span, pack, preview};

/// Keeps the record of the span that ends, on the thread that ends it.
struct Last;

thread_local! {
    static LAST: RefCell<Option<SpanRecord>> = const { RefCell::new(None) };
}

impl Processor for Last {
    fn on_end(&self, span: SpanRecord) {
        LAST.with_borrow_mut(|last| *last = Some(span));
    }
}

/// The tracer that reads spans into records. It delivers nothing.
static READER: LazyLock<Tracer> = LazyLock::new(|| Tracer::builder(Last).build());

/// The ids that a span has while it is read; its own may be of any length.
const TRACE: [u8; 16] = [1; 16];
const SPAN: [u8; 8] = [1; 8];

/// The largest id that Langfuse takes, in characters.
pub(super) const MAX_ID: usize = 800;

/// The spans as changes, each with these notes too.
pub(crate) fn changes(groups: Vec<Group>, notes: &[String]) -> Taken {
    let mut taken = Taken::default();
    for group in groups {
        let Group {
            resource,
            scope,
            scope_version,
            scope_attributes,
            spans,
            unread,
        } = group;
        taken.refused = taken.refused.saturating_add(unread.len());
        if let Some(reason) = unread.into_iter().next() {
            taken.reason.get_or_insert(reason);
        }
        let mut kept = resource.clone();
        for (name, value) in [
            ("otel.scope.name", &scope),
            ("otel.scope.version", &scope_version),
        ] {
            if let Some(value) = value {
                kept.insert(name.to_owned(), value.as_str().into());
            }
        }
        for (name, value) in scope_attributes {
            kept.insert(format!("otel.scope.attributes.{name}"), value);
        }
        for mut span in spans {
            span.notes.extend_from_slice(notes);
            match refusal(&span) {
                Some(reason) => {
                    taken.refused = taken.refused.saturating_add(1);
                    taken.reason.get_or_insert(reason);
                }
                None => taken.changes.extend(change(span, &resource, &kept)),
            }
        }
    }
    taken
}

/// Why a span cannot be stored at all.
fn refusal(span: &WireSpan) -> Option<String> {
    for (name, id) in [("traceId", &span.trace_id), ("spanId", &span.span_id)] {
        if id.is_empty() {
            return Some(format!(
                "{name} is missing or zero on the span {:?}",
                short(&span.name)
            ));
        }
        if id.chars().count() > MAX_ID {
            return Some(format!(
                "{name} has more than {MAX_ID} characters on the span {:?}",
                short(&span.name)
            ));
        }
    }
    None
}

fn change(
    span: WireSpan,
    resource: &BTreeMap<String, Json>,
    kept: &BTreeMap<String, Json>,
) -> Option<Change> {
    let mut notes = span.notes;
    // Missing times take the other one.
    let has_no_time = span.start_ns.or(span.end_ns).is_none();
    let start_ns = span.start_ns.or(span.end_ns).unwrap_or(0);
    if span.start_ns.is_none() {
        notes.push(
            "the start is missing: Langfuse takes the end, or the time of arrival".to_owned(),
        );
    }
    let end_ns = match span.end_ns {
        None => {
            notes.push(
                "the end is missing: Langfuse stores it as finished, with length zero".to_owned(),
            );
            None
        }
        Some(end) if end < start_ns => {
            notes.push("the end is before the start".to_owned());
            Some(start_ns)
        }
        end => end,
    };
    let measured = Measured {
        trace_id: TraceId::from_bytes(TRACE)?,
        span_id: SpanId::from_bytes(SPAN)?,
        parent: span
            .parent_id
            .as_ref()
            .and_then(|_| SpanId::from_bytes(SPAN)),
        parent_is_remote: false,
        name: &span.name,
        start: timestamp(start_ns),
    };
    let open = reopen(&READER, &measured);
    let mut is_root = span.parent_id.is_none();
    let observation = Observation::measured(open, is_root, span.name.clone());
    let mut bodies = Bodies::default();
    events(&observation, span.events, &mut bodies);
    if span.status == 2 {
        if !span.status_message.is_empty() {
            observation.note(span.status_message);
        }
        observation.fail(None);
    }
    let (mut repeats_usage, mut is_named) = (false, false);
    for (name, value) in span.attributes {
        match name.as_str() {
            APP_ROOT => {
                is_root |= matches!(&*value.text(), "true");
                continue;
            }
            // A span of an agent repeats the usage of the calls below it.
            TRACE_NAME => is_named = true,
            "gen_ai.operation.name" => {
                repeats_usage = matches!(&*value.text(), "invoke_agent" | "agent_step")
            }
            _ => {}
        }
        observation.record(&name, value);
    }
    observation.finish_at(repeats_usage, timestamp(end_ns.unwrap_or(start_ns)));
    drop(observation);
    let record = LAST.with_borrow_mut(Option::take)?;
    let mut row = ObservationRow {
        id: span.span_id,
        parent: span.parent_id,
        kind: record.observation_type(),
        name: record.name().to_owned(),
        start_ns,
        end_ns,
        level: record.level().unwrap_or(Level::Default),
        is_root,
        ..ObservationRow::default()
    };
    read(&record, &mut row, &mut bodies);
    if has_no_time {
        row.ttft_ns = None;
    }
    bodies.links = span.links;
    let mut facts = facts(record.trace(), resource, &mut bodies, &mut notes);
    if !is_named {
        facts.name = None;
    }
    row.notes = notes;
    let previews = match is_root {
        true => (
            preview(bodies.input.as_deref()),
            preview(bodies.output.as_deref()),
        ),
        false => (None, None),
    };
    let body = pack(&bodies);
    let mut context = Context {
        facts: facts.clone(),
        resource: kept.clone(),
    };
    // A trace without a name has the name of its root.
    if is_root && context.facts.name.is_none() && !row.name.is_empty() {
        context.facts.name = Some(row.name.clone());
    }
    let text = serde_json::to_string(&context).unwrap_or_default();
    Some(Change(Kind::Span(Box::new(Span {
        trace_id: span.trace_id,
        row,
        facts,
        context: text,
        body,
        previews,
        has_no_time,
    }))))
}

fn timestamp(nanos: i64) -> Timestamp {
    Timestamp::from_unix_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// Messages become input and output, errors and all else are kept beside them.
fn events(to: &Observation, events: Vec<WireEvent>, bodies: &mut Bodies) {
    let mut messages = MessageEvents::default();
    for event in events {
        if event.name == FIRST_TOKEN_EVENT {
            set_first_token(to.span(), |_| timestamp(event.time_ns));
        }
        if event.name == "exception" {
            bodies.errors.push(error(event));
        } else if let Some(attributes) = messages.take(to, &event.name, event.attributes) {
            bodies.events.push(SpanEvent {
                name: event.name,
                time_ns: event.time_ns,
                attributes: as_json(attributes),
            });
        }
    }
    messages.finish(to);
}

fn error(event: WireEvent) -> SpanError {
    let mut error = SpanError {
        time_ns: event.time_ns,
        ..SpanError::default()
    };
    for (name, value) in event.attributes {
        match name.as_str() {
            "exception.type" => error.kind = value.into_text(),
            "exception.message" => error.message = value.into_text(),
            "exception.stacktrace" => error.stacktrace = Some(value.into_text()),
            "exception.sources" | "exception.causes" => error.sources = Some(value.into_text()),
            _ => {}
        }
    }
    error
}
