//! How a later value of a field joins an earlier one. Called by the folds of the languages. Must not know them.
//! The rule of all functions here: what has arrived is never replaced by less, nor by a value of another kind.

use serde_json::{Map, Number, Value};

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

/// Adds the numbers of a report to those of an earlier one, also in the elements of lists that have the same texts, such as
/// a modality. A field that is not a number gets the later value.
pub(super) fn add_up(known: &mut Map<String, Value>, later: Map<String, Value>) {
    for (key, value) in later {
        match (known.get_mut(&key), value) {
            (Some(Value::Object(known)), Value::Object(later)) => add_up(known, later),
            (Some(Value::Array(known)), Value::Array(later)) => add_elements(known, later),
            (Some(Value::Number(number)), Value::Number(more)) => {
                let sum = match (number.as_u64(), more.as_u64()) {
                    (Some(number), Some(more)) => Some(number.saturating_add(more).into()),
                    _ => {
                        let sum = number.as_f64().zip(more.as_f64()).map(|(a, b)| a + b);
                        sum.and_then(Number::from_f64)
                    }
                };
                *number = sum.unwrap_or(more);
            }
            (_, value) => put(known, &key, value),
        }
    }
}

fn add_elements(known: &mut Vec<Value>, later: Vec<Value>) {
    for element in later {
        let texts = |object: &Map<String, Value>| -> Vec<(String, Value)> {
            let fields = object.iter().filter(|(_, value)| value.is_string());
            fields
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        let same = |known: &&mut Value| match (known.as_object(), element.as_object()) {
            (Some(known), Some(element)) => texts(known) == texts(element),
            _ => **known == element,
        };
        match (known.iter_mut().find(same), element) {
            (Some(Value::Object(known)), Value::Object(element)) => add_up(known, element),
            (Some(_), _) => {}
            (None, element) => known.push(element),
        }
    }
}

/// Appends a piece of text. A list or an object that is known stays, with the text beside it in a list; a number or a
/// flag is replaced.
pub(super) fn append(known: &mut Map<String, Value>, key: &str, piece: &str) {
    match known.get_mut(key) {
        Some(Value::String(text)) => text.push_str(piece),
        Some(value @ (Value::Array(_) | Value::Object(_))) if !is_empty(value) => {
            if piece.is_empty() {
                return;
            }
            let mut list = match value.take() {
                Value::Array(list) => list,
                other => vec![other],
            };
            match list.last_mut() {
                Some(Value::String(text)) => text.push_str(piece),
                _ => list.push(Value::from(piece)),
            }
            *value = Value::Array(list);
        }
        _ => {
            known.insert(key.to_owned(), Value::from(piece));
        }
    }
}

/// Appends a text that must not get lost: it replaces a value that is no text.
pub(super) fn keep(known: &mut Map<String, Value>, key: &str, text: Value) {
    match (known.get_mut(key), text) {
        (Some(Value::String(known)), Value::String(text)) => known.push_str(&text),
        (_, text) => {
            known.insert(key.to_owned(), text);
        }
    }
}

/// Fields with a text that is streamed in pieces.
const TEXTS: &[&str] = &[
    "text",
    "refusal",
    "arguments",
    "input",
    "code",
    "transcript",
    "content",
    "summary",
    "thinking",
    "tool_plan",
];

/// Takes the whole of what came in pieces. Where the whole does not contain the pieces, the pieces stay.
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
            if whole.starts_with(known.as_str()) {
                *known = whole;
            }
        }
        (known, whole) => {
            if is_empty(known) {
                *known = whole;
            }
        }
    }
}

/// [`adopt`] of each field. Of a field that is not streamed, such as a status, the last value counts.
pub(super) fn adopt_fields(known: &mut Map<String, Value>, whole: Map<String, Value>) {
    for (key, whole) in whole {
        match known.get_mut(&key) {
            Some(old) if TEXTS.contains(&key.as_str()) || !is_scalar(old) => adopt(old, whole),
            _ => put(known, &key, whole),
        }
    }
}

fn is_scalar(value: &Value) -> bool {
    !matches!(value, Value::Array(_) | Value::Object(_))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_added_also_within_lists() {
        let report = |text: u64, audio: u64, seconds: f64| json!({ "n": text + audio, "s": seconds, "by": [{ "m": "TEXT", "n": text }, { "m": "AUDIO", "n": audio }], "tags": ["a"], "tier": "x" });
        let mut known = Map::new();
        for report in [
            report(1, 2, 0.5),
            report(10, 20, 1.0),
            json!({ "by": [{ "m": "IMAGE", "n": 5 }], "tags": ["a", "b"], "tier": "y" }),
        ] {
            if let Value::Object(report) = report {
                add_up(&mut known, report);
            }
        }
        assert_eq!(
            Value::Object(known),
            json!({ "n": 33, "s": 1.5, "by": [{ "m": "TEXT", "n": 11 }, { "m": "AUDIO", "n": 22 }, { "m": "IMAGE", "n": 5 }], "tags": ["a", "b"], "tier": "y" })
        );
    }

    #[test]
    fn a_text_joins_whatever_is_known_and_takes_nothing_away() {
        for (known, pieces, joined) in [
            (json!(null), &["a", "b"][..], json!("ab")),
            (json!("a"), &["b"], json!("ab")),
            (json!(false), &["a", "b"], json!("ab")),
            (json!(7), &["a"], json!("a")),
            (json!({}), &["a"], json!("a")),
            (json!({ "k": 1 }), &["a", "b"], json!([{ "k": 1 }, "ab"])),
            (json!([1]), &["", "a"], json!([1, "a"])),
            (json!(["a"]), &["b"], json!(["ab"])),
            (json!({ "k": 1 }), &[""], json!({ "k": 1 })),
        ] {
            let mut fields = Map::from_iter([("x".to_owned(), known.clone())]);
            for piece in pieces {
                append(&mut fields, "x", piece);
            }
            assert_eq!(fields["x"], joined, "{known}");
        }
    }

    /// What has arrived is never replaced by less, nor by a value of another kind.
    #[test]
    fn a_later_value_of_a_field_replaces_what_is_empty() {
        for (known, later, expected) in [
            (json!(null), json!("a"), json!("a")),
            (json!(""), json!("a"), json!("a")),
            (json!([]), json!(5), json!(5)),
            (json!({}), json!("a"), json!("a")),
            (json!("a"), json!("b"), json!("b")),
            (json!("a"), json!(""), json!("a")),
            (json!("a"), json!(5), json!("a")),
            (json!([1]), json!(true), json!([1])),
            (json!([1]), json!([2, 3]), json!([2, 3])),
            (json!(5), json!("a"), json!("a")),
            (json!(5), json!(0), json!(0)),
            (json!(5), json!(null), json!(5)),
            (json!(true), json!(7), json!(7)),
            (
                json!({ "a": 1 }),
                json!({ "b": 2 }),
                json!({ "a": 1, "b": 2 }),
            ),
            (json!({ "a": 1 }), json!(5), json!({ "a": 1 })),
        ] {
            let mut fields = Map::from_iter([("x".to_owned(), known.clone())]);
            put(&mut fields, "x", later.clone());
            assert_eq!(fields["x"], expected, "{known}, then {later}");
        }
        let mut fields = Map::new();
        put(&mut fields, "x", json!(""));
        assert_eq!(fields["x"], "");
    }

    #[test]
    fn the_whole_of_what_came_in_pieces_has_it_or_is_not_taken() {
        for (known, whole, expected) in [
            (json!("Hel"), json!("Hello"), json!("Hello")),
            (json!("Hello"), json!("Hel"), json!("Hello")),
            (json!("Hello"), json!("Other"), json!("Hello")),
            (json!(null), json!([1]), json!([1])),
            (json!({}), json!("a"), json!("a")),
            (json!(5), json!("a"), json!(5)),
            (
                json!([{ "text": "a" }]),
                json!([{ "text": "ab" }, { "text": "c" }]),
                json!([{ "text": "ab" }, { "text": "c" }]),
            ),
            (json!([1, 2]), json!([1]), json!([1, 2])),
            // A text is streamed, so less of it is not taken; the last status counts.
            (
                json!({ "text": "ab", "status": "in_progress" }),
                json!({ "text": "a", "status": "completed" }),
                json!({ "text": "ab", "status": "completed" }),
            ),
            (
                json!({ "list": [1, 2] }),
                json!({ "list": [1], "new": 3 }),
                json!({ "list": [1, 2], "new": 3 }),
            ),
        ] {
            let mut value = known.clone();
            adopt(&mut value, whole.clone());
            assert_eq!(value, expected, "{known}, then {whole}");
        }
    }

    #[test]
    fn a_value_says_something_unless_all_of_it_is_empty() {
        for nothing in [
            json!(null),
            json!(false),
            json!(""),
            json!([]),
            json!({}),
            json!([null, ""]),
            json!({ "a": { "b": "" } }),
        ] {
            assert!(!says(&nothing), "{nothing}");
        }
        for something in [
            json!(true),
            json!(0),
            json!("a"),
            json!([null, 0]),
            json!({ "a": ["x"] }),
        ] {
            assert!(says(&something), "{something}");
        }
    }
}
