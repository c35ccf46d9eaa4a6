//! From a record to OpenTelemetry's semantic conventions for generative AI (`gen_ai.*`).
//! Called by `exporter` for each batch; writes through the encoder, knows no HTTP.

use std::fmt::Write as _;

use tracefuse_exporter::Batch;
use tracefuse_exporter::record::{ObservationType, Resource, SpanRecord, StatusCode, ValueRef};

use crate::encode::{self, Any, Attributes, Scope, SpanBody, SpanHead};

/// Encodes a batch as one request. The same batch gives the same bytes.
pub(crate) fn encode(batch: &Batch, capacity: usize) -> Vec<u8> {
    let scope = Scope {
        name: "tracefuse",
        version: env!("CARGO_PKG_VERSION"),
    };
    encode::request(
        &scope,
        capacity,
        |attributes| resource(batch.resource(), attributes),
        |spans| {
            for record in batch.spans() {
                let head = SpanHead {
                    trace_id: record.trace_id(),
                    span_id: record.span_id(),
                    parent: record.parent_span_id(),
                    parent_is_remote: record.parent_span_id().is_some() && record.is_local_root(),
                    name: record.name(),
                    start: record.start_time(),
                    end: record.end_time(),
                };
                spans.span(&head, |body| span(record, body));
            }
        },
    )
}

fn resource(resource: &Resource, attributes: &mut Attributes<'_>) {
    attributes.set(
        "service.name",
        Any::Str(
            resource
                .service_name
                .as_deref()
                .unwrap_or("unknown_service"),
        ),
    );
    attributes.set("telemetry.sdk.language", Any::Str("rust"));
    attributes.set("telemetry.sdk.name", Any::Str("tracefuse"));
    attributes.set("telemetry.sdk.version", Any::Str(env!("CARGO_PKG_VERSION")));
    let version = resource.version.as_deref().or(resource.release.as_deref());
    let own = [
        (
            "deployment.environment.name",
            resource.environment.as_deref(),
        ),
        ("service.version", version),
    ];
    for (key, value) in own
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
    {
        attributes.set(key, Any::Str(value));
    }
    for (key, value) in &resource.attributes {
        set(attributes, "", key, value.as_ref());
    }
}

fn span(record: &SpanRecord, body: &mut SpanBody<'_>) {
    let mut attributes = body.attributes();
    if let Some(operation) = operation(record.observation_type()) {
        attributes.set("gen_ai.operation.name", Any::Str(operation));
    }
    let trace = record.trace();
    let shared = [
        ("user.id", trace.user_id.as_deref()),
        ("session.id", trace.session_id.as_deref()),
        ("gen_ai.conversation.id", trace.session_id.as_deref()),
    ];
    for (key, value) in shared
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
    {
        attributes.set(key, Any::Str(value));
    }
    if let Some(model) = record.model() {
        attributes.set("gen_ai.request.model", Any::Str(model));
    }
    for (key, value) in record.model_parameters() {
        set(&mut attributes, "gen_ai.request.", key, value);
    }
    usage(record, &mut attributes);
    let (input, output) = places(record.observation_type());
    for (key, value) in [(input, record.input()), (output, record.output())] {
        if let Some(value) = value {
            set(&mut attributes, "", key, value);
        }
    }
    for (key, value) in &trace.metadata {
        set(&mut attributes, "", key, value.as_ref());
    }
    for (key, value) in record.metadata() {
        set(&mut attributes, "", key, value);
    }
    let tags: Vec<&str> = trace
        .tags
        .iter()
        .map(String::as_str)
        .chain(record.tags())
        .collect();
    if !tags.is_empty() {
        attributes.set_texts("tags", tags);
    }
    if let Some(exception) = record.exceptions().next() {
        attributes.set("error.type", Any::Str(exception.kind()));
    }
    for event in record.events() {
        body.event(event.name(), event.time(), |attributes| {
            for (key, value) in [("input", event.input()), ("output", event.output())] {
                if let Some(value) = value {
                    set(attributes, "", key, value);
                }
            }
            for (key, value) in event.metadata() {
                set(attributes, "", key, value);
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
    match record.status() {
        StatusCode::Error => body.status(
            encode::StatusCode::Error,
            record.status_message().unwrap_or_default(),
        ),
        StatusCode::Ok => body.status(encode::StatusCode::Ok, ""),
        _ => {}
    }
}

/// The conventions count all input, cached or not, in `input_tokens`; our buckets are disjoint.
fn usage(record: &SpanRecord, attributes: &mut Attributes<'_>) {
    let (mut input, mut output) = (None, None);
    for (bucket, units) in record.usage() {
        let sum = match bucket {
            _ if bucket.starts_with("input") || bucket.starts_with("cache_") => &mut input,
            _ if bucket.starts_with("output") => &mut output,
            _ => continue,
        };
        *sum = Some(sum.unwrap_or(0u64).saturating_add(units));
        let key = match bucket {
            "input_cached_tokens" | "cache_read_input_tokens" => {
                "gen_ai.usage.cache_read.input_tokens"
            }
            "input_cache_creation_tokens" | "cache_creation_input_tokens" => {
                "gen_ai.usage.cache_creation.input_tokens"
            }
            "output_reasoning_tokens" => "gen_ai.usage.reasoning_tokens",
            _ => continue,
        };
        set(attributes, "", key, ValueRef::U64(units));
    }
    for (key, sum) in [
        ("gen_ai.usage.input_tokens", input),
        ("gen_ai.usage.output_tokens", output),
    ] {
        if let Some(sum) = sum {
            set(attributes, "", key, ValueRef::U64(sum));
        }
    }
}

fn operation(kind: ObservationType) -> Option<&'static str> {
    match kind {
        ObservationType::Generation => Some("chat"),
        ObservationType::Embedding => Some("embeddings"),
        ObservationType::Agent => Some("invoke_agent"),
        ObservationType::Tool => Some("execute_tool"),
        _ => None,
    }
}

/// Where the conventions put input and output.
fn places(kind: ObservationType) -> (&'static str, &'static str) {
    match kind {
        ObservationType::Tool => ("gen_ai.tool.call.arguments", "gen_ai.tool.call.result"),
        ObservationType::Generation | ObservationType::Agent => {
            ("gen_ai.input.messages", "gen_ai.output.messages")
        }
        _ => ("input.value", "output.value"),
    }
}

fn set(attributes: &mut Attributes<'_>, prefix: &str, key: &str, value: ValueRef<'_>) {
    let any = match value {
        ValueRef::Str(text) | ValueRef::Json(text) => Any::Str(text),
        ValueRef::Bool(v) => Any::Bool(v),
        ValueRef::I64(v) => Any::Int(v),
        ValueRef::U64(v) => match i64::try_from(v) {
            Ok(v) => Any::Int(v),
            Err(_) => {
                let mut text = String::new();
                let _ = write!(text, "{v}");
                return attributes.set_below(prefix, key, Any::Str(&text));
            }
        },
        ValueRef::F64(v) => Any::Double(v),
        // Values may grow; what is not known is sent as its text.
        other => return attributes.set_below(prefix, key, Any::Str(&other.to_string())),
    };
    attributes.set_below(prefix, key, any);
}
