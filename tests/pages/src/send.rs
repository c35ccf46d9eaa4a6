//! Spans as an SDK of Langfuse sends them: OTLP in JSON.
//! Used by `sample` and by cases.

use serde_json::{Value, json};

/// A span under way to the server.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    fields: Value,
    attributes: Vec<Value>,
    events: Vec<Value>,
}

impl Span {
    /// Times are in nanoseconds since 1970.
    pub(crate) fn new(
        trace: &str,
        id: u64,
        parent: Option<u64>,
        name: &str,
        start: i64,
        end: i64,
    ) -> Self {
        let mut fields = json!({
            "traceId": trace,
            "spanId": span_id(id),
            "name": name,
            "kind": 1,
            "startTimeUnixNano": start.to_string(),
            "endTimeUnixNano": end.to_string(),
        });
        if let Some(parent) = parent {
            fields["parentSpanId"] = json!(span_id(parent));
        }
        Self {
            fields,
            attributes: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        self.attributes
            .push(json!({"key": key, "value": {"stringValue": value}}));
        self
    }

    pub(crate) fn kind(self, kind: &str) -> Self {
        self.set("langfuse.observation.type", kind)
    }

    pub(crate) fn input(self, input: &Value) -> Self {
        self.set("langfuse.observation.input", &text(input))
    }

    pub(crate) fn output(self, output: &Value) -> Self {
        self.set("langfuse.observation.output", &text(output))
    }

    pub(crate) fn model(self, model: &str, input: u64, output: u64, cost: f64) -> Self {
        let usage = json!({"input": input, "output": output, "total": input + output});
        let cost = json!({"input": cost * 0.4, "output": cost * 0.6, "total": cost});
        self.set("langfuse.observation.model.name", model)
            .set("langfuse.observation.usage_details", &usage.to_string())
            .set("langfuse.observation.cost_details", &cost.to_string())
    }

    pub(crate) fn tags(mut self, tags: &[&str]) -> Self {
        let values: Vec<Value> = tags.iter().map(|tag| json!({"stringValue": tag})).collect();
        self.attributes.push(
            json!({"key": "langfuse.trace.tags", "value": {"arrayValue": {"values": values}}}),
        );
        self
    }

    /// An error as the exporter of tracefuse sends it.
    pub(crate) fn error(mut self, kind: &str, message: &str, sources: &str) -> Self {
        let attribute =
            |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
        self.events.push(json!({
            "name": "exception",
            "timeUnixNano": self.fields["endTimeUnixNano"],
            "attributes": [attribute("exception.type", kind), attribute("exception.message", message), attribute("exception.sources", sources)],
        }));
        self.fields["status"] = json!({"code": 2, "message": message});
        self.set("langfuse.observation.level", "ERROR")
            .set("langfuse.observation.status_message", message)
    }

    pub(crate) fn event(mut self, name: &str, at: i64, key: &str, value: &str) -> Self {
        self.events.push(json!({"name": name, "timeUnixNano": at.to_string(), "attributes": [{"key": key, "value": {"stringValue": value}}]}));
        self
    }
}

/// The request with these spans.
pub(crate) fn request(spans: &[Span]) -> Value {
    let spans: Vec<Value> = spans
        .iter()
        .map(|span| {
            let mut fields = span.fields.clone();
            fields["attributes"] = json!(span.attributes);
            fields["events"] = json!(span.events);
            fields
        })
        .collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop-assistant"}}]},
        "scopeSpans": [{"scope": {"name": "langfuse-sdk-rust", "version": "0.1.0"}, "spans": spans}],
    }]})
}

/// The number of a trace as its id.
pub(crate) fn trace_id(number: u64) -> String {
    format!("{number:032x}")
}

/// The number of a span as its id.
pub(crate) fn span_id(number: u64) -> String {
    format!("{number:016x}")
}

/// A text is sent as it is, other JSON as its text.
fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
