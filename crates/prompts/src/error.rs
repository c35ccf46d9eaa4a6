//! Why a prompt is not available, and what to do.
//! Made by `request` and `fetch`.

use std::error::Error;
use std::fmt;

use tracefuse_langfuse::{ApiError, ApiProblem};

/// Why a prompt is not available.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PromptProblem {
    /// Langfuse has no such prompt, or none with that label or version.
    NotFound,
    /// Langfuse could not be reached, took too long, or failed: an outage.
    Unavailable,
    /// Langfuse refused the request: wrong keys, a wrong address, an untrusted certificate, a malformed name.
    Refused,
    /// The prompt is a text and a chat was asked for, or the other way round.
    WrongType,
    /// The request names an empty prompt, or a version and a label together.
    Request,
    /// The call was made outside of a tokio runtime with time and network.
    Runtime,
    /// The prompt is not available, and its fallback file cannot be used.
    Fallback,
}

/// Why a prompt is not available. Cheap to clone; repeats no secret.
#[derive(Clone)]
pub struct PromptError {
    problem: PromptProblem,
    message: String,
}

impl PromptError {
    pub(crate) fn new(problem: PromptProblem, message: impl Into<String>) -> Self {
        Self {
            problem,
            message: message.into(),
        }
    }

    pub(crate) fn api(what: &dyn fmt::Display, error: &ApiError) -> Self {
        let problem = match error.problem() {
            ApiProblem::NotFound => PromptProblem::NotFound,
            ApiProblem::Unavailable => PromptProblem::Unavailable,
            _ => PromptProblem::Refused,
        };
        Self {
            problem,
            message: format!("{what}: {error}"),
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> PromptProblem {
        self.problem
    }

    /// Whether Langfuse itself says that there is no such prompt.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.problem == PromptProblem::NotFound
    }

    /// Whether Langfuse could not be reached or failed, so that a later call may succeed.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        matches!(self.problem, PromptProblem::Unavailable)
    }
}

impl fmt::Display for PromptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for PromptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Its message contains the cause's, so there is no source.
impl Error for PromptError {}
