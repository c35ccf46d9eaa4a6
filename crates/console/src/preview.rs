//! Input and output as one line has room for: what was said last, if it is a conversation.
//! Used by `model`, whoever the value comes from; the whole value is in the JSON format and on servers.

use serde_json::Value;

/// Bytes kept of a text: more than any terminal is wide.
const LONGEST: usize = 2_000;
/// Conversations longer than this are not parsed for a preview.
const PARSED: usize = 256 * 1024;

/// `[3 messages] user: And tomorrow?` for a conversation in the form of OpenAI and Anthropic, as an
/// array, as the `messages` of an object or as one message alone; else the beginning of the text.
pub(crate) fn preview(text: &str) -> String {
    short(&conversation(text).unwrap_or_else(|| text.to_owned()))
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

fn conversation(text: &str) -> Option<String> {
    if text.len() > PARSED || !text.starts_with(['[', '{']) || !text.contains("\"role\"") {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let messages = match &value {
        Value::Array(messages) => messages.as_slice(),
        Value::Object(object) => match object.get("messages") {
            Some(messages) => messages.as_array()?,
            None => std::slice::from_ref(&value),
        },
        _ => return None,
    };
    let last = messages.last()?;
    let (role, content) = (last.get("role")?.as_str()?, last.get("content")?);
    let said = match content {
        Value::String(text) => text,
        Value::Array(parts) => parts.iter().find_map(|part| part.get("text")?.as_str())?,
        // A call of tools has no text; its JSON says more.
        _ => return None,
    };
    Some(match messages.len() {
        1 => format!("{role}: {said}"),
        count => format!("[{count} messages] {role}: {said}"),
    })
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
    fn a_long_text_is_cut_between_characters() {
        let cut = preview(&"ä".repeat(5_000));
        assert_eq!(cut.chars().count(), 1_001);
        assert!(cut.ends_with("ä…"));
        let deep = format!("[{}\"role\"", "[".repeat(200_000));
        assert!(preview(&deep).starts_with("[[["));
    }
}
