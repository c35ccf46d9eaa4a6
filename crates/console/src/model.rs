//! What a tree is drawn from: plain values, whoever has them, our exporter or a program that read a
//! trace back from a server. Knows neither records nor terminals; its text is not yet safe.

use crate::preview::preview;
use crate::usage::Tokens;

/// What stands above a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct TreeHeader {
    pub(crate) name: String,
    pub(crate) trace_id: String,
    pub(crate) user: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) tags: Vec<String>,
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

    /// The user it was done for.
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

    /// A remark behind the name, such as `incomplete`.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }
}

/// One observation of a tree.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
#[must_use]
pub struct TreeSpan {
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) first_token_ns: Option<u64>,
    pub(crate) level: Severity,
    pub(crate) status_message: Option<String>,
    pub(crate) exceptions: Vec<(String, Vec<String>)>,
    pub(crate) model: Option<String>,
    pub(crate) tokens: Tokens,
    pub(crate) cost: Option<f64>,
    pub(crate) input: Option<String>,
    pub(crate) output: Option<String>,
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

impl TreeSpan {
    /// An observation of this id and name, of kind `span`, from and to these times in nanoseconds
    /// since any common moment. An id is any text that is unique within the tree.
    pub fn new(id: impl Into<String>, name: impl Into<String>, start_ns: u64, end_ns: u64) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            kind: "span".to_owned(),
            start_ns,
            end_ns: end_ns.max(start_ns),
            ..Self::default()
        }
    }

    /// The id of the observation it stands under. If the tree has none of that id, it is drawn as a root.
    pub fn parent(mut self, parent: impl Into<String>) -> Self {
        self.parent = Some(parent.into());
        self
    }

    /// Its type, such as `generation` or `GENERATION`.
    pub fn kind(mut self, kind: impl AsRef<str>) -> Self {
        self.kind = kind.as_ref().to_lowercase();
        self
    }

    /// When the first token of the answer arrived, in nanoseconds as above.
    pub fn first_token_ns(mut self, at: u64) -> Self {
        self.first_token_ns = Some(at);
        self
    }

    /// Its level: `DEBUG`, `WARNING` or `ERROR` in any case; anything else is nothing special.
    pub fn level(mut self, level: impl AsRef<str>) -> Self {
        self.level = match level.as_ref().to_ascii_uppercase().as_str() {
            "DEBUG" => Severity::Debug,
            "WARNING" => Severity::Warning,
            "ERROR" => Severity::Error,
            _ => Severity::Normal,
        };
        self
    }

    /// A short message about how it ended.
    pub fn status_message(mut self, message: impl Into<String>) -> Self {
        self.status_message = Some(message.into());
        self
    }

    /// Adds an error: its type and message, and its sources, nearest first. One whose message is
    /// the status message is shown once.
    pub fn exception(
        mut self,
        message: impl Into<String>,
        sources: impl IntoIterator<Item = String>,
    ) -> Self {
        self.exceptions
            .push((message.into(), sources.into_iter().collect()));
        self
    }

    /// The model that was used.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Tokens by bucket, as Langfuse names them (`input`, `input_cached_tokens`, `output`, ..):
    /// buckets are disjoint but for `total`, which counts only if it is the only one.
    pub fn usage<'a>(mut self, buckets: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        self.tokens = Tokens::of(buckets);
        self
    }

    /// The whole cost in US dollars; what is negative or not a number is not shown.
    pub fn cost(mut self, dollars: f64) -> Self {
        self.cost = Some(dollars).filter(|d| d.is_finite() && *d >= 0.0);
        self
    }

    /// What went in, as text or JSON text. Its beginning is kept, or of a conversation (messages with
    /// `role` and `content`) the last message.
    pub fn input(mut self, input: impl AsRef<str>) -> Self {
        self.input = Some(preview(input.as_ref()));
        self
    }

    /// What came out, as text or JSON text; see [`input`](Self::input).
    pub fn output(mut self, output: impl AsRef<str>) -> Self {
        self.output = Some(preview(output.as_ref()));
        self
    }
}
