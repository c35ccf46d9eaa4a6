//! A trace that a transaction changes: its row follows its observations.
//! Used by `apply`.

use rusqlite::Connection;
use tracefuse_core::Level;

use super::change::{Facts, Span};
use super::error::StoreError;
use super::rows::{SPAN, TraceState, read_span, total_units, units};
use super::totals::Contribution;
use crate::model::ObservationRow;

/// A trace that a transaction changes.
#[derive(Debug)]
pub(crate) struct Touched {
    pub(crate) state: TraceState,
    pub(crate) before: Option<Contribution>,
    pub(crate) is_new: bool,
    /// An observation was replaced: the sums are made again at the end.
    pub(crate) recount: bool,
    pub(crate) changes: u64,
    /// The row itself is as it was.
    pub(crate) is_same: bool,
}

impl Touched {
    /// Updates the row with an observation. The sums are left out if they are made again at the end.
    pub(crate) fn add(&mut self, span: &Span) {
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

    /// Sets each fact to the value that came last.
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

    pub(crate) fn name(&mut self) {
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
pub(crate) fn recount(db: &Connection, state: &mut TraceState) -> Result<(), StoreError> {
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
