//! Which project the keys belong to, whether they work at all, and where a trace is shown.
//! Called by applications when they start, through the facade; not on the way of any span.

use std::error::Error;
use std::fmt;

use serde_json::Value;
use tracefuse_exporter::record::TraceId;
use tracefuse_otlp::http::{
    Answer, AnswerClass, Endpoint, HttpClient, HttpError, HttpErrorKind, HttpRequest, Secret,
};

use crate::config::LangfuseConfig;
use crate::exporter::{basic, headers};

/// The project that a pair of keys belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LangfuseProject {
    /// Its id, as it stands in addresses.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The server's address, without a `/` at its end.
    base_url: String,
}

impl LangfuseProject {
    /// Asks the server (`GET /api/public/projects`). Needs a tokio runtime; the facade's `auth_check` needs none.
    ///
    /// # Errors
    /// [`AuthError`], which says what is wrong and what to do.
    pub async fn find(config: &LangfuseConfig) -> Result<Self, AuthError> {
        let wrong =
            |error: &dyn fmt::Display| AuthError::new(AuthProblem::Config, error.to_string());
        config.check().map_err(|error| wrong(&error))?;
        let base = Endpoint::parse(&config.base_url)
            .map_err(|error| wrong(&format!("`LANGFUSE_BASE_URL`: {error}")))?;
        let address = base
            .join(&["api", "public", "projects"])
            .map_err(|error| wrong(&error))?;
        let client = HttpClient::new(&config.http).map_err(|error| wrong(&error))?;
        client
            .check_credentials_for(&address)
            .map_err(|error| wrong(&error))?;
        let basic = basic(config);
        let headers = headers(config, &basic).map_err(|error| wrong(&error))?;
        let request = HttpRequest::get(address).headers(headers);
        match client.send(&request).await {
            Ok(answer) => read(&answer, &base, &[&config.secret_key, &basic]),
            Err(error) => Err(unreachable(&error, &base)),
        }
    }

    /// Where a trace is shown to people.
    #[must_use]
    pub fn trace_url(&self, trace: TraceId) -> String {
        format!("{}/project/{}/traces/{trace}", self.base_url, self.id)
    }
}

fn read(
    answer: &Answer,
    base: &Endpoint,
    secrets: &[&Secret],
) -> Result<LangfuseProject, AuthError> {
    let words = answer.describe(secrets);
    if answer.class() != AnswerClass::Success {
        let (problem, remedy) = match answer.status() {
            401 => (
                AuthProblem::Key,
                "check the keys, and that LANGFUSE_BASE_URL is the region of the project",
            ),
            403 => (
                AuthProblem::Key,
                "the keys lack the right to read their project",
            ),
            _ if answer.class() == AnswerClass::Intercepted => {
                (AuthProblem::Host, "check LANGFUSE_BASE_URL")
            }
            404 | 405 => (AuthProblem::Host, "is LANGFUSE_BASE_URL a Langfuse server?"),
            300..=399 => (
                AuthProblem::Host,
                "LANGFUSE_BASE_URL redirects, which is not followed",
            ),
            _ => (
                AuthProblem::Server,
                "the server is not well; try again later",
            ),
        };
        return Err(AuthError::new(problem, format!("{words}; {remedy}")));
    }
    let project = serde_json::from_slice::<Value>(answer.body())
        .ok()
        .and_then(|body| {
            let project = body.get("data")?.get(0)?;
            let text = |key: &str| project.get(key)?.as_str().map(str::to_owned);
            Some(LangfuseProject {
                id: text("id")?,
                name: text("name").unwrap_or_default(),
                base_url: base.to_string().trim_end_matches('/').to_owned(),
            })
        });
    project.ok_or_else(|| {
        let words =
            format!("{base} answers, but not as a Langfuse server does; check LANGFUSE_BASE_URL");
        AuthError::new(AuthProblem::Host, words)
    })
}

fn unreachable(error: &HttpError, base: &Endpoint) -> AuthError {
    match error.kind() {
        HttpErrorKind::Tls(_) => AuthError::new(
            AuthProblem::Tls,
            format!("{error}; a private authority is trusted by TRACEFUSE_CA_FILE"),
        ),
        HttpErrorKind::Protocol => AuthError::new(
            AuthProblem::Host,
            format!("{base} does not speak HTTP: {error}; check LANGFUSE_BASE_URL"),
        ),
        _ => AuthError::new(
            AuthProblem::Unreachable,
            format!("{error}; check LANGFUSE_BASE_URL and the network"),
        ),
    }
}

/// What is wrong between us and the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthProblem {
    /// The server knows the keys not, or not for this.
    Key,
    /// What answers is not a Langfuse server.
    Host,
    /// Nothing answers.
    Unreachable,
    /// What answers is not trusted.
    Tls,
    /// The server is not well.
    Server,
    /// The settings cannot be used.
    Config,
}

/// Why a project could not be asked for, and what to do about it. Never repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthError {
    problem: AuthProblem,
    message: String,
}

impl AuthError {
    /// For wiring: whoever runs the check elsewhere may fail to.
    #[doc(hidden)]
    #[must_use]
    pub fn new(problem: AuthProblem, message: String) -> Self {
        Self { problem, message }
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> AuthProblem {
        self.problem
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for AuthError {}

/// The trace id that Langfuse's SDKs make of a seed: the first 16 bytes of its SHA-256. The same seed, such as an
/// order's number, gives the same trace everywhere.
///
/// ```
/// let id = tracefuse_langfuse::trace_id_from_seed("order-42");
/// assert_eq!(id, tracefuse_langfuse::trace_id_from_seed("order-42"));
/// ```
#[must_use]
pub fn trace_id_from_seed(seed: &str) -> TraceId {
    let digest = ring::digest::digest(&ring::digest::SHA256, seed.as_bytes());
    let bytes = digest.as_ref().first_chunk::<16>();
    // A digest that begins with 16 zeros is not to be expected in this universe.
    bytes
        .and_then(|bytes| TraceId::from_bytes(*bytes))
        .unwrap_or_else(TraceId::random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_give_the_ids_of_the_official_sdks() {
        // The first half of SHA-256, as `Langfuse.create_trace_id(seed=..)` has it.
        for (seed, id) in [
            ("", "e3b0c44298fc1c149afbf4c8996fb924"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223"),
        ] {
            assert_eq!(trace_id_from_seed(seed).to_string(), id);
        }
    }
}
