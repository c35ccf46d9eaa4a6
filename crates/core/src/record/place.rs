//! The part of a record that a value is in. Given by `SpanRecord::rewrite` and `ScoreRecord::rewrite` with each value.

/// The part of a span or a score that a value is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place<'a> {
    /// The span's input.
    Input,
    /// The span's output.
    Output,
    /// The message about how it ended.
    StatusMessage,
    /// Metadata of the span, by key.
    Metadata(&'a str),
    /// A parameter of the model call, by name.
    ModelParameter(&'a str),
    /// Metadata of the trace, by key. Spans share it, so `SpanRecord::rewrite` does not show it.
    TraceMetadata(&'a str),
    /// Input of an event.
    EventInput,
    /// Output of an event.
    EventOutput,
    /// Metadata of an event, by key.
    EventMetadata(&'a str),
    /// Metadata of a link, by key.
    LinkMetadata(&'a str),
    /// The message of an error or of its sources.
    ExceptionMessage,
    /// The stack trace of an error.
    Stacktrace,
    /// The words of a text score.
    ScoreValue,
    /// The comment of a score.
    ScoreComment,
    /// Metadata of a score, by key.
    ScoreMetadata(&'a str),
}

impl<'a> Place<'a> {
    /// The part in words, without the key: `input`, `metadata`, `exception.message`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::StatusMessage => "status_message",
            Self::Metadata(_) => "metadata",
            Self::ModelParameter(_) => "model_parameters",
            Self::TraceMetadata(_) => "trace.metadata",
            Self::EventInput => "event.input",
            Self::EventOutput => "event.output",
            Self::EventMetadata(_) => "event.metadata",
            Self::LinkMetadata(_) => "link.metadata",
            Self::ExceptionMessage => "exception.message",
            Self::Stacktrace => "exception.stacktrace",
            Self::ScoreValue => "score.value",
            Self::ScoreComment => "score.comment",
            Self::ScoreMetadata(_) => "score.metadata",
        }
    }

    /// The key of metadata, or the name of a model parameter.
    #[must_use]
    pub fn key(self) -> Option<&'a str> {
        match self {
            Self::Metadata(key)
            | Self::ModelParameter(key)
            | Self::TraceMetadata(key)
            | Self::EventMetadata(key)
            | Self::LinkMetadata(key)
            | Self::ScoreMetadata(key) => Some(key),
            _ => None,
        }
    }
}
