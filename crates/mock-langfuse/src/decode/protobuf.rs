//! A body in protobuf, decoded by OpenTelemetry's own types.
//! Called by `otlp`.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message as _;
use serde_json::{Value, json};

use super::{Batch, hex};
use crate::js;
use crate::values::{Attributes, WireSpan, non_empty, through_double};

pub(crate) fn protobuf(body: &[u8]) -> Result<Batch, String> {
    let request = ExportTraceServiceRequest::decode(body)
        .map_err(|_| "Failed to parse OTel Protobuf Trace")?;
    let mut batch = Batch::default();
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
                batch.total += 1;
                let absent = [("traceId", &span.trace_id), ("spanId", &span.span_id)]
                    .into_iter()
                    .filter(|(_, id)| id.is_empty())
                    .map(|(field, _)| format!("{field}:absent"));
                let absent: Vec<String> = absent.collect();
                if !absent.is_empty() {
                    batch.bad(absent, Some(&scope.name));
                }
                batch.spans.push(WireSpan {
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
                    scope_name: non_empty(Some(scope.name.clone())),
                    scope_version: non_empty(Some(scope.version.clone())),
                    scope_attributes: scope_attributes.clone(),
                    resource: resource.clone(),
                });
            }
        }
    }
    Ok(batch)
}

/// In JavaScript an assignment to `__proto__` adds no key.
fn attributes(pairs: Vec<KeyValue>) -> Attributes {
    let own = pairs.into_iter().filter(|pair| pair.key != "__proto__");
    own.map(|pair| (pair.key, any(pair.value))).collect()
}

fn any(value: Option<AnyValue>) -> Value {
    match value.and_then(|value| value.value) {
        // An attribute without a value reads as an empty object.
        None => "{}".into(),
        Some(Any::StringValue(text)) => Value::String(text),
        Some(Any::BoolValue(v)) => Value::Bool(v),
        Some(Any::IntValue(v)) => through_double(v),
        Some(Any::DoubleValue(v)) => Value::from(v),
        Some(Any::ArrayValue(array)) if !array.values.is_empty() => array
            .values
            .into_iter()
            .map(|value| any(Some(value)))
            .collect(),
        // Maps, bytes and empty lists are kept as the JSON of their OTLP form.
        other => otlp_json(other.as_ref()).into(),
    }
}

/// A value as JSON of OTLP, as the server writes what it cannot read otherwise.
fn otlp_json(value: Option<&Any>) -> String {
    let items = |values: &[AnyValue]| -> String {
        let items: Vec<String> = values
            .iter()
            .map(|item| otlp_json(item.value.as_ref()))
            .collect();
        items.join(",")
    };
    match value {
        Some(Any::StringValue(text)) => {
            format!("{{\"stringValue\":{}}}", Value::from(text.as_str()))
        }
        Some(Any::BoolValue(v)) => format!("{{\"boolValue\":{v}}}"),
        Some(Any::IntValue(v)) => format!("{{\"intValue\":\"{v}\"}}"),
        Some(Any::DoubleValue(v)) => format!("{{\"doubleValue\":{}}}", js::number_text(*v)),
        Some(Any::ArrayValue(array)) if array.values.is_empty() => "{\"arrayValue\":{}}".into(),
        Some(Any::ArrayValue(array)) => format!(
            "{{\"arrayValue\":{{\"values\":[{}]}}}}",
            items(&array.values)
        ),
        Some(Any::KvlistValue(list)) if list.values.is_empty() => "{\"kvlistValue\":{}}".into(),
        Some(Any::KvlistValue(list)) => {
            let pairs = list.values.iter().map(|pair| {
                let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
                format!(
                    "{{\"key\":{},\"value\":{}}}",
                    Value::from(pair.key.as_str()),
                    otlp_json(value)
                )
            });
            let pairs: Vec<String> = pairs.collect();
            format!("{{\"kvlistValue\":{{\"values\":[{}]}}}}", pairs.join(","))
        }
        Some(Any::BytesValue(bytes)) => {
            format!(
                "{{\"bytesValue\":{{\"type\":\"Buffer\",\"data\":{}}}}}",
                json!(bytes)
            )
        }
        Some(_) | None => "{}".into(),
    }
}
