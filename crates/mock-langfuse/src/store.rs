//! What arrived and what was stored: rows per span without a merge, requests, deliveries, scores.
//! Written by the endpoints; read by `read` and by tests.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::Value;

use crate::answers::Incoming;
use crate::mapping::Observation;
use crate::media::Media;

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

/// Rows kept; beyond, the oldest go.
const MAX_ROWS: usize = 500_000;
/// Bodies kept, in bytes; of older requests only the rest is kept.
const MAX_BODIES: usize = 256 * 1024 * 1024;

#[derive(Default)]
pub(crate) struct Store {
    pub(crate) observations: Vec<Observation>,
    pub(crate) requests: Vec<ReceivedRequest>,
    pub(crate) deliveries: BTreeMap<String, Delivery>,
    pub(crate) scores: Vec<Value>,
    pub(crate) media: BTreeMap<String, Media>,
    bodies: usize,
}

impl Store {
    pub(crate) fn insert(&mut self, rows: Vec<Observation>) {
        self.observations.extend(rows);
        let surplus = self.observations.len().saturating_sub(MAX_ROWS);
        self.observations.drain(..surplus);
    }

    pub(crate) fn note(&mut self, request: &Incoming, inflated: Bytes, status: u16) {
        let mut body = request.body.clone();
        let mut inflated = inflated;
        self.bodies += body.len() + inflated.len();
        if self.bodies > MAX_BODIES {
            (body, inflated) = (Bytes::new(), Bytes::new());
        }
        self.requests.push(ReceivedRequest {
            method: request.method.clone(),
            path: request.path.clone(),
            headers: request.headers.clone(),
            body,
            inflated,
            status,
        });
    }

    /// A score with an id that is known takes the known one's place.
    pub(crate) fn put_score(&mut self, score: Value) {
        match self
            .scores
            .iter_mut()
            .find(|known| known["id"] == score["id"])
        {
            Some(known) => *known = score,
            None => self.scores.push(score),
        }
    }

    /// Names of the observations of a trace, indented by depth, siblings by start time.
    pub(crate) fn tree(&self, trace: &str) -> String {
        let mut rows: Vec<&Observation> = self
            .observations
            .iter()
            .filter(|row| row.trace_id == trace)
            .collect();
        rows.sort_by_key(|row| row.start_ns);
        let mut text = String::new();
        for row in &rows {
            let known = |id: &String| rows.iter().any(|other| other.id == *id);
            if row.parent_id.as_ref().is_none_or(|parent| !known(parent)) {
                branch(&mut text, &rows, row, 0);
            }
        }
        text
    }

    /// Ids of the traces, by their first row.
    pub(crate) fn trace_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = Vec::new();
        for row in &self.observations {
            if !ids.contains(&row.trace_id) {
                ids.push(row.trace_id.clone());
            }
        }
        ids
    }
}

fn branch(text: &mut String, rows: &[&Observation], row: &Observation, depth: usize) {
    if depth > rows.len() {
        return;
    }
    let _ = writeln!(text, "{:indent$}{}", "", row.name, indent = depth * 2);
    for child in rows
        .iter()
        .filter(|child| child.parent_id.as_deref() == Some(row.id.as_str()))
    {
        branch(text, rows, child, depth + 1);
    }
}
