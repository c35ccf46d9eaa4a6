//! Tool calls and details of reasoning, which come in pieces within a list of pieces.
//! Called by `chat`. Which piece belongs to which call is said by an index, an id or a name, or by none.

use serde_json::{Map, Value};

use super::merge::{append, extend, is_empty, put, says};

/// The field with the parts of a call: of functions, of custom tools.
const BODIES: &[&str] = &["function", "custom"];

/// Takes pieces of tool calls into the message.
pub(super) fn add_calls(message: &mut Map<String, Value>, pieces: Vec<Value>) {
    let known = message
        .entry("tool_calls")
        .or_insert_with(|| Value::Array(Vec::new()));
    if is_empty(known) {
        *known = Value::Array(Vec::new());
    }
    let Value::Array(calls) = known else { return };
    for piece in pieces {
        let Value::Object(piece) = piece else {
            continue;
        };
        match place(calls, &piece) {
            Place::Known(at) => {
                if let Some(Value::Object(call)) = calls.get_mut(at) {
                    add_call(call, piece);
                }
            }
            Place::Repeated => {}
            Place::New => {
                let mut call = Map::new();
                add_call(&mut call, piece);
                calls.push(Value::Object(call));
            }
        }
    }
}

/// Puts calls into the order of their indices, which matter to chunks only and are left out.
pub(super) fn order(message: &mut Map<String, Value>) {
    let Some(Value::Array(calls)) = message.get_mut("tool_calls") else {
        return;
    };
    let index = |call: &Value| call.get("index").and_then(Value::as_u64);
    if calls.iter().all(|call| index(call).is_some()) {
        calls.sort_by_key(index);
    }
    for call in calls {
        if let Some(call) = call.as_object_mut() {
            call.remove("index");
        }
    }
}

enum Place {
    /// The piece continues this call.
    Known(usize),
    /// The whole call is known already.
    Repeated,
    New,
}

/// Which of the known calls a piece belongs to.
fn place(calls: &[Value], piece: &Map<String, Value>) -> Place {
    let id = text(piece, "id");
    let index = piece.get("index").filter(|index| !index.is_null());
    let find = |same: &dyn Fn(&Map<String, Value>) -> bool| {
        calls
            .iter()
            .rposition(|call| call.as_object().is_some_and(same))
    };
    let at_index = |call: &Map<String, Value>| {
        index.is_none() || call.get("index").is_none() || call.get("index") == index
    };
    let same_id = id.and_then(|id| find(&|call| text(call, "id") == Some(id) && at_index(call)));
    let candidate = same_id.or_else(|| match index {
        // A call that has another id is another call, wherever it is.
        Some(_) => {
            find(&|call| call.get("index") == index && (id.is_none() || text(call, "id").is_none()))
        }
        None => calls.len().checked_sub(1).filter(|last| {
            let last = calls.get(*last).and_then(Value::as_object);
            id.is_none() || last.is_some_and(|last| text(last, "id").is_none())
        }),
    });
    let known = candidate.and_then(|at| Some((at, calls.get(at)?.as_object()?)));
    let Some((at, known)) = known else {
        return Place::New;
    };
    let (Some(name), Some(known_name)) = (name(piece), name(known)) else {
        // A piece without a name continues the call that is there.
        return Place::Known(at);
    };
    let (new, old) = (arguments(piece), arguments(known));
    let same_id = same_id.is_some();
    let says_new = new.is_some_and(says);
    // A name may come in pieces, as every text: the call has an id, its arguments have not begun.
    let is_piece = id.is_none() && text(known, "id").is_some() && !old.is_some_and(says);
    if name != known_name && is_piece {
        Place::Known(at)
    } else if name != known_name {
        Place::New
    } else if same_id && says_new && new == old && old.is_some_and(is_whole) {
        Place::Repeated
    } else if says_new && old.is_some_and(is_whole) {
        // Arguments that are whole take no further piece: this is a second call of the same tool.
        Place::New
    } else {
        Place::Known(at)
    }
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a str> {
    object.get(key)?.as_str().filter(|text| !text.is_empty())
}

fn body(call: &Map<String, Value>) -> Option<&Map<String, Value>> {
    BODIES.iter().find_map(|key| call.get(*key)?.as_object())
}

fn name(call: &Map<String, Value>) -> Option<&str> {
    body(call).and_then(|body| text(body, "name"))
}

fn arguments(call: &Map<String, Value>) -> Option<&Value> {
    let body = body(call)?;
    body.get("arguments").or_else(|| body.get("input"))
}

/// Whether arguments are a whole JSON object.
fn is_whole(arguments: &Value) -> bool {
    match arguments {
        Value::Object(_) => true,
        Value::String(text) => {
            text.trim_start().starts_with('{')
                && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
        }
        _ => false,
    }
}

fn add_call(call: &mut Map<String, Value>, piece: Map<String, Value>) {
    for (key, value) in piece {
        match value {
            Value::Null => {}
            Value::Object(function) if BODIES.contains(&key.as_str()) => {
                let known = call.entry(key).or_insert(Value::Null);
                if is_empty(known) {
                    *known = Value::Object(Map::new());
                }
                if let Value::Object(known) = known {
                    add_function(known, function);
                }
            }
            value => put(call, &key, value),
        }
    }
}

/// `{"name", "arguments"}`: the arguments come in pieces of text, or as an object at once.
pub(super) fn add_function(known: &mut Map<String, Value>, piece: Map<String, Value>) {
    for (key, value) in piece {
        match (key.as_str(), value) {
            (_, Value::Null) => {}
            ("arguments" | "input", Value::String(piece)) => append(known, &key, &piece),
            ("name", Value::String(piece)) => add_name(known, &key, piece),
            (_, value) => put(known, &key, value),
        }
    }
}

/// A name comes whole, and maybe again, or in pieces.
fn add_name(known: &mut Map<String, Value>, key: &str, piece: String) {
    let old = text(known, key).unwrap_or_default();
    if piece.starts_with(old) {
        put(known, key, piece.into());
    } else {
        append(known, key, &piece);
    }
}

/// Takes details of reasoning into the message: texts come in pieces, all other fields whole in each piece.
pub(super) fn add_details(message: &mut Map<String, Value>, pieces: Vec<Value>) {
    let known = message
        .entry("reasoning_details")
        .or_insert_with(|| Value::Array(Vec::new()));
    if is_empty(known) {
        *known = Value::Array(Vec::new());
    }
    let Value::Array(details) = known else { return };
    for piece in pieces {
        let Value::Object(piece) = piece else {
            continue;
        };
        let same = |known: &&mut Value| {
            known
                .as_object()
                .is_some_and(|known| goes_on(known, &piece))
        };
        match details.iter_mut().rev().find(same) {
            Some(Value::Object(known)) => {
                for (key, value) in piece {
                    match (key.as_str(), value) {
                        (_, Value::Null) => {}
                        ("text" | "summary", Value::String(piece)) => append(known, &key, &piece),
                        (_, value) => put(known, &key, value),
                    }
                }
            }
            _ => {
                let mut detail = Map::new();
                extend(&mut detail, piece);
                details.push(Value::Object(detail));
            }
        }
    }
}

/// Whether a detail continues a known one: the same kind at the same place, and no other id or data.
fn goes_on(known: &Map<String, Value>, piece: &Map<String, Value>) -> bool {
    let agree = |key: &str| match (known.get(key), piece.get(key)) {
        (Some(a), Some(b)) => is_empty(a) || is_empty(b) || a == b,
        _ => true,
    };
    known.get("type") == piece.get("type") && agree("index") && agree("id") && agree("data")
}
