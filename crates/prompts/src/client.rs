//! The client of an application: its settings, its numbers, and what it can be asked for.
//! Used by applications. Requests are in `request`, what they wait for in `fetch`.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use tracefuse_core::Clock;
use tracefuse_langfuse::{LangfuseApi, LangfuseConfig, PROMPT_CACHE_TTL_RANGE, SettingError};

use crate::cache::Cache;
use crate::fetch::{Counters, Shared};
use crate::prompt::{ChatPrompt, TextPrompt};
use crate::request::PromptRequest;

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
/// # Ok::<(), tracefuse_prompts::SettingError>(())
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
    /// [`SettingError`] names the setting that cannot be used.
    pub fn new(config: LangfuseConfig) -> Result<Self, SettingError> {
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
        PromptRequest::new(&self.shared, name.into())
    }

    /// Asks for a chat prompt: with the label `production`, unless the request says another label or a version.
    pub fn chat(&self, name: impl Into<String>) -> PromptRequest<ChatPrompt> {
        PromptRequest::new(&self.shared, name.into())
    }

    /// Removes all labels and versions of a prompt from the cache, so that the next request fetches it.
    pub fn invalidate(&self, name: &str) {
        self.shared.cache().remove(|key| key.name == name);
    }

    /// Removes all prompts from the cache.
    pub fn clear(&self) {
        self.shared.cache().remove(|_| true);
    }

    /// What it has done and keeps.
    #[must_use]
    pub fn stats(&self) -> PromptStats {
        let [fetched, failed, fallbacks] = self.shared.counters.read();
        let cache = self.shared.cache();
        PromptStats {
            fetched,
            failed,
            fallbacks,
            evicted: cache.evicted,
            cached: cache.len(),
            bytes: cache.bytes(),
        }
    }
}

impl PromptClientBuilder {
    /// How long a prompt is used before it is fetched again; that of the configuration by default, which is 60 s, as in
    /// the official SDKs; from 0, which asks the server each time, to 365 days. An older prompt is used once more, and is
    /// fetched in the background.
    pub fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = ttl;
        self
    }

    /// The longest a request waits for Langfuse, retries included; 5 s by default, from 1 ms to 1 h.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often a failed attempt is repeated within the timeout; 2 by default, as in the official SDKs, at most 1,000,000.
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// The most prompts that are kept; 1000 by default, from 1 to 1,000,000.
    pub fn max_prompts(mut self, prompts: usize) -> Self {
        self.max_prompts = prompts;
        self
    }

    /// The most bytes of prompts that are kept; 16 MiB by default, from 1 to 1 GiB. One prompt is always kept.
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
    /// [`SettingError`] names the setting that cannot be used, such as one outside of its range.
    pub fn build(self) -> Result<PromptClient, SettingError> {
        self.check()?;
        let shared = Shared {
            api: LangfuseApi::new(&self.config)?,
            clock: self.clock,
            cache: Cache::new(self.max_prompts, self.max_bytes).into(),
            ttl: self.ttl,
            timeout: self.timeout,
            max_retries: self.max_retries,
            counters: Counters::default(),
        };
        Ok(PromptClient {
            shared: Arc::new(shared),
        })
    }

    fn check(&self) -> Result<(), SettingError> {
        SettingError::check_time("cache_ttl", self.ttl, &PROMPT_CACHE_TTL_RANGE)?;
        SettingError::check_time("timeout", self.timeout, &TIMEOUT)?;
        SettingError::check_number("max_retries", self.max_retries, &(0..=1_000_000))?;
        SettingError::check_number("max_prompts", self.max_prompts, &(1..=1_000_000))?;
        SettingError::check_number("max_bytes", self.max_bytes, &(1..=1 << 30))
    }
}

/// The range of [`PromptClientBuilder::timeout`], that of an HTTP attempt.
const TIMEOUT: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60 * 60);

impl fmt::Debug for PromptClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromptClient")
            .field("api", &self.shared.api)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_without_meaning_are_refused_with_the_range() {
        let builder = || PromptClient::builder(LangfuseConfig::new("pk-lf-1", "sk-lf-1"));
        for (builder, setting, words) in [
            (
                builder().timeout(Duration::ZERO),
                "timeout",
                "`timeout` is 0 s: expected a time from 0.001 s to 3600 s",
            ),
            (builder().timeout(Duration::MAX), "timeout", "to 3600 s"),
            (
                builder().cache_ttl(Duration::MAX),
                "cache_ttl",
                "expected a time from 0 s to 31536000 s",
            ),
            (
                builder().max_retries(u32::MAX),
                "max_retries",
                "from 0 to 1000000",
            ),
            (
                builder().max_prompts(0),
                "max_prompts",
                "`max_prompts` is 0: expected a whole number from 1 to 1000000",
            ),
            (
                builder().max_prompts(usize::MAX),
                "max_prompts",
                "to 1000000",
            ),
            (builder().max_bytes(0), "max_bytes", "from 1 to 1073741824"),
            (
                builder().max_bytes(usize::MAX),
                "max_bytes",
                "to 1073741824",
            ),
        ] {
            let error = builder.build().unwrap_err();
            assert_eq!(error.setting(), setting);
            assert!(error.to_string().contains(words), "{error}");
        }
        for ttl in [Duration::ZERO, Duration::from_secs(365 * 24 * 60 * 60)] {
            assert!(builder().cache_ttl(ttl).build().is_ok());
        }
    }
}
