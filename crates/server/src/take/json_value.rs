//! Attributes of OTLP in JSON: keys, and values such as `{"stringValue": "x"}`.
//! Called by `json`.

use serde::Deserialize;
use serde_json::Value as Json;
use tracefuse_semconv::Value;

use super::protobuf::NESTED;
use super::wire::Attributes;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct KeyValue {
    key: Option<String>,
    value: Json,
}

pub(super) fn attributes(attributes: Option<Vec<KeyValue>>, notes: &mut Vec<String>) -> Attributes {
    let mut taken = Vec::new();
    for attribute in attributes.unwrap_or_default() {
        if let (Some(key), Some(value)) = (attribute.key, any(attribute.value, notes)) {
            taken.push((key, value));
        }
    }
    taken
}

/// A value of OTLP, such as `{"stringValue": "x"}`. The parser bounds the depth.
fn any(value: Json, notes: &mut Vec<String>) -> Option<Value<'static>> {
    let Json::Object(fields) = value else {
        return None;
    };
    // Some libraries write out the other kinds as `null`.
    let (kind, value) = fields.into_iter().find(|(_, value)| !value.is_null())?;
    Some(match (kind.as_str(), value) {
        ("stringValue" | "string_value", Json::String(text)) => Value::Str(text.into()),
        ("boolValue" | "bool_value", Json::Bool(v)) => Value::Bool(v),
        ("intValue" | "int_value", Json::String(text)) => match text.parse() {
            Ok(number) => Value::I64(number),
            Err(_) => Value::Str(text.into()),
        },
        ("intValue" | "int_value", Json::Number(number)) => match number.as_i64() {
            Some(number) => Value::I64(number),
            None => Value::F64(number.as_f64()?),
        },
        ("doubleValue" | "double_value", Json::Number(number)) => Value::F64(number.as_f64()?),
        ("doubleValue" | "double_value", Json::String(text)) => match text.parse() {
            Ok(number) => Value::F64(number),
            Err(_) => Value::Str(text.into()),
        },
        ("arrayValue" | "array_value", Json::Object(mut list)) => {
            let values = match list.remove("values") {
                Some(Json::Array(values)) => values,
                _ => Vec::new(),
            };
            Value::List(
                values
                    .into_iter()
                    .filter_map(|value| any(value, notes))
                    .collect(),
            )
        }
        ("kvlistValue" | "kvlist_value", map) => {
            note_nested(notes);
            Value::Str(plain(&map).to_string().into())
        }
        ("bytesValue" | "bytes_value", Json::String(text)) => {
            note_nested(notes);
            Value::Str(text.into())
        }
        _ => return None,
    })
}

fn note_nested(notes: &mut Vec<String>) {
    if !notes.iter().any(|note| note == NESTED) {
        notes.push(NESTED.to_owned());
    }
}

/// A map of OTLP as the JSON object that it says.
fn plain(map: &Json) -> Json {
    let mut object = serde_json::Map::new();
    if let Some(Json::Array(entries)) = map.get("values") {
        for entry in entries {
            let Some(key) = entry.get("key").and_then(Json::as_str) else {
                continue;
            };
            let value = entry.get("value").cloned().unwrap_or_default();
            let nested = value.get("kvlistValue").cloned();
            let shown = match nested {
                Some(nested) => plain(&nested),
                None => {
                    let value = any(value, &mut vec![NESTED.to_owned()]);
                    value
                        .and_then(|value| serde_json::to_value(value).ok())
                        .unwrap_or_default()
                }
            };
            object.insert(key.to_owned(), shown);
        }
    }
    Json::Object(object)
}
