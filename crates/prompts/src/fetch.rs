//! Finds a prompt: in the cache, or by a task that fetches it. `cache` decides, this file acts: it starts tasks, waits, and writes
//! a log line for each failed fetch. Called by `request`.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tracefuse_core::Clock;
use tracefuse_exporter::contain::log_line;
use tracefuse_exporter::plain_text;
use tracefuse_langfuse::{ApiError, ApiProblem, LangfuseApi, Retries};

use crate::cache::{Cache, Key, Look, Outcome, Selector, Waiting, Wish};
use crate::error::{PromptError, PromptProblem};
use crate::stored::{ApiPrompt, Stored};

/// What the clones of a client share.
pub(crate) struct Shared {
    pub(crate) api: LangfuseApi,
    pub(crate) clock: Clock,
    pub(crate) cache: Mutex<Cache>,
    pub(crate) ttl: Duration,
    pub(crate) timeout: Duration,
    pub(crate) max_retries: u32,
    pub(crate) counters: Counters,
}

#[derive(Default)]
pub(crate) struct Counters {
    fetched: AtomicU64,
    failed: AtomicU64,
    fallbacks: AtomicU64,
}

impl Counters {
    pub(crate) fn note_fallback(&self) {
        self.fallbacks.fetch_add(1, Ordering::Relaxed);
    }

    /// Fetches that brought a prompt, fetches that failed, fallbacks.
    pub(crate) fn read(&self) -> [u64; 3] {
        [&self.fetched, &self.failed, &self.fallbacks].map(|count| count.load(Ordering::Relaxed))
    }
}

impl Shared {
    pub(crate) fn cache(&self) -> MutexGuard<'_, Cache> {
        // No code of a user runs under the lock.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn find(
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
        // A statement, without the lock's guard: a task that is dropped when it is spawned locks again.
        let look = self.cache().look(key, wish);
        let (waiting, before) = match look {
            Look::Have(prompt) => return Ok(prompt),
            Look::Failed(error) => return Err(failed(&error)),
            Look::Refresh(prompt) => {
                // Outside of a runtime the old prompt is still better than none.
                let _ = self.fetch(key, wish.now);
                return Ok(prompt);
            }
            Look::Wait(waiting) => (waiting, None),
            Look::Fetch(before) => match self.fetch(key, wish.now) {
                Some(waiting) => (waiting, before),
                None => return before.ok_or_else(|| no_runtime(&What(key))),
            },
        };
        let Ok(runtime) = Handle::try_current() else {
            return before.ok_or_else(|| no_runtime(&What(key)));
        };
        // A separate task: on a runtime without a clock it panics, and not the application's task.
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

    /// Starts a task that fetches a prompt, unless one has started meanwhile; `None` outside of a tokio runtime.
    fn fetch(self: &Arc<Self>, key: &Key, now: u64) -> Option<Waiting> {
        let runtime = Handle::try_current().ok()?;
        let (answer, waiting) = watch::channel(None);
        let limit = nanos(self.timeout + GRACE);
        let started = self.cache().start(key, now, limit, waiting.clone());
        let number = match started {
            Ok(number) => number,
            Err(running) => return Some(running),
        };
        let running = Running {
            shared: self.clone(),
            key: key.clone(),
            number,
        };
        runtime.spawn(running.fetch(answer));
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
                shared.counters.fetched.fetch_add(1, Ordering::Relaxed);
                let prompt = Arc::new(prompt);
                (Ok((prompt.clone(), bytes)), Ok(prompt))
            }
            Err(error) => {
                shared.counters.failed.fetch_add(1, Ordering::Relaxed);
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
            log_line(|| tracing::warn!(target: "tracefuse", "{}: {error}", What(&self.key)));
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

/// How long the server is not asked after a failure, if something else can be used.
const PAUSE: Duration = Duration::from_secs(10);
/// How much longer than the timeout of a fetch is waited for its task.
const GRACE: Duration = Duration::from_secs(1);
