//! Metadata of an observation as it is stored and read back (`docs/langfuse.md` 2.4, 2.5).
//! Called by `mapping`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::mapping::{INPUTS, OUTPUTS};
use crate::usage::object;
use crate::values::{WireSpan, text};

/// 2.4 and 2.5: the observation's and the trace's keys, the trace's win; other attributes under
/// `attributes.` unless the scope's name begins with `langfuse-sdk`.
pub(crate) fn metadata(span: &WireSpan) -> BTreeMap<String, Value> {
    let mut stored: BTreeMap<String, String> = BTreeMap::new();
    let own = span.scope_name.starts_with("langfuse-sdk");
    if !own {
        for (key, value) in &span.attributes {
            if !INPUTS.contains(&key.as_str()) && !OUTPUTS.contains(&key.as_str()) {
                stored.insert(format!("attributes.{key}"), text(value));
            }
        }
    }
    for (key, value) in &span.resource {
        stored.insert(format!("resourceAttributes.{key}"), text(value));
    }
    stored.insert("scope.name".into(), span.scope_name.clone());
    stored.insert("scope.version".into(), span.scope_version.clone());
    for (key, value) in &span.scope_attributes {
        stored.insert(format!("scope.attributes.{key}"), text(value));
    }
    for base in [
        "langfuse.metadata",
        "langfuse.observation.metadata",
        "langfuse.trace.metadata",
    ] {
        if let Some(object) = object(span.attributes.get(base)) {
            for (key, value) in object {
                store(&mut stored, &key, &value);
            }
        }
        for (key, value) in &span.attributes {
            if let Some(key) = key
                .strip_prefix(base)
                .and_then(|rest| rest.strip_prefix('.'))
            {
                store(&mut stored, key, value);
            }
        }
    }
    // Stored as text, parsed as JSON on reading: "5" and 5 both come back as 5.
    stored
        .into_iter()
        .map(|(key, value)| {
            (
                key,
                serde_json::from_str(&value).unwrap_or(Value::String(value)),
            )
        })
        .collect()
}

fn store(stored: &mut BTreeMap<String, String>, key: &str, value: &Value) {
    if key
        .split('.')
        .any(|part| matches!(part, "__proto__" | "constructor" | "prototype"))
    {
        return;
    }
    let parsed = value
        .as_str()
        .and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
    match parsed.as_ref().or_else(|| value.as_object()) {
        // An object is flattened: `{"a":{"b":1}}` becomes the key `a.b`.
        Some(object) if !object.is_empty() => {
            for (inner, value) in object {
                store(stored, &format!("{key}.{inner}"), value);
            }
        }
        _ => {
            stored.insert(key.to_owned(), text(value));
        }
    }
}
