//! Spans as they came, whatever their encoding, with attributes as JSON values.
//! Filled by `decode`; read by `mapping`.

use std::collections::BTreeMap;

use serde_json::Value;

/// Attributes by key; of a key that comes twice the last value counts.
pub(crate) type Attributes = BTreeMap<String, Value>;

/// A span before it is checked.
#[derive(Clone, Debug, Default)]
pub(crate) struct WireSpan {
    pub(crate) trace_id: Option<String>,
    pub(crate) span_id: Option<String>,
    pub(crate) parent_id: Option<String>,
    pub(crate) name: String,
    pub(crate) start: Option<u64>,
    pub(crate) end: Option<u64>,
    pub(crate) attributes: Attributes,
    pub(crate) events: Vec<(String, Attributes)>,
    pub(crate) status_code: Option<i64>,
    pub(crate) status_message: Option<String>,
    pub(crate) scope_name: String,
    pub(crate) scope_version: String,
    pub(crate) scope_attributes: Attributes,
    pub(crate) resource: Attributes,
    /// What makes it a bad span, which refuses its whole request.
    pub(crate) fault: Option<&'static str>,
}

/// A value as text, as the server stores it: text as it stands, everything else as JSON.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// An integer as the server reads it, through a double: above 2^53 it loses precision.
pub(crate) fn through_double(value: i64) -> Value {
    let rounded = value as f64;
    if rounded.abs() <= 9_007_199_254_740_992.0 {
        Value::from(rounded as i64)
    } else {
        Value::from(rounded)
    }
}
