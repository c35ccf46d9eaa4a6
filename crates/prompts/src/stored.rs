//! A prompt as Langfuse answered it, or as a fallback gave it: parsed once, shared by the cache and its users.
//! Made by `fetch` and `request`, kept by `cache`, used through `prompt`.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::compiled::Link;
use crate::error::PromptError;
use crate::message::{Part, parts};
use crate::template::Template;

/// A prompt as `GET /api/public/v2/prompts/{name}` answers it.
#[derive(Deserialize)]
pub(crate) struct ApiPrompt {
    name: String,
    version: u32,
    prompt: Value,
    #[serde(default)]
    config: Value,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default, rename = "commitMessage")]
    commit_message: Option<String>,
}

/// A parsed prompt, shared by the cache and by its users.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) name: Arc<str>,
    /// `None` for a fallback.
    pub(crate) version: Option<u32>,
    pub(crate) config: Value,
    pub(crate) labels: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) commit_message: Option<String>,
    pub(crate) body: Body,
    /// Why it is a fallback.
    pub(crate) reason: Option<PromptError>,
}

#[derive(Debug)]
pub(crate) enum Body {
    Text(Template),
    Chat(Vec<Part>),
}

impl Body {
    /// A text, or a list of messages.
    pub(crate) fn read(prompt: &Value) -> Option<Self> {
        match prompt {
            Value::String(text) => Some(Self::Text(Template::new(text.clone()))),
            other => parts(other).map(Self::Chat),
        }
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Chat(_) => "chat",
        }
    }
}

impl Stored {
    /// The prompt and the bytes that it has in memory, an estimate; `None` if it is neither text nor chat.
    pub(crate) fn read(answer: ApiPrompt) -> Option<(Self, usize)> {
        let body = Body::read(&answer.prompt)?;
        let bytes = answer.prompt.to_string().len() + answer.config.to_string().len();
        let prompt = Self {
            name: answer.name.into(),
            version: Some(answer.version),
            config: answer.config,
            labels: answer.labels,
            tags: answer.tags,
            commit_message: answer.commit_message,
            body,
            reason: None,
        };
        Some((prompt, bytes.saturating_add(size_of::<Self>())))
    }

    pub(crate) fn fallback(name: &str, body: Body, reason: PromptError) -> Self {
        Self {
            name: name.into(),
            version: None,
            config: Value::Object(serde_json::Map::new()),
            labels: Vec::new(),
            tags: Vec::new(),
            commit_message: None,
            body,
            reason: Some(reason),
        }
    }

    /// What a generation is linked to: nothing for a fallback, which has no version in Langfuse.
    pub(crate) fn link(&self) -> Option<Link> {
        let version = self.version?;
        Some(Link {
            name: self.name.clone(),
            version,
        })
    }
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = tracefuse_exporter::plain_text(&self.name);
        match self.version {
            Some(version) => write!(f, "prompt \"{name}\" (version {version})"),
            None => write!(f, "prompt \"{name}\" (fallback)"),
        }
    }
}
