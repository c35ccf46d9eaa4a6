//! A row of a tree: one span as plain values.
//! Made by `convert`, or by a program that read a trace back from a server; drawn by `tree`. Its text is not yet safe.

use crate::model::{Folded, Severity, TreeError};
use crate::text::preview;
use crate::usage::{Tokens, units};

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
    /// Its status was set to OK.
    pub(crate) ok: bool,
    pub(crate) status_message: Option<String>,
    pub(crate) errors: Vec<TreeError>,
    pub(crate) model: Option<String>,
    pub(crate) prompt: Option<String>,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) tags: Vec<String>,
    pub(crate) tokens: Tokens,
    pub(crate) cost: Option<f64>,
    /// Usage that is no tokens.
    pub(crate) units: Vec<(String, u64)>,
    /// Each bucket of usage and cost, where they are shown.
    pub(crate) buckets: Vec<(String, String)>,
    pub(crate) input: Option<String>,
    pub(crate) output: Option<String>,
    pub(crate) metadata: Vec<(String, String)>,
    /// Spans that it is linked to.
    pub(crate) links: Vec<String>,
    pub(crate) scores: Vec<String>,
    /// It is drawn for this many equal siblings.
    pub(crate) folded: Option<Folded>,
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

    /// The id of the observation above it. If the tree has none of that id, it is drawn as a root.
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

    /// Its level: `DEBUG`, `WARNING` or `ERROR` in any case; any other is drawn as `DEFAULT`.
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
        self.errors.push(TreeError {
            message: message.into(),
            sources: sources.into_iter().collect(),
            ..TreeError::default()
        });
        self
    }

    /// The model that was used.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Adds a parameter of the model call, such as `temperature`.
    pub fn parameter(mut self, name: impl Into<String>, value: impl AsRef<str>) -> Self {
        self.parameters.push((name.into(), preview(value.as_ref())));
        self
    }

    /// The managed prompt it was made from.
    pub fn prompt(mut self, name: impl AsRef<str>, version: u32) -> Self {
        self.prompt = Some(format!("{} v{version}", name.as_ref()));
        self
    }

    /// Adds a tag of this observation.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Adds a key of its metadata and its value, as text or JSON text.
    pub fn metadata(mut self, key: impl Into<String>, value: impl AsRef<str>) -> Self {
        self.metadata.push((key.into(), preview(value.as_ref())));
        self
    }

    /// Tokens by bucket, as Langfuse names them (`input`, `input_cached_tokens`, `output`, ..):
    /// buckets are disjoint except `total`, which counts only if it is the only one. Units that are no tokens, such as
    /// `web_search_queries`, are shown with their name.
    pub fn usage<'a>(mut self, buckets: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let buckets: Vec<_> = buckets.into_iter().collect();
        let others = units(buckets.iter().copied());
        self.units = others
            .map(|(name, units)| (name.to_owned(), units))
            .collect();
        self.tokens = Tokens::of(buckets);
        self
    }

    /// The whole cost in US dollars; what is negative or not a number is not shown.
    pub fn cost(mut self, dollars: f64) -> Self {
        self.cost = Some(dollars).filter(|d| d.is_finite() && *d >= 0.0);
        self
    }

    /// The input, as text or JSON text. Its beginning is kept, or of a conversation (messages with
    /// `role` and `content` or `parts`) the last message.
    pub fn input(mut self, input: impl AsRef<str>) -> Self {
        self.input = Some(preview(input.as_ref()));
        self
    }

    /// The output, as text or JSON text; see [`input`](Self::input).
    pub fn output(mut self, output: impl AsRef<str>) -> Self {
        self.output = Some(preview(output.as_ref()));
        self
    }

    pub(crate) fn duration(&self) -> u64 {
        self.end_ns - self.start_ns
    }

    /// Its messages of failure: those of its errors and their sources, and the one of its status.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &str> {
        let errors = self.errors.iter().flat_map(|error| {
            let sources = error.sources.iter().map(String::as_str);
            std::iter::once(error.message.as_str()).chain(sources)
        });
        errors.chain(self.status_message.as_deref())
    }

    /// Bytes of its texts.
    pub(crate) fn bytes(&self) -> usize {
        let pairs = |pairs: &[(String, String)]| -> usize {
            pairs
                .iter()
                .map(|(key, value)| key.len() + value.len())
                .sum()
        };
        let texts = [&self.input, &self.output, &self.status_message, &self.model];
        let errors = self.errors.iter().map(|error| {
            let sources: usize = error.sources.iter().map(String::len).sum();
            error.message.len() + sources + error.stacktrace.as_ref().map_or(0, String::len)
        });
        texts.into_iter().flatten().map(String::len).sum::<usize>()
            + pairs(&self.metadata)
            + pairs(&self.parameters)
            + errors.sum::<usize>()
            + self.name.len()
    }
}
