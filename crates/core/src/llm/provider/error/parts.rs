//! Reads the parts of an error from the fields of an object: name, code, message, causes; and whether a field says anything.
//! Called by the parent module.

use serde_json::{Map, Value};

use super::fields::{CODES, MESSAGES, NAMES, SUCCESS};
use super::text;

/// The causes that an error names: Azure's `innererror`, the text of the upstream provider at OpenRouter.
pub(super) fn causes(object: &Map<String, Value>) -> Vec<String> {
    let mut causes = Vec::new();
    for key in ["innererror", "inner_error"] {
        if let Some(inner) = object.get(key).and_then(Value::as_object) {
            let parts = [code(inner), message(inner)];
            let parts: Vec<_> = parts.into_iter().flatten().collect();
            causes.extend((!parts.is_empty()).then(|| parts.join(": ")));
        }
    }
    // ASP.NET: what is wrong with which field.
    if message(object).is_some()
        && let Some(errors @ Value::Object(_)) = object.get("errors").filter(|errors| says(errors))
    {
        causes.push(errors.to_string());
    }
    if let Some(metadata) = object.get("metadata").and_then(Value::as_object)
        && let Some(raw) = metadata.get("raw").filter(|raw| says(raw))
    {
        let raw = scalar(raw).unwrap_or_else(|| raw.to_string());
        causes.push(match text(metadata.get("provider_name")) {
            Some(provider) => format!("{provider}: {raw}"),
            None => raw,
        });
    }
    causes
}

/// The name of the kind of an error.
pub(super) fn name(object: &Map<String, Value>) -> Option<String> {
    NAMES.iter().find_map(|key| {
        let name = text(object.get(*key))?;
        let address = is_address(name);
        // AWS: `com.amazon.coral.service#ThrottlingException`.
        let name = name.rsplit('#').next().unwrap_or(name);
        let vague = ["error", "none", "null", "failed", "fail"];
        // A code among the names is found as a code.
        let digits = name.bytes().all(|byte| byte.is_ascii_digit());
        let useless = address || digits || vague.contains(&name.to_ascii_lowercase().as_str());
        (!useless).then(|| name.to_owned())
    })
}

/// Whether a type is that of a problem of RFC 9457, which is an address, and no name.
pub(super) fn is_address(kind: &str) -> bool {
    kind.contains("://") || kind.starts_with("about:") || kind.starts_with("urn:")
}

/// The code of an error, a number or a text.
pub(super) fn code(object: &Map<String, Value>) -> Option<String> {
    CODES.iter().find_map(|key| {
        let value = object.get(*key)?;
        // A status is a code where it is a number; otherwise it is a name.
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_code = *key != "status"
            || value.is_number()
            || value
                .as_str()
                .is_some_and(|text| is_success(text) || digits(text));
        scalar(value).filter(|code| is_code && !code.eq_ignore_ascii_case("none"))
    })
}

/// The text of an error, if one of its fields has it as it is.
pub(super) fn message(object: &Map<String, Value>) -> Option<String> {
    MESSAGES
        .iter()
        .find_map(|key| text(object.get(*key)).map(str::to_owned))
}

pub(super) fn is_success(code: &str) -> bool {
    code.is_empty() || SUCCESS.contains(&code.to_ascii_lowercase().as_str())
}

/// A text that is not empty, or a number as text.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Whether a field says that there is an error: not `null`, `false`, 0, or empty, nor an object of such.
pub(super) fn says(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => {
            let text = text.trim();
            !text.is_empty() && !text.eq_ignore_ascii_case("none") && text != "null"
        }
        Value::Array(list) => list.iter().any(says),
        Value::Object(object) => object.values().any(says),
    }
}

/// Whether a field of an answer has a value at all.
pub(super) fn says_anything(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
        _ => true,
    }
}

pub(super) fn compact(object: &Map<String, Value>) -> String {
    Value::Object(object.clone()).to_string()
}
