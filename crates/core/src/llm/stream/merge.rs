//! How a later word about a value joins an earlier one. Called by the folds of the languages.
//! The rule of all: what has arrived is never replaced by less, nor by something of another kind.

use serde_json::{Map, Value};

/// Whether a value carries something: a text that is not empty, a number, `true`, or a list or object with such.
pub(super) fn says(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(on) => *on,
        Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => list.iter().any(says),
        Value::Object(object) => object.values().any(says),
    }
}

pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

/// Sets a field that comes whole, and maybe again: the last value that is not empty counts.
pub(super) fn put(known: &mut Map<String, Value>, key: &str, value: Value) {
    match known.get_mut(key) {
        None => {
            known.insert(key.to_owned(), value);
        }
        Some(old) if is_empty(old) => *old = value,
        Some(_) if is_empty(&value) => {}
        Some(Value::Object(old)) => {
            if let Value::Object(new) = value {
                extend(old, new);
            }
        }
        Some(old) => {
            // A list or a text stays when a number or a flag comes in its place.
            let same = std::mem::discriminant(old) == std::mem::discriminant(&value);
            if same || !matches!(old, Value::Array(_) | Value::String(_)) {
                *old = value;
            }
        }
    }
}

/// [`put`] of each field.
pub(super) fn extend(known: &mut Map<String, Value>, later: Map<String, Value>) {
    for (key, value) in later {
        if !value.is_null() {
            put(known, &key, value);
        }
    }
}

/// Appends a piece of text. What is known and no text stays as it is.
pub(super) fn append(known: &mut Map<String, Value>, key: &str, piece: &str) {
    match known.get_mut(key) {
        Some(Value::String(text)) => text.push_str(piece),
        Some(value) if !is_empty(value) => {}
        _ => {
            known.insert(key.to_owned(), Value::from(piece));
        }
    }
}

/// Fields that name a state: the later value counts, however short it is.
const STATES: &[&str] = &[
    "status", "id", "type", "role", "object", "model", "name", "call_id",
];

/// Takes the whole of what came in pieces. Where the whole has less than the pieces, the pieces stay.
pub(super) fn adopt(known: &mut Value, whole: Value) {
    match (known, whole) {
        (Value::Object(known), Value::Object(whole)) => adopt_fields(known, whole),
        (Value::Array(known), Value::Array(whole)) => {
            for (at, whole) in whole.into_iter().enumerate() {
                match known.get_mut(at) {
                    Some(known) => adopt(known, whole),
                    None => known.push(whole),
                }
            }
        }
        (Value::String(known), Value::String(whole)) => {
            if whole.len() >= known.len() {
                *known = whole;
            }
        }
        (known, whole) => {
            let scalar = !matches!(known, Value::Object(_) | Value::Array(_) | Value::String(_));
            if is_empty(known) || scalar && !whole.is_null() {
                *known = whole;
            }
        }
    }
}

pub(super) fn adopt_fields(known: &mut Map<String, Value>, whole: Map<String, Value>) {
    for (key, whole) in whole {
        match known.get_mut(&key) {
            Some(old) if !STATES.contains(&key.as_str()) => adopt(old, whole),
            _ => put(known, &key, whole),
        }
    }
}
