//! Spans as they came, in either encoding, with attributes as JSON values, and how attributes are looked up.
//! Filled by `decode`; read by the mapping.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::js;

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
    pub(crate) scope_name: Option<String>,
    pub(crate) scope_version: Option<String>,
    pub(crate) scope_attributes: Attributes,
    pub(crate) resource: Attributes,
}

impl WireSpan {
    /// Whether it comes from an SDK of Langfuse by the name of its scope.
    pub(crate) fn is_of_langfuse(&self) -> bool {
        let name = self.scope_name.as_deref();
        name.is_some_and(|name| name.starts_with("langfuse-sdk"))
    }
}

/// A value as text, as the server stores it: text as it is, everything else as JSON.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => js::stringify(other),
    }
}

/// The first attribute that is there.
pub(crate) fn present<'a>(a: &'a Attributes, names: &[&str]) -> Option<&'a Value> {
    let found = names.iter().filter_map(|name| a.get(*name));
    found.into_iter().find(|value| !value.is_null())
}

/// The first attribute that is there and not empty, false or 0.
pub(crate) fn filled<'a>(a: &'a Attributes, names: &[&str]) -> Option<&'a Value> {
    let mut found = names.iter().filter_map(|name| a.get(*name));
    found.find(|value| !js::is_falsy(value))
}

/// A text that is not empty.
pub(crate) fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
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
