//! A request for one prompt: which one, how old it may be, and what is used in its place. Made by `client`, answered by `fetch`.

use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tracefuse_langfuse::{PROMPT_CACHE_TTL_RANGE, SettingError};

use crate::cache::{Key, Selector};
use crate::error::{PromptError, PromptProblem};
use crate::fallback::Fallback;
use crate::fetch::Shared;
use crate::message::ChatMessage;
use crate::prompt::{ChatPrompt, Kind, TextPrompt};
use crate::stored::Stored;

/// A request for a prompt; made by [`PromptClient::text`](crate::PromptClient::text) and
/// [`PromptClient::chat`](crate::PromptClient::chat), answered by [`get`](Self::get).
#[must_use = "a request does nothing until `get`"]
pub struct PromptRequest<T> {
    shared: Arc<Shared>,
    name: String,
    label: Option<String>,
    version: Option<u32>,
    ttl: Duration,
    fallback: Option<Fallback>,
    kind: PhantomData<T>,
}

impl<T> PromptRequest<T> {
    pub(crate) fn new(shared: &Arc<Shared>, name: String) -> Self {
        Self {
            shared: shared.clone(),
            name,
            label: None,
            version: None,
            ttl: shared.ttl,
            fallback: None,
            kind: PhantomData,
        }
    }

    /// The version with this label; `production` by default. `latest` is the newest version.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// This version. A label and a version together are an error.
    pub fn version(mut self, version: u32) -> Self {
        self.version = Some(version);
        self
    }

    /// How old the prompt may be, in place of the client's [`cache_ttl`](crate::PromptClientBuilder::cache_ttl); the same
    /// range, else `get` returns an error.
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    fn key(&self) -> Result<Key, PromptError> {
        let wrong = |why: &str| Err(PromptError::new(PromptProblem::Request, why));
        if self.name.is_empty() {
            return wrong("the name of the prompt is empty");
        }
        if let Err(error) = SettingError::check_time("cache_ttl", self.ttl, &PROMPT_CACHE_TTL_RANGE)
        {
            return wrong(&error.to_string());
        }
        let of = match (&self.label, self.version) {
            (Some(_), Some(_)) => {
                return wrong("a label and a version are given: give one of them");
            }
            (None, Some(version)) => Selector::Version(version),
            (label, None) => {
                Selector::Label(label.clone().unwrap_or_else(|| PRODUCTION.to_owned()))
            }
        };
        Ok(Key {
            name: self.name.clone(),
            of,
        })
    }
}

impl PromptRequest<TextPrompt> {
    /// The text to use if the prompt is not available, for any reason. It is not linked to generations.
    pub fn fallback(mut self, text: impl Into<String>) -> Self {
        self.fallback = Some(Fallback::Code(Value::String(text.into())));
        self
    }

    /// A file whose text is used if the prompt is not available, for any reason. It is read only then, up to 1 MiB.
    pub fn fallback_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.fallback = Some(Fallback::TextFile(path.into()));
        self
    }
}

impl PromptRequest<ChatPrompt> {
    /// The messages to use if the prompt is not available, for any reason: pairs of role and content, or
    /// [`ChatMessage`]s. They are not linked to generations.
    pub fn fallback<M: Into<ChatMessage>>(mut self, messages: impl IntoIterator<Item = M>) -> Self {
        let messages = messages
            .into_iter()
            .map(|message| message.into().into_value());
        self.fallback = Some(Fallback::Code(messages.collect()));
        self
    }

    /// A file of JSON to use if the prompt is not available, for any reason: a list of messages, or an object that has
    /// one as `prompt`, as Langfuse exports it. It is read only then, up to 1 MiB.
    pub fn fallback_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.fallback = Some(Fallback::ChatFile(path.into()));
        self
    }
}

#[expect(
    private_bounds,
    reason = "the trait is sealed: text and chat are all kinds of prompts"
)]
impl<T: Kind> PromptRequest<T> {
    /// The prompt: from the cache if it is younger than its time to live, else from Langfuse.
    ///
    /// A prompt that is too old is returned once more at once, and one task fetches it in the background. Requests for a
    /// prompt that is not in the cache wait for one fetch together. If Langfuse failed, it is asked again after 10 s at the
    /// earliest where something else can be used; until then old prompts and fallbacks are returned at once.
    ///
    /// # Errors
    /// [`PromptError`], whose [`problem`](PromptError::problem) tells a prompt that does not exist from an outage. With a
    /// fallback, only for a request that cannot be made, or a fallback file that cannot be used.
    pub async fn get(self) -> Result<T, PromptError> {
        let key = self.key()?;
        let reason = match self
            .shared
            .find(&key, self.ttl, self.fallback.is_some())
            .await
        {
            Ok(prompt) => match T::of(prompt) {
                Ok(prompt) => return Ok(prompt),
                Err(error) => error,
            },
            Err(error) => error,
        };
        let Some(fallback) = self.fallback else {
            return Err(reason);
        };
        self.shared.counters.note_fallback();
        let body = fallback
            .read()
            .await
            .map_err(|why| PromptError::new(PromptProblem::Fallback, format!("{reason}; {why}")))?;
        let prompt = Stored::fallback(&self.name, body, reason);
        T::of(Arc::new(prompt))
    }
}

impl<T> fmt::Debug for PromptRequest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromptRequest")
            .field("name", &self.name)
            .field("label", &self.label)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

const PRODUCTION: &str = "production";
