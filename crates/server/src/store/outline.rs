//! A trace with what its tree shows of each observation: one pass over narrow rows, since a trace may have 50,000 of them.
//! Called by `Store` for the page of a trace.

use std::fmt;

use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use tracefuse_core::{Level, ObservationType};

use super::error::StoreError;
use super::load::{load_span, load_trace};
use super::rows::{kind, level};
use super::scores::scores;
use super::views::{bodies, bodies_of_trace};
use crate::model::{Bodies, ScoreQuery, ScoreRow, TraceRow};

/// A trace with the outline of its observations.
#[derive(Clone, Debug, Default)]
pub(crate) struct TraceOutline {
    pub(crate) trace: TraceRow,
    /// By start time; observations of the same time in the order of their arrival.
    pub(crate) spans: Vec<SpanOutline>,
    /// Scores of the trace and of its observations.
    pub(crate) scores: Vec<ScoreRow>,
    /// Input, output and metadata of the trace; input and output of the observation where it begins, if the trace has none.
    pub(crate) bodies: Bodies,
}

/// What a tree and the totals above it show of an observation.
#[derive(Clone, Debug, Default)]
pub(crate) struct SpanOutline {
    pub(crate) id: String,
    pub(crate) parent: Option<String>,
    pub(crate) kind: ObservationType,
    pub(crate) name: String,
    /// Nanoseconds since 1970.
    pub(crate) start_ns: i64,
    /// Nanoseconds since 1970; `None` while it is open.
    pub(crate) end_ns: Option<i64>,
    pub(crate) level: Level,
    pub(crate) status_message: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) units: Units,
    /// US dollars in total.
    pub(crate) cost: Option<f64>,
    pub(crate) cost_is_computed: bool,
    /// From the start to the first token, in nanoseconds.
    pub(crate) ttft_ns: Option<i64>,
    pub(crate) is_root: bool,
    pub(crate) notes: Vec<String>,
}

/// Sums of a span's usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Units {
    /// Of all buckets whose name begins with `input`.
    pub(crate) input: u64,
    /// Of all buckets whose name begins with `output`.
    pub(crate) output: u64,
    /// `None` without usage.
    pub(crate) total: Option<u64>,
}

const COLUMNS: &str = "n, id, parent, kind, name, start_ns, end_ns, level, status_message, model, usage, cost, cost_is_computed, \
     ttft_ns, is_root, notes";

pub(crate) fn outline(db: &Connection, id: &str) -> Result<Option<TraceOutline>, StoreError> {
    let Some(state) = load_trace(db, id)? else {
        return Ok(None);
    };
    let mut find = db.prepare_cached(&format!("SELECT {COLUMNS} FROM span WHERE trace = ?1"))?;
    let mut rows = find.query([state.n])?;
    let mut spans = Vec::with_capacity(usize::try_from(state.row.spans).unwrap_or(0));
    while let Some(row) = rows.next()? {
        spans.push(read(row)?);
    }
    spans.sort_unstable_by_key(|(n, span)| (span.start_ns, *n));
    let query = ScoreQuery {
        trace_id: Some(id.to_owned()),
        limit: 1000,
        ..ScoreQuery::default()
    };
    Ok(Some(TraceOutline {
        trace: state.row,
        spans: spans.into_iter().map(|(_, span)| span).collect(),
        scores: scores(db, &query)?.rows,
        bodies: bodies_shown(db, id)?.unwrap_or_default(),
    }))
}

/// As [`TraceOutline::bodies`].
pub(crate) fn bodies_shown(db: &Connection, id: &str) -> Result<Option<Bodies>, StoreError> {
    let Some(mut found) = bodies_of_trace(db, id)? else {
        return Ok(None);
    };
    if found.input.is_none() && found.output.is_none() {
        let sql = "SELECT s.trace, s.id FROM span s JOIN trace t ON t.n = s.trace WHERE t.id = ?1 \
             ORDER BY s.is_root DESC, s.start_ns, s.n LIMIT 1";
        let first: Option<(i64, String)> = db
            .prepare_cached(sql)?
            .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some((trace, span)) = first
            && let Some((place, _)) = load_span(db, trace, &span)?
        {
            let first = bodies(db, place)?.0;
            (found.input, found.output) = (first.input, first.output);
        }
    }
    Ok(Some(found))
}

fn read(row: &Row<'_>) -> rusqlite::Result<(i64, SpanOutline)> {
    let text = |at: usize| -> rusqlite::Result<Option<&str>> {
        let value = row.get_ref(at)?;
        Ok(value.as_str_or_null().ok().flatten())
    };
    let owned = |at: usize| text(at).map(|text| text.map(str::to_owned));
    let units = text(10)?.and_then(|text| serde_json::from_str(text).ok());
    let cost: Option<Cost> = text(11)?.and_then(|text| serde_json::from_str(text).ok());
    let notes = text(15)?.and_then(|text| serde_json::from_str(text).ok());
    let span = SpanOutline {
        id: row.get(1)?,
        parent: owned(2)?,
        kind: kind(row.get(3)?),
        name: row.get(4)?,
        start_ns: row.get(5)?,
        end_ns: row.get(6)?,
        level: level(row.get(7)?),
        status_message: owned(8)?,
        model: owned(9)?,
        units: units.unwrap_or_default(),
        cost: cost.and_then(|cost| cost.total),
        cost_is_computed: row.get(12)?,
        ttft_ns: row.get(13)?,
        is_root: row.get(14)?,
        notes: notes.unwrap_or_default(),
    };
    Ok((row.get(0)?, span))
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(buckets: D) -> Result<Self, D::Error> {
        struct Sum;
        impl<'de> Visitor<'de> for Sum {
            type Value = Units;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("units by bucket")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut buckets: A) -> Result<Units, A::Error> {
                let mut sum = Units::default();
                while let Some((name, units)) = buckets.next_entry::<String, u64>()? {
                    match name.as_str() {
                        "total" => sum.total = Some(units),
                        name if name.starts_with("input") => {
                            sum.input = sum.input.saturating_add(units);
                        }
                        name if name.starts_with("output") => {
                            sum.output = sum.output.saturating_add(units);
                        }
                        _ => {}
                    }
                }
                Ok(sum)
            }
        }
        buckets.deserialize_map(Sum)
    }
}

/// Of a cost by bucket.
#[derive(serde::Deserialize)]
struct Cost {
    total: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_summed_by_the_beginning_of_a_bucket() {
        let usage = r#"{"input":3,"input_cached_tokens":4,"output":5,"other":6,"total":18}"#;
        let units: Units = serde_json::from_str(usage).unwrap();
        assert_eq!((units.input, units.output, units.total), (7, 5, Some(18)));
        for (cost, total) in [
            (r#"{"input":0.5,"total":0.75}"#, Some(0.75)),
            (r#"{"input":0.5}"#, None),
        ] {
            let cost: Cost = serde_json::from_str(cost).unwrap();
            assert_eq!(cost.total, total);
        }
    }
}
