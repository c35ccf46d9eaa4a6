//! Reads input and output as messages: the formats of OpenAI, Anthropic, Gemini, Bedrock, Ollama, LangChain and of
//! OpenTelemetry's conventions. Called by the pages, and by the store for the beginnings that lists show; knows neither.
//! `message` reads one message, `part` one part of it.

mod message;
mod part;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::Value;

use message::message;
use part::parts_of;

/// An input or output.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Body {
    /// Messages, and the other parts of the request or the response.
    Messages(Vec<Message>, Option<Value>),
    /// Other JSON.
    Json(Value),
    /// Anything else.
    Text(String),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Message {
    /// Such as `user`; empty if it has none.
    pub(crate) role: String,
    pub(crate) name: Option<String>,
    pub(crate) parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Text(String),
    Thinking(String),
    Call {
        name: String,
        id: Option<String>,
        arguments: Value,
    },
    Answer {
        id: Option<String>,
        is_error: bool,
        content: Vec<Self>,
    },
    /// A `data:` URL, a reference to media, or the URL of a picture that is not loaded.
    Picture(String),
    Json(Value),
}

/// Reads a text.
pub(crate) fn read(text: &str) -> Body {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::String(text)) => Body::Text(text),
        Ok(value @ (Value::Object(_) | Value::Array(_))) => read_value(value),
        _ => Body::Text(text.to_owned()),
    }
}

/// What a list shows of an input or output: of messages the text of the last one.
pub(crate) fn gist(text: &str) -> Cow<'_, str> {
    if text.len() > LONGEST_GIST || !text.starts_with(['{', '[', '"']) {
        return text.into();
    }
    match read(text) {
        Body::Text(words) => words.into(),
        Body::Json(_) => text.into(),
        Body::Messages(messages, _) => {
            let last = messages.iter().rev().find_map(|message| {
                message.parts.iter().find_map(|part| match part {
                    Part::Text(words) => Some(words.clone()),
                    Part::Call {
                        name, arguments, ..
                    } => Some(format!("{name}({arguments})")),
                    _ => None,
                })
            });
            last.map_or_else(|| text.into(), Cow::Owned)
        }
    }
}

/// A text that is an object or a list in JSON, as that.
pub(crate) fn inner(text: &str) -> Option<Value> {
    let text = text.trim();
    let is_json = (text.starts_with('{') && text.ends_with('}'))
        || (text.starts_with('[') && text.ends_with(']'));
    is_json.then(|| serde_json::from_str(text).ok()).flatten()
}

/// A longer text is not read for its gist, since the writer of the store waits for it.
const LONGEST_GIST: usize = 64 << 10;

fn read_value(value: Value) -> Body {
    if let Some(messages) = list(&value) {
        return Body::Messages(messages, None);
    }
    let Value::Object(mut fields) = value else {
        return Body::Json(value);
    };
    if let Some(message) = message(&Value::Object(fields.clone())) {
        return Body::Messages(vec![message], None);
    }
    // Gemini and Anthropic have the system prompt beside the messages.
    let mut all: Vec<Message> = Vec::new();
    for key in [
        "system",
        "systemInstruction",
        "system_instruction",
        "instructions",
    ] {
        if let Some(system) = fields
            .get(key)
            .map(parts_of)
            .filter(|parts| !parts.is_empty())
        {
            all.push(Message {
                role: "system".to_owned(),
                name: None,
                parts: system,
            });
        }
    }
    let mut is_found = false;
    for key in [
        "messages",
        "contents",
        "input",
        "output",
        "choices",
        "candidates",
        "generations",
        "message",
        "content",
    ] {
        let found = fields
            .get(key)
            .and_then(|value| list(value).or_else(|| message(value).map(|one| vec![one])));
        if let Some(found) = found {
            is_found = true;
            all.extend(found);
            fields.remove(key);
        }
    }
    if !is_found {
        return Body::Json(Value::Object(fields));
    }
    for key in [
        "system",
        "systemInstruction",
        "system_instruction",
        "instructions",
    ] {
        fields.remove(key);
    }
    Body::Messages(all, (!fields.is_empty()).then_some(Value::Object(fields)))
}

/// A list in which everything is a message.
fn list(value: &Value) -> Option<Vec<Message>> {
    let values = value.as_array().filter(|values| !values.is_empty())?;
    if let [Value::Array(_)] = values.as_slice() {
        return list(values.first()?);
    }
    values.iter().map(message).collect()
}
