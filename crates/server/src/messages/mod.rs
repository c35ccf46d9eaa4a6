//! Reads input and output as messages: the formats of OpenAI, Anthropic, Gemini, Bedrock, Ollama, LangChain and of
//! OpenTelemetry's conventions. Called by the pages, and by the store for the beginnings that lists show; knows neither.

use std::borrow::Cow;

use serde_json::{Map, Value};

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

fn message(value: &Value) -> Option<Message> {
    // Items of OpenAI's responses beside messages.
    const ITEMS: &[&str] = &[
        "function_call",
        "function_call_output",
        "reasoning",
        "tool_use",
        "tool_result",
        "custom_tool_call",
        "custom_tool_call_output",
    ];
    let fields = value.as_object()?;
    // A choice or a candidate, and LangChain's serialized message, have the message inside.
    for key in ["message", "delta", "kwargs", "data"] {
        if let Some(mut inner) = fields
            .get(key)
            .filter(|_| !fields.contains_key("role"))
            .and_then(message_or_text)
        {
            if inner.role.is_empty() {
                inner.role = role_of(fields).unwrap_or_default();
            }
            return Some(inner);
        }
    }
    if let Some(content) = fields
        .get("content")
        .filter(|content| content.get("parts").is_some())
    {
        return message(content);
    }
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
    if text("type").is_some_and(|kind| ITEMS.contains(&kind.as_str())) {
        let part = part(value);
        let is_answer = matches!(part, Part::Answer { .. });
        let role = if is_answer { "tool" } else { "assistant" };
        return Some(Message {
            role: role.to_owned(),
            name: None,
            parts: vec![part],
        });
    }
    let role = role_of(fields)?;
    let mut parts = Vec::new();
    for key in ["thinking", "reasoning_content", "reasoning"] {
        parts.extend(
            text(key)
                .filter(|text| !text.is_empty())
                .map(Part::Thinking),
        );
    }
    for key in ["content", "parts"] {
        parts.extend(fields.get(key).map(parts_of).unwrap_or_default());
    }
    if let Some(refusal) = text("refusal") {
        parts.push(Part::Text(refusal));
    }
    if let Some(pictures) = fields.get("images").and_then(Value::as_array) {
        let picture = |base64: &Value| {
            Some(Part::Picture(format!(
                "data:image/png;base64,{}",
                base64.as_str()?
            )))
        };
        parts.extend(pictures.iter().filter_map(picture));
    }
    if let Some(calls) = fields.get("tool_calls").and_then(Value::as_array) {
        parts.extend(calls.iter().map(call));
    }
    if let Some(one) = fields.get("function_call").filter(|one| one.is_object()) {
        parts.push(call(one));
    }
    if role == "tool" && !matches!(parts.as_slice(), [Part::Answer { .. }]) {
        let id = text("tool_call_id");
        parts = vec![Part::Answer {
            id,
            is_error: false,
            content: parts,
        }];
    }
    Some(Message {
        role,
        name: text("name"),
        parts,
    })
}

fn message_or_text(value: &Value) -> Option<Message> {
    message(value).or_else(|| {
        let content = value.get("content")?;
        Some(Message {
            parts: parts_of(content),
            ..Message::default()
        })
    })
}

fn role_of(fields: &Map<String, Value>) -> Option<String> {
    if let Some(role) = fields.get("role").and_then(Value::as_str) {
        return Some(if role == "model" { "assistant" } else { role }.to_owned());
    }
    // Gemini's contents may have no role.
    if fields.get("parts").is_some_and(Value::is_array) {
        return Some("user".to_owned());
    }
    let kind = fields
        .get("type")
        .and_then(Value::as_str)
        .filter(|_| fields.contains_key("content"))?;
    let role = match kind {
        "human" | "HumanMessage" => "user",
        "ai" | "AIMessage" | "AIMessageChunk" => "assistant",
        "system" | "SystemMessage" => "system",
        "tool" | "function" | "ToolMessage" => "tool",
        _ => return None,
    };
    Some(role.to_owned())
}

fn parts_of(value: &Value) -> Vec<Part> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![Part::Text(text.clone())],
        Value::Array(values) => values.iter().map(part).collect(),
        Value::Object(fields) => match fields.get("parts") {
            Some(parts) => parts_of(parts),
            None => vec![part(value)],
        },
        other => vec![Part::Json(other.clone())],
    }
}

fn part(value: &Value) -> Part {
    if let Value::String(text) = value {
        return Part::Text(text.clone());
    }
    let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let kind = value.get("type").and_then(Value::as_str).unwrap_or("");
    let read = match kind {
        "thinking" | "reasoning" | "redacted_thinking" => thinking(value).map(Part::Thinking),
        "text" | "input_text" | "output_text" | "refusal" => text("text")
            .or_else(|| text("content"))
            .or_else(|| text("refusal"))
            .map(Part::Text),
        "tool_call" | "tool_use" | "function_call" | "function" | "custom_tool_call"
        | "server_tool_use" => Some(call(value)),
        "tool_result"
        | "tool_call_response"
        | "function_call_output"
        | "custom_tool_call_output" => Some(answer(value)),
        _ => None,
    };
    let read = read
        .or_else(|| picture(value).map(Part::Picture))
        .or_else(|| {
            let call_of = ["functionCall", "function_call", "toolUse"]
                .into_iter()
                .find_map(|key| value.get(key));
            let answer_of = ["functionResponse", "function_response", "toolResult"]
                .into_iter()
                .find_map(|key| value.get(key));
            call_of
                .map(call)
                .or_else(|| answer_of.map(answer))
                .or_else(|| {
                    let is_text = kind.is_empty()
                        && value.as_object().is_some_and(|fields| fields.len() <= 2);
                    text("text").filter(|_| is_text).map(Part::Text)
                })
        });
    read.unwrap_or_else(|| Part::Json(value.clone()))
}

fn thinking(value: &Value) -> Option<String> {
    for key in ["thinking", "text", "content", "reasoning"] {
        if let Some(text) = value.get(key).and_then(Value::as_str) {
            return Some(text.to_owned());
        }
    }
    let summary = value.get("summary").and_then(Value::as_array)?;
    let texts = summary
        .iter()
        .filter_map(|part| part.get("text").and_then(Value::as_str));
    Some(texts.collect::<Vec<_>>().join("\n"))
}

fn call(value: &Value) -> Part {
    let function = value
        .get("function")
        .filter(|function| function.is_object())
        .unwrap_or(value);
    let text = |of: &Value, keys: &[&str]| {
        keys.iter()
            .find_map(|key| of.get(key).and_then(Value::as_str))
            .map(str::to_owned)
    };
    let arguments = ["arguments", "args", "input", "parameters"]
        .iter()
        .find_map(|key| function.get(key));
    let arguments = arguments.cloned().unwrap_or(Value::Null);
    let arguments = match &arguments {
        Value::String(text) => inner(text).unwrap_or(arguments),
        _ => arguments,
    };
    Part::Call {
        name: text(function, &["name"]).unwrap_or_default(),
        id: text(value, &["call_id", "id", "toolUseId", "tool_call_id"]),
        arguments,
    }
}

fn answer(value: &Value) -> Part {
    let keys = [
        "call_id",
        "tool_use_id",
        "toolUseId",
        "tool_call_id",
        "id",
        "name",
    ];
    let id = keys
        .iter()
        .find_map(|key| value.get(key).and_then(Value::as_str));
    let content = ["content", "output", "response", "result"]
        .iter()
        .find_map(|key| value.get(key));
    let content = match content {
        Some(Value::Object(fields)) if fields.get("type").is_none() => {
            vec![Part::Json(Value::Object(fields.clone()))]
        }
        Some(content) => parts_of(content),
        None => Vec::new(),
    };
    let is_error = value
        .get("is_error")
        .and_then(Value::as_bool)
        .unwrap_or(false)
        || value.get("status").and_then(Value::as_str) == Some("error");
    // Bedrock wraps JSON once more.
    let content = content.into_iter().map(|part| match part {
        Part::Json(json) => Part::Json(json.get("json").cloned().unwrap_or(json)),
        part => part,
    });
    Part::Answer {
        id: id.map(str::to_owned),
        is_error,
        content: content.collect(),
    }
}

/// The picture of a part, as a URL.
fn picture(value: &Value) -> Option<String> {
    let text = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(image) = value.get("image_url") {
        return image
            .as_str()
            .map(str::to_owned)
            .or_else(|| text(image, "url"));
    }
    let data = ["inlineData", "inline_data"]
        .iter()
        .find_map(|key| value.get(key));
    if let Some(data) = data {
        let kind = text(data, "mimeType").or_else(|| text(data, "mime_type"))?;
        return kind
            .starts_with("image/")
            .then(|| text(data, "data"))?
            .map(|data| url(&kind, data));
    }
    let image = value.get("image").unwrap_or(value);
    let source = image.get("source")?;
    if let Some(address) = text(source, "url") {
        return Some(address);
    }
    let kind = match (text(source, "media_type"), text(image, "format")) {
        (Some(kind), _) => kind,
        (None, Some(format)) => format!("image/{format}"),
        (None, None) => return None,
    };
    let data = text(source, "data").or_else(|| text(source, "bytes"))?;
    kind.starts_with("image/").then(|| url(&kind, data))
}

/// A reference to media stays as it is; other data get a `data:` URL.
fn url(kind: &str, data: String) -> String {
    if data.starts_with("data:") || data.starts_with("@@@") {
        data
    } else {
        format!("data:{kind};base64,{data}")
    }
}

#[cfg(test)]
mod tests;
