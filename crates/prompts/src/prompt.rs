//! Text and chat prompts as applications have them: what they are, and how they are filled.
//! Made by `request` of what is in `stored`; values are read by `variables`.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::compile_error::CompileError;
use crate::compiled::{CompiledChat, CompiledText};
use crate::error::{PromptError, PromptProblem};
use crate::message::Part;
use crate::stored::{Body, Stored};
use crate::template::{Template, each_once};
use crate::variables::Variables;

/// The types of prompts.
pub(crate) trait Kind: Sized {
    /// Whether the prompt has this type, else an error that says so.
    fn of(stored: Arc<Stored>) -> Result<Self, PromptError>;
}

fn wrong_type(stored: &Stored, wanted: &str) -> PromptError {
    let (kind, name) = (stored.body.kind(), &stored.name);
    let name = tracefuse_exporter::plain_text(name);
    PromptError::new(
        PromptProblem::WrongType,
        format!(
            "the prompt \"{name}\" is a {kind} prompt: ask for it with `{kind}`, not with `{wanted}`"
        ),
    )
}

impl Kind for TextPrompt {
    fn of(stored: Arc<Stored>) -> Result<Self, PromptError> {
        match &stored.body {
            Body::Text(_) => Ok(Self(stored)),
            Body::Chat(_) => Err(wrong_type(&stored, "text")),
        }
    }
}

impl Kind for ChatPrompt {
    fn of(stored: Arc<Stored>) -> Result<Self, PromptError> {
        match &stored.body {
            Body::Chat(_) => Ok(Self(stored)),
            Body::Text(_) => Err(wrong_type(&stored, "chat")),
        }
    }
}

/// What text and chat prompts have in common.
macro_rules! prompt {
    () => {
        /// Its name.
        #[must_use]
        pub fn name(&self) -> &str {
            &self.0.name
        }

        /// Its version; `None` for a fallback.
        #[must_use]
        pub fn version(&self) -> Option<u32> {
            self.0.version
        }

        /// Its configuration, any JSON; an empty object for a fallback.
        #[must_use]
        pub fn config(&self) -> &Value {
            &self.0.config
        }

        /// The labels of this version.
        #[must_use]
        pub fn labels(&self) -> &[String] {
            &self.0.labels
        }

        /// Its tags.
        #[must_use]
        pub fn tags(&self) -> &[String] {
            &self.0.tags
        }

        /// The message that its version was saved with.
        #[must_use]
        pub fn commit_message(&self) -> Option<&str> {
            self.0.commit_message.as_deref()
        }

        /// Why this is the fallback and not the prompt of Langfuse; `None` if it is the prompt of Langfuse.
        #[must_use]
        pub fn fallback_reason(&self) -> Option<&PromptError> {
            self.0.reason.as_ref()
        }
    };
}

/// A text prompt. Cheap to clone.
///
/// ```no_run
/// # async fn run(client: tracefuse_prompts::PromptClient) -> Result<(), Box<dyn std::error::Error>> {
/// let prompt = client.text("weather").label("production").get().await?;
/// let text = prompt.compile([("city", "Lyon")])?;
/// println!("{text}");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct TextPrompt(Arc<Stored>);

impl TextPrompt {
    prompt!();

    /// The text with its variables in double braces.
    #[must_use]
    pub fn template(&self) -> &str {
        match &self.0.body {
            Body::Text(template) => template.source(),
            Body::Chat(_) => "",
        }
    }

    /// Names of the variables, each once, in the order of their first use.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        match &self.0.body {
            Body::Text(template) => template.variables(),
            Body::Chat(_) => Vec::new(),
        }
    }

    /// The text with values in the place of its variables.
    ///
    /// Values are pairs, a map, or a struct: text is inserted as it is, numbers and booleans in decimal, `null` as
    /// nothing, lists and maps as JSON. A value is not read as a template again. Values that the prompt does not use are
    /// ignored.
    ///
    /// A generation whose input is the result is linked to the prompt.
    ///
    /// # Errors
    /// [`CompileError`] names the variables without a value. The official SDKs leave them in the text.
    pub fn compile<T: Serialize>(&self, values: T) -> Result<CompiledText, CompileError> {
        let values = read(&self.0, &values)?;
        let mut missing = Vec::new();
        let text = match &self.0.body {
            Body::Text(template) => template.fill(|name| values.text(name), &mut missing),
            Body::Chat(_) => String::new(),
        };
        complete(&self.0, &values, missing, Vec::new())?;
        Ok(CompiledText::new(text, self.0.link()))
    }
}

/// A chat prompt. Cheap to clone.
///
/// ```no_run
/// # async fn run(client: tracefuse_prompts::PromptClient) -> Result<(), Box<dyn std::error::Error>> {
/// use serde_json::json;
///
/// let prompt = client.chat("support").get().await?;
/// let history = json!([{ "role": "user", "content": "Hello" }]);
/// let messages = prompt.compile(json!({ "language": "French", "history": history }))?;
/// println!("{}", messages.as_json());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ChatPrompt(Arc<Stored>);

impl ChatPrompt {
    prompt!();

    /// Names of the variables in its messages, each once, in the order of their first use.
    #[must_use]
    pub fn variables(&self) -> Vec<&str> {
        let contents = self.parts().iter().filter_map(|part| match part {
            Part::Message { content, .. } => Some(content),
            Part::Placeholder(_) => None,
        });
        each_once(contents.flat_map(Template::variables))
    }

    /// Names of its placeholders for messages, in their order.
    #[must_use]
    pub fn placeholders(&self) -> Vec<&str> {
        let names = self.parts().iter().filter_map(|part| match part {
            Part::Placeholder(name) => Some(name.as_str()),
            Part::Message { .. } => None,
        });
        names.collect()
    }

    /// The messages with values in the place of variables, and lists of messages in the place of placeholders.
    ///
    /// Values are as in [`TextPrompt::compile`]; the value for a placeholder is a list of messages, each an object. They
    /// are inserted as they are: the words of a user in a conversation are not read as a template, as the official SDKs
    /// read them.
    ///
    /// A generation whose input is the result is linked to the prompt.
    ///
    /// # Errors
    /// [`CompileError`] names the variables and placeholders without a value. The official SDKs leave them in the messages.
    pub fn compile<T: Serialize>(&self, values: T) -> Result<CompiledChat, CompileError> {
        let values = read(&self.0, &values)?;
        let (mut missing, mut placeholders) = (Vec::new(), Vec::new());
        let mut messages = Vec::new();
        for part in self.parts() {
            match part {
                Part::Message { content, fields } => {
                    let mut message = fields.clone();
                    let text = content.fill(|name| values.text(name), &mut missing);
                    if fields.get("content").is_some_and(Value::is_string) {
                        message.insert("content".to_owned(), Value::String(text));
                    }
                    messages.push(Value::Object(message));
                }
                Part::Placeholder(name) => match values.list(name) {
                    Some(list) if list.iter().all(Value::is_object) => {
                        messages.extend(list.iter().cloned());
                    }
                    None if !values.has(name) => placeholders.push(name.as_str()),
                    _ => {
                        let why = format!(
                            "the value for the placeholder \"{name}\" is not a list of messages, each an object with role and content"
                        );
                        return Err(CompileError::unreadable(self.0.to_string(), why));
                    }
                },
            }
        }
        complete(&self.0, &values, missing, placeholders)?;
        Ok(CompiledChat::new(messages, self.0.link()))
    }

    fn parts(&self) -> &[Part] {
        match &self.0.body {
            Body::Chat(parts) => parts,
            Body::Text(_) => &[],
        }
    }
}

fn read<T: Serialize>(stored: &Stored, values: &T) -> Result<Variables, CompileError> {
    Variables::read(values).map_err(|why| CompileError::unreadable(stored.to_string(), why))
}

fn complete(
    stored: &Stored,
    values: &Variables,
    missing: Vec<&str>,
    placeholders: Vec<&str>,
) -> Result<(), CompileError> {
    if missing.is_empty() && placeholders.is_empty() {
        return Ok(());
    }
    let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    Err(CompileError::missing(
        stored.to_string(),
        owned(each_once(missing)),
        owned(each_once(placeholders)),
        owned(values.names().collect()),
    ))
}

/// Name and version only: a prompt must not reach a log through `{:?}`.
macro_rules! debug {
    ($($type:ident),*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type))
                    .field("name", &self.0.name)
                    .field("version", &self.0.version)
                    .finish_non_exhaustive()
            }
        }
    )*};
}

debug!(TextPrompt, ChatPrompt);
