//! Which Langfuse server, with which keys, and how it is reached.
//! Filled by the facade or by users; checked by `exporter` before anything is sent.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use crate::media::MediaMode;
use tracefuse_otlp::http::{HttpConfig, ProxyConfig, Secret};

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
    /// What becomes of images, sound and files in inputs and outputs; they are uploaded by default.
    pub media: MediaMode,
    /// Timeouts, certificate authorities, proxies.
    pub http: HttpConfig,
}

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

    /// What becomes of images, sound and files in inputs and outputs.
    #[must_use]
    pub fn media(mut self, mode: MediaMode) -> Self {
        self.media = mode;
        self
    }

    /// Limit of one attempt, from connecting to the end of the answer; 10 s by default. The official
    /// SDKs have 5 s, but a server that took a request and answered too late stores it twice, so
    /// patience is cheaper than a retry.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.http = self.http.timeout(timeout);
        self
    }

    /// PEM file of certificate authorities to trust beside the system's.
    #[must_use]
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.http = self.http.ca_file(path);
        self
    }

    /// Proxies; none by default (the facade fills them from the usual variables).
    #[must_use]
    pub fn proxy(mut self, proxy: ProxyConfig) -> Self {
        self.http = self.http.proxy(proxy);
        self
    }

    /// Whether keys and prompts may go unencrypted beyond loopback; no by default.
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

    pub(crate) fn check(&self) -> Result<(), LangfuseConfigError> {
        let keys = [
            (
                "public key",
                "LANGFUSE_PUBLIC_KEY",
                self.public_key.as_str(),
            ),
            (
                "secret key",
                "LANGFUSE_SECRET_KEY",
                self.secret_key.expose(),
            ),
        ];
        for (what, variable, key) in keys {
            if key.is_empty() {
                return Err(LangfuseConfigError::new(format!(
                    "the {what} is empty: set `{variable}`"
                )));
            }
            if key
                .chars()
                .any(|c| c.is_control() || c.is_whitespace() || !c.is_ascii())
            {
                return Err(LangfuseConfigError::new(format!(
                    "the {what} contains a space, a line break or another character that keys do not have: was more than the key pasted into `{variable}`?"
                )));
            }
        }
        if self.public_key.starts_with("sk-") && self.secret_key.expose().starts_with("pk-") {
            return Err(LangfuseConfigError::new(
                "the keys are swapped: `LANGFUSE_PUBLIC_KEY` begins with pk-lf-, `LANGFUSE_SECRET_KEY` with sk-lf-",
            ));
        }
        if self.base_url.contains("/api/public") {
            return Err(LangfuseConfigError::new(
                "`LANGFUSE_BASE_URL` contains /api/public: expected the server's address alone, such as https://cloud.langfuse.com",
            ));
        }
        Ok(())
    }
}

/// Checks an environment's name on the client, by the server's rule (`docs/langfuse.md` 1.6): what the
/// server does not like silently becomes `default` there.
///
/// # Errors
/// If the name would not arrive as it is.
pub fn check_environment(name: &str) -> Result<(), LangfuseConfigError> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if !name.is_empty()
        && name.len() <= 40
        && name.chars().all(allowed)
        && !name.starts_with("langfuse")
    {
        return Ok(());
    }
    Err(LangfuseConfigError::new(format!(
        "the environment is {name:?}: expected lower-case letters, digits, `-` and `_`, at most 40, not beginning with `langfuse`"
    )))
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

/// Settings that cannot be used; says which, why and what to do, and repeats no key.
#[derive(Debug)]
#[non_exhaustive]
pub struct LangfuseConfigError {
    message: String,
}

impl LangfuseConfigError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

impl fmt::Display for LangfuseConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for LangfuseConfigError {}
