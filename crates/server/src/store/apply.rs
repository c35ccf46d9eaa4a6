//! Applies changes inside one transaction, and keeps the rows of traces up to date.
//! Called by `writer`. What other tables add up is in `totals`.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};
use tracefuse_core::Level;

use super::change::{
    Announcement, Change, Context, Field, Kind, ObservationPatch, ScorePatch, Span, TracePatch,
    pack, preview, unpack,
};
use super::deletion::hide;
use super::error::StoreError;
use super::load::{load_body, load_context, load_span, load_trace, load_trace_body};
use super::merge;
use super::rows::{Place, TraceState, write_span};
use super::totals::{Contribution, Totals};
use super::touched::{Touched, recount};
use crate::model::{Arrival, Bodies};
use crate::prices::Prices;

/// Contexts that are remembered, so that spans which share one store it once.
const CONTEXTS: usize = 2048;

/// What the writer caches between transactions. It is wrong after a rollback, and cleared then.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    next_trace: i64,
    next_span: i64,
    /// By trace and text: number of the context.
    contexts: HashMap<(i64, String), i64>,
}

impl Memory {
    pub(crate) fn load(db: &Connection) -> rusqlite::Result<Self> {
        let next = |column: &str, table: &str| -> rusqlite::Result<i64> {
            let sql = format!("SELECT coalesce(max({column}), 0) + 1 FROM {table}");
            db.query_row(&sql, [], |row| row.get(0))
        };
        // Numbers of what is deleted are not given again while anything of it is left. The index of words may have them later.
        let words: i64 = db.query_row("SELECT n + 1 FROM words_at", [], |row| row.get(0))?;
        Ok(Self {
            next_trace: next("n", "trace")?.max(next("trace", "gone")?),
            next_span: next("n", "span")?.max(words),
            contexts: HashMap::new(),
        })
    }
}

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
            Kind::Span(span) if span.has_no_time => {
                let mut timed = (**span).clone();
                timed.row.start_ns = self.start_of(&timed)?.unwrap_or(self.now_ns);
                self.span(&timed)?;
            }
            Kind::Span(span) => self.span(span)?,
            Kind::Observation(patch) => self.observation((**patch).clone())?,
            Kind::Trace(patch) => self.trace((**patch).clone())?,
            Kind::Score(patch) => self.score(patch)?,
            Kind::Announce(media) => self.announce(media)?,
            Kind::Upload { media, bytes } => self.upload(media, bytes)?,
            Kind::Uploaded { media, status } => {
                let sql = "UPDATE media SET status = ?2 WHERE id = ?1";
                self.db
                    .prepare_cached(sql)?
                    .execute(params![media, status])?;
                self.stored += 1;
            }
            Kind::DeleteTrace(trace) => self.delete(trace)?,
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
        let n = self.memory.next_trace;
        self.memory.next_trace += 1;
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

    /// The start of an observation that is stored already.
    fn start_of(&self, span: &Span) -> Result<Option<i64>, StoreError> {
        let trace = match self.touched.get(&span.trace_id) {
            Some(touched) => Some(touched.state.n),
            None => load_trace(self.db, &span.trace_id)?.map(|state| state.n),
        };
        let known = trace.map(|trace| load_span(self.db, trace, &span.row.id));
        Ok(known.transpose()?.flatten().map(|(_, row)| row.start_ns))
    }

    fn span(&mut self, span: &Span) -> Result<(), StoreError> {
        let n = self.memory.next_span;
        let trace = self.touch(&span.trace_id, span.row.start_ns)?.state.n;
        let context = self.context(trace, &span.context)?;
        let place = Place { n, trace, context };
        if !write_span(self.db, place, &span.row, self.now_ns, true)? {
            return self.replace(span, trace, context);
        }
        self.memory.next_span += 1;
        if let Some(body) = &span.body {
            let mut put = self
                .db
                .prepare_cached("INSERT INTO body(n, data) VALUES(?1, ?2)")?;
            put.execute(params![n, body])?;
        }
        self.totals.model(&span.row, 1);
        self.stored += 1;
        self.touch(&span.trace_id, span.row.start_ns)?.add(span);
        Ok(())
    }

    /// An observation whose id is stored already: equal bytes change nothing, other bytes replace it.
    fn replace(&mut self, span: &Span, trace: i64, context: i64) -> Result<(), StoreError> {
        let Some((mut place, mut known)) = load_span(self.db, trace, &span.row.id)? else {
            return Err(StoreError::Failed("an observation is lost".to_owned()));
        };
        let received_ns = std::mem::replace(&mut known.received_ns, span.row.received_ns);
        if known == span.row
            && context == place.context
            && load_body(self.db, place.n)? == span.body
        {
            self.repeated += 1;
            return Ok(());
        }
        self.totals.model(&known, -1);
        self.totals.model(&span.row, 1);
        place.context = context;
        write_span(self.db, place, &span.row, received_ns, false)?;
        match &span.body {
            Some(body) => {
                let mut put = self
                    .db
                    .prepare_cached("REPLACE INTO body(n, data) VALUES(?1, ?2)")?;
                put.execute(params![place.n, body])?;
            }
            None => {
                self.db
                    .prepare_cached("DELETE FROM body WHERE n = ?1")?
                    .execute([place.n])?;
            }
        }
        let stale = "INSERT OR IGNORE INTO words_stale SELECT ?1 FROM words_at WHERE n >= ?1";
        self.db.prepare_cached(stale)?.execute([place.n])?;
        self.stored += 1;
        let touched = self.touch(&span.trace_id, span.row.start_ns)?;
        touched.recount = true;
        touched.add(span);
        Ok(())
    }

    /// Merges fields into what is known of an observation, as Langfuse's batch API does.
    fn observation(&mut self, patch: ObservationPatch) -> Result<(), StoreError> {
        let start_ns = patch.start_ns.unwrap_or(patch.event_ns);
        let trace = self.touch(&patch.trace_id, start_ns)?.state.n;
        let known = load_span(self.db, trace, &patch.id)?;
        let (mut row, mut bodies, context) = match known {
            Some((place, row)) => {
                let body = load_body(self.db, place.n)?;
                let context = load_context(self.db, place.trace, place.context)?;
                (
                    Some(row),
                    body.map(|body| unpack(&body)).unwrap_or_default(),
                    context,
                )
            }
            None => (None, Bodies::default(), Context::default()),
        };
        let trace_id = patch.trace_id.clone();
        let mut context = context;
        let row = merge::observation(row.take(), &mut bodies, &mut context, patch);
        let facts = context.facts.clone();
        let mut span = Span {
            trace_id,
            previews: match row.is_root {
                true => (
                    preview(bodies.input.as_deref()),
                    preview(bodies.output.as_deref()),
                ),
                false => (None, None),
            },
            body: pack(&bodies),
            context: serde_json::to_string(&context).unwrap_or_default(),
            facts,
            row,
            has_no_time: false,
        };
        span.settle(self.prices);
        self.span(&span)
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

    fn score(&mut self, patch: &ScorePatch) -> Result<(), StoreError> {
        let score = &patch.row;
        let sql = "INSERT INTO score(id, trace_id, observation_id, session_id, name, data_type, value, comment, metadata, \
             environment, source, config_id, timestamp_ns, updated_ns) \
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT(id) DO UPDATE SET \
             trace_id = coalesce(trace_id, excluded.trace_id), \
             observation_id = coalesce(excluded.observation_id, observation_id), \
             session_id = coalesce(excluded.session_id, session_id), name = excluded.name, data_type = excluded.data_type, \
             value = excluded.value, comment = coalesce(excluded.comment, comment), \
             metadata = coalesce(excluded.metadata, metadata), source = excluded.source, \
             config_id = coalesce(excluded.config_id, config_id), updated_ns = excluded.updated_ns";
        let known: bool = self
            .db
            .prepare_cached("SELECT EXISTS(SELECT 1 FROM score WHERE id = ?1)")?
            .query_row([&score.id], |row| row.get(0))?;
        let metadata = (!score.metadata.is_null()).then(|| score.metadata.to_string());
        self.db.prepare_cached(sql)?.execute(params![
            score.id,
            score.trace_id,
            score.observation_id,
            score.session_id,
            score.name,
            score.data_type,
            score.value.to_string(),
            score.comment,
            metadata,
            score.environment,
            score.source,
            score.config_id,
            if score.timestamp_ns > 0 {
                score.timestamp_ns
            } else {
                self.now_ns
            },
            self.now_ns,
        ])?;
        self.stored += 1;
        let Some(trace) = &score.trace_id else {
            return Ok(());
        };
        // A score alone makes no trace.
        if self.touched.contains_key(trace) || load_trace(self.db, trace)?.is_some() {
            let touched = self.touch(trace, 0)?;
            touched.changes += 1;
            if !known {
                touched.is_same = false;
                touched.state.row.scores += 1;
            }
        }
        Ok(())
    }

    fn announce(&mut self, media: &Announcement) -> Result<(), StoreError> {
        let mut put = self.db.prepare_cached(
            "INSERT OR IGNORE INTO media(id, content_type, length, sha256) VALUES(?1, ?2, ?3, ?4)",
        )?;
        put.execute(params![
            media.media,
            media.content_type,
            i64::try_from(media.length).unwrap_or(i64::MAX),
            media.sha256
        ])?;
        let mut link = self
            .db
            .prepare_cached("INSERT OR IGNORE INTO media_link VALUES(?1, ?2, ?3, ?4)")?;
        let observation = media.observation_id.as_deref().unwrap_or_default();
        link.execute(params![
            media.media,
            media.trace_id,
            observation,
            media.field
        ])?;
        self.stored += 1;
        Ok(())
    }

    fn upload(&mut self, media: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let mut put = self
            .db
            .prepare_cached("UPDATE media SET data = ?2, uploaded_ns = ?3 WHERE id = ?1")?;
        put.execute(params![media, bytes, self.now_ns])?;
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

    /// The number of a context in its trace; the same text has the same number.
    fn context(&mut self, trace: i64, text: &str) -> Result<i64, StoreError> {
        let key = (trace, text.to_owned());
        if let Some(n) = self.memory.contexts.get(&key) {
            return Ok(*n);
        }
        let mut find = self
            .db
            .prepare_cached("SELECT n FROM context WHERE trace = ?1 AND data = ?2")?;
        let known: Option<i64> = find
            .query_row(params![trace, text], |row| row.get(0))
            .optional()?;
        let n = match known {
            Some(n) => n,
            None => {
                let mut put = self.db.prepare_cached(
                    "INSERT INTO context SELECT ?1, coalesce(max(n), 0) + 1, ?2 FROM context WHERE trace = ?1 RETURNING n",
                )?;
                put.query_row(params![trace, text], |row| row.get(0))?
            }
        };
        if self.memory.contexts.len() >= CONTEXTS {
            self.memory.contexts.clear();
        }
        self.memory.contexts.insert(key, n);
        Ok(n)
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

impl Span {
    /// Sets computed fields: the cost of a call by the price table, if the call has no cost.
    pub(crate) fn settle(&mut self, prices: &Prices) {
        let row = &mut self.row;
        row.has_bodies = self.body.is_some();
        if row.cost_is_computed {
            row.cost.clear();
            row.cost_is_computed = false;
        }
        if row.cost.is_empty()
            && let Some(model) = &row.model
            && let Some(cost) = prices.cost(model, &row.usage)
        {
            row.cost = cost;
            row.cost_is_computed = true;
        }
    }
}
