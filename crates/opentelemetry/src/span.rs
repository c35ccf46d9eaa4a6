//! Turns a finished span of the SDK into an observation.
//! Called by `exporter` for each span that is recorded.

use opentelemetry::trace::{SpanId, Status};
use opentelemetry_sdk::trace::SpanData;
use serde_json::{Map, Value as Json};
use tracefuse_core::bridge::{Measured, reopen};
use tracefuse_core::{Link, Span, SpanId as OurSpanId, TraceId, Tracer};
use tracefuse_semconv::Observation;

use crate::event::{self, Events};
use crate::value::{time, value};

/// Records a span; `counted` tells whether a span below has tokens. Returns the same for the span above.
pub(crate) fn record(
    tracer: &Tracer,
    data: SpanData,
    resource: &Map<String, Json>,
    log_lines: bool,
    counted: bool,
) -> bool {
    let Some(span) = open(tracer, &data) else {
        return counted;
    };
    let (start, end) = (time(data.start_time), time(data.end_time));
    let is_root = data.parent_span_id == SpanId::INVALID;
    let observation = Observation::measured(span, is_root, data.name);
    let events = Events {
        is_handled: data.status == Status::Ok,
        log_lines,
    };
    event::record(&observation, data.events.events, events);
    match data.status {
        Status::Unset => {}
        Status::Ok => observation.span().set_status(tracefuse_core::Status::Ok),
        Status::Error { description } => {
            if !description.is_empty() {
                observation.note(description.into_owned());
            }
            observation.fail(None);
        }
    }
    // Attributes come after status and events, so that Langfuse's attributes replace what those set.
    for attribute in data.attributes {
        observation.record(attribute.key.as_str(), value(attribute.value));
    }
    let span = observation.span();
    let scope = &data.instrumentation_scope;
    if !scope.name().is_empty() {
        span.add_metadata("otel.scope.name", scope.name());
    }
    if let Some(version) = scope.version() {
        span.add_metadata("otel.scope.version", version);
    }
    if !resource.is_empty() {
        span.add_metadata("otel.resource", resource);
    }
    for link in data.links.iter() {
        span.add_link(self::link(link));
    }
    for (name, count) in [
        ("attributes", data.dropped_attributes_count),
        ("events", data.events.dropped_count),
        ("links", data.links.dropped_count),
    ] {
        if count > 0 {
            span.add_metadata(&format!("otel.dropped_{name}_count"), count);
        }
    }
    observation.finish_at(counted, end.max(start))
}

/// `None` if the span is not recorded: the tracer is off or leaves its trace out, or the span has no ids.
fn open(tracer: &Tracer, data: &SpanData) -> Option<Span> {
    let context = &data.span_context;
    let measured = Measured {
        trace_id: TraceId::from_bytes(context.trace_id().to_bytes())?,
        span_id: OurSpanId::from_bytes(context.span_id().to_bytes())?,
        parent: OurSpanId::from_bytes(data.parent_span_id.to_bytes()),
        parent_is_remote: data.parent_span_is_remote,
        name: &data.name,
        start: time(data.start_time),
    };
    let span = reopen(tracer, &measured);
    span.is_recording().then_some(span)
}

/// `None` if it has no ids.
fn link(link: &opentelemetry::trace::Link) -> Option<Link> {
    let context = &link.span_context;
    let ours = Link::new(
        TraceId::from_bytes(context.trace_id().to_bytes())?,
        OurSpanId::from_bytes(context.span_id().to_bytes())?,
    );
    let remote = if context.is_remote() { REMOTE } else { 0 };
    let flags = u32::from(context.trace_flags().to_u8()) | REMOTE_KNOWN | remote;
    let attributes = link.attributes.iter();
    Some(attributes.fold(ours.flags(flags), |link, attribute| {
        link.metadata(attribute.key.as_str(), value(attribute.value.clone()))
    }))
}

/// OTLP's flags of a link to a span of another process: `HAS_IS_REMOTE` and `IS_REMOTE`.
const REMOTE_KNOWN: u32 = 0x100;
const REMOTE: u32 = 0x200;
