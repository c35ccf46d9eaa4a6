//! Rows of lists, and the view of a trace.
//! Read by everything that shows; filled by `store`.

use std::collections::BTreeMap;

use serde_json::Value;
use tracefuse_core::{Level, ObservationType};

/// A trace as the list shows it: a row that the writer keeps up to date, so that no list reads spans.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TraceRow {
    /// 32 lower-case hex digits, or the text that a client of the batch API chose.
    pub id: String,
    /// The name of the trace; without one, the name of its root, then of its first span.
    pub name: String,
    /// The user it was done for.
    pub user_id: Option<String>,
    /// The session or conversation it belongs to.
    pub session_id: Option<String>,
    /// Deployment environment; `default` where none was given.
    pub environment: String,
    /// Release of the application.
    pub release: Option<String>,
    /// Version of the traced component.
    pub version: Option<String>,
    /// Whether the sender marked it as public.
    pub public: bool,
    /// Its tags, in the order in which they were sent.
    pub tags: Vec<String>,
    /// Earliest start of its spans, in nanoseconds since 1970.
    pub start_ns: i64,
    /// Latest end of its spans, in nanoseconds since 1970; `None` until a span has ended.
    pub end_ns: Option<i64>,
    /// The worst level of its spans.
    pub level: Level,
    /// Number of observations.
    pub spans: u64,
    /// Number of observations of level ERROR.
    pub errors: u64,
    /// Number of observations that have no end yet.
    pub open: u64,
    /// Units of all buckets of input.
    pub input_tokens: u64,
    /// Units of all buckets of output.
    pub output_tokens: u64,
    /// Units in total.
    pub total_tokens: u64,
    /// Cost in US dollars; `None` if none was sent and no price is known.
    pub cost: Option<f64>,
    /// Whether a part of the cost was computed from the price table.
    pub cost_is_computed: bool,
    /// From the start of a generation to its first token: of the generation that started first, in nanoseconds.
    pub ttft_ns: Option<i64>,
    /// Models that were used, each once.
    pub models: Vec<String>,
    /// The beginning of the root's input, at most 200 characters.
    pub input_preview: Option<String>,
    /// The beginning of the root's output, at most 200 characters.
    pub output_preview: Option<String>,
    /// Number of scores of the trace and of its observations.
    pub scores: u64,
    /// Number of observations with a note about what a Langfuse server would refuse.
    pub notes: u64,
    /// When the last change arrived, in nanoseconds since 1970.
    pub updated_ns: i64,
}

impl TraceRow {
    /// From the earliest start to the latest end, in nanoseconds; `None` while no span has ended.
    #[must_use]
    pub fn latency_ns(&self) -> Option<i64> {
        Some(self.end_ns?.saturating_sub(self.start_ns).max(0))
    }
}

/// An observation without its bodies, light enough for a trace of 50,000.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ObservationRow {
    /// 16 lower-case hex digits, or the text that a client of the batch API chose.
    pub id: String,
    /// The observation above; it may be missing from the store.
    pub parent: Option<String>,
    /// What it is.
    pub kind: ObservationType,
    /// What it is called.
    pub name: String,
    /// Nanoseconds since 1970.
    pub start_ns: i64,
    /// Nanoseconds since 1970; `None` if the observation is open: its end was not sent.
    pub end_ns: Option<i64>,
    /// Its level.
    pub level: Level,
    /// A short message about how it ended.
    pub status_message: Option<String>,
    /// The model that was used.
    pub model: Option<String>,
    /// Units used, by bucket; with `total`.
    pub usage: BTreeMap<String, u64>,
    /// Cost in US dollars, by bucket; with `total`.
    pub cost: BTreeMap<String, f64>,
    /// Whether the cost was computed from the price table.
    pub cost_is_computed: bool,
    /// From the start to the first token, in nanoseconds.
    pub ttft_ns: Option<i64>,
    /// Name and version of the managed prompt.
    pub prompt: Option<(String, i64)>,
    /// Whether the trace begins here as a reader sees it: it has no parent, or the sender marked it so.
    pub is_root: bool,
    /// Whether [`Store::bodies`](crate::Store::bodies) has something for it.
    pub has_bodies: bool,
    /// Why a Langfuse server would refuse or change it; empty for most.
    pub notes: Vec<String>,
    /// When it arrived, in nanoseconds since 1970.
    pub received_ns: i64,
}

/// A trace with its observations and scores, without bodies.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TraceView {
    /// The row of the list.
    pub trace: TraceRow,
    /// By start time; observations of the same time in the order of their arrival. Parents are not always before
    /// children.
    pub observations: Vec<ObservationRow>,
    /// Scores of the trace and of its observations.
    pub scores: Vec<ScoreRow>,
    /// Metadata of the trace.
    pub metadata: BTreeMap<String, Value>,
}

/// A score of a trace, an observation or a session.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ScoreRow {
    /// Its id.
    pub id: String,
    /// The trace it is about.
    pub trace_id: Option<String>,
    /// The observation it is about.
    pub observation_id: Option<String>,
    /// The session it is about.
    pub session_id: Option<String>,
    /// Its name: what was judged, such as `helpfulness`.
    pub name: String,
    /// `NUMERIC`, `CATEGORICAL`, `BOOLEAN`, `TEXT` or `CORRECTION`.
    pub data_type: String,
    /// A number, a text, or 0 and 1 of a boolean.
    pub value: Value,
    /// Why.
    pub comment: Option<String>,
    /// Anything else that was sent with it.
    pub metadata: Value,
    /// Deployment environment.
    pub environment: String,
    /// `API`, `EVAL` or `ANNOTATION`.
    pub source: String,
    /// The configuration it names.
    pub config_id: Option<String>,
    /// When it arrived first, in nanoseconds since 1970.
    pub timestamp_ns: i64,
    /// When it was changed last, in nanoseconds since 1970.
    pub updated_ns: i64,
}

/// Which scores to list; the newest first. Every field that is set must match.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ScoreQuery {
    /// Of this trace.
    pub trace_id: Option<String>,
    /// Of this observation.
    pub observation_id: Option<String>,
    /// Of this session.
    pub session_id: Option<String>,
    /// Of this name.
    pub name: Option<String>,
    /// Of this user's traces.
    pub user_id: Option<String>,
    /// Of this data type.
    pub data_type: Option<String>,
    /// Of this source.
    pub source: Option<String>,
    /// Of this environment.
    pub environment: Option<String>,
    /// At or after this time, in nanoseconds since 1970.
    pub from_ns: Option<i64>,
    /// Before this time, in nanoseconds since 1970.
    pub to_ns: Option<i64>,
    /// At most so many; 0 is 50.
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// A session as the list shows it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SessionRow {
    /// Its id.
    pub id: String,
    /// Number of traces.
    pub traces: u64,
    /// Number of traces with an observation of level ERROR.
    pub errors: u64,
    /// Start of its first trace, in nanoseconds since 1970.
    pub first_ns: i64,
    /// Start of its last trace, in nanoseconds since 1970.
    pub last_ns: i64,
    /// Units in total.
    pub total_tokens: u64,
    /// Cost in US dollars.
    pub cost: f64,
    /// A user of one of its traces.
    pub user_id: Option<String>,
}

/// A session with its traces.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SessionView {
    /// The row of the list.
    pub session: SessionRow,
    /// The oldest first, at most 1000.
    pub traces: Vec<TraceRow>,
    /// Scores of the session itself.
    pub scores: Vec<ScoreRow>,
}

/// A user as the list shows it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct UserRow {
    /// Its id.
    pub id: String,
    /// Number of traces.
    pub traces: u64,
    /// Number of traces with an observation of level ERROR.
    pub errors: u64,
    /// Start of its first trace, in nanoseconds since 1970.
    pub first_ns: i64,
    /// Start of its last trace, in nanoseconds since 1970.
    pub last_ns: i64,
    /// Units in total.
    pub total_tokens: u64,
    /// Cost in US dollars.
    pub cost: f64,
}

/// Bytes that were uploaded.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Media {
    /// Its id, as in `@@@langfuseMedia:type=..|id=..|source=..@@@`.
    pub id: String,
    /// Such as `image/png`, one of Langfuse's list.
    pub content_type: String,
    /// Bytes as they were announced.
    pub length: u64,
    /// The SHA-256 of the bytes, in base64, as it was announced.
    pub sha256: String,
    /// The bytes; `None` if they were announced and not uploaded.
    pub bytes: Option<Vec<u8>>,
    /// When they were uploaded, in nanoseconds since 1970.
    pub uploaded_ns: Option<i64>,
}

/// Spans of a trace were stored: the message of [`Store::subscribe`](crate::Store::subscribe).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Arrival {
    /// The trace.
    pub trace_id: String,
    /// Whether the trace is new.
    pub is_new: bool,
    /// Observations and scores that were stored with this change.
    pub changes: u64,
    /// Observations of level ERROR that the trace has now.
    pub errors: u64,
    /// Observations that are open now.
    pub open: u64,
}
