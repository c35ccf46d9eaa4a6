//! Errors: why a prompt is not available, or cannot be filled, and what to do.

use std::error::Error;
use std::fmt;

use tracefuse_exporter::plain_text;
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

/// A prompt that was not filled: names what is missing, and what was given.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CompileError {
    /// Variables without a value, each once, in the order of the prompt.
    pub missing: Vec<String>,
    /// Placeholders of a chat prompt without messages, each once, in the order of the prompt.
    pub placeholders: Vec<String>,
    /// Names of the values that were given, sorted.
    pub given: Vec<String>,
    prompt: String,
    /// Why the values could not be read at all, if so.
    unreadable: Option<String>,
}

impl CompileError {
    pub(crate) fn unreadable(prompt: String, why: String) -> Self {
        Self {
            missing: Vec::new(),
            placeholders: Vec::new(),
            given: Vec::new(),
            prompt,
            unreadable: Some(why),
        }
    }

    pub(crate) fn missing(
        prompt: String,
        missing: Vec<String>,
        placeholders: Vec<String>,
        given: Vec<String>,
    ) -> Self {
        Self {
            missing,
            placeholders,
            given,
            prompt,
            unreadable: None,
        }
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.prompt)?;
        if let Some(why) = &self.unreadable {
            return f.write_str(&plain_text(why));
        }
        let variables = list("variable", &self.missing);
        let placeholders = list("placeholder", &self.placeholders);
        let parts: Vec<String> = [variables, placeholders].into_iter().flatten().collect();
        let given = match list("value", &self.given) {
            Some(given) => format!("given: the {given}"),
            None => "no value is given".to_owned(),
        };
        write!(f, "no value for the {}; {given}", parts.join(" and the "))
    }
}

/// `variable "a"`, `variables "a", "b"`; `None` for no name.
fn list(what: &str, names: &[String]) -> Option<String> {
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("\"{}\"", plain_text(name)))
        .collect();
    let more = names.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let plural = if names.len() > 1 { "s" } else { "" };
    (!names.is_empty()).then(|| format!("{what}{plural} {}{more}", shown.join(", ")))
}

/// The most names that a message shows.
const SHOWN: usize = 10;

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for CompileError {}
