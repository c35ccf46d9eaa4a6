//! Inputs, outputs and metadata as text for people: one line of it, or all of it.
//! Called by `model` and `convert`; knows nothing of widths and colours.

use serde_json::Value;

/// Bytes kept of a text of which one line is shown: more than any terminal is wide.
const LONGEST: usize = 2_000;
/// Longer JSON is not parsed: the beginning of the text is shown, or all of it as it is.
const PARSED: usize = 256 * 1024;

/// JSON of so many bytes is readable on one line.
const SHORT: usize = 60;

/// `[3 messages] user: And tomorrow?` for a conversation, see [`said`]; else the beginning of the text.
pub(crate) fn preview(text: &str) -> String {
    let parsed = parse(text).filter(|_| text.contains("\"role\""));
    let line = parsed.as_ref().and_then(|value| {
        let messages = messages(value)?;
        let last = messages.last()?;
        let (role, said) = (role(last)?, said(last)?);
        Some(match messages.len() {
            1 => format!("{role}: {said}"),
            count => format!("[{count} messages] {role}: {said}"),
        })
    });
    short(line.as_deref().unwrap_or(text))
}

/// The beginning of the text, marked if there is more.
pub(crate) fn short(text: &str) -> String {
    if text.len() <= LONGEST {
        return text.to_owned();
    }
    let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at));
    let head = text.get(..end.unwrap_or(0)).unwrap_or_default();
    format!("{head}…")
}

/// The whole text, in lines. A conversation of texts has each message below its role; other JSON is indented unless it is
/// short; any other text stays as it is.
pub(crate) fn full(text: &str) -> String {
    let Some(value) = parse(text) else {
        return text.to_owned();
    };
    let conversation = messages(&value).and_then(|messages| {
        let blocks: Option<Vec<String>> = messages.iter().map(plain_message).collect();
        Some(blocks?.join("\n"))
    });
    conversation.unwrap_or_else(|| {
        if text.len() <= SHORT {
            text.to_owned()
        } else {
            indented(text)
        }
    })
}

/// Valid JSON with a line for each element, two spaces a level. Works on the text, so that the order of keys and
/// every digit of a number stay as they were recorded.
fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let break_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    for c in json.chars() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        match c {
            ' ' | '\n' | '\r' | '\t' => {}
            '{' | '[' => {
                out.push(c);
                depth += 1;
                break_line(&mut out, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                // Nothing inside: the two brackets stay together.
                let inside = out.trim_end_matches([' ', '\n']).len();
                if out
                    .get(..inside)
                    .is_some_and(|out| out.ends_with(['{', '[']))
                {
                    out.truncate(inside);
                } else {
                    break_line(&mut out, depth);
                }
                out.push(c);
            }
            ',' => {
                out.push(c);
                break_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => {
                in_string = c == '"';
                out.push(c);
            }
        }
    }
    out
}

fn parse(text: &str) -> Option<Value> {
    if text.len() > PARSED || !text.starts_with(['[', '{']) {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// The messages of a conversation: an array, the `messages` (OpenAI, Anthropic) or `contents` (Gemini) of an
/// object, or one message alone.
fn messages(value: &Value) -> Option<&[Value]> {
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

fn role(message: &Value) -> Option<&str> {
    message.get("role")?.as_str()
}

/// What a message says: its text, or without one the tools it calls. The content is a text or a list of parts under
/// `content` (OpenAI, Anthropic), or a list under `parts` (OpenTelemetry's GenAI conventions, Gemini).
fn said(message: &Value) -> Option<String> {
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
fn plain_message(message: &Value) -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_conversation_the_last_message_is_shown() {
        for (text, shown) in [
            (
                r#"[{"role":"system","content":"Be kind"},{"role":"user","content":"Hi"}]"#,
                "[2 messages] user: Hi",
            ),
            (
                r#"{"role":"assistant","content":"Hello"}"#,
                "assistant: Hello",
            ),
            (
                r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image"},{"type":"text","text":"What is it?"}]}]}"#,
                "user: What is it?",
            ),
            (
                r#"[{"role":"assistant","content":null}]"#,
                r#"[{"role":"assistant","content":null}]"#,
            ),
            (r#"["role"]"#, r#"["role"]"#),
            (r#"{"role":"ad"#, r#"{"role":"ad"#),
            ("plain", "plain"),
        ] {
            assert_eq!(preview(text), shown);
        }
    }

    #[test]
    fn messages_with_parts_and_calls_of_tools_are_shown_too() {
        for (text, shown) in [
            // OpenTelemetry's GenAI conventions.
            (
                r#"[{"role":"system","parts":[{"type":"text","content":"Be kind"}]},{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#,
                "[2 messages] user: Hi",
            ),
            (
                r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},{"type":"tool_call","id":"1","name":"weather","arguments":{"city":"Bonn"}}],"finish_reason":"tool_call"}]"#,
                r#"assistant: calls weather({"city":"Bonn"})"#,
            ),
            // Gemini.
            (
                r#"{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}"#,
                "user: Hi",
            ),
            (
                r#"{"role":"model","parts":[{"text":"hm","thought":true},{"functionCall":{"name":"weather","args":{}}}]}"#,
                "model: calls weather({})",
            ),
            // OpenAI and Anthropic.
            (
                r#"{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"weather","arguments":"{\"city\":1}"}},{"function":{"name":"time"}}]}"#,
                r#"assistant: calls weather({"city":1}), time()"#,
            ),
            (
                r#"{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"weather","input":{"city":1}}]}"#,
                r#"assistant: calls weather({"city":1})"#,
            ),
        ] {
            assert_eq!(preview(text), shown);
        }
    }

    #[test]
    fn the_whole_text_leaves_nothing_out() {
        for (text, shown) in [
            (
                r#"[{"role":"system","content":"Be kind.\nBe brief."},{"role":"user","content":"Hi"}]"#,
                "system:\n  Be kind.\n  Be brief.\nuser:\n  Hi",
            ),
            (
                r#"[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]"#,
                "user:\n  Hi",
            ),
            (
                r#"[{"role":"user","content":"Hi, how are you?","name":"ada of london"}]"#,
                "[\n  {\n    \"role\": \"user\",\n    \"content\": \"Hi, how are you?\",\n    \"name\": \"ada of london\"\n  }\n]",
            ),
            (
                r#"{"z":1.10,"a":[],"b":{ },"c":"{\"x\":[1,2]}\\","d":[123456789012345678901234567890, 2]}"#,
                "{\n  \"z\": 1.10,\n  \"a\": [],\n  \"b\": {},\n  \"c\": \"{\\\"x\\\":[1,2]}\\\\\",\n  \"d\": [\n    123456789012345678901234567890,\n    2\n  ]\n}",
            ),
            (r#"{"notes":["a","b"]}"#, r#"{"notes":["a","b"]}"#),
            ("[not json", "[not json"),
            ("two\nlines", "two\nlines"),
        ] {
            assert_eq!(full(text), shown);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let cut = preview(&"ä".repeat(5_000));
        assert_eq!(cut.chars().count(), 1_001);
        assert!(cut.ends_with("ä…"));
        let deep = format!("[{}\"role\"", "[".repeat(200_000));
        assert!(preview(&deep).starts_with("[[["));
    }
}
