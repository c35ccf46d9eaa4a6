//! Fields of a body in JSON: ids, times, attributes and values.
//! Called by `json`.

use serde_json::Value;

use super::hex;
use crate::js;
use crate::values::{Attributes, through_double};

/// A text as it is; bytes as a list, or as the JSON of a `Buffer`, in hexadecimal digits.
pub(super) fn id(value: &Value) -> Option<String> {
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

pub(super) fn string(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Decimal text or a number; `"0"` is 1970.
pub(super) fn time(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    }
}

pub(super) fn json_attributes(pairs: &[Value]) -> Attributes {
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
