//! Reads from Langfuse's public API: requests with the project's keys, retried within one deadline; a typed error says what went wrong.
//! Called by the clients for prompts and for datasets. Not used when spans are delivered.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod error;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use tracefuse_exporter::plain_text;
use tracefuse_http::{
    Answer, AnswerClass, Endpoint, Headers, HttpClient, HttpError, HttpErrorKind, HttpRequest,
    Secret, SettingError,
};

use crate::config::LangfuseConfig;
use crate::exporter::{basic, headers};

pub use error::{ApiError, ApiProblem};

/// Reads from the public API of one project. Cheap to clone; clones share their connections.
///
/// It is polled inside the tokio runtime of the application, with time and network enabled.
///
/// ```
/// use tracefuse_langfuse::{LangfuseApi, LangfuseConfig};
///
/// let api = LangfuseApi::new(&LangfuseConfig::new("pk-lf-1234abcd", "sk-lf-5678")).unwrap();
/// # drop(api);
/// ```
#[derive(Clone)]
pub struct LangfuseApi {
    shared: Arc<Shared>,
}

struct Shared {
    client: HttpClient,
    base: Endpoint,
    headers: Headers,
    secrets: [Secret; 2],
    attempt: Duration,
}

/// How long a read may take, how often it is tried again, and how much is read.
///
/// ```
/// use std::time::Duration;
/// use tracefuse_langfuse::Retries;
///
/// let retries = Retries::within(Duration::from_secs(5)).max_retries(2);
/// assert_eq!(retries.max_retries, 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retries {
    /// The longest that all attempts and the waits between them may take.
    pub within: Duration,
    /// How often a failed attempt is repeated; 2 by default.
    pub max_retries: u32,
    /// The largest answer that is read, in bytes; 1 MiB by default.
    pub max_answer_bytes: usize,
}

impl Retries {
    /// Two retries, within this time.
    #[must_use]
    pub fn within(within: Duration) -> Self {
        Self {
            within,
            max_retries: 2,
            max_answer_bytes: 1024 * 1024,
        }
    }

    /// How often a failed attempt is repeated.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.max_retries = retries;
        self
    }

    /// The largest answer that is read, in bytes.
    #[must_use]
    pub fn max_answer_bytes(mut self, bytes: usize) -> Self {
        self.max_answer_bytes = bytes;
        self
    }
}

impl LangfuseApi {
    /// Opens no connection. Reads the CA file, if there is one.
    ///
    /// # Errors
    /// [`SettingError`] names the setting that cannot be used.
    pub fn new(config: &LangfuseConfig) -> Result<Self, SettingError> {
        config.check()?;
        let wrong =
            |setting, error: &dyn fmt::Display| SettingError::new(setting, error.to_string());
        let base = Endpoint::parse(&config.base_url).map_err(|error| wrong("base_url", &error))?;
        let client = HttpClient::new(&config.http)?;
        client.check_credentials_for(&base)?;
        let basic = basic(config);
        let headers = headers(config, &basic).map_err(|error| wrong("public_key", &error))?;
        let shared = Shared {
            client,
            base,
            headers,
            secrets: [config.secret_key.clone(), basic],
            attempt: config.http.timeout,
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// The address of the server, without a `/` at its end.
    #[must_use]
    pub fn base_url(&self) -> String {
        self.shared
            .base
            .to_string()
            .trim_end_matches('/')
            .to_owned()
    }

    /// `GET` of a path below `api/public`, as a type. Each segment is percent-encoded.
    ///
    /// What is worth trying again (no connection, a timeout, 408, 425, 429, 5xx) is repeated, after a random wait that
    /// doubles, or after the wait that the server asks for, as long as the deadline allows.
    ///
    /// # Errors
    /// [`ApiError`] says what went wrong; [`ApiProblem::NotFound`] only if Langfuse itself says so.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        retries: Retries,
    ) -> Result<T, ApiError> {
        let request = self.request(path, query, retries)?;
        let body = self.repeat(&request, retries).await?;
        serde_json::from_slice(&body).map_err(|error| self.unexpected(&error.to_string()))
    }

    /// The error of an answer that is not what the API documents.
    #[must_use]
    pub fn unexpected(&self, why: &str) -> ApiError {
        let (base, why) = (&self.shared.base, plain_text(why));
        let message = format!("{base} answered with something else than expected: {why}");
        ApiError::new(ApiProblem::Answer, message)
    }

    fn request(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        retries: Retries,
    ) -> Result<HttpRequest, ApiError> {
        let base = self.shared.base.join(&["api", "public"]);
        let endpoint = base.and_then(|base| base.join(path)).map_err(|error| {
            let message = format!("no request can be made of these names: {error}");
            ApiError::new(ApiProblem::Config, message)
        })?;
        Ok(HttpRequest::get(endpoint.query(query))
            .headers(self.shared.headers.clone())
            .max_answer_bytes(retries.max_answer_bytes))
    }

    async fn repeat(&self, request: &HttpRequest, retries: Retries) -> Result<Bytes, ApiError> {
        let start = Instant::now();
        let left = || retries.within.saturating_sub(start.elapsed());
        let mut retry = 0;
        loop {
            let attempt = left().min(self.shared.attempt).max(SHORTEST);
            let request = request.clone().timeout(attempt);
            let failed = match self.shared.client.send(&request).await {
                Ok(answer) if answer.class() == AnswerClass::Success => {
                    return Ok(answer.body().clone());
                }
                Ok(answer) => self.refused(&answer),
                Err(error) => self.unreachable(&error),
            };
            let wait = wait(retry, failed.retry_after, fastrand::f64());
            if !failed.again || retry >= retries.max_retries || wait >= left() {
                return Err(failed.error);
            }
            tokio::time::sleep(wait).await;
            retry = retry.saturating_add(1);
        }
    }

    fn refused(&self, answer: &Answer) -> Failed {
        let [secret, basic] = &self.shared.secrets;
        let words = answer.describe(&[secret, basic]);
        let (problem, remedy) = match answer.class() {
            AnswerClass::Unauthorized => (
                ApiProblem::Key,
                "; check LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY, and that LANGFUSE_BASE_URL is the region of the project",
            ),
            AnswerClass::NotFound if is_langfuse_not_found(answer) => (ApiProblem::NotFound, ""),
            AnswerClass::NotFound | AnswerClass::Redirect | AnswerClass::Intercepted => (
                ApiProblem::Host,
                "; is LANGFUSE_BASE_URL the address of a Langfuse server?",
            ),
            AnswerClass::Retry | AnswerClass::RateLimited => (ApiProblem::Unavailable, ""),
            _ => (ApiProblem::Refused, ""),
        };
        let again = matches!(
            answer.class(),
            AnswerClass::Retry | AnswerClass::RateLimited | AnswerClass::Intercepted
        );
        let mut error = ApiError::new(problem, format!("{words}{remedy}"));
        error.status = Some(answer.status());
        Failed {
            error,
            again,
            retry_after: answer.retry_after(),
        }
    }

    fn unreachable(&self, error: &HttpError) -> Failed {
        let (problem, again) = match error.kind() {
            HttpErrorKind::Tls(_) => (ApiProblem::Tls, false),
            HttpErrorKind::Protocol => (ApiProblem::Host, false),
            HttpErrorKind::BodyTooLarge | HttpErrorKind::HeadersTooLarge => {
                (ApiProblem::TooLarge, false)
            }
            HttpErrorKind::Dns
            | HttpErrorKind::Connect
            | HttpErrorKind::Proxy
            | HttpErrorKind::Timeout
            | HttpErrorKind::Reset => (ApiProblem::Unavailable, true),
            // Nothing was sent.
            _ => (ApiProblem::Config, false),
        };
        let mut message = error.to_string();
        if problem == ApiProblem::Tls {
            message.push_str("; for a private certificate authority set TRACEFUSE_CA_FILE");
        }
        Failed {
            error: ApiError::new(problem, message),
            again,
            retry_after: None,
        }
    }
}

struct Failed {
    error: ApiError,
    again: bool,
    retry_after: Option<Duration>,
}

/// Whether Langfuse itself says that there is no such thing. A proxy, or the wrong address, answers 404 as well.
fn is_langfuse_not_found(answer: &Answer) -> bool {
    let body: Option<Value> = serde_json::from_slice(answer.body()).ok();
    let name = body.as_ref().and_then(|body| body.get("error")?.as_str());
    name.is_some_and(|name| name.ends_with("NotFoundError"))
}

/// The wait before retry number `retry`: the server's value, or a random part of a time that doubles.
fn wait(retry: u32, retry_after: Option<Duration>, jitter: f64) -> Duration {
    let doubled = 1_u32.checked_shl(retry).unwrap_or(u32::MAX);
    let ceiling = FIRST_WAIT.saturating_mul(doubled).min(LONGEST_WAIT);
    let random = ceiling.mul_f64(jitter.clamp(0.2, 1.0));
    retry_after.map_or(random, |after| after.saturating_add(random))
}

const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// An attempt with no time left is still an attempt.
const SHORTEST: Duration = Duration::from_millis(1);

impl fmt::Debug for LangfuseApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LangfuseApi")
            .field("base", &self.shared.base)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_has_two_retries_and_one_mebibyte_unless_set() {
        let retries = Retries::within(Duration::from_secs(5));
        assert_eq!(retries.within, Duration::from_secs(5));
        assert_eq!(retries.max_retries, 2);
        assert_eq!(retries.max_answer_bytes, 1_048_576);
        let other = retries.max_retries(0).max_answer_bytes(7);
        assert_eq!(other.within, Duration::from_secs(5));
        assert_eq!((other.max_retries, other.max_answer_bytes), (0, 7));
    }

    #[test]
    fn the_address_of_the_server_ends_without_a_slash() {
        for (url, shown) in [
            ("http://localhost:3000/", "http://localhost:3000"),
            (
                "https://example.com/langfuse/",
                "https://example.com/langfuse",
            ),
        ] {
            let config = LangfuseConfig::new("pk-lf-1", "sk-lf-1").base_url(url);
            assert_eq!(LangfuseApi::new(&config).unwrap().base_url(), shown);
        }
    }

    #[test]
    fn waits_double_and_the_servers_wish_is_a_floor() {
        let ms = Duration::from_millis;
        for (retry, after, jitter, expected) in [
            (0, None, 1.0, ms(250)),
            (1, None, 1.0, ms(500)),
            (1, None, 0.0, ms(100)),
            (9, None, 1.0, ms(5000)),
            (99, None, 1.0, ms(5000)),
            (0, Some(ms(3000)), 1.0, ms(3250)),
        ] {
            assert_eq!(wait(retry, after, jitter), expected, "{retry} {after:?}");
        }
    }
}
