//! What arrived, as plain values: requests, deliveries, spans, scores and media.
//! Kept by `store`; read by tests.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value};

/// A request that arrived whole, and what was answered.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// Method.
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Body as it came.
    pub body: Bytes,
    /// Body without its compression.
    pub inflated: Bytes,
    /// Status of the answer.
    pub status: u16,
}

/// How often a span arrived and how often that was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// Times it arrived whole, whatever was answered.
    pub received: u32,
    /// Times it was taken in, whatever was answered.
    pub stored: u32,
    /// Times it was answered with success.
    pub acknowledged: u32,
}

/// One thing that was announced as media, and the state of its upload.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Media {
    /// The first 22 digits of its hash.
    pub id: String,
    /// Type, as it was announced.
    pub content_type: String,
    /// Base64 of its SHA-256, as it was announced.
    pub hash: String,
    /// Length in bytes, as it was announced.
    pub length: u64,
    /// Where it is used: trace id, observation id, field.
    pub used: Vec<(String, Option<String>, String)>,
    /// What was uploaded.
    pub bytes: Option<Bytes>,
    /// The status that the client says its upload had.
    pub reported: Option<u64>,
}

/// Spans of one trace that arrived together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Arrival {
    /// Id of the trace.
    pub trace_id: String,
    /// Name of the trace, or of its first span where it has none.
    pub name: String,
    /// Spans of the trace that are stored, those that came before included.
    pub spans: usize,
    /// How many of them have the level ERROR.
    pub errors: usize,
}

/// A score that was stored.
#[derive(Clone, Debug)]
pub(crate) struct Score {
    /// As it was sent, with an id and the environment that is stored.
    pub(crate) body: Map<String, Value>,
    /// Milliseconds since 1970.
    pub(crate) timestamp: i64,
    pub(crate) updated: i64,
}
