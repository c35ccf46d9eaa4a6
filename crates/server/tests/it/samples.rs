//! Bodies that the official SDKs sent, and bodies made for a test.

use std::io::Read as _;

use serde_json::{Value, json};

pub(crate) const JS: &[u8] = include_bytes!("../data/otlp-js-5.11.1.json");
pub(crate) const PYTHON: &[u8] = include_bytes!("../data/otlp-python-5.0.4.pb.gz");
pub(crate) const BATCH_JS: &[u8] = include_bytes!("../data/ingestion-js-3.39.2.json");
pub(crate) const BATCH_PYTHON: &[u8] = include_bytes!("../data/ingestion-python-2.60.10.json");
pub(crate) const SCORES: &[u8] = include_bytes!("../data/scores-python-5.0.4.json");

/// Without its compression.
pub(crate) fn inflated(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(body)
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

pub(crate) const START: u64 = 1_795_000_000_000_000_000;

/// A span of OTLP in JSON; `n` makes its id, and its start in seconds.
pub(crate) fn span(
    trace: &str,
    n: u64,
    parent: Option<u64>,
    attributes: &[(&str, Value)],
) -> Value {
    let attributes: Vec<Value> = attributes
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Value::String(text) => json!({ "stringValue": text }),
                Value::Bool(v) => json!({ "boolValue": v }),
                Value::Number(v) if v.is_i64() || v.is_u64() => {
                    json!({ "intValue": v.to_string() })
                }
                Value::Number(v) => json!({ "doubleValue": v }),
                Value::Array(all) => {
                    let all: Vec<Value> = all.iter().map(|v| json!({ "stringValue": v })).collect();
                    json!({ "arrayValue": { "values": all } })
                }
                other => json!({ "stringValue": other.to_string() }),
            };
            json!({ "key": key, "value": value })
        })
        .collect();
    json!({
        "traceId": trace, "spanId": span_id(n), "parentSpanId": parent.map(span_id),
        "name": format!("span {n}"), "startTimeUnixNano": (START + n * 1_000_000_000).to_string(),
        "endTimeUnixNano": (START + n * 1_000_000_000 + 500_000_000).to_string(), "attributes": attributes,
    })
}

pub(crate) fn request(spans: &[Value]) -> Vec<u8> {
    let scope = json!({ "name": "langfuse-sdk-test", "version": "1" });
    let body = json!({ "resourceSpans": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "shop" } }] },
        "scopeSpans": [{ "scope": scope, "spans": spans }],
    }] });
    body.to_string().into_bytes()
}

/// A span id of 16 digits; the one of 0 is no id of zeros.
pub(crate) fn span_id(n: u64) -> String {
    format!("{:016x}", n + 1)
}

/// A trace id of 32 digits.
pub(crate) fn trace(n: u64) -> String {
    format!("{n:032x}")
}
