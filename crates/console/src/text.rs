//! Inputs, outputs and metadata as text for people: one line of it, or all of it.
//! Called by `model` and `convert`; knows nothing of widths and colours.

use serde_json::Value;

use crate::messages::{messages, plain_message, role, said};

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
