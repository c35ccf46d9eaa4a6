//! What kind of work an observation is, how severe it was and how it ended, in Langfuse's and OpenTelemetry's terms.

use std::fmt;

/// The kind of an observation, as Langfuse names them (`docs/langfuse.md` 2.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ObservationType {
    /// Any unit of work.
    #[default]
    Span,
    /// A call to a language model.
    Generation,
    /// Something that happened at one moment.
    Event,
    /// A call to an embedding model.
    Embedding,
    /// A system that decides what to do next with the help of a model.
    Agent,
    /// The use of a tool.
    Tool,
    /// A link between steps, such as passing a context on.
    Chain,
    /// A search for documents.
    Retriever,
    /// A judgement of an output's quality.
    Evaluator,
    /// A protection against unwanted content.
    Guardrail,
}

impl ObservationType {
    /// All ten.
    pub const ALL: [Self; 10] = [
        Self::Span,
        Self::Generation,
        Self::Event,
        Self::Embedding,
        Self::Agent,
        Self::Tool,
        Self::Chain,
        Self::Retriever,
        Self::Evaluator,
        Self::Guardrail,
    ];

    /// The lower-case name that is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Span => "span",
            Self::Generation => "generation",
            Self::Event => "event",
            Self::Embedding => "embedding",
            Self::Agent => "agent",
            Self::Tool => "tool",
            Self::Chain => "chain",
            Self::Retriever => "retriever",
            Self::Evaluator => "evaluator",
            Self::Guardrail => "guardrail",
        }
    }
}

impl fmt::Display for ObservationType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How much attention an observation deserves, as Langfuse names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// For the developer only.
    Debug,
    /// Nothing special.
    #[default]
    Default,
    /// A warning. Cancelled work has this level.
    Warning,
    /// It failed.
    Error,
}

impl Level {
    /// The upper-case name that is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Default => "DEFAULT",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How an observation ended, as OpenTelemetry names it. `Error` also gives it [`Level::Error`]
/// unless a level was set.
///
/// ```
/// # let recorder = tracefuse_core::testing::Recorder::new();
/// # let tracer = recorder.tracer();
/// use tracefuse_core::Status;
///
/// let trace = tracer.trace("request").start();
/// trace.set_status(Status::error("no answer"));
/// trace.set_status(Status::Ok); // the last one counts
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// Not set.
    #[default]
    Unset,
    /// It succeeded.
    Ok,
    /// It failed, with a short message for people.
    Error(String),
}

impl Status {
    /// A failure with a short message for people, one line.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self::Error(message.into())
    }
}

/// [`Status`] without its message, as a finished record has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusCode {
    /// Not set.
    #[default]
    Unset,
    /// It succeeded.
    Ok,
    /// It failed; the message is the record's status message.
    Error,
}
