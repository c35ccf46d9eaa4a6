//! What a tree is drawn from beside its spans: the header, errors, and rows that are folded. Plain values of our exporter, or
//! of a program that read a trace back from a server. Knows neither records nor terminals; its text is not yet safe.

use crate::text::preview;

/// What is above a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct TreeHeader {
    pub(crate) name: String,
    pub(crate) trace_id: String,
    pub(crate) user: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) tags: Vec<String>,
    /// Version, release, environment, `public`: as they are shown.
    pub(crate) facts: Vec<String>,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) scores: Vec<String>,
    pub(crate) note: Option<String>,
}

impl TreeHeader {
    /// The name and the id of the trace.
    pub fn new(name: impl Into<String>, trace_id: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            trace_id: trace_id.into(),
            ..Self::default()
        }
    }

    /// The user of the trace.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// The session or conversation it belongs to.
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// Adds a tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Adds a key of the trace's metadata and its value, as text or JSON text.
    pub fn metadata(mut self, key: impl Into<String>, value: impl AsRef<str>) -> Self {
        self.metadata.push((key.into(), preview(value.as_ref())));
        self
    }

    /// A remark behind the name, such as `incomplete`.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// An error of an observation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TreeError {
    /// Its type, empty if it is part of the message.
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) sources: Vec<String>,
    pub(crate) stacktrace: Option<String>,
    /// A span below recorded the same error before.
    pub(crate) propagated: bool,
}

/// What is said of spans that are drawn as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Folded {
    pub(crate) count: u64,
    pub(crate) total_ns: u64,
    pub(crate) shortest_ns: u64,
    pub(crate) longest_ns: u64,
}

/// What a level does to a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Severity {
    Debug,
    #[default]
    Normal,
    Warning,
    Error,
}

impl TreeError {
    /// `io::Error: connection refused`.
    pub(crate) fn text(&self) -> String {
        if self.kind.is_empty() {
            self.message.clone()
        } else {
            format!("{}: {}", self.kind, self.message)
        }
    }
}
