//! Applies changes inside one transaction, and keeps the rows of traces up to date. `spans`, `scores` and `media` have what
//! each kind of change does; `memory` is cached between transactions. What other tables add up is in `totals`.
//! Called by `writer`.

mod media;
mod memory;
mod scores;
mod spans;

use std::collections::HashMap;

use rusqlite::{Connection, params};
use tracefuse_core::Level;

use super::change::{Change, Field, Kind, TracePatch, preview};
use super::deletion::hide;
use super::error::StoreError;
use super::load::{load_trace, load_trace_body};
use super::merge;
use super::rows::TraceState;
use super::totals::{Contribution, Totals};
use super::touched::{Touched, recount};
use crate::model::Arrival;
use crate::prices::Prices;

pub(crate) use memory::Memory;

/// A transaction that is under way.
pub(crate) struct Work<'a> {
    db: &'a Connection,
    memory: &'a mut Memory,
    prices: &'a Prices,
    touched: HashMap<String, Touched>,
    totals: Totals,
    now_ns: i64,
    pub(crate) stored: usize,
    pub(crate) repeated: usize,
    /// A trace was hidden, and its observations wait to be deleted.
    pub(crate) has_deleted: bool,
}

impl<'a> Work<'a> {
    pub(crate) fn new(
        db: &'a Connection,
        memory: &'a mut Memory,
        prices: &'a Prices,
        now_ns: i64,
    ) -> Self {
        Self {
            db,
            memory,
            prices,
            touched: HashMap::new(),
            totals: Totals::default(),
            now_ns,
            stored: 0,
            repeated: 0,
            has_deleted: false,
        }
    }

    pub(crate) fn apply(&mut self, change: &Change) -> Result<(), StoreError> {
        match &change.0 {
            Kind::Span(span) if span.has_no_time => self.span_without_time(span)?,
            Kind::Span(span) => self.span(span)?,
            Kind::Observation(patch) => self.observation((**patch).clone())?,
            Kind::Trace(patch) => self.trace((**patch).clone())?,
            Kind::Score(patch) => self.score(patch)?,
            Kind::Announce(media) => self.announce(media)?,
            Kind::Upload { media, bytes } => self.upload(media, bytes)?,
            Kind::Uploaded { media, status } => self.uploaded(media, *status)?,
            Kind::DeleteTrace(trace) => self.delete(trace)?,
            Kind::DeleteScore(score) => self.delete_score(score)?,
        }
        Ok(())
    }

    /// The trace, loaded at its first change; made where it is not known.
    fn touch(&mut self, id: &str, start_ns: i64) -> Result<&mut Touched, StoreError> {
        if !self.touched.contains_key(id) {
            let known = load_trace(self.db, id)?;
            let is_new = known.is_none();
            let before = known.as_ref().map(|state| Contribution::of(&state.row));
            let state = match known {
                Some(state) => state,
                None => self.new_trace(id, start_ns)?,
            };
            let touched = Touched {
                state,
                before,
                is_new,
                recount: false,
                changes: 0,
                is_same: !is_new,
            };
            self.touched.insert(id.to_owned(), touched);
        }
        let touched = self.touched.get_mut(id);
        touched.ok_or_else(|| StoreError::Failed("a trace is lost".to_owned()))
    }

    fn new_trace(&mut self, id: &str, start_ns: i64) -> Result<TraceState, StoreError> {
        let n = self.memory.next_trace();
        let mut state = TraceState {
            n,
            received_ns: self.now_ns,
            ..TraceState::default()
        };
        id.clone_into(&mut state.row.id);
        state.row.start_ns = start_ns;
        state.row.level = Level::Debug;
        // Scores may have come before the first span.
        let scores: i64 = self
            .db
            .prepare_cached("SELECT count(*) FROM score WHERE trace_id = ?1")?
            .query_row([id], |row| row.get(0))?;
        state.row.scores = scores.unsigned_abs();
        Ok(state)
    }

    fn trace(&mut self, patch: TracePatch) -> Result<(), StoreError> {
        let start_ns = patch.timestamp_ns.unwrap_or(patch.event_ns);
        let db = self.db;
        let touched = self.touch(&patch.id, start_ns)?;
        touched.is_same = false;
        touched.changes += 1;
        touched.recount |= touched.state.own_ns.is_none();
        let n = touched.state.n;
        let (input, output, metadata) = merge::trace(&mut touched.state, patch, start_ns);
        let has_body = !metadata.is_empty() || input != Field::Absent || output != Field::Absent;
        if has_body {
            let mut body = load_trace_body(db, n)?;
            merge::trace_body(&mut body, input, output, metadata);
            if let Some(input) = preview(body.input.as_deref()) {
                touched.state.row.input_preview = Some(input);
            }
            if let Some(output) = preview(body.output.as_deref()) {
                touched.state.row.output_preview = Some(output);
            }
            let text = serde_json::to_string(&body).unwrap_or_default();
            let mut put = db.prepare_cached("REPLACE INTO trace_body(n, data) VALUES(?1, ?2)")?;
            put.execute(params![n, text])?;
        }
        self.stored += 1;
        Ok(())
    }

    fn delete(&mut self, trace: &str) -> Result<(), StoreError> {
        let state = match self.touched.remove(trace) {
            // Its spans of this transaction are written already.
            Some(touched) => Some((touched.state, touched.before)),
            None => load_trace(self.db, trace)?.map(|state| {
                let before = Contribution::of(&state.row);
                (state, Some(before))
            }),
        };
        let Some((state, before)) = state else {
            return Ok(());
        };
        self.totals.trace(before.as_ref(), None);
        hide(self.db, state.n, trace, true)?;
        self.has_deleted = true;
        self.stored += 1;
        Ok(())
    }

    /// Writes the rows of the traces and the totals, and returns what has changed.
    pub(crate) fn finish(mut self) -> Result<Vec<Arrival>, StoreError> {
        let mut arrivals = Vec::with_capacity(self.touched.len());
        for (id, mut touched) in std::mem::take(&mut self.touched) {
            if touched.changes == 0 && touched.is_same {
                continue;
            }
            let previous = touched.state.row.updated_ns;
            if touched.recount {
                recount(self.db, &mut touched.state)?;
            }
            touched.name();
            // A clock that was set back makes no row older.
            touched.state.row.updated_ns = self.now_ns.max(previous);
            touched.state.write(self.db, touched.is_new)?;
            let row = &touched.state.row;
            self.totals
                .trace(touched.before.as_ref(), Some(&Contribution::of(row)));
            arrivals.push(Arrival {
                trace_id: id,
                is_new: touched.is_new,
                changes: touched.changes,
                errors: row.errors,
                open: row.open,
            });
        }
        self.totals.write(self.db)?;
        Ok(arrivals)
    }
}
