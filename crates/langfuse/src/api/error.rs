//! What can go wrong when something is read from Langfuse.
//! Made by `api` and by the clients that read through it; read by applications.

use std::error::Error;
use std::fmt;

/// What kept a read from its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ApiProblem {
    /// Langfuse answered that there is no such prompt or dataset (404 with its own error).
    NotFound,
    /// The server could not be reached, took too long, or failed (429, 5xx): an outage.
    Unavailable,
    /// The server rejected the keys, or they lack permission (401, 403).
    Key,
    /// The address is not that of a Langfuse server: another 404, a redirect, an HTML page, no HTTP.
    Host,
    /// The server's certificate is not trusted.
    Tls,
    /// The server refused the request for another reason, such as 400.
    Refused,
    /// The answer is larger than what is read.
    TooLarge,
    /// The answer is not what the API documents.
    Answer,
    /// The request could not be made of these settings or names.
    Config,
}

/// Why nothing was read, and what to do about it. Never repeats a secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiError {
    problem: ApiProblem,
    pub(super) status: Option<u16>,
    message: String,
}

impl ApiError {
    /// For the clients that read through this one.
    #[doc(hidden)]
    pub fn new(problem: ApiProblem, message: impl Into<String>) -> Self {
        Self {
            problem,
            status: None,
            message: message.into(),
        }
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> ApiProblem {
        self.problem
    }

    /// The status of the server's answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.status
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for ApiError {}
