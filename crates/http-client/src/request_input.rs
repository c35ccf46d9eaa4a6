//! The input of a request: its messages, its instructions as the first of them, and its tools.
//! Called by `request`.

use serde_json::{Map, Value, json};

use crate::language::Language;
use crate::operation::Operation;

pub(crate) fn text(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// Messages with the instructions as the first of them; with the tools, if there are any.
pub(crate) fn input(
    object: &mut Map<String, Value>,
    operation: Operation,
    language: Language,
) -> Option<Value> {
    let mut take = |names: &[&str]| names.iter().find_map(|name| object.remove(*name));
    match operation {
        Operation::Chat => {
            let (list, system, parts) = match language {
                Language::Gemini => (
                    &["contents", "input"][..],
                    take(&["systemInstruction", "system_instruction"]),
                    "contents",
                ),
                _ => (
                    &["messages", "input"][..],
                    take(&["system", "instructions"]),
                    "messages",
                ),
            };
            let messages = take(list);
            let messages = match (messages, system.filter(|system| !system.is_null())) {
                (messages, None) => messages?,
                (messages, Some(system)) => with_system(messages, system),
            };
            match take(&["tools", "functions", "toolConfig"]).filter(|tools| !tools.is_null()) {
                Some(tools) => Some(json!({ parts: messages, "tools": tools })),
                None => Some(messages),
            }
        }
        Operation::Completion => {
            let prompt = take(&["prompt"])?;
            match (take(&["system"]), take(&["suffix"])) {
                (None, None) => Some(prompt),
                (system, suffix) => {
                    Some(json!({ "system": system, "prompt": prompt, "suffix": suffix }))
                }
            }
        }
        Operation::Rerank => {
            let (query, documents) = (take(&["query"]), take(&["documents"]));
            Some(json!({ "query": query?, "documents": documents }))
        }
        _ => take(&[
            "input",
            "prompt",
            "texts",
            "inputs",
            "content",
            "requests",
            "instances",
        ]),
    }
}

fn with_system(messages: Option<Value>, system: Value) -> Value {
    let mut first = match system {
        // Gemini's instructions are a message.
        Value::Object(message) => message,
        content => Map::from_iter([("content".to_owned(), content)]),
    };
    first.insert("role".to_owned(), Value::from("system"));
    let mut list = vec![Value::Object(first)];
    match messages {
        Some(Value::Array(messages)) => list.extend(messages),
        Some(Value::String(text)) => list.push(json!({ "role": "user", "content": text })),
        other => list.extend(other),
    }
    Value::Array(list)
}
