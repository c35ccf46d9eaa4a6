//! The client: answers requests from the cache, fetches in the background or on demand, falls back.
//! Used by applications. `cache` decides, this file acts: it starts tasks, waits and writes log lines.

use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tracefuse_core::Clock;
use tracefuse_exporter::plain_text;
use tracefuse_langfuse::{
    ApiError, ApiProblem, LangfuseApi, LangfuseConfig, LangfuseConfigError, Retries,
};

use crate::cache::{Cache, Key, Look, Outcome, Selector, Waiting, Wish};
use crate::error::{PromptError, PromptProblem};
use crate::fallback::Fallback;
use crate::message::ChatMessage;
use crate::prompt::{ApiPrompt, ChatPrompt, Kind, Stored, TextPrompt};

/// Fetches prompts from Langfuse and keeps them. Cheap to clone; clones share the cache.
///
/// It has no thread and no runtime: requests are awaited inside the application's tokio runtime, with time and network
/// enabled, and prompts are refreshed by tasks on it.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use tracefuse_prompts::{LangfuseConfig, PromptClient};
///
/// let client = PromptClient::new(LangfuseConfig::new("pk-lf-..", "sk-lf-.."))?;
/// let prompt = client.text("weather").fallback("How is the weather in {{city}}?").get().await?;
/// println!("{}", prompt.compile([("city", "Lyon")])?);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PromptClient {
    shared: Arc<Shared>,
}

struct Shared {
    api: LangfuseApi,
    clock: Clock,
    cache: Mutex<Cache>,
    ttl: Duration,
    timeout: Duration,
    max_retries: u32,
    fetched: AtomicU64,
    failed: AtomicU64,
    fallbacks: AtomicU64,
}

/// Settings of a [`PromptClient`].
///
/// ```
/// use std::time::Duration;
/// use tracefuse_prompts::{LangfuseConfig, PromptClient};
///
/// let client = PromptClient::builder(LangfuseConfig::new("pk-lf-1234abcd", "sk-lf-5678"))
///     .cache_ttl(Duration::from_secs(300))
///     .max_prompts(100)
///     .build()?;
/// # Ok::<(), tracefuse_prompts::LangfuseConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct PromptClientBuilder {
    config: LangfuseConfig,
    ttl: Duration,
    timeout: Duration,
    max_retries: u32,
    max_prompts: usize,
    max_bytes: usize,
    clock: Clock,
}

/// What a [`PromptClient`] has done and keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PromptStats {
    /// Fetches that brought a prompt.
    pub fetched: u64,
    /// Fetches that failed, retries included.
    pub failed: u64,
    /// Requests that were answered by a fallback.
    pub fallbacks: u64,
    /// Prompts that were removed because the cache was full.
    pub evicted: u64,
    /// Keys in the cache now.
    pub cached: usize,
    /// Bytes of the prompts in the cache now, an estimate.
    pub bytes: usize,
}

impl PromptClient {
    /// A client with the default settings. Opens no connection.
    ///
    /// # Errors
    /// [`LangfuseConfigError`] names the setting that cannot be used.
    pub fn new(config: LangfuseConfig) -> Result<Self, LangfuseConfigError> {
        Self::builder(config).build()
    }

    /// A client with settings.
    pub fn builder(config: LangfuseConfig) -> PromptClientBuilder {
        PromptClientBuilder {
            ttl: config.prompt_cache_ttl,
            config,
            timeout: Duration::from_secs(5),
            max_retries: 2,
            max_prompts: 1000,
            max_bytes: 16 * 1024 * 1024,
            clock: Clock::system(),
        }
    }

    /// Asks for a text prompt: with the label `production`, unless the request says another label or a version.
    pub fn text(&self, name: impl Into<String>) -> PromptRequest<TextPrompt> {
        PromptRequest::new(self, name.into())
    }

    /// Asks for a chat prompt: with the label `production`, unless the request says another label or a version.
    pub fn chat(&self, name: impl Into<String>) -> PromptRequest<ChatPrompt> {
        PromptRequest::new(self, name.into())
    }

    /// Forgets all labels and versions of a prompt, so that the next request fetches it.
    pub fn invalidate(&self, name: &str) {
        self.shared.cache().remove(|key| key.name == name);
    }

    /// Forgets all prompts.
    pub fn clear(&self) {
        self.shared.cache().remove(|_| true);
    }

    /// What it has done and keeps.
    #[must_use]
    pub fn stats(&self) -> PromptStats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let cache = self.shared.cache();
        PromptStats {
            fetched: count(&self.shared.fetched),
            failed: count(&self.shared.failed),
            fallbacks: count(&self.shared.fallbacks),
            evicted: cache.evicted,
            cached: cache.len(),
            bytes: cache.bytes(),
        }
    }
}

impl PromptClientBuilder {
    /// How long a prompt is used before it is fetched again; that of the configuration by default, which is 60 s, as in
    /// the official SDKs. An older prompt
    /// is used once more, and is fetched in the background. Zero asks the server each time.
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// The longest a request waits for Langfuse, retries included; 5 s by default. At least 1 ms.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.max(Duration::from_millis(1));
        self
    }

    /// How often a failed attempt is repeated within the timeout; 2 by default, as in the official SDKs.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// The most prompts that are kept; 1000 by default, at least one.
    pub fn max_prompts(mut self, prompts: usize) -> Self {
        self.max_prompts = prompts;
        self
    }

    /// The most bytes of prompts that are kept; 16 MiB by default. One prompt is always kept.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The clock that says how old a prompt is; the system's by default.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The client. Opens no connection.
    ///
    /// # Errors
    /// [`LangfuseConfigError`] names the setting that cannot be used.
    pub fn build(self) -> Result<PromptClient, LangfuseConfigError> {
        let shared = Shared {
            api: LangfuseApi::new(&self.config)?,
            clock: self.clock,
            cache: Mutex::new(Cache::new(self.max_prompts, self.max_bytes)),
            ttl: self.ttl,
            timeout: self.timeout,
            max_retries: self.max_retries,
            fetched: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            fallbacks: AtomicU64::new(0),
        };
        Ok(PromptClient {
            shared: Arc::new(shared),
        })
    }
}

/// A request for a prompt; made by [`PromptClient::text`] and [`PromptClient::chat`], answered by [`get`](Self::get).
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
    fn new(client: &PromptClient, name: String) -> Self {
        Self {
            shared: client.shared.clone(),
            name,
            label: None,
            version: None,
            ttl: client.shared.ttl,
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

    /// How old the prompt may be, in place of the client's [`cache_ttl`](PromptClientBuilder::cache_ttl).
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    fn key(&self) -> Result<Key, PromptError> {
        let wrong = |why: &str| Err(PromptError::new(PromptProblem::Request, why));
        if self.name.is_empty() {
            return wrong("the name of the prompt is empty");
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
    /// The text to use if the prompt cannot be had, whatever the reason. It is not linked to generations.
    pub fn fallback(mut self, text: impl Into<String>) -> Self {
        self.fallback = Some(Fallback::Code(Value::String(text.into())));
        self
    }

    /// A file whose text is used if the prompt cannot be had, whatever the reason. It is read only then, up to 1 MiB.
    pub fn fallback_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.fallback = Some(Fallback::TextFile(path.into()));
        self
    }
}

impl PromptRequest<ChatPrompt> {
    /// The messages to use if the prompt cannot be had, whatever the reason: pairs of role and content, or
    /// [`ChatMessage`]s. They are not linked to generations.
    pub fn fallback<M: Into<ChatMessage>>(mut self, messages: impl IntoIterator<Item = M>) -> Self {
        let messages = messages
            .into_iter()
            .map(|message| message.into().into_value());
        self.fallback = Some(Fallback::Code(messages.collect()));
        self
    }

    /// A file of JSON to use if the prompt cannot be had, whatever the reason: a list of messages, or an object that has
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
        self.shared.fallbacks.fetch_add(1, Ordering::Relaxed);
        let body = fallback
            .read()
            .await
            .map_err(|why| PromptError::new(PromptProblem::Fallback, format!("{reason}; {why}")))?;
        let prompt = Stored::fallback(&self.name, body, reason);
        T::of(Arc::new(prompt))
    }
}

impl Shared {
    fn cache(&self) -> MutexGuard<'_, Cache> {
        // Nothing of a user's runs under the lock.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn find(
        self: &Arc<Self>,
        key: &Key,
        ttl: Duration,
        has_fallback: bool,
    ) -> Result<Arc<Stored>, PromptError> {
        let failed = |error: &Arc<ApiError>| PromptError::api(&What(key), error);
        let wish = Wish {
            now: self.clock.monotonic_nanos(),
            ttl: (!ttl.is_zero()).then(|| nanos(ttl)),
            lost_after: nanos(self.timeout + GRACE),
            has_fallback,
        };
        let (waiting, before) = {
            let mut cache = self.cache();
            match cache.look(key, wish) {
                Look::Have(prompt) => return Ok(prompt),
                Look::Failed(error) => return Err(failed(&error)),
                Look::Refresh(prompt) => {
                    // Outside of a runtime the old prompt is still better than none.
                    let _ = self.fetch(&mut cache, key, wish.now);
                    return Ok(prompt);
                }
                Look::Wait(waiting) => (waiting, None),
                Look::Fetch(before) => match self.fetch(&mut cache, key, wish.now) {
                    Some(waiting) => (waiting, before),
                    None => return before.ok_or_else(|| no_runtime(&What(key))),
                },
            }
        };
        let Ok(runtime) = Handle::try_current() else {
            return before.ok_or_else(|| no_runtime(&What(key)));
        };
        // A task of its own: on a runtime without a clock it panics, and not the application's task.
        let waiting = runtime.spawn(wait(waiting, self.timeout + GRACE));
        let outcome = waiting.await.ok().flatten();
        match (outcome, before) {
            (Some(Ok(prompt)), _) => Ok(prompt),
            // The old prompt is no substitute for one that was deleted.
            (Some(Err(error)), before)
                if error.problem() == ApiProblem::NotFound || before.is_none() =>
            {
                Err(failed(&error))
            }
            (None, None) => Err(interrupted(&What(key))),
            (_, Some(before)) => Ok(before),
            (Some(Err(error)), None) => Err(failed(&error)),
        }
    }

    /// Starts a task that fetches a prompt; `None` outside of a tokio runtime.
    fn fetch(self: &Arc<Self>, cache: &mut Cache, key: &Key, now: u64) -> Option<Waiting> {
        let runtime = Handle::try_current().ok()?;
        let (answer, waiting) = watch::channel(None);
        let number = cache.start(key, now, waiting.clone());
        let guard = Running {
            shared: self.clone(),
            key: key.clone(),
            number,
        };
        runtime.spawn(guard.fetch(answer));
        Some(waiting)
    }

    async fn ask(&self, key: &Key) -> Result<(Stored, usize), ApiError> {
        let retries = Retries::within(self.timeout).max_retries(self.max_retries);
        let path = ["v2", "prompts", &key.name];
        let answer: ApiPrompt = match &key.of {
            Selector::Label(label) => self.api.get(&path, &[("label", label)], retries).await?,
            Selector::Version(version) => {
                let version = version.to_string();
                self.api
                    .get(&path, &[("version", &version)], retries)
                    .await?
            }
        };
        Stored::read(answer)
            .ok_or_else(|| self.api.unexpected("neither a text nor a list of messages"))
    }
}

/// A fetch that is running. If its task is dropped, because its runtime ends or it panics, the next request fetches again.
struct Running {
    shared: Arc<Shared>,
    key: Key,
    number: u64,
}

impl Running {
    async fn fetch(self, answer: watch::Sender<Option<Outcome>>) {
        let shared = &self.shared;
        let asked = shared.ask(&self.key).await;
        let now = shared.clock.monotonic_nanos();
        let (settled, outcome) = match asked {
            Ok((prompt, bytes)) => {
                shared.fetched.fetch_add(1, Ordering::Relaxed);
                let prompt = Arc::new(prompt);
                (Ok((prompt.clone(), bytes)), Ok(prompt))
            }
            Err(error) => {
                shared.failed.fetch_add(1, Ordering::Relaxed);
                let gone = error.problem() == ApiProblem::NotFound;
                let error = Arc::new(error);
                (Err((error.clone(), gone)), Err(error))
            }
        };
        let pause_until = now.saturating_add(nanos(PAUSE));
        shared
            .cache()
            .settle(&self.key, self.number, now, settled, pause_until);
        if let Err(error) = &outcome {
            tracing::warn!(target: "tracefuse", "{}: {error}", What(&self.key));
        }
        answer.send_replace(Some(outcome));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.cache().abandon(&self.key, self.number);
    }
}

/// `None` if the fetch ended without an outcome, or takes too long.
async fn wait(mut waiting: Waiting, limit: Duration) -> Option<Outcome> {
    let done = waiting.wait_for(Option::is_some);
    let outcome = tokio::time::timeout(limit, done).await.ok()?.ok()?;
    outcome.clone()
}

/// A key as messages name it.
struct What<'a>(&'a Key);

impl fmt::Display for What<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = plain_text(&self.0.name);
        match &self.0.of {
            Selector::Label(label) => {
                write!(
                    f,
                    "the prompt \"{name}\" with label \"{}\"",
                    plain_text(label)
                )
            }
            Selector::Version(version) => write!(f, "the prompt \"{name}\" in version {version}"),
        }
    }
}

fn no_runtime(what: &dyn fmt::Display) -> PromptError {
    let message = format!(
        "{what} cannot be fetched: call `get` inside a tokio runtime with time and network"
    );
    PromptError::new(PromptProblem::Runtime, message)
}

fn interrupted(what: &dyn fmt::Display) -> PromptError {
    let message = format!(
        "{what} was not fetched: the task did not end in time. The tokio runtime needs time and network, and must run until then"
    );
    PromptError::new(PromptProblem::Runtime, message)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

const PRODUCTION: &str = "production";
/// After a failure the server is left alone this long where something else can be used.
const PAUSE: Duration = Duration::from_secs(10);
/// How much longer than the timeout of a fetch is waited for its task.
const GRACE: Duration = Duration::from_secs(1);

impl fmt::Debug for PromptClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromptClient")
            .field("api", &self.shared.api)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
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
