//! Conversations as text: the messages of a model call, their parts and their calls of tools.
//! Called by `text`; knows the forms of OpenAI, Anthropic and Gemini, and nothing of widths and colours.

use serde_json::Value;

/// The messages of a conversation: an array, the `messages` (OpenAI, Anthropic) or `contents` (Gemini) of an
/// object, or one message alone.
pub(crate) fn messages(value: &Value) -> Option<&[Value]> {
    let list = match value {
        Value::Array(messages) => messages.as_slice(),
        Value::Object(object) => match object.get("messages").or_else(|| object.get("contents")) {
            Some(messages) => messages.as_array()?,
            None => std::slice::from_ref(value),
        },
        _ => return None,
    };
    (!list.is_empty()).then_some(list)
}

pub(crate) fn role(message: &Value) -> Option<&str> {
    message.get("role")?.as_str()
}

/// What a message says: its text, or without one the tools it calls. The content is a text or a list of parts under
/// `content` (OpenAI, Anthropic), or a list under `parts` (OpenTelemetry's GenAI conventions, Gemini).
pub(crate) fn said(message: &Value) -> Option<String> {
    if let Some(Value::String(text)) = message.get("content") {
        return Some(text.clone());
    }
    let parts = parts(message);
    let text = parts.iter().find_map(|part| part_text(part));
    text.map(str::to_owned).or_else(|| calls(message, parts))
}

fn parts(message: &Value) -> &[Value] {
    ["content", "parts"]
        .iter()
        .find_map(|key| message.get(key)?.as_array())
        .map_or(&[], Vec::as_slice)
}

/// The text of a part: of type `text` and its like, or of none. Thoughts are not what was said.
fn part_text(part: &Value) -> Option<&str> {
    if part.get("thought").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    match part.get("type").and_then(Value::as_str) {
        None | Some("text" | "input_text" | "output_text") => {
            part.get("text").or_else(|| part.get("content"))?.as_str()
        }
        Some(_) => None,
    }
}

/// `calls get_weather({"city":"Berlin"})`, for each tool that is called.
fn calls(message: &Value, parts: &[Value]) -> Option<String> {
    let named = message.get("tool_calls").and_then(Value::as_array);
    let of_openai = named.into_iter().flatten().filter_map(|call| {
        let function = call.get("function")?;
        call_text(function, "arguments")
    });
    let of_parts = parts.iter().filter_map(|part| {
        if let Some(call) = part.get("functionCall") {
            return call_text(call, "args");
        }
        match part.get("type")?.as_str()? {
            "tool_call" => call_text(part, "arguments"),
            "tool_use" => call_text(part, "input"),
            _ => None,
        }
    });
    let all: Vec<String> = of_openai.chain(of_parts).collect();
    (!all.is_empty()).then(|| format!("calls {}", all.join(", ")))
}

fn call_text(call: &Value, arguments: &str) -> Option<String> {
    let name = call.get("name")?.as_str()?;
    Some(match call.get(arguments) {
        None | Some(Value::Null) => format!("{name}()"),
        Some(Value::String(text)) => format!("{name}({text})"),
        Some(other) => format!("{name}({other})"),
    })
}

/// A message of which nothing is left out when its role and text are shown.
pub(crate) fn plain_message(message: &Value) -> Option<String> {
    let object = message.as_object()?;
    let content = object.get("content").or_else(|| object.get("parts"))?;
    let text = match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Option<Vec<&str>> = parts
                .iter()
                .map(|part| {
                    part_text(part).filter(|_| part.as_object().is_some_and(|part| part.len() <= 2))
                })
                .collect();
            texts.filter(|texts| !texts.is_empty())?.join("\n")
        }
        _ => return None,
    };
    (object.len() == 2).then_some(())?;
    let role = role(message)?;
    Some(format!("{role}:\n  {}", text.replace('\n', "\n  ")))
}
