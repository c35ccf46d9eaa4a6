//! The changes that the writer applies.
//! Made by `take` from request bodies and by `api`; applied by `apply`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tracefuse_core::{Level, ObservationType};

use crate::messages;
use crate::model::{Bodies, ObservationRow, ScoreRow};

/// A change to the store: a span, a part of a trace or an observation, a score, media. Made by
/// [`take`](crate::take).
#[derive(Clone, Debug)]
pub struct Change(pub(crate) Kind);

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// A whole observation: it replaces the one that is stored.
    Span(Box<Span>),
    /// Some fields of an observation: they are merged into what is known.
    Observation(Box<ObservationPatch>),
    /// Some fields of a trace.
    Trace(Box<TracePatch>),
    Score(Box<ScorePatch>),
    Announce(Box<Announcement>),
    Upload {
        media: String,
        bytes: Vec<u8>,
    },
    /// The result of an upload, as the client reports it.
    Uploaded {
        media: String,
        status: i64,
    },
    DeleteTrace(String),
    DeleteScore(String),
}

impl Change {
    /// The id of a score; empty for another change.
    pub(crate) fn score_id(&self) -> &str {
        match &self.0 {
            Kind::Score(patch) => &patch.row.id,
            _ => "",
        }
    }

    /// An estimate of the bytes that it takes in memory while it waits.
    pub(crate) fn weight(&self) -> usize {
        let long = match &self.0 {
            Kind::Span(span) => span
                .body
                .as_ref()
                .map_or(0, Vec::len)
                .saturating_add(span.context.len()),
            Kind::Observation(patch) => patch.weight,
            Kind::Trace(patch) => patch.weight,
            Kind::Upload { bytes, .. } => bytes.len(),
            Kind::Score(_)
            | Kind::Announce(_)
            | Kind::Uploaded { .. }
            | Kind::DeleteTrace(_)
            | Kind::DeleteScore(_) => 0,
        };
        long.saturating_add(600)
    }
}

/// An observation as it is stored: the row and the bodies.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Span {
    pub(crate) trace_id: String,
    pub(crate) row: ObservationRow,
    pub(crate) facts: Facts,
    /// `Facts` and the resource as JSON, as it is kept.
    pub(crate) context: String,
    /// The bodies, packed; `None` if there is nothing in them.
    pub(crate) body: Option<Vec<u8>>,
    /// The beginning of input and output.
    pub(crate) previews: (Option<String>, Option<String>),
    /// Neither start nor end was sent: it starts when it arrives first.
    pub(crate) has_no_time: bool,
}

/// The attributes of a trace that one of its spans has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Facts {
    #[serde(rename = "n", skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(rename = "u", skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<String>,
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    pub(crate) session_id: Option<String>,
    #[serde(rename = "t", skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    #[serde(rename = "r", skip_serializing_if = "Option::is_none")]
    pub(crate) release: Option<String>,
    #[serde(rename = "v", skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    #[serde(rename = "e", skip_serializing_if = "Option::is_none")]
    pub(crate) environment: Option<String>,
    #[serde(rename = "p", skip_serializing_if = "std::ops::Not::not")]
    pub(crate) public: bool,
}

/// What is kept once for all spans that share it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Context {
    #[serde(flatten)]
    pub(crate) facts: Facts,
    #[serde(rename = "x", skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) resource: BTreeMap<String, Value>,
}

/// A field of an update: left out, erased or given.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Field<T> {
    #[default]
    Absent,
    Null,
    Is(T),
}

impl<T> Field<T> {
    /// Writes it over `known`.
    pub(crate) fn over(self, known: &mut Option<T>) {
        match self {
            Self::Absent => {}
            Self::Null => *known = None,
            Self::Is(value) => *known = Some(value),
        }
    }
}

/// Some fields of an observation, as the batch API sends them.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObservationPatch {
    pub(crate) trace_id: String,
    pub(crate) id: String,
    pub(crate) kind: Option<ObservationType>,
    pub(crate) parent: Field<String>,
    pub(crate) name: Field<String>,
    pub(crate) start_ns: Option<i64>,
    /// The time of the event, where no start is given or known.
    pub(crate) event_ns: i64,
    pub(crate) end_ns: Field<i64>,
    pub(crate) first_token_ns: Field<i64>,
    pub(crate) level: Option<Level>,
    pub(crate) status_message: Field<String>,
    pub(crate) model: Field<String>,
    pub(crate) prompt: Option<(String, i64)>,
    pub(crate) usage: BTreeMap<String, u64>,
    pub(crate) cost: BTreeMap<String, f64>,
    pub(crate) input: Field<String>,
    pub(crate) output: Field<String>,
    pub(crate) metadata: BTreeMap<String, Value>,
    pub(crate) parameters: BTreeMap<String, Value>,
    pub(crate) version: Field<String>,
    pub(crate) environment: Option<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) weight: usize,
}

/// Some fields of a trace, as the batch API sends them.
#[derive(Clone, Debug, Default)]
pub(crate) struct TracePatch {
    pub(crate) id: String,
    pub(crate) timestamp_ns: Option<i64>,
    pub(crate) event_ns: i64,
    pub(crate) name: Field<String>,
    pub(crate) user_id: Field<String>,
    pub(crate) session_id: Field<String>,
    pub(crate) release: Field<String>,
    pub(crate) version: Field<String>,
    pub(crate) environment: Option<String>,
    pub(crate) public: Option<bool>,
    pub(crate) tags: Vec<String>,
    pub(crate) input: Field<String>,
    pub(crate) output: Field<String>,
    pub(crate) metadata: BTreeMap<String, Value>,
    pub(crate) weight: usize,
}

/// The attributes of a trace that only the batch API has, and no span.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TraceBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<String, Value>,
}

/// A score. An update of a stored score keeps its trace, environment and time, and replaces everything else.
#[derive(Clone, Debug, Default)]
pub(crate) struct ScorePatch {
    pub(crate) row: ScoreRow,
}

/// Media that will be uploaded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Announcement {
    pub(crate) media: String,
    pub(crate) content_type: String,
    pub(crate) length: u64,
    pub(crate) sha256: String,
    pub(crate) trace_id: String,
    pub(crate) observation_id: Option<String>,
    pub(crate) field: String,
}

/// Packs bodies: the first byte says how, 0 as JSON, 1 as JSON compressed by deflate. `None` if there is nothing in them.
pub(crate) fn pack(bodies: &Bodies) -> Option<Vec<u8>> {
    use std::io::Write as _;
    /// Below this, compression saves little.
    const SHORT: usize = 256;
    if bodies.is_empty() {
        return None;
    }
    let mut plain = vec![0u8];
    serde_json::to_writer(&mut plain, bodies).ok()?;
    if plain.len() <= SHORT {
        return Some(plain);
    }
    let mut encoder = flate2::write::DeflateEncoder::new(vec![1u8], flate2::Compression::fast());
    let packed = encoder.write_all(plain.get(1..).unwrap_or_default());
    match packed.and_then(|()| encoder.finish()) {
        Ok(packed) if packed.len() < plain.len() => Some(packed),
        _ => Some(plain),
    }
}

/// Reads what [`pack`] made; nothing if the bytes are damaged.
pub(crate) fn unpack(packed: &[u8]) -> Bodies {
    let Some((how, rest)) = packed.split_first() else {
        return Bodies::default();
    };
    let read = match how {
        0 => serde_json::from_slice(rest).ok(),
        1 => {
            // The writer made these bytes from a body that was within the limit of a request.
            let mut plain = Vec::new();
            let mut decoder = flate2::read::DeflateDecoder::new(rest);
            let read = std::io::Read::read_to_end(&mut decoder, &mut plain);
            read.ok().and_then(|_| serde_json::from_slice(&plain).ok())
        }
        _ => None,
    };
    read.unwrap_or_default()
}

/// The beginning of a text, at most 200 characters.
pub(crate) fn preview(text: Option<&str>) -> Option<String> {
    const LENGTH: usize = 200;
    let text = messages::gist(text?);
    let end = text
        .char_indices()
        .nth(LENGTH)
        .map_or(text.len(), |(at, _)| at);
    Some(text.get(..end).unwrap_or_default().to_owned())
}
