//! Reads the parts of a message: texts, thinking, calls of tools and their results, pictures. Called by `message` and by the
//! parent module.

use serde_json::Value;

use super::{Part, inner};

pub(super) fn parts_of(value: &Value) -> Vec<Part> {
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

pub(super) fn part(value: &Value) -> Part {
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

pub(super) fn call(value: &Value) -> Part {
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
