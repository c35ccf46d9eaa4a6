//! Settings of the Langfuse exporter: server, keys, and how the server is reached.
//! Filled by the facade or by users, checked by `exporter` before anything is sent. Knows no variables.

use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::media::MediaMode;
use tracefuse_http::{Endpoint, HttpConfig, ProxyConfig, Secret, SettingError};

/// Langfuse Cloud in the EU.
const CLOUD: &str = "https://cloud.langfuse.com";

/// Settings of a [`LangfuseExporter`](crate::LangfuseExporter).
///
/// ```
/// use tracefuse_langfuse::LangfuseConfig;
///
/// let config = LangfuseConfig::new("pk-lf-1234abcd", "sk-lf-5678").base_url("https://langfuse.example.com");
/// assert_eq!(format!("{config:?}").contains("5678"), false);
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct LangfuseConfig {
    /// Public key of the project.
    pub public_key: String,
    /// Secret key of the project.
    pub secret_key: Secret,
    /// Address of the server; `https://cloud.langfuse.com` by default. Other regions: `https://us.cloud.langfuse.com`,
    /// `https://jp.cloud.langfuse.com`, `https://hipaa.cloud.langfuse.com`.
    pub base_url: String,
    /// Path of the OTLP endpoint; `api/public/otel/v1/traces` by default.
    pub export_path: String,
    /// Whether requests are compressed with gzip; yes by default.
    pub gzip: bool,
    /// What happens to images, sound and files in inputs and outputs; they are uploaded by default.
    pub media: MediaMode,
    /// How long a prompt of `tracefuse-prompts` is used before it is fetched again; 60 s by default, at most 365 days. The
    /// exporter does not use it.
    pub prompt_cache_ttl: Duration,
    /// Timeouts, certificate authorities, proxies.
    pub http: HttpConfig,
}

/// The range of [`LangfuseConfig::prompt_cache_ttl`]: 0 to 365 days. With 0 a prompt is fetched each time.
pub const PROMPT_CACHE_TTL_RANGE: RangeInclusive<Duration> =
    Duration::ZERO..=Duration::from_secs(365 * 24 * 60 * 60);

impl LangfuseConfig {
    /// A project on Langfuse Cloud in the EU.
    pub fn new(public_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self {
            public_key: public_key.into(),
            secret_key: Secret::new(secret_key),
            base_url: CLOUD.to_owned(),
            export_path: "api/public/otel/v1/traces".to_owned(),
            gzip: true,
            media: MediaMode::default(),
            prompt_cache_ttl: Duration::from_secs(60),
            http: HttpConfig::default(),
        }
    }

    /// Another server.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Another path of the OTLP endpoint.
    #[must_use]
    pub fn export_path(mut self, path: impl Into<String>) -> Self {
        self.export_path = path.into();
        self
    }

    /// Whether requests are compressed with gzip.
    #[must_use]
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.gzip = gzip;
        self
    }

    /// What happens to images, sound and files in inputs and outputs.
    #[must_use]
    pub fn media(mut self, mode: MediaMode) -> Self {
        self.media = mode;
        self
    }

    /// How long a prompt of `tracefuse-prompts` is used before it is fetched again.
    #[must_use]
    pub fn prompt_cache_ttl(mut self, ttl: Duration) -> Self {
        self.prompt_cache_ttl = ttl;
        self
    }

    /// The longest one attempt may take, from connecting to the end of the answer; 10 s by default, from 1 ms to 1 h.
    /// The official SDKs have 5 s; but a request that is retried because its answer came too late is stored twice.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.http = self.http.timeout(timeout);
        self
    }

    /// PEM file of certificate authorities to trust in addition to the system's.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.http = self.http.ca_file(path);
        self
    }

    /// Proxies; none by default (the facade reads `HTTPS_PROXY`, `NO_PROXY` and their like).
    #[must_use]
    pub fn proxy(mut self, proxy: ProxyConfig) -> Self {
        self.http = self.http.proxy(proxy);
        self
    }

    /// Whether keys and prompts may cross the network in clear text; no by default. A server on this machine
    /// (loopback) may always be reached by `http://`; any other address, such as `http://langfuse:3000` in a
    /// container network, needs this.
    #[must_use]
    pub fn allow_plaintext_http(mut self, allow: bool) -> Self {
        self.http = self.http.allow_plaintext_http(allow);
        self
    }

    /// Timeouts, certificate authorities, proxies, all at once.
    #[must_use]
    pub fn http(mut self, http: HttpConfig) -> Self {
        self.http = http;
        self
    }

    /// Whether keys and address can be used, without opening a file or a connection.
    ///
    /// # Errors
    /// [`SettingError`] names the first setting that cannot be used and what to do.
    pub fn check(&self) -> Result<(), SettingError> {
        check_key("public_key", &self.public_key)?;
        check_key("secret_key", self.secret_key.expose())?;
        let refuse = |message| Err(SettingError::new("base_url", message));
        if is_quoted(&self.base_url) {
            return refuse(format!("the base URL is in quotes, {QUOTED}"));
        }
        // The second is of a page in the browser.
        for part in ["/api/public", "/project/"] {
            if self.base_url.contains(part) {
                return refuse(format!(
                    "the base URL contains {part}: expected the server's address alone, such as {CLOUD}"
                ));
            }
        }
        if let Err(error) = Endpoint::parse(&self.base_url) {
            return refuse(format!("the base URL cannot be used: {error}"));
        }
        let ttl = self.prompt_cache_ttl;
        SettingError::check_time("prompt_cache_ttl", ttl, &PROMPT_CACHE_TTL_RANGE)?;
        Ok(self.http.check()?)
    }

    /// What is unusual about the keys, in words; the server decides whether they work. Repeats no key.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let keys = [
            ("public", PUBLIC, self.public_key.as_str()),
            ("secret", SECRET, self.secret_key.expose()),
        ];
        keys.into_iter()
            .filter(|(_, prefix, key)| !key.starts_with(prefix))
            .map(|(which, prefix, _)| {
                format!(
                    "the {which} key does not begin with {prefix} as the keys of Langfuse do: copy it again from the project's settings if the server refuses it"
                )
            })
            .collect()
    }
}

/// What to do about quotes.
const QUOTED: &str = "which are taken as a part of it: write it without quotes (`docker --env-file` and `docker -e` keep quotes)";

fn is_quoted(text: &str) -> bool {
    let quotes = ['"', '\'', '`'];
    text.starts_with(quotes) || text.ends_with(quotes)
}

const PUBLIC: &str = "pk-lf-";
const SECRET: &str = "sk-lf-";

/// Refuses what is certainly not a key: an empty text, quotes, spaces, the other key of the pair. `setting` is
/// `public_key` or `secret_key`.
///
/// # Errors
/// The message says what is wrong and does not repeat the key.
pub fn check_key(setting: &'static str, key: &str) -> Result<(), SettingError> {
    let (what, variable, prefix, other) = match setting {
        "public_key" => ("public key", "LANGFUSE_PUBLIC_KEY", PUBLIC, SECRET),
        _ => ("secret key", "LANGFUSE_SECRET_KEY", SECRET, PUBLIC),
    };
    let refuse = |message| Err(SettingError::new(setting, message));
    if key.is_empty() {
        return refuse(format!("the {what} is empty: set `{variable}`"));
    }
    if is_quoted(key) {
        return refuse(format!("the {what} is in quotes, {QUOTED}"));
    }
    if key
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || !c.is_ascii())
    {
        return refuse(format!(
            "the {what} contains a space, a line break or another character that keys do not have: was more than the key pasted into `{variable}`?"
        ));
    }
    if key.starts_with(other) {
        return refuse(format!(
            "the keys are swapped: the {what} begins with {other}, expected {prefix} (`LANGFUSE_PUBLIC_KEY` begins with {PUBLIC}, `LANGFUSE_SECRET_KEY` with {SECRET})"
        ));
    }
    Ok(())
}

/// A project on Langfuse Cloud in the EU, without keys: [`check`](LangfuseConfig::check) refuses it until they are set.
impl Default for LangfuseConfig {
    fn default() -> Self {
        Self::new("", "")
    }
}

/// The name under which Langfuse stores an environment: in lower case, without a leading `langfuse`, at most 40
/// characters; `default` if a character other than `a-z`, `0-9`, `-` and `_` remains (`docs/langfuse.md` 1.6).
///
/// ```
/// use tracefuse_langfuse::stored_environment;
///
/// assert_eq!(stored_environment("production"), "production");
/// assert_eq!(stored_environment("Production"), "production");
/// assert_eq!(stored_environment("langfuse-eu"), "eu");
/// assert_eq!(stored_environment("Prod.EU"), "default");
/// ```
#[must_use]
pub fn stored_environment(name: &str) -> Cow<'_, str> {
    let mut stored = name.to_lowercase();
    while let Some(rest) = stored.strip_prefix("langfuse") {
        stored = rest.strip_prefix(['-', '_']).unwrap_or(rest).to_owned();
    }
    let stored: String = stored.chars().take(40).collect();
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if stored.is_empty() || !stored.chars().all(allowed) {
        return Cow::Borrowed("default");
    }
    if stored == name {
        return Cow::Borrowed(name);
    }
    Cow::Owned(stored)
}

impl fmt::Debug for LangfuseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.public_key;
        let tail = key
            .len()
            .checked_sub(4)
            .filter(|at| *at > 8)
            .and_then(|at| key.get(at..))
            .unwrap_or_default();
        f.debug_struct("LangfuseConfig")
            .field("public_key", &format_args!("pk-lf-…{tail}"))
            .field("secret_key", &format_args!("sk-lf-***"))
            .field("gzip", &self.gzip)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_is_stored_by_the_servers_rule() {
        let forty = "x".repeat(40);
        for (name, stored) in [
            ("production", "production"),
            ("staging-eu_2", "staging-eu_2"),
            ("Production", "production"),
            ("PROD", "prod"),
            ("langfuse-x", "x"),
            ("langfuse_langfuse-y", "y"),
            ("Langfusez", "z"),
            ("langfuse", "default"),
            ("", "default"),
            ("Prod.EU", "default"),
            ("prod eu", "default"),
            ("ümlaut", "default"),
            (&forty, &forty),
            (&format!("{forty}yyy"), &forty),
        ] {
            assert_eq!(stored_environment(name), stored, "{name}");
        }
    }

    #[test]
    fn an_address_that_is_no_servers_is_refused() {
        for (url, words) in [
            ("\"https://langfuse.example.com\"", "is in quotes"),
            ("https://langfuse.example.com'", "is in quotes"),
            (
                "https://cloud.langfuse.com/project/cm1/traces",
                "contains /project/",
            ),
            (
                "https://cloud.langfuse.com/api/public/otel",
                "contains /api/public",
            ),
            ("cloud.langfuse.com", "https://"),
            ("https://", "not valid"),
        ] {
            let config = LangfuseConfig::new("pk-lf-1", "sk-lf-1").base_url(url);
            let error = config.check().unwrap_err();
            assert_eq!(error.setting(), "base_url", "{url}");
            assert!(error.to_string().contains(words), "{url}: {error}");
        }
        for url in [
            "https://langfuse.example.com/",
            "https://example.com:8443/langfuse",
            "http://[::1]:3000",
        ] {
            let config = LangfuseConfig::new("pk-lf-1", "sk-lf-1").base_url(url);
            assert!(config.check().is_ok(), "{url}");
        }
    }

    #[test]
    fn each_setting_changes_itself_alone() {
        let http = HttpConfig::default().ca_file("a.pem");
        let config = LangfuseConfig::new("pk-lf-1", "sk-lf-1")
            .http(http)
            .base_url("https://a.example")
            .export_path("b/c")
            .gzip(false)
            .media(MediaMode::Strip)
            .prompt_cache_ttl(Duration::from_secs(1))
            .timeout(Duration::from_secs(2))
            .proxy(ProxyConfig::default().no_proxy("d.example"))
            .allow_plaintext_http(true);
        assert_eq!(config.public_key, "pk-lf-1");
        assert_eq!(config.secret_key.expose(), "sk-lf-1");
        assert_eq!(config.base_url, "https://a.example");
        assert_eq!(config.export_path, "b/c");
        assert!(!config.gzip);
        assert_eq!(config.media, MediaMode::Strip);
        assert_eq!(config.prompt_cache_ttl, Duration::from_secs(1));
        assert_eq!(config.http.timeout, Duration::from_secs(2));
        assert_eq!(config.http.ca_file, Some("a.pem".into()));
        assert!(config.http.allow_plaintext_http);
        assert_eq!(config.http.proxy.no_proxy, "d.example");
        let other = config.ca_file("e.pem");
        assert_eq!(other.http.ca_file, Some("e.pem".into()));
        assert_eq!(other.http.timeout, Duration::from_secs(2));
    }

    #[test]
    fn a_prompt_is_kept_for_a_year_at_most() {
        let kept = |ttl| LangfuseConfig::new("pk-lf-1", "sk-lf-1").prompt_cache_ttl(ttl);
        let year = Duration::from_secs(31_536_000);
        assert!(kept(Duration::ZERO).check().is_ok() && kept(year).check().is_ok());
        for ttl in [year + Duration::from_nanos(1), Duration::MAX] {
            let error = kept(ttl).check().unwrap_err();
            assert_eq!(error.setting(), "prompt_cache_ttl");
            assert!(
                error.to_string().contains("from 0 s to 31536000 s"),
                "{error}"
            );
        }
    }

    #[test]
    fn keys_that_cannot_work_are_refused_at_once() {
        let good = || LangfuseConfig::new("pk-lf-1", "sk-lf-CANARY");
        assert!(good().check().is_ok() && good().warnings().is_empty());
        for (public, secret, setting, words) in [
            ("", "sk-lf-1", "public_key", "is empty"),
            ("pk-lf-1", "", "secret_key", "is empty"),
            (
                "\"pk-lf-CANARY\"",
                "sk-lf-1",
                "public_key",
                "without quotes",
            ),
            ("pk-lf-1", "'sk-lf-CANARY'", "secret_key", "without quotes"),
            ("pk-lf-1", "sk-lf-CANARY\"", "secret_key", "without quotes"),
            ("pk-lf-1", " sk-lf-CANARY", "secret_key", "a space"),
            ("pk-lf-1", "sk-lf-CANARY\n", "secret_key", "a line break"),
            ("sk-lf-CANARY", "pk-lf-CANARY", "public_key", "swapped"),
            ("sk-lf-CANARY", "sk-lf-CANARY", "public_key", "swapped"),
            ("pk-lf-CANARY", "pk-lf-CANARY", "secret_key", "swapped"),
        ] {
            let error = LangfuseConfig::new(public, secret).check().unwrap_err();
            assert_eq!(error.setting(), setting, "{error}");
            assert!(error.to_string().contains(words), "{error}");
            assert!(!format!("{error} {error:?}").contains("CANARY"), "{error}");
        }
        let odd = LangfuseConfig::new("CANARY-1", "CANARY-2");
        assert!(odd.check().is_ok(), "your own server may have such keys");
        let warnings = odd.warnings().join("; ");
        assert!(warnings.contains("pk-lf-") && warnings.contains("sk-lf-"));
        assert!(!warnings.contains("CANARY"), "{warnings}");
    }
}
