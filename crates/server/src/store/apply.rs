//! Applies changes inside one transaction, and keeps the rows of traces up to date.
//! Called by `writer`. What other tables add up is in `totals`.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, params};
use tracefuse_core::Level;

use super::change::{
    Announcement, Change, Context, Facts, Kind, ObservationPatch, ScorePatch, Span, TraceBody,
    TracePatch, pack, preview, unpack,
};
use super::error::StoreError;
use super::merge;
use super::rows::{Place, SPAN, TRACE, TraceState, read_span, write_span};
use super::totals::{Contribution, Totals};
use crate::model::{Arrival, ObservationRow};
use crate::prices::Prices;

/// Contexts that are remembered, so that spans which share one store it once.
const CONTEXTS: usize = 2048;

/// What the writer remembers between transactions. It is wrong after a rollback, and forgotten then.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    next_trace: i64,
    next_span: i64,
    /// By trace and text: number of the context.
    contexts: HashMap<(i64, String), i64>,
}

impl Memory {
    pub(crate) fn load(db: &Connection) -> rusqlite::Result<Self> {
        let next = |table: &str| -> rusqlite::Result<i64> {
            let sql = format!("SELECT coalesce(max(n), 0) + 1 FROM {table}");
            db.query_row(&sql, [], |row| row.get(0))
        };
        // Numbers that retention has freed are not given again: the index of words may still have them.
        let words: i64 = db.query_row("SELECT n + 1 FROM words_at", [], |row| row.get(0))?;
        Ok(Self {
            next_trace: next("trace")?,
            next_span: next("span")?.max(words),
            contexts: HashMap::new(),
        })
    }
}

/// A trace that a transaction changes.
#[derive(Debug)]
struct Touched {
    state: TraceState,
    before: Option<Contribution>,
    is_new: bool,
    /// An observation was replaced: the sums are made again at the end.
    recount: bool,
    changes: u64,
    /// The row itself is as it was.
    is_same: bool,
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
        }
    }

    pub(crate) fn apply(&mut self, change: &Change) -> Result<(), StoreError> {
        match &change.0 {
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

    /// An observation whose id is known: the same bytes change nothing, others take its place.
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
            None => (None, crate::model::Bodies::default(), Context::default()),
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
        let has_body = !metadata.is_empty()
            || input != super::change::Field::Absent
            || output != super::change::Field::Absent;
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
        remove(self.db, state.n, trace, |span| self.totals.model(span, -1))?;
        self.memory
            .contexts
            .retain(|(known, _), _| *known != state.n);
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

    /// Writes the rows of the traces and the totals, and tells what has changed.
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
    /// Sets what follows from the rest: computes the cost of a call from the price table where none came with it.
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

impl Touched {
    /// Takes an observation into the row; where it replaces one, only what is no sum.
    fn add(&mut self, span: &Span) {
        self.is_same = false;
        self.changes += 1;
        self.facts(&span.facts);
        if span.row.is_root {
            // A root of one service may have a parent in another; the one without a parent counts.
            let wins = |known: bool| span.row.parent.is_none() || !known;
            if !span.row.name.is_empty() && wins(self.state.root_name.is_some()) {
                self.state.root_name = Some(span.row.name.clone());
            }
            let row = &mut self.state.row;
            if span.previews.0.is_some() && wins(row.input_preview.is_some()) {
                row.input_preview.clone_from(&span.previews.0);
            }
            if span.previews.1.is_some() && wins(row.output_preview.is_some()) {
                row.output_preview.clone_from(&span.previews.1);
            }
        }
        if self.state.row.name.is_empty() {
            self.state.row.name.clone_from(&span.row.name);
        }
        if !self.recount {
            count(&mut self.state, &span.row);
        }
    }

    /// Of each fact the value that came last.
    fn facts(&mut self, facts: &Facts) {
        let row = &mut self.state.row;
        let set = |known: &mut Option<String>, new: &Option<String>| {
            if new.is_some() && known != new {
                known.clone_from(new);
            }
        };
        set(&mut row.user_id, &facts.user_id);
        set(&mut row.session_id, &facts.session_id);
        set(&mut row.release, &facts.release);
        set(&mut row.version, &facts.version);
        set(&mut self.state.given_name, &facts.name);
        if !facts.tags.is_empty() && row.tags != facts.tags {
            row.tags.clone_from(&facts.tags);
        }
        match facts.environment.as_deref() {
            Some(environment) if environment != "default" || row.environment.is_empty() => {
                environment.clone_into(&mut row.environment);
            }
            None if row.environment.is_empty() => "default".clone_into(&mut row.environment),
            _ => {}
        }
        row.public |= facts.public;
    }

    fn name(&mut self) {
        let named = self
            .state
            .given_name
            .as_ref()
            .or(self.state.root_name.as_ref());
        if let Some(name) = named
            && self.state.row.name != *name
        {
            self.state.row.name.clone_from(name);
        }
        if self.state.row.environment.is_empty() {
            "default".clone_into(&mut self.state.row.environment);
        }
        if self.state.row.spans == 0 {
            self.state.row.level = Level::Default;
        }
    }
}

/// Units of all buckets whose name has this part, as Langfuse adds them up.
pub(crate) fn units(row: &ObservationRow, part: &str) -> u64 {
    let parts = row.usage.iter().filter(|(bucket, _)| bucket.contains(part));
    parts.fold(0, |sum, (_, units)| sum.saturating_add(*units))
}

pub(crate) fn total_units(row: &ObservationRow) -> u64 {
    row.usage.get("total").copied().unwrap_or(0)
}

/// Adds an observation to the sums of its trace.
fn count(state: &mut TraceState, span: &ObservationRow) {
    let row = &mut state.row;
    if row.spans == 0 && state.own_ns.is_none() {
        row.start_ns = span.start_ns;
    }
    row.start_ns = row.start_ns.min(span.start_ns);
    row.end_ns = row.end_ns.max(span.end_ns);
    row.level = row.level.max(span.level);
    row.spans += 1;
    row.errors += u64::from(span.level == Level::Error);
    row.open += u64::from(span.end_ns.is_none());
    row.notes += u64::from(!span.notes.is_empty());
    row.input_tokens = row.input_tokens.saturating_add(units(span, "input"));
    row.output_tokens = row.output_tokens.saturating_add(units(span, "output"));
    row.total_tokens = row.total_tokens.saturating_add(total_units(span));
    if let Some(cost) = span.cost.get("total") {
        row.cost = Some(row.cost.unwrap_or(0.0) + cost);
        row.cost_is_computed |= span.cost_is_computed;
    }
    if let Some(ttft) = span.ttft_ns.filter(|ttft| *ttft >= 0)
        && state
            .ttft_start_ns
            .is_none_or(|first| span.start_ns < first)
    {
        state.ttft_start_ns = Some(span.start_ns);
        row.ttft_ns = Some(ttft);
    }
    if let Some(model) = &span.model
        && !row.models.contains(model)
        && row.models.len() < 20
    {
        row.models.push(model.clone());
    }
}

/// Makes the sums again from all observations of the trace.
fn recount(db: &Connection, state: &mut TraceState) -> Result<(), StoreError> {
    let row = &mut state.row;
    row.start_ns = state.own_ns.unwrap_or(row.start_ns);
    row.end_ns = None;
    row.level = Level::Debug;
    (row.spans, row.errors, row.open, row.notes) = (0, 0, 0, 0);
    (row.input_tokens, row.output_tokens, row.total_tokens) = (0, 0, 0);
    (row.cost, row.cost_is_computed) = (None, false);
    (row.ttft_ns, state.ttft_start_ns) = (None, None);
    row.models.clear();
    let mut spans = db.prepare_cached(&format!("SELECT {SPAN} FROM span WHERE trace = ?1"))?;
    let mut spans = spans.query([state.n])?;
    while let Some(span) = spans.next()? {
        let (_, span) = read_span(span)?;
        count(state, &span);
    }
    Ok(())
}

pub(crate) fn load_trace(db: &Connection, id: &str) -> Result<Option<TraceState>, StoreError> {
    let mut find = db.prepare_cached(&format!("SELECT {TRACE} FROM trace WHERE id = ?1"))?;
    Ok(find.query_row([id], TraceState::read).optional()?)
}

pub(crate) fn load_span(
    db: &Connection,
    trace: i64,
    id: &str,
) -> Result<Option<(Place, ObservationRow)>, StoreError> {
    let mut find = db.prepare_cached(&format!(
        "SELECT {SPAN} FROM span WHERE trace = ?1 AND id = ?2"
    ))?;
    Ok(find.query_row(params![trace, id], read_span).optional()?)
}

pub(crate) fn load_body(db: &Connection, n: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let mut find = db.prepare_cached("SELECT data FROM body WHERE n = ?1")?;
    Ok(find.query_row([n], |row| row.get(0)).optional()?)
}

pub(crate) fn load_context(db: &Connection, trace: i64, n: i64) -> Result<Context, StoreError> {
    let mut find = db.prepare_cached("SELECT data FROM context WHERE trace = ?1 AND n = ?2")?;
    let text: Option<String> = find.query_row([trace, n], |row| row.get(0)).optional()?;
    let context = text.and_then(|text| serde_json::from_str(&text).ok());
    Ok(context.unwrap_or_default())
}

pub(crate) fn load_trace_body(db: &Connection, n: i64) -> Result<TraceBody, StoreError> {
    let mut find = db.prepare_cached("SELECT data FROM trace_body WHERE n = ?1")?;
    let text: Option<String> = find.query_row([n], |row| row.get(0)).optional()?;
    let body = text.and_then(|text| serde_json::from_str(&text).ok());
    Ok(body.unwrap_or_default())
}

/// Deletes a trace and everything that belongs to it, but the totals.
pub(crate) fn remove(
    db: &Connection,
    trace: i64,
    id: &str,
    mut each: impl FnMut(&ObservationRow),
) -> Result<(), StoreError> {
    {
        let mut spans = db.prepare_cached(&format!("SELECT {SPAN} FROM span WHERE trace = ?1"))?;
        let mut spans = spans.query([trace])?;
        while let Some(span) = spans.next()? {
            each(&read_span(span)?.1);
        }
    }
    for sql in [
        "DELETE FROM words WHERE rowid IN (SELECT s.n FROM span s, words_at a WHERE s.trace = ?1 AND s.n <= a.n)",
        "DELETE FROM words_stale WHERE n IN (SELECT n FROM span WHERE trace = ?1)",
        "DELETE FROM body WHERE n IN (SELECT n FROM span WHERE trace = ?1)",
        "DELETE FROM span WHERE trace = ?1",
        "DELETE FROM context WHERE trace = ?1",
        "DELETE FROM trace_body WHERE n = ?1",
        "DELETE FROM trace WHERE n = ?1",
    ] {
        db.prepare_cached(sql)?.execute([trace])?;
    }
    for sql in [
        "DELETE FROM score WHERE trace_id = ?1",
        "DELETE FROM media WHERE id IN (SELECT media FROM media_link WHERE trace_id = ?1) AND id NOT IN \
         (SELECT media FROM media_link WHERE trace_id <> ?1)",
        "DELETE FROM media_link WHERE trace_id = ?1",
    ] {
        db.prepare_cached(sql)?.execute([id])?;
    }
    Ok(())
}
