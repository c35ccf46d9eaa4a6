//! A filled prompt, which links the generation whose input it is. Made by `prompt`.
//! The link passes through `Serialize`, which `tracefuse-core` calls to capture an input.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::Value;
use tracefuse_core::{Scoped, WithAttributes, bridge, with_attributes};

/// The prompt in Langfuse that a text was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) name: Arc<str>,
    pub(crate) version: u32,
}

fn note(link: Option<&Link>) {
    if let Some(link) = link {
        bridge::note_prompt(&link.name, link.version);
    }
}

fn attributes(link: Option<&Link>) -> WithAttributes {
    match link {
        Some(link) => with_attributes().prompt(&link.name, link.version),
        None => with_attributes(),
    }
}

/// What filled text and chat prompts have in common.
macro_rules! linked {
    () => {
        /// Name and version of the prompt in Langfuse that a generation is linked to; `None` for a fallback.
        #[must_use]
        pub fn link(&self) -> Option<(&str, u32)> {
            let link = self.link.as_ref()?;
            Some((&link.name, link.version))
        }

        /// Runs a future in which each generation that starts is linked to the prompt, unless it names another one. For
        /// generations that a framework makes, which does not show what its input was made of.
        pub fn scope<F: Future>(&self, future: F) -> Scoped<F> {
            attributes(self.link.as_ref()).scope(future)
        }

        /// Runs a closure in which each generation that starts is linked to the prompt, see [`scope`](Self::scope).
        pub fn run<R>(&self, f: impl FnOnce() -> R) -> R {
            attributes(self.link.as_ref()).run(f)
        }
    };
}

/// A filled text prompt: a text, to the compiler and to serde.
///
/// ```no_run
/// # use tracefuse_core::Trace;
/// # fn run(trace: Trace, prompt: tracefuse_prompts::TextPrompt) -> Result<(), tracefuse_prompts::CompileError> {
/// let text = prompt.compile([("city", "Lyon")])?;
/// trace.generation("answer").model("gpt-4o").input(&text).run(|span| {
///     span.set_output(ask(&text)); // linked to the prompt in Langfuse
/// });
/// # Ok(()) }
/// # fn ask(_: &str) {}
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CompiledText {
    text: String,
    link: Option<Link>,
}

impl CompiledText {
    pub(crate) fn new(text: String, link: Option<Link>) -> Self {
        Self { text, link }
    }

    linked!();

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Deref for CompiledText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl AsRef<str> for CompiledText {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl From<CompiledText> for String {
    fn from(compiled: CompiledText) -> Self {
        compiled.text
    }
}

impl fmt::Display for CompiledText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// As the text.
impl Serialize for CompiledText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        note(self.link.as_ref());
        serializer.serialize_str(&self.text)
    }
}

/// A filled chat prompt: a list of messages, to serde.
///
/// ```no_run
/// # use tracefuse_core::Trace;
/// # fn run(trace: Trace, prompt: tracefuse_prompts::ChatPrompt) -> Result<(), tracefuse_prompts::CompileError> {
/// let messages = prompt.compile([("language", "French")])?;
/// let request = serde_json::json!({ "model": "gpt-4o", "messages": messages });
/// trace.generation("answer").model("gpt-4o").input(&messages).run(|span| {
///     span.set_output(ask(&request)); // linked to the prompt in Langfuse
/// });
/// # Ok(()) }
/// # fn ask(_: &serde_json::Value) {}
/// ```
#[derive(Clone, PartialEq)]
pub struct CompiledChat {
    messages: Value,
    link: Option<Link>,
}

impl CompiledChat {
    pub(crate) fn new(messages: Vec<Value>, link: Option<Link>) -> Self {
        Self {
            messages: Value::Array(messages),
            link,
        }
    }

    linked!();

    /// The messages as a JSON array: objects with `role`, `content` and what else they have.
    #[must_use]
    pub fn as_json(&self) -> &Value {
        &self.messages
    }

    /// The messages as a provider's own type, such as a `Vec` of its messages.
    ///
    /// # Errors
    /// If the type cannot be made of them.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.messages)
    }
}

/// As the list of messages.
impl Serialize for CompiledChat {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        note(self.link.as_ref());
        self.messages.serialize(serializer)
    }
}

/// The link only: the inserted values must not reach a log through `{:?}`.
macro_rules! debug {
    ($($type:ident),*) => {$(
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($type))
                    .field("link", &self.link())
                    .finish_non_exhaustive()
            }
        }
    )*};
}

debug!(CompiledText, CompiledChat);
