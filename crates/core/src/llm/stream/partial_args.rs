//! A function call of Gemini whose arguments come in pieces, each with its place as a JSON path (Vertex AI's
//! `streamFunctionCallArguments`). Called by `gemini`. Must not know chunks.

use serde_json::{Map, Value};

use super::merge::put;

/// A list of arguments is filled up to the index of a piece; an index beyond this is none.
const MAX_INDEX: usize = 1024;
/// Steps of a path; a longer one is none.
const MAX_DEPTH: usize = 64;

/// Adds a part. A piece of a call goes on with the call before it.
pub(super) fn push(parts: &mut Vec<Value>, part: Value) {
    let (mut part, key) = match part {
        Value::Object(part) => match call_key(&part) {
            Some(key) => (part, key),
            None => return parts.push(Value::Object(part)),
        },
        part => return parts.push(part),
    };
    let Some(Value::Object(piece)) = part.remove(key) else {
        return;
    };
    if !piece.contains_key("name")
        && let Some(Value::Object(last)) = parts.last_mut()
        && let Some(known) = call_key(last)
        && let Some(Value::Object(call)) = last.get_mut(known)
        && continues(call)
    {
        add(call, piece);
        for (key, value) in part {
            put(last, &key, value);
        }
        return;
    }
    let mut call = Map::new();
    add(&mut call, piece);
    part.insert(key.to_owned(), Value::Object(call));
    parts.push(Value::Object(part));
}

fn call_key(part: &Map<String, Value>) -> Option<&'static str> {
    let keys = ["functionCall", "function_call"];
    keys.into_iter()
        .find(|key| part.get(*key).is_some_and(Value::is_object))
}

const CONTINUES: [&str; 2] = ["willContinue", "will_continue"];

fn continues(call: &Map<String, Value>) -> bool {
    CONTINUES
        .iter()
        .any(|key| call.get(*key) == Some(&Value::Bool(true)))
}

/// Takes a piece into a call.
fn add(call: &mut Map<String, Value>, mut piece: Map<String, Value>) {
    for key in CONTINUES {
        call.remove(key);
        if piece.get(key) == Some(&Value::Bool(false)) {
            piece.remove(key);
        }
    }
    for (key, value) in piece {
        match (key.as_str(), value) {
            ("partialArgs" | "partial_args", Value::Array(pieces)) => {
                for piece in pieces {
                    let args = call.entry("args").or_insert(Value::Null);
                    if let Some(piece) = add_value(args, piece) {
                        // Its place is not known.
                        let list = call
                            .entry(key.as_str())
                            .or_insert_with(|| Value::Array(Vec::new()));
                        if let Value::Array(list) = list {
                            list.push(piece);
                        }
                    }
                }
            }
            (_, value) => put(call, &key, value),
        }
    }
}

/// Puts the value of a piece at its place; gives the piece back if it has none.
fn add_value(args: &mut Value, piece: Value) -> Option<Value> {
    let get = |camel: &str, snake: &str| piece.get(camel).or_else(|| piece.get(snake));
    let path = get("jsonPath", "json_path").and_then(Value::as_str);
    let Some(steps) = path.and_then(steps) else {
        return Some(piece);
    };
    let value = [
        ("stringValue", "string_value"),
        ("numberValue", "number_value"),
        ("boolValue", "bool_value"),
    ];
    let value = value.iter().find_map(|(camel, snake)| get(camel, snake));
    place(args, &steps, value.cloned().unwrap_or_default());
    None
}

/// Puts a value at a place, which is made if there is none. A text goes on with the text that is there.
fn place(target: &mut Value, steps: &[Step<'_>], value: Value) {
    let Some((step, rest)) = steps.split_first() else {
        match (target, value) {
            (Value::String(known), Value::String(piece)) => known.push_str(&piece),
            (target, value) => *target = value,
        }
        return;
    };
    match step {
        Step::Key(key) => {
            if !target.is_object() {
                *target = Value::Object(Map::new());
            }
            if let Value::Object(object) = target {
                place(object.entry(*key).or_insert(Value::Null), rest, value);
            }
        }
        Step::Index(at) => {
            if !target.is_array() {
                *target = Value::Array(Vec::new());
            }
            if let Value::Array(list) = target {
                while list.len() <= *at {
                    list.push(Value::Null);
                }
                if let Some(element) = list.get_mut(*at) {
                    place(element, rest, value);
                }
            }
        }
    }
}

/// A step of a path.
#[derive(Debug, PartialEq)]
enum Step<'a> {
    Key(&'a str),
    Index(usize),
}

/// The steps of a path that names one place, such as `$.a['b'][0]` (RFC 9535).
fn steps(path: &str) -> Option<Vec<Step<'_>>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() && steps.len() < MAX_DEPTH {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (key, after) = after.split_at(end);
            steps.push(Step::Key(key));
            rest = after;
        } else {
            let (step, after) = rest.strip_prefix('[')?.split_once(']')?;
            let key = ['\'', '"']
                .iter()
                .find_map(|quote| step.strip_prefix(*quote)?.strip_suffix(*quote));
            let index = || step.parse().ok().filter(|at| *at < MAX_INDEX);
            steps.push(match key {
                Some(key) => Step::Key(key),
                None => Step::Index(index()?),
            });
            rest = after;
        }
    }
    let is_place = rest.is_empty() && !steps.is_empty() && !steps.contains(&Step::Key(""));
    is_place.then_some(steps)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_names_one_place() {
        use Step::{Index, Key};
        for (path, found) in [
            ("$.a", Some(vec![Key("a")])),
            (
                "$.a.b[0].c",
                Some(vec![Key("a"), Key("b"), Index(0), Key("c")]),
            ),
            ("$['a b'][\"c\"]", Some(vec![Key("a b"), Key("c")])),
            ("$[3]", Some(vec![Index(3)])),
            ("$", None),
            ("", None),
            ("a", None),
            ("$.", None),
            ("$..a", None),
            ("$a", None),
            ("$[1024]", None),
            ("$[-1]", None),
            ("$[*]", None),
            ("$[0", None),
        ] {
            assert_eq!(steps(path), found, "{path}");
        }
        assert_eq!(steps(&format!("${}", ".a".repeat(65))), None);
    }

    #[test]
    fn pieces_are_put_at_their_places() {
        let mut parts: Vec<Value> = Vec::new();
        for part in [
            json!({ "functionCall": { "name": "book", "willContinue": true }, "thoughtSignature": "EpoG" }),
            json!({ "functionCall": { "partialArgs": [{ "jsonPath": "$.city", "stringValue": "New ", "willContinue": true }], "willContinue": true } }),
            json!({ "functionCall": { "partialArgs": [{ "jsonPath": "$.city", "stringValue": "Delhi" }, { "jsonPath": "$.guests[1].age", "numberValue": 7.0 }], "willContinue": true } }),
            json!({ "functionCall": { "partialArgs": [{ "jsonPath": "$.late", "boolValue": true }, { "jsonPath": "$.note", "nullValue": "NULL_VALUE" }, { "jsonPath": "nowhere" }], "willContinue": true } }),
            json!({ "functionCall": {} }),
            json!({ "functionCall": { "partialArgs": [{ "jsonPath": "$.a", "stringValue": "b" }] } }),
            json!({ "text": "and" }),
            json!({ "functionCall": { "name": "f", "args": { "a": 1 } } }),
            json!({ "function_call": { "name": "g", "will_continue": true } }),
            json!({ "function_call": { "partial_args": [{ "json_path": "$.a", "string_value": "cut" }], "will_continue": true } }),
        ] {
            push(&mut parts, part);
        }
        assert_eq!(
            Value::from(parts),
            json!([
                { "functionCall": { "name": "book", "args": { "city": "New Delhi", "guests": [null, { "age": 7.0 }], "late": true, "note": null },
                    "partialArgs": [{ "jsonPath": "nowhere" }] }, "thoughtSignature": "EpoG" },
                { "functionCall": { "args": { "a": "b" } } },
                { "text": "and" },
                { "functionCall": { "name": "f", "args": { "a": 1 } } },
                { "function_call": { "name": "g", "args": { "a": "cut" }, "will_continue": true } },
            ])
        );
    }
}
