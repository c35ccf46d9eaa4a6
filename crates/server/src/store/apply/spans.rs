//! Applies observations: a new one, one that replaces another, and single fields as the batch API sends them.
//! Called by `apply`.

use rusqlite::params;

use super::Work;
use crate::model::Bodies;
use crate::prices::Prices;
use crate::store::change::{Context, ObservationPatch, Span, pack, preview, unpack};
use crate::store::error::StoreError;
use crate::store::load::{load_body, load_context, load_span, load_trace};
use crate::store::merge;
use crate::store::rows::{Place, write_span};

impl Work<'_> {
    /// The start of an observation that is stored already.
    fn start_of(&self, span: &Span) -> Result<Option<i64>, StoreError> {
        let trace = match self.touched.get(&span.trace_id) {
            Some(touched) => Some(touched.state.n),
            None => load_trace(self.db, &span.trace_id)?.map(|state| state.n),
        };
        let known = trace.map(|trace| load_span(self.db, trace, &span.row.id));
        Ok(known.transpose()?.flatten().map(|(_, row)| row.start_ns))
    }

    /// An observation without a start: it keeps the one that is stored, or starts now.
    pub(super) fn span_without_time(&mut self, span: &Span) -> Result<(), StoreError> {
        let mut timed = span.clone();
        timed.row.start_ns = self.start_of(&timed)?.unwrap_or(self.now_ns);
        self.span(&timed)
    }

    pub(super) fn span(&mut self, span: &Span) -> Result<(), StoreError> {
        let n = self.memory.next_span;
        let trace = self.touch(&span.trace_id, span.row.start_ns)?.state.n;
        let context = self.memory.context(self.db, trace, &span.context)?;
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
    pub(super) fn observation(&mut self, patch: ObservationPatch) -> Result<(), StoreError> {
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
