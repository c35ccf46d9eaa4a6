//! Turns a finished span of the SDK into an observation.
//! Called by `exporter` for each span that is recorded.

use opentelemetry::trace::{SpanId, Status};
use opentelemetry_sdk::trace::{SpanData, SpanLinks};
use serde_json::{Map, Value as Json, json};
use tracefuse_core::bridge::{Measured, reopen};
use tracefuse_core::{Span, SpanId as OurSpanId, TraceId, Tracer};
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
        overcome: data.status == Status::Ok,
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
    // Attributes come after status and events, so that Langfuse's attributes win.
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
    if !data.links.is_empty() {
        span.add_metadata("otel.links", links(&data.links));
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

/// Langfuse has no links: as metadata a person can follow them.
fn links(links: &SpanLinks) -> Vec<Json> {
    let link = |link: &opentelemetry::trace::Link| {
        let mut shown = json!({
            "trace_id": link.span_context.trace_id().to_string(),
            "span_id": link.span_context.span_id().to_string(),
        });
        for attribute in &link.attributes {
            if let Ok(value) = serde_json::to_value(value(attribute.value.clone()))
                && let Some(shown) = shown.as_object_mut()
            {
                shown.insert(attribute.key.to_string(), value);
            }
        }
        shown
    };
    links.iter().map(link).collect()
}
