//! The messages of a chat prompt, as Langfuse stores them: messages with a role, and placeholders for lists of messages.
//! Used by `prompt` and by the fallbacks that an application gives.

use serde_json::{Map, Value, json};

/// A message of a chat prompt, for a fallback in code.
///
/// ```
/// use tracefuse_prompts::ChatMessage;
///
/// let messages = [
///     ChatMessage::new("system", "Answer in {{language}}."),
///     ChatMessage::placeholder("history"),
///     ChatMessage::new("user", "{{question}}"),
/// ];
/// # drop(messages);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ChatMessage(Value);

impl ChatMessage {
    /// A message of a role, such as `system`, `user` or `assistant`. The content may have variables.
    #[must_use]
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self(json!({ "role": role.into(), "content": content.into() }))
    }

    /// A place for a list of messages, which is given when the prompt is filled.
    #[must_use]
    pub fn placeholder(name: impl Into<String>) -> Self {
        Self(json!({ "type": "placeholder", "name": name.into() }))
    }

    pub(crate) fn into_value(self) -> Value {
        self.0
    }
}

impl<R: Into<String>, C: Into<String>> From<(R, C)> for ChatMessage {
    fn from((role, content): (R, C)) -> Self {
        Self::new(role, content)
    }
}

/// A message as it was parsed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    /// Its content is a template; the other fields stay as they are.
    Message {
        content: crate::template::Template,
        fields: Map<String, Value>,
    },
    Placeholder(String),
}

/// The messages of a chat prompt; `None` if it is not a list of objects.
pub(crate) fn parts(prompt: &Value) -> Option<Vec<Part>> {
    prompt.as_array()?.iter().map(part).collect()
}

fn part(message: &Value) -> Option<Part> {
    let mut fields = message.as_object()?.clone();
    let kind = fields.get("type").and_then(Value::as_str);
    match kind {
        Some("placeholder") => {
            let name = fields.get("name")?.as_str()?;
            Some(Part::Placeholder(name.to_owned()))
        }
        _ => {
            // Langfuse's own mark of a message, which no provider knows.
            if matches!(kind, Some("chatmessage" | "message")) {
                fields.remove("type");
            }
            let content = match fields.get("content") {
                Some(Value::String(text)) => text.clone(),
                _ => String::new(),
            };
            Some(Part::Message {
                content: crate::template::Template::new(content),
                fields,
            })
        }
    }
}
