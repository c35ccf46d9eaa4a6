//! OTLP in protobuf.
//! Called by `take`.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::Value as Json;
use tracefuse_semconv::Value;

use super::TakeError;
use super::repair;
use super::wire::{Attributes, Group, WireEvent, WireSpan, as_json, hex};

pub(crate) fn read(body: &[u8]) -> Result<Vec<Group>, TakeError> {
    let request = ExportTraceServiceRequest::decode(body)
        .or_else(|error| {
            let repaired = repair::with_texts(body).ok_or(error)?;
            ExportTraceServiceRequest::decode(repaired.as_slice())
        })
        .map_err(|error| TakeError(format!("Failed to parse OTel Protobuf Trace: {error}")))?;
    let mut groups = Vec::new();
    for resource in request.resource_spans {
        let described = resource.resource.unwrap_or_default();
        let described = as_json(attributes(described.attributes, &mut Vec::new()));
        for scope in resource.scope_spans {
            let named = scope.scope.unwrap_or_default();
            groups.push(Group {
                resource: described.clone(),
                scope: Some(named.name).filter(|name| !name.is_empty()),
                scope_attributes: as_json(attributes(named.attributes, &mut Vec::new())),
                scope_version: Some(named.version).filter(|version| !version.is_empty()),
                spans: scope.spans.into_iter().map(span).collect(),
                unread: Vec::new(),
            });
        }
    }
    Ok(groups)
}

fn span(span: Span) -> WireSpan {
    let mut notes = Vec::new();
    let parent = hex(&span.parent_span_id);
    let status = span.status.unwrap_or_default();
    let events = span.events.into_iter();
    WireSpan {
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent_id: Some(parent).filter(|parent| !parent.is_empty()),
        name: span.name,
        start_ns: time(span.start_time_unix_nano),
        end_ns: time(span.end_time_unix_nano),
        attributes: attributes(span.attributes, &mut notes),
        events: events
            .map(|event| WireEvent {
                name: event.name,
                time_ns: time(event.time_unix_nano).unwrap_or(0),
                attributes: attributes(event.attributes, &mut Vec::new()),
            })
            .collect(),
        links: span
            .links
            .into_iter()
            .map(|link| {
                let mut shown = serde_json::Map::new();
                shown.insert("trace_id".to_owned(), hex(&link.trace_id).into());
                shown.insert("span_id".to_owned(), hex(&link.span_id).into());
                shown.extend(as_json(attributes(link.attributes, &mut Vec::new())));
                Json::Object(shown)
            })
            .collect(),
        status: status.code.into(),
        status_message: status.message,
        notes,
    }
}

/// A time that is not given is 0.
fn time(nanos: u64) -> Option<i64> {
    (nanos > 0).then(|| i64::try_from(nanos).unwrap_or(i64::MAX))
}

fn attributes(attributes: Vec<KeyValue>, notes: &mut Vec<String>) -> Attributes {
    let mut taken = Vec::with_capacity(attributes.len());
    for attribute in attributes {
        if let Some(value) = attribute.value.and_then(|value| any(value, 0, notes)) {
            taken.push((attribute.key, value));
        }
    }
    taken
}

pub(crate) const NESTED: &str =
    "an attribute is a map or bytes: Langfuse shows its OTLP form, send JSON text";
const MAX_DEPTH: u32 = 32;

fn any(value: AnyValue, depth: u32, notes: &mut Vec<String>) -> Option<Value<'static>> {
    Some(match value.value? {
        Any::StringValue(text) => Value::Str(text.into()),
        Any::BoolValue(v) => Value::Bool(v),
        Any::IntValue(v) => Value::I64(v),
        Any::DoubleValue(v) => Value::F64(v),
        Any::ArrayValue(list) if depth < MAX_DEPTH => {
            let values = list.values.into_iter();
            Value::List(
                values
                    .filter_map(|value| any(value, depth + 1, notes))
                    .collect(),
            )
        }
        Any::KvlistValue(map) if depth < MAX_DEPTH => {
            if !notes.iter().any(|note| note == NESTED) {
                notes.push(NESTED.to_owned());
            }
            let mut object = serde_json::Map::new();
            for entry in map.values {
                if let Some(value) = entry.value.and_then(|value| any(value, depth + 1, notes)) {
                    object.insert(entry.key, json_of(value));
                }
            }
            Value::Str(Json::Object(object).to_string().into())
        }
        Any::BytesValue(bytes) => {
            if !notes.iter().any(|note| note == NESTED) {
                notes.push(NESTED.to_owned());
            }
            Value::Str(hex(&bytes).into())
        }
        _ => return None,
    })
}

/// JSON text within a map is the value that it contains.
fn json_of(value: Value<'_>) -> Json {
    match value {
        Value::Str(text) if text.starts_with('{') => {
            serde_json::from_str(&text).unwrap_or_else(|_| Json::from(text.into_owned()))
        }
        other => serde_json::to_value(other).unwrap_or_default(),
    }
}
