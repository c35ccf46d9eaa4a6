//! Bodies of the OTLP endpoint, protobuf or JSON, to spans.
//! Called by `otlp`; protobuf is decoded by OpenTelemetry's own types.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message as _;
use serde_json::{Map, Value, json};

use crate::values::{Attributes, WireSpan, through_double};

pub(crate) fn protobuf(body: &[u8]) -> Result<Vec<WireSpan>, String> {
    let request = ExportTraceServiceRequest::decode(body)
        .map_err(|error| format!("Failed to parse OTel Protobuf Trace: {error}"))?;
    let mut spans = Vec::new();
    for resource_spans in request.resource_spans {
        let resource = resource_spans
            .resource
            .map(|resource| attributes(resource.attributes))
            .unwrap_or_default();
        for scope_spans in resource_spans.scope_spans {
            let scope = scope_spans.scope.unwrap_or_default();
            let scope_attributes = attributes(scope.attributes);
            for span in scope_spans.spans {
                let id = |bytes: Vec<u8>| (!bytes.is_empty()).then(|| hex(&bytes));
                let status = span.status.unwrap_or_default();
                spans.push(WireSpan {
                    trace_id: id(span.trace_id),
                    span_id: id(span.span_id),
                    parent_id: id(span.parent_span_id),
                    name: span.name,
                    start: (span.start_time_unix_nano > 0).then_some(span.start_time_unix_nano),
                    end: (span.end_time_unix_nano > 0).then_some(span.end_time_unix_nano),
                    attributes: attributes(span.attributes),
                    events: span
                        .events
                        .into_iter()
                        .map(|event| (event.name, attributes(event.attributes)))
                        .collect(),
                    status_code: Some(status.code.into()),
                    status_message: Some(status.message).filter(|message| !message.is_empty()),
                    scope_name: scope.name.clone(),
                    scope_version: scope.version.clone(),
                    scope_attributes: scope_attributes.clone(),
                    resource: resource.clone(),
                    fault: None,
                });
            }
        }
    }
    Ok(spans)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attributes(pairs: Vec<KeyValue>) -> Attributes {
    pairs
        .into_iter()
        .map(|pair| (pair.key, any(pair.value)))
        .collect()
}

fn any(value: Option<AnyValue>) -> Value {
    match value.and_then(|value| value.value) {
        None => Value::Null,
        Some(Any::StringValue(text)) => Value::String(text),
        Some(Any::BoolValue(v)) => Value::Bool(v),
        Some(Any::IntValue(v)) => through_double(v),
        Some(Any::DoubleValue(v)) => Value::from(v),
        Some(Any::ArrayValue(array)) => array
            .values
            .into_iter()
            .map(|value| any(Some(value)))
            .collect(),
        // Maps and bytes are kept as the JSON of their OTLP form.
        Some(Any::KvlistValue(list)) => {
            let values: Vec<Value> = list
                .values
                .into_iter()
                .map(|pair| json!({ "key": pair.key, "value": any(pair.value) }))
                .collect();
            json!({ "kvlistValue": { "values": values } })
        }
        Some(Any::BytesValue(bytes)) => json!({ "bytesValue": bytes }),
        Some(_) => Value::Null,
    }
}

pub(crate) fn json(body: &[u8]) -> Result<Vec<WireSpan>, String> {
    let request: Value = serde_json::from_slice(body)
        .map_err(|error| format!("Failed to parse OTel JSON Trace: {error}"))?;
    let mut spans = Vec::new();
    for resource_spans in list(&request, "resourceSpans").unwrap_or_default() {
        let resource = json_attributes(&resource_spans["resource"]).unwrap_or_default();
        let Some(scopes) = list(resource_spans, "scopeSpans") else {
            spans.push(WireSpan {
                fault: Some("scopeSpans is not an array"),
                ..WireSpan::default()
            });
            continue;
        };
        for scope_spans in scopes {
            let scope = &scope_spans["scope"];
            let Some(own) = list(scope_spans, "spans") else {
                spans.push(WireSpan {
                    fault: Some("spans is not an array"),
                    ..WireSpan::default()
                });
                continue;
            };
            for span in own {
                spans.push(WireSpan {
                    scope_name: string(&scope["name"]).unwrap_or_default(),
                    scope_version: string(&scope["version"]).unwrap_or_default(),
                    scope_attributes: json_attributes(scope).unwrap_or_default(),
                    resource: resource.clone(),
                    ..json_span(span)
                });
            }
        }
    }
    Ok(spans)
}

fn json_span(span: &Value) -> WireSpan {
    let mut wire = WireSpan {
        trace_id: string(&span["traceId"]),
        span_id: string(&span["spanId"]),
        parent_id: string(&span["parentSpanId"]).filter(|id| !id.is_empty()),
        name: string(&span["name"]).unwrap_or_default(),
        start: time(&span["startTimeUnixNano"]),
        end: time(&span["endTimeUnixNano"]),
        // Only the number counts: "STATUS_CODE_ERROR" is not understood.
        status_code: span["status"]["code"].as_i64(),
        status_message: string(&span["status"]["message"]).filter(|message| !message.is_empty()),
        ..WireSpan::default()
    };
    match json_attributes(span) {
        Some(attributes) => wire.attributes = attributes,
        None => wire.fault = Some("attributes is not an array"),
    }
    match list(span, "events") {
        None => wire.fault = Some("events is not an array"),
        Some(events) => {
            let event = |event: &Value| {
                (
                    string(&event["name"]).unwrap_or_default(),
                    json_attributes(event).unwrap_or_default(),
                )
            };
            wire.events = events.iter().map(event).collect();
        }
    }
    wire
}

/// `None` if it is there and no array.
fn list<'a>(value: &'a Value, key: &str) -> Option<&'a [Value]> {
    match &value[key] {
        Value::Null => Some(&[]),
        Value::Array(items) => Some(items),
        _ => None,
    }
}

fn string(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Decimal text or a number; `"0"` is 1970.
fn time(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    }
}

fn json_attributes(holder: &Value) -> Option<Attributes> {
    let pair = |pair: &Value| {
        (
            string(&pair["key"]).unwrap_or_default(),
            json_any(&pair["value"]),
        )
    };
    Some(list(holder, "attributes")?.iter().map(pair).collect())
}

fn json_any(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|fields| fields.iter().next()) else {
        return Value::Null;
    };
    match kind.as_str() {
        "stringValue" | "boolValue" | "doubleValue" => inner.clone(),
        "intValue" => {
            let number = inner.as_i64().or_else(|| inner.as_str()?.parse().ok());
            number.map_or(Value::Null, through_double)
        }
        "arrayValue" => list(inner, "values")
            .unwrap_or_default()
            .iter()
            .map(json_any)
            .collect(),
        _ => Value::Object(Map::from_iter([(kind.clone(), inner.clone())])),
    }
}
