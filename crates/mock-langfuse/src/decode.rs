//! Bodies of the OTLP endpoint, protobuf or JSON, to spans.
//! Called by `otlp`; protobuf is decoded by OpenTelemetry's own types.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message as _;
use serde_json::{Value, json};

use crate::js;
use crate::values::{Attributes, WireSpan, non_empty, through_double};

/// The spans of a request, and what is wrong with it.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) spans: Vec<WireSpan>,
    /// Spans of the request, good or bad.
    pub(crate) total: usize,
    /// Spans that cannot be processed.
    pub(crate) bad_spans: usize,
    /// Fields above the spans that are there and no lists.
    pub(crate) bad_collections: usize,
    /// Why, each once, as `field:reason`.
    pub(crate) reasons: Vec<String>,
    /// Names of the scopes of what is bad, each once, five at most.
    pub(crate) scopes: Vec<String>,
}

impl Batch {
    fn bad(&mut self, reasons: Vec<String>, scope: Option<&str>) {
        self.bad_spans += 1;
        self.note(reasons, scope);
    }

    fn note(&mut self, reasons: Vec<String>, scope: Option<&str>) {
        for reason in reasons {
            if !self.reasons.contains(&reason) {
                self.reasons.push(reason);
            }
        }
        let name = scope.unwrap_or_default().to_owned();
        if !name.is_empty() && self.scopes.len() < 5 && !self.scopes.contains(&name) {
            self.scopes.push(name);
        }
    }

    /// The items of a list; none, and a fault of the request, if it is there and no list.
    fn collection<'a>(
        &mut self,
        value: &'a Value,
        field: &str,
        scope: Option<&str>,
    ) -> &'a [Value] {
        list(value).unwrap_or_else(|| {
            self.bad_collections += 1;
            self.note(vec![format!("{field}:not_an_array")], scope);
            &[]
        })
    }
}

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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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

pub(crate) fn json(body: &[u8]) -> Result<Batch, String> {
    let request: Value = serde_json::from_slice(body)
        .ok()
        .filter(|request: &Value| !request.is_null())
        .ok_or("Failed to parse OTel JSON Trace")?;
    let mut batch = Batch::default();
    for resource_spans in list(&request["resourceSpans"]).unwrap_or_default() {
        let resource = batch.collection(
            &resource_spans["resource"]["attributes"],
            "resource.attributes",
            None,
        );
        for scope_spans in batch.collection(&resource_spans["scopeSpans"], "scopeSpans", None) {
            let scope = &scope_spans["scope"];
            let name = string(&scope["name"]);
            let scope_attributes =
                batch.collection(&scope["attributes"], "scope.attributes", name.as_deref());
            for span in batch.collection(&scope_spans["spans"], "spans", name.as_deref()) {
                batch.total += 1;
                let reasons = reasons(span);
                if !reasons.is_empty() {
                    batch.bad(reasons, name.as_deref());
                }
                batch.spans.push(WireSpan {
                    scope_name: name.clone(),
                    scope_version: string(&scope["version"]),
                    scope_attributes: json_attributes(scope_attributes),
                    resource: json_attributes(resource),
                    ..json_span(span)
                });
            }
        }
    }
    Ok(batch)
}

fn json_span(span: &Value) -> WireSpan {
    let event = |event: &Value| {
        let name = string(&event["name"]).unwrap_or_default();
        (
            name,
            json_attributes(list(&event["attributes"]).unwrap_or_default()),
        )
    };
    WireSpan {
        trace_id: id(&span["traceId"]),
        span_id: id(&span["spanId"]),
        parent_id: id(&span["parentSpanId"]).filter(|id| !id.is_empty()),
        name: string(&span["name"]).unwrap_or_default(),
        start: time(&span["startTimeUnixNano"]),
        end: time(&span["endTimeUnixNano"]),
        // Only the number counts: "STATUS_CODE_ERROR" is not understood.
        status_code: span["status"]["code"].as_i64(),
        status_message: string(&span["status"]["message"]).filter(|message| !message.is_empty()),
        attributes: json_attributes(list(&span["attributes"]).unwrap_or_default()),
        events: list(&span["events"])
            .unwrap_or_default()
            .iter()
            .map(event)
            .collect(),
        ..WireSpan::default()
    }
}

/// Why a span cannot be processed.
fn reasons(span: &Value) -> Vec<String> {
    let mut reasons = Vec::new();
    for field in ["traceId", "spanId", "parentSpanId"] {
        let value = &span[field];
        let is_optional = field == "parentSpanId" && js::is_falsy(value);
        if is_optional || id(value).is_some() {
            continue;
        }
        let reason = if value.is_null() {
            "absent"
        } else {
            "not_an_id"
        };
        reasons.push(format!("{field}:{reason}"));
    }
    for field in ["attributes", "events"] {
        if list(&span[field]).is_none() {
            reasons.push(format!("{field}:not_an_array"));
        }
    }
    let mut events = list(&span["events"]).unwrap_or_default().iter();
    if events.any(|event| list(&event["attributes"]).is_none()) {
        reasons.push("event.attributes:not_an_array".into());
    }
    reasons
}

/// A text as it is; bytes as a list, or as the JSON of a `Buffer`, in hexadecimal digits.
fn id(value: &Value) -> Option<String> {
    let bytes = match value {
        Value::String(text) => return Some(text.clone()),
        Value::Array(bytes) => bytes,
        Value::Object(_) if value["type"] == "Buffer" => value["data"].as_array()?,
        _ => return None,
    };
    let byte = |value: &Value| value.as_u64().unwrap_or(0).to_le_bytes()[0];
    let bytes: Vec<u8> = bytes.iter().map(byte).collect();
    Some(hex(&bytes))
}

/// `None` if it is there and no array.
fn list(value: &Value) -> Option<&[Value]> {
    match value {
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

fn json_attributes(pairs: &[Value]) -> Attributes {
    let pairs = pairs.iter().map(|pair| {
        (
            string(&pair["key"]).unwrap_or_default(),
            json_any(&pair["value"]),
        )
    });
    pairs.filter(|(key, _)| key != "__proto__").collect()
}

fn json_any(value: &Value) -> Value {
    for kind in ["stringValue", "doubleValue", "boolValue"] {
        match value.get(kind) {
            // `"NaN"` stays a text.
            Some(Value::String(text)) if kind == "doubleValue" => {
                let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
                return number.map_or_else(|| text.as_str().into(), Value::from);
            }
            Some(inner) => return inner.clone(),
            None => {}
        }
    }
    if let Some(values) = value["arrayValue"]["values"].as_array() {
        return values.iter().map(json_any).collect();
    }
    let int = match &value["intValue"] {
        Value::String(text) => text.parse::<i64>().ok().map(through_double),
        other => other.as_i64().map(through_double),
    };
    int.unwrap_or_else(|| js::stringify(value).into())
}
