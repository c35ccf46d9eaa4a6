//! Input and output of an observation (`docs/langfuse.md` 2.5, 2.7).
//! Called by `mapping`.

use serde_json::{Map, Value, json};

use crate::js;
use crate::names::{LATER_PAIRS, PAIRS};
use crate::values::{Attributes, filled, non_empty, present, text};

type Pair = (Option<Value>, Option<Value>);

/// Both as they are stored and shown: texts as they are, everything else as JSON, and nothing where the text is empty.
pub(crate) fn input_output(a: &Attributes) -> (Option<String>, Option<String>) {
    let (input, output) = found(a);
    let shown = |value: Option<Value>| {
        let value = value.filter(|value| !value.is_null())?;
        non_empty(Some(text(&value)))
    };
    (shown(input), shown(output))
}

/// If either of Langfuse's own is there, nothing else is looked at.
fn found(a: &Attributes) -> Pair {
    let own = |name: &str| present(a, &[name]).cloned();
    let pair = (
        own("langfuse.observation.input"),
        own("langfuse.observation.output"),
    );
    if pair.0.is_some() || pair.1.is_some() {
        return pair;
    }
    let empty_json = |name: &&&str| a.get(**name).and_then(Value::as_str) == Some("{}");
    for (inputs, outputs) in PAIRS {
        let first = |names: &[&str]| {
            let names: Vec<&str> = names
                .iter()
                .filter(|name| !empty_json(name))
                .copied()
                .collect();
            filled(a, &names).cloned()
        };
        if let Some(pair) = either((first(inputs), first(outputs))) {
            return pair;
        }
    }
    if let Some(pair) = listed_events(a) {
        return pair;
    }
    let pairs = LATER_PAIRS.iter();
    let plain =
        pairs.map(|(input, output)| (filled(a, &[input]).cloned(), filled(a, &[output]).cloned()));
    plain
        .filter_map(either)
        .next()
        .or_else(|| both_indexed(a, "gen_ai.prompt", "gen_ai.completion"))
        .or_else(|| both_indexed(a, "llm.input_messages", "llm.output_messages"))
        .or_else(|| {
            let input = filled(a, &["gen_ai.input.messages"]);
            let input = input.map(|messages| with_instructions(a, messages));
            either((input, filled(a, &["gen_ai.output.messages"]).cloned()))
        })
        .or_else(|| {
            either((
                filled(a, &["gen_ai.tool.call.arguments"]).cloned(),
                filled(a, &["gen_ai.tool.call.result"]).cloned(),
            ))
        })
        .unwrap_or((None, None))
}

fn either(pair: Pair) -> Option<Pair> {
    (pair.0.is_some() || pair.1.is_some()).then_some(pair)
}

/// `events` of Logfire: a list of events, in which the choice is the output.
fn listed_events(a: &Attributes) -> Option<Pair> {
    let list = match a.get("events")? {
        Value::String(text) => js::parse(text)?,
        other => other.clone(),
    };
    let is_choice = |event: &&Value| event["event.name"] == "gen_ai.choice";
    let events = list.as_array()?;
    let inputs: Vec<Value> = events
        .iter()
        .filter(|event| !is_choice(event))
        .cloned()
        .collect();
    let choice = events.iter().find(is_choice).cloned();
    let inputs = (!inputs.is_empty()).then(|| Value::from(inputs));
    either((inputs, choice))
}

/// Where only one of the two has attributes, the server stores the other as `{}`.
fn both_indexed(a: &Attributes, input: &str, output: &str) -> Option<Pair> {
    let (input, output) = either((indexed(a, input), indexed(a, output)))?;
    let none = || Value::from(Map::new());
    Some((
        Some(input.unwrap_or_else(none)),
        Some(output.unwrap_or_else(none)),
    ))
}

/// `gen_ai.prompt.0.content` and the like as a list of messages; other names below the prefix as an object.
fn indexed(a: &Attributes, prefix: &str) -> Option<Value> {
    let below: Vec<(&str, &Value)> = a
        .iter()
        .filter_map(|(key, value)| Some((key.strip_prefix(prefix)?, value)))
        .collect();
    if below.is_empty() {
        return None;
    }
    if let Some(whole) = filled(a, &[prefix]) {
        return Some(whole.clone());
    }
    let mut root = Value::Null;
    for (key, value) in below {
        put(&mut root, key.trim_start_matches('.'), value);
    }
    Some(root)
}

/// Puts a value at a path such as `0.message.content`: a number is a place in a list.
fn put(at: &mut Value, path: &str, value: &Value) {
    let (key, rest) = path
        .split_once('.')
        .map_or((path, None), |(key, rest)| (key, Some(rest)));
    let child = match key.parse::<usize>() {
        // A list that would be longer is not built.
        Ok(index) if index <= 10_000 && rest.is_some() && !at.is_object() => {
            if !at.is_array() {
                *at = json!([]);
            }
            let Some(items) = at.as_array_mut() else {
                return;
            };
            while items.len() <= index {
                items.push(Value::Null);
            }
            items.get_mut(index)
        }
        _ => {
            if !at.is_object() {
                *at = Map::new().into();
            }
            at.as_object_mut()
                .map(|fields| fields.entry(key).or_insert(Value::Null))
        }
    };
    let Some(child) = child else { return };
    match rest {
        Some(rest) => put(child, rest, value),
        None => *child = value.clone(),
    }
}

/// Messages with `gen_ai.system_instructions` as their first one, unless they have a system message.
fn with_instructions(a: &Attributes, messages: &Value) -> Value {
    let Some(given) = filled(a, &["gen_ai.system_instructions"]) else {
        return messages.clone();
    };
    let read = |value: &Value| match value {
        Value::String(text) => js::parse(text),
        other => Some(other.clone()),
    };
    let Some(Value::Array(mut list)) = read(messages) else {
        return messages.clone();
    };
    if list.iter().any(|message| message["role"] == "system") {
        return messages.clone();
    }
    let content = match read(given) {
        Some(Value::Array(parts)) => {
            let part = |part: &Value| match &part["content"] {
                content if js::is_falsy(content) => js::string(part),
                content => js::string(content),
            };
            parts.iter().map(part).collect::<Vec<_>>().join("\n")
        }
        Some(other) => js::string(&other),
        None => js::string(given),
    };
    list.insert(0, json!({ "role": "system", "content": content }));
    match messages {
        Value::String(_) => js::stringify(&list.into()).into(),
        _ => list.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, Value)]) -> (Option<String>, Option<String>) {
        let a = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()));
        input_output(&a.collect())
    }

    #[test]
    fn input_and_output_are_those_of_the_first_pair() {
        let text = |text: &str| Some(text.to_owned());
        let pair = |input: Option<&str>, output: Option<&str>| {
            (input.and_then(text), output.and_then(text))
        };
        for (attributes, wanted) in [
            (
                vec![
                    ("langfuse.observation.input", json!("")),
                    ("input", json!("i")),
                ],
                pair(None, None),
            ),
            (
                vec![("langfuse.observation.output", json!([1, true]))],
                pair(None, Some("[1,true]")),
            ),
            (
                vec![
                    ("prompt", json!("p")),
                    ("input", json!("i")),
                    ("output", json!("o")),
                ],
                pair(Some("p"), None),
            ),
            (
                vec![("input", json!("i")), ("output", json!("o"))],
                pair(Some("i"), Some("o")),
            ),
            (
                vec![("input.value", json!("v")), ("input", json!("i"))],
                pair(Some("v"), None),
            ),
            (
                vec![
                    ("gen_ai.prompt.0.content", json!("hi")),
                    ("gen_ai.completion.0.content", json!("ho")),
                ],
                pair(Some(r#"[{"content":"hi"}]"#), Some(r#"[{"content":"ho"}]"#)),
            ),
            (
                vec![("llm.input_messages.0.message.content", json!("hi"))],
                pair(Some(r#"[{"message":{"content":"hi"}}]"#), Some("{}")),
            ),
            (
                vec![
                    ("gen_ai.input.messages", json!(r#"[{"role":"user"}]"#)),
                    ("gen_ai.system_instructions", json!("short")),
                ],
                pair(
                    Some(r#"[{"content":"short","role":"system"},{"role":"user"}]"#),
                    None,
                ),
            ),
            (
                vec![("gen_ai.tool.call.arguments", json!("{}"))],
                pair(Some("{}"), None),
            ),
            (
                vec![(
                    "events",
                    json!(r#"[{"event.name":"gen_ai.choice"},{"a":1}]"#),
                )],
                pair(
                    Some(r#"[{"a":1}]"#),
                    Some(r#"{"event.name":"gen_ai.choice"}"#),
                ),
            ),
        ] {
            assert_eq!(of(&attributes), wanted, "{attributes:?}");
        }
    }
}
