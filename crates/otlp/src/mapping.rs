//! A batch as a request of OTLP: the resource, and for each record its ids, times, status and events. Attributes of a
//! record are written by `gen_ai` or `openinference`.
//! Called by `exporter` for each batch. Writes through the encoder; knows no HTTP.

use std::sync::Arc;

use tracefuse_exporter::Batch;
use tracefuse_exporter::record::{Resource, SpanRecord, StatusCode, TraceAttributes, ValueRef};

use crate::config::Conventions;
use crate::encode::{self, Any, Attributes, Scope, SpanBody, SpanHead};
use crate::resource::resource_attributes;
use crate::values::{level, set};
use crate::{gen_ai, openinference};

/// Encodes a batch as one request. The same batch gives the same bytes.
pub(crate) fn encode(batch: &Batch, conventions: Conventions, capacity: usize) -> Vec<u8> {
    let scope = Scope {
        name: "tracefuse",
        version: env!("CARGO_PKG_VERSION"),
    };
    encode::request(
        &scope,
        capacity,
        |attributes| resource(batch.resource(), attributes),
        |spans| {
            // Consecutive spans share the attributes of their trace, which are searched once.
            let mut last: Option<(&Arc<TraceAttributes>, bool)> = None;
            for record in batch.spans() {
                let trace = record.trace();
                let nul_in_trace = match last {
                    Some((known, found)) if Arc::ptr_eq(known, trace) => found,
                    _ => trace.contains_nul(),
                };
                last = Some((trace, nul_in_trace));
                spans.may_contain_nul(nul_in_trace || record.contains_nul());
                spans.span(&SpanHead::of(record), |body| {
                    span(record, conventions, body);
                });
            }
        },
    )
}

fn resource(resource: &Resource, attributes: &mut Attributes<'_>) {
    let (version, release) = (resource.version.as_deref(), resource.release.as_deref());
    let names = [
        (
            "deployment.environment.name",
            resource.environment.as_deref(),
        ),
        ("service.version", version.or(release)),
        ("tracefuse.release", version.and(release)),
    ];
    for (key, value) in resource_attributes(resource, &names) {
        set(attributes, "", key, value);
    }
}

fn span(record: &SpanRecord, conventions: Conventions, body: &mut SpanBody<'_>) {
    match conventions {
        Conventions::GenAi => gen_ai::attributes(record, false, body),
        Conventions::GenAiWithOlder => gen_ai::attributes(record, true, body),
        Conventions::OpenInference => openinference::attributes(record, body),
    }
    events(record, body);
    links(record, body);
    let failed = record.status() == StatusCode::Error;
    let message = failed.then(|| record.status_message()).flatten();
    body.status(record.status(), message);
}

fn events(record: &SpanRecord, body: &mut SpanBody<'_>) {
    for event in record.events() {
        body.event(event.name(), event.time(), |attributes| {
            let known = [
                ("input", event.input()),
                ("output", event.output()),
                (
                    "tracefuse.level",
                    level(Some(event.level())).map(ValueRef::Str),
                ),
            ];
            for (key, value) in known {
                if let Some(value) = value {
                    set(attributes, "", key, value);
                }
            }
            for (key, value) in event.metadata() {
                let taken = key.is_empty()
                    || known
                        .iter()
                        .any(|(own, value)| *own == key && value.is_some());
                if taken {
                    set(attributes, key, "_", value);
                } else {
                    set(attributes, "", key, value);
                }
            }
        });
    }
    for exception in record.exceptions() {
        body.event("exception", exception.time(), |attributes| {
            attributes.set("exception.type", Any::Str(exception.kind()));
            attributes.set("exception.message", Any::Str(exception.message()));
            let stack = exception.stacktrace().or_else(|| exception.sources());
            if let Some(stack) = stack {
                attributes.set("exception.stacktrace", Any::Str(stack));
            }
        });
    }
}

fn links(record: &SpanRecord, body: &mut SpanBody<'_>) {
    for link in record.links() {
        body.link(
            link.trace_id(),
            link.span_id(),
            link.flags(),
            |attributes| {
                for (key, value) in link.metadata() {
                    // A key of an attribute must not be empty.
                    set(
                        attributes,
                        "",
                        if key.is_empty() { "_" } else { key },
                        value,
                    );
                }
            },
        );
    }
}
