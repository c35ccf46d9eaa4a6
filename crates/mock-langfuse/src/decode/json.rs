//! A body in JSON, and what the server finds wrong with its fields.
//! Called by `otlp`.

use serde_json::Value;

use super::json_values::{id, json_attributes, string, time};
use super::{Batch, list};
use crate::js;
use crate::values::WireSpan;

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
