//! What was observed, as plain finished values: no clock, no thread, no global state.
//! Filled by the handles, read by exporters. Must not know them.

mod attribute;
mod buffer;
mod capture;
mod chunk;
mod codec;
mod cut;
mod exception;
pub(crate) mod feed;
mod fields;
mod finished;
mod format;
pub(crate) mod guard;
mod head;
mod id;
mod kind;
mod link;
mod observation;
pub(crate) mod pairs;
mod parts;
mod place;
pub(crate) mod prefix;
mod reader;
mod records;
mod resource;
mod role;
mod score;
mod shared;
mod span;
mod spare;
#[cfg(test)]
mod tests;
mod time;
mod trace;
mod tree;
mod usage;
mod value;

pub use attribute::{PromptRef, SpanAttribute};
pub(crate) use buffer::{Buffer, MAX_LINKS, PROVIDER};
pub(crate) use capture::noted::{note as note_prompt, noted_in};
pub(crate) use capture::{capture, is_scalar};
pub use chunk::{Chunk, FinishedSpan};
pub use codec::DecodeError;
pub use cut::Cut;
#[doc(hidden)]
pub use exception::via;
pub use exception::{AsException, Exception};
pub use id::{ParseIdError, SpanId, TraceId};
pub use link::{Link, LinkRef};
pub use observation::{Level, ObservationType, Status, StatusCode};
pub use parts::{EventRef, ExceptionRef};
pub use place::Place;
pub use records::Records;
pub use resource::{Resource, TraceAttributes};
pub(crate) use role::Role;
pub use score::{ScoreRecord, ScoreTarget, ScoreValue};
pub use shared::{SharedChunk, SpareMemory};
pub use span::SpanRecord;
pub use time::Timestamp;
pub(crate) use trace::SharedTrace;
pub use tree::tree;
#[doc(hidden)]
pub use usage::{Convention, Count};
pub use usage::{Cost, Usage};
pub use value::{Value, ValueRef};

/// A finished span or score, for exporters.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Record {
    /// A finished observation.
    Span(SpanRecord),
    /// A score on a trace, an observation or a session.
    Score(Box<ScoreRecord>),
}

impl Record {
    /// Bytes it holds in memory, an estimate for byte bounds.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Span(span) => span.size(),
            Self::Score(score) => score.size(),
        }
    }

    /// The span, if it is one.
    #[must_use]
    pub fn as_span(&self) -> Option<&SpanRecord> {
        match self {
            Self::Span(span) => Some(span),
            Self::Score(_) => None,
        }
    }

    /// The score, if it is one.
    #[must_use]
    pub fn as_score(&self) -> Option<&ScoreRecord> {
        match self {
            Self::Score(score) => Some(score),
            Self::Span(_) => None,
        }
    }
}

impl From<SpanRecord> for Record {
    fn from(span: SpanRecord) -> Self {
        Self::Span(span)
    }
}

impl From<ScoreRecord> for Record {
    fn from(score: ScoreRecord) -> Self {
        Self::Score(Box::new(score))
    }
}
