//! Metadata of an observation as it is stored, by path and text (`docs/langfuse.md` 2.4, 2.5).
//! Called by `mapping`; `read` parses the texts.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::js;
use crate::names::{NOT_SHOWN, NOT_SHOWN_PREFIXES};
use crate::values::{Attributes, WireSpan, filled, text};

/// Attributes of AI SDKs that the server reads as something else.
const NOT_METADATA: &[&str] = &["userId", "sessionId", "tags", "langfusePrompt"];

/// The observation's keys and the trace's, and of the trace's the value; then what describes the span: attributes that
/// were not read otherwise, unless the scope is Langfuse's, the resource and the scope.
pub(crate) fn metadata(span: &WireSpan) -> BTreeMap<String, String> {
    let mut top = Map::new();
    if !span.is_of_langfuse() {
        top.insert(
            "attributes".into(),
            other_attributes(&span.attributes).into(),
        );
    }
    let resource: Map<_, _> = span.resource.clone().into_iter().collect();
    top.insert("resourceAttributes".into(), resource.into());
    let mut scope = Map::new();
    for (key, value) in [("name", &span.scope_name), ("version", &span.scope_version)] {
        if let Some(value) = value {
            scope.insert(key.into(), value.as_str().into());
        }
    }
    let attributes: Map<_, _> = span.scope_attributes.clone().into_iter().collect();
    scope.insert("attributes".into(), attributes.into());
    top.insert("scope".into(), scope.into());
    for base in ["langfuse.observation.metadata", "langfuse.trace.metadata"] {
        top.extend(of_user(&span.attributes, base));
    }
    let mut stored = BTreeMap::new();
    flatten("", &top.into(), &mut stored);
    stored
}

fn other_attributes(a: &Attributes) -> Map<String, Value> {
    let shown = |key: &str| {
        !NOT_SHOWN.contains(&key)
            && !NOT_SHOWN_PREFIXES
                .iter()
                .any(|start| key.starts_with(start))
    };
    let shown = a.iter().filter(|(key, _)| shown(key));
    shown
        .map(|(key, value)| (key.clone(), text(value).into()))
        .collect()
}

/// What a user set: one attribute that holds all of it, then one attribute each.
fn of_user(a: &Attributes, base: &str) -> Map<String, Value> {
    let whole = filled(a, &[base]).or_else(|| a.get("langfuse.metadata"));
    let whole = match whole {
        Some(Value::String(text)) => js::parse(text).unwrap_or_default(),
        Some(other) => other.clone(),
        None => Value::Null,
    };
    let mut metadata = match whole {
        Value::Object(fields) => fields,
        // A list has its places for keys.
        Value::Array(items) => {
            let items = items.into_iter().enumerate();
            items.map(|(at, item)| (at.to_string(), item)).collect()
        }
        _ => Map::new(),
    };
    for (key, value) in a {
        for prefix in [base, "langfuse.metadata", "ai.telemetry.metadata"] {
            let key = key
                .strip_prefix(prefix)
                .and_then(|rest| rest.strip_prefix('.'));
            let Some(key) = key else { continue };
            let is_read_otherwise =
                prefix == "ai.telemetry.metadata" && NOT_METADATA.contains(&key);
            // In JavaScript an assignment to `__proto__` adds no key.
            if !key.is_empty() && key != "__proto__" && !is_read_otherwise {
                metadata.insert(key.to_owned(), value.clone());
            }
        }
    }
    metadata
}

/// Objects become paths, all else texts: `{"a":{"b":1}}` is `a.b` with `1`. Of a path that comes twice the first counts.
fn flatten(path: &str, value: &Value, stored: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                flatten(&path, value, stored);
            }
        }
        other => {
            let text = if other.is_null() {
                String::new()
            } else {
                text(other)
            };
            stored.entry(path.to_owned()).or_insert(text);
        }
    }
}
