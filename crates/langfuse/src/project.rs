//! Which project the keys belong to, whether they work, and the address of a trace in Langfuse.
//! Called by applications at their start, through the facade. Not used when spans are delivered.

use std::error::Error;
use std::fmt;

use serde_json::Value;
use tracefuse_exporter::record::TraceId;
use tracefuse_http::{
    Answer, AnswerClass, Endpoint, HttpClient, HttpError, HttpErrorKind, HttpRequest, Secret,
};

use crate::config::LangfuseConfig;
use crate::exporter::{basic, headers};

/// The project that a pair of keys belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LangfuseProject {
    /// Its id, as it appears in addresses.
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
        let base = Endpoint::parse(&config.base_url).map_err(|error| wrong(&error))?;
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

    /// The address of a trace in Langfuse's user interface, such as
    /// `https://cloud.langfuse.com/project/clx1/traces/0af7651916cd43dd8448eb211c80319c`.
    #[must_use]
    pub fn trace_url(&self, trace: TraceId) -> String {
        format!("{}/project/{}/traces/{trace}", self.base_url, self.id)
    }

    /// The address of an experiment in Langfuse's user interface, by the id of its run.
    #[must_use]
    pub fn experiment_url(&self, run: &str) -> String {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(byte);
        let run: String = run
            .bytes()
            .map(|byte| match plain(&byte) {
                true => char::from(byte).to_string(),
                false => format!("%{byte:02X}"),
            })
            .collect();
        format!(
            "{}/project/{}/experiments/results?baseline={run}",
            self.base_url, self.id
        )
    }

    /// The id that Langfuse and its SDKs give to an experiment on a dataset: runs of the same name on the same dataset
    /// are the same experiment. The first 16 hexadecimal digits of the SHA-256 of
    /// `["langfuse-experiment-v1",project,dataset,run]`.
    #[must_use]
    pub fn experiment_id(&self, dataset_id: &str, run_name: &str) -> String {
        let identity = serde_json::json!(["langfuse-experiment-v1", self.id, dataset_id, run_name]);
        short_sha256(&identity.to_string())
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
                "check the keys, and that LANGFUSE_BASE_URL (or LANGFUSE_HOST) is the address of the project's region",
            ),
            403 => (
                AuthProblem::Key,
                "the keys are not allowed to read their project",
            ),
            _ if answer.class() == AnswerClass::Intercepted => (
                AuthProblem::Host,
                "check LANGFUSE_BASE_URL (or LANGFUSE_HOST)",
            ),
            404 | 405 => (
                AuthProblem::Host,
                "is LANGFUSE_BASE_URL (or LANGFUSE_HOST) the address of a Langfuse server?",
            ),
            300..=399 => (
                AuthProblem::Host,
                "the address in LANGFUSE_BASE_URL (or LANGFUSE_HOST) redirects, and redirects are not followed: set the address that it leads to",
            ),
            _ => (AuthProblem::Server, "the server failed; try again later"),
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
            format!("{base} answers, but not like a Langfuse server; check LANGFUSE_BASE_URL (or LANGFUSE_HOST)");
        AuthError::new(AuthProblem::Host, words)
    })
}

fn unreachable(error: &HttpError, base: &Endpoint) -> AuthError {
    match error.kind() {
        HttpErrorKind::Tls(_) => AuthError::new(
            AuthProblem::Tls,
            format!("{error}; for a private certificate authority set TRACEFUSE_CA_FILE"),
        ),
        HttpErrorKind::Protocol => AuthError::new(
            AuthProblem::Host,
            format!(
                "{base} does not answer in HTTP: {error}; check LANGFUSE_BASE_URL (or LANGFUSE_HOST)"
            ),
        ),
        _ => AuthError::new(
            AuthProblem::Unreachable,
            format!("{error}; check LANGFUSE_BASE_URL (or LANGFUSE_HOST) and the network"),
        ),
    }
}

/// Why the project could not be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthProblem {
    /// The server rejected the keys, or they lack permission (401, 403).
    Key,
    /// The address is not that of a Langfuse server.
    Host,
    /// The server could not be reached.
    Unreachable,
    /// The server's certificate is not trusted.
    Tls,
    /// The server failed.
    Server,
    /// The settings cannot be used.
    Config,
}

/// Why a project could not be found, and what to do about it. Never repeats a secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthError {
    problem: AuthProblem,
    message: String,
}

impl AuthError {
    /// For the facade, which runs the check on a separate thread that may fail to start.
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

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for AuthError {}

/// The trace id that Langfuse's SDKs make of a seed: the first 16 bytes of its SHA-256. The same seed, such as the
/// number of an order, gives the same trace id in every SDK.
///
/// ```
/// let id = tracefuse_langfuse::trace_id_from_seed("order-42");
/// assert_eq!(id, tracefuse_langfuse::trace_id_from_seed("order-42"));
/// ```
#[must_use]
pub fn trace_id_from_seed(seed: &str) -> TraceId {
    let digest = ring::digest::digest(&ring::digest::SHA256, seed.as_bytes());
    let bytes = digest.as_ref().first_chunk::<16>();
    // An id of zeros is invalid. No known seed has a digest that begins with 16 zero bytes.
    bytes
        .and_then(|bytes| TraceId::from_bytes(*bytes))
        .unwrap_or_else(TraceId::random)
}

/// The first 16 hexadecimal digits of a text's SHA-256: how Langfuse's SDKs make ids of experiments and of their items.
#[doc(hidden)]
#[must_use]
pub fn short_sha256(text: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let bytes = digest.as_ref().iter().take(8);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_has_an_address_in_the_project() {
        let project = LangfuseProject {
            id: "clx1".into(),
            name: "shop".into(),
            base_url: "https://cloud.langfuse.com".into(),
        };
        let id = "0af7651916cd43dd8448eb211c80319c";
        assert_eq!(
            project.trace_url(id.parse().unwrap()),
            format!("https://cloud.langfuse.com/project/clx1/traces/{id}")
        );
    }

    #[test]
    fn an_error_is_shown_as_its_text() {
        let error = AuthError::new(AuthProblem::Key, "check the keys".to_owned());
        assert_eq!(
            format!("{error:?} {error}"),
            "check the keys check the keys"
        );
    }

    #[test]
    fn the_name_of_a_run_is_escaped_in_its_address() {
        let project = LangfuseProject {
            id: "p".into(),
            name: String::new(),
            base_url: "http://localhost:3000".into(),
        };
        let address = project.experiment_url("az AZ09-_.~/é?");
        assert_eq!(
            address,
            "http://localhost:3000/project/p/experiments/results?baseline=az%20AZ09-_.~%2F%C3%A9%3F"
        );
    }

    #[test]
    fn experiments_have_the_ids_of_the_official_sdks() {
        let project = LangfuseProject {
            id: "mock-project".into(),
            name: String::new(),
            base_url: "http://localhost:3000".into(),
        };
        // `Langfuse._create_experiment_id` of Python SDK 5.0.4.
        for (dataset, run, id) in [
            ("dataset-1", "run 1", "efde23fb68d60e4b"),
            ("dataset-1", "é\"\n\u{7f}\u{1}", "8e610cd274473ffd"),
        ] {
            assert_eq!(project.experiment_id(dataset, run), id);
        }
    }

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
