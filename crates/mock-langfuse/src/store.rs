//! What arrived and what was stored: rows per span without a merge, requests, deliveries, scores.
//! Written by the endpoints; read by `read` and by tests.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::answers::Incoming;
use crate::arrivals::{Arrival, Delivery, Media, ReceivedRequest, Score};
use crate::mapping::Observation;
use crate::time;

/// Rows kept. The oldest are removed once there are a tenth more, since each removal moves all that are kept.
const MAX_ROWS: usize = 500_000;
/// Bytes of bodies kept; of further requests the bodies are not kept.
const MAX_BODIES: usize = 256 * 1024 * 1024;

#[derive(Default)]
pub(crate) struct Store {
    pub(crate) observations: Vec<Observation>,
    /// When each row arrived, in milliseconds since 1970; as many as there are rows.
    pub(crate) arrived: Vec<i64>,
    pub(crate) requests: Vec<ReceivedRequest>,
    pub(crate) deliveries: BTreeMap<String, Delivery>,
    pub(crate) scores: Vec<Score>,
    pub(crate) media: BTreeMap<String, Media>,
    /// Every version of every prompt, as it is answered.
    pub(crate) prompts: Vec<Value>,
    pub(crate) datasets: Vec<Value>,
    pub(crate) dataset_items: Vec<Value>,
    /// Rows that were ever stored.
    pub(crate) rows: usize,
    bodies: usize,
}

impl Store {
    pub(crate) fn insert(&mut self, rows: Vec<Observation>) {
        self.rows += rows.len();
        self.observations.extend(rows);
        self.arrived.resize(self.observations.len(), time::now());
        let surplus = self.observations.len().saturating_sub(MAX_ROWS);
        if surplus > MAX_ROWS / 10 {
            self.observations.drain(..surplus);
            self.arrived.drain(..surplus);
        }
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

    /// A score with an id that is known is merged into the known one: what is new wins, except its trace, its
    /// environment and its time, which stay.
    pub(crate) fn put_score(&mut self, body: Map<String, Value>, timestamp: i64) {
        let known = self
            .scores
            .iter_mut()
            .find(|known| known.body.get("id") == body.get("id"));
        let now = time::now();
        let Some(known) = known else {
            self.scores.push(Score {
                body,
                timestamp,
                updated: now,
            });
            return;
        };
        for (key, value) in body {
            let stays =
                matches!(key.as_str(), "traceId" | "environment") && known.body.contains_key(&key);
            if !stays {
                known.body.insert(key, value);
            }
        }
        known.updated = now;
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

    /// The traces of the newest rows, in the order of their arrival.
    pub(crate) fn arrivals(&self, newest: usize) -> Vec<Arrival> {
        let skipped = self.observations.len().saturating_sub(newest);
        let mut ids: Vec<&str> = Vec::new();
        for row in self.observations.iter().skip(skipped) {
            if !ids.contains(&row.trace_id.as_str()) {
                ids.push(&row.trace_id);
            }
        }
        let arrival = |id: &str| {
            let rows: Vec<&Observation> = self
                .observations
                .iter()
                .filter(|row| row.trace_id == id)
                .collect();
            let named = rows.iter().find_map(|row| row.trace_name.clone());
            let first = rows.first().map(|row| row.name.clone());
            Arrival {
                trace_id: id.to_owned(),
                name: named.or(first).unwrap_or_default(),
                spans: rows.len(),
                errors: rows.iter().filter(|row| row.level == "ERROR").count(),
            }
        };
        ids.into_iter().map(arrival).collect()
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
