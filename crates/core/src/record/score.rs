//! A score: a judgement on a trace, an observation or a session, which may come long after it.
//! Made by `score::ScoreBuilder`; read by exporters beside spans.

use std::fmt;

use super::id::{SpanId, TraceId};
use super::pairs;
use super::place::Place;
use super::time::Timestamp;
use super::value::{Value, ValueRef};

/// The value of a score.
///
/// Numbers, booleans and text become one by `into()`; text becomes [`Categorical`](Self::Categorical).
///
/// ```
/// use tracefuse_core::ScoreValue;
///
/// assert_eq!(ScoreValue::from(0.9).data_type(), "NUMERIC");
/// assert_eq!(ScoreValue::from(true).data_type(), "BOOLEAN");
/// assert_eq!(ScoreValue::from("good").data_type(), "CATEGORICAL");
/// assert_eq!(ScoreValue::text("wants a refund").data_type(), "TEXT");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ScoreValue {
    /// A finite number. NaN and infinities are refused by exporters that send JSON.
    Numeric(f64),
    /// Yes or no.
    Boolean(bool),
    /// One of few words, such as `good`.
    Categorical(String),
    /// A free text: 1 to 500 characters on Langfuse.
    Text(String),
}

impl ScoreValue {
    /// A free text; `into()` makes a category of a text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The data type as Langfuse names it: `NUMERIC`, `BOOLEAN`, `CATEGORICAL` or `TEXT`.
    #[must_use]
    pub const fn data_type(&self) -> &'static str {
        match self {
            Self::Numeric(_) => "NUMERIC",
            Self::Boolean(_) => "BOOLEAN",
            Self::Categorical(_) => "CATEGORICAL",
            Self::Text(_) => "TEXT",
        }
    }
}

/// The number in decimal, `true` or `false`, the text as it is.
impl fmt::Display for ScoreValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numeric(number) => write!(f, "{number}"),
            Self::Boolean(yes) => write!(f, "{yes}"),
            Self::Categorical(text) | Self::Text(text) => f.write_str(text),
        }
    }
}

macro_rules! numeric {
    ($($number:ty),*) => {$(
        impl From<$number> for ScoreValue {
            fn from(number: $number) -> Self {
                Self::Numeric(number as f64)
            }
        }
    )*};
}

numeric!(f64, f32, i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

impl From<bool> for ScoreValue {
    fn from(yes: bool) -> Self {
        Self::Boolean(yes)
    }
}

impl From<&str> for ScoreValue {
    fn from(text: &str) -> Self {
        Self::Categorical(text.to_owned())
    }
}

impl From<String> for ScoreValue {
    fn from(text: String) -> Self {
        Self::Categorical(text)
    }
}

/// What a score is about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScoreTarget {
    /// A trace as a whole.
    Trace(TraceId),
    /// One observation of a trace.
    Observation(TraceId, SpanId),
    /// A session, by its id.
    Session(String),
    /// A run of an experiment, by its id. Langfuse calls it a dataset run.
    DatasetRun(String),
}

/// A finished score.
///
/// Its id is made when it is recorded and is sent with every attempt, so that a receiver that accepted it
/// twice keeps it once.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct ScoreRecord {
    /// Unique in the project; a score recorded later with the same id takes this one's place.
    pub id: String,
    /// What is judged, such as `quality`.
    pub name: String,
    /// The judgement.
    pub value: ScoreValue,
    /// What it is about.
    pub target: ScoreTarget,
    /// The reason, free text.
    pub comment: Option<String>,
    /// The score configuration of the project it belongs to.
    pub config_id: Option<String>,
    /// Metadata by key, each key once; at most 128 keys, and the count of those that were dropped.
    pub metadata: Vec<(String, Value)>,
    /// Environment, over the resource's.
    pub environment: Option<String>,
    /// When it was recorded.
    pub timestamp: Timestamp,
}

/// A version 4 UUID, of the bytes that ids of traces are made of: a system call for each score would cost more.
fn random_id() -> String {
    let bytes = TraceId::random().to_bytes();
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

impl ScoreRecord {
    /// A score without comment and metadata. Its id is a random UUID (RFC 9562, version 4), as Langfuse's SDKs make it.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        value: ScoreValue,
        target: ScoreTarget,
        timestamp: Timestamp,
    ) -> Self {
        Self {
            id: random_id(),
            name: name.into(),
            value,
            target,
            comment: None,
            config_id: None,
            metadata: Vec::new(),
            environment: None,
            timestamp,
        }
    }

    /// Bytes it holds in memory, an estimate for byte bounds.
    #[must_use]
    pub fn size(&self) -> usize {
        let texts = [&self.comment, &self.config_id, &self.environment];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let value = match &self.value {
            ScoreValue::Categorical(text) | ScoreValue::Text(text) => text.len(),
            _ => 0,
        };
        let session = match &self.target {
            ScoreTarget::Session(id) | ScoreTarget::DatasetRun(id) => id.len(),
            _ => 0,
        };
        let metadata: usize = self
            .metadata
            .iter()
            .map(|(key, value)| key.len() + value.as_ref().size() + size_of::<(String, Value)>())
            .sum();
        size_of::<Self>() + self.id.len() + self.name.len() + texts + value + session + metadata
    }

    /// Sets a metadata key; a key set before gets the new value. A score has at most 128 keys; further ones are counted in
    /// its metadata as `_dropped.keys`.
    pub fn set_metadata(&mut self, key: &str, value: Value) {
        if !pairs::set(&mut self.metadata, key, value) {
            pairs::count(&mut self.metadata, pairs::DROPPED_KEYS, 1);
        }
    }

    /// Shows the comment, the words of a text score and the metadata to `f` and keeps what it answers.
    /// Names, ids, numbers and categories are not shown.
    pub fn rewrite(&mut self, mut f: impl FnMut(Place<'_>, ValueRef<'_>) -> Option<Value>) {
        if let ScoreValue::Text(text) = &mut self.value
            && let Some(new) = f(Place::ScoreValue, ValueRef::Str(text))
        {
            *text = new.as_ref().to_string();
        }
        if let Some(comment) = &mut self.comment
            && let Some(new) = f(Place::ScoreComment, ValueRef::Str(comment))
        {
            *comment = new.as_ref().to_string();
        }
        for (key, value) in &mut self.metadata {
            if let Some(new) = f(Place::ScoreMetadata(key), value.as_ref()) {
                *value = new;
            }
        }
    }
}

/// Name, target and type only: a comment must not reach a log by way of `{:?}`.
impl fmt::Debug for ScoreRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScoreRecord")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("data_type", &self.value.data_type())
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}
