//! Pages of traces with what the older read API shows of each, from one snapshot of the file.
//! Called by `Store`.

use rusqlite::{Connection, params_from_iter};

use super::conditions::Conditions;
use super::error::StoreError;
use super::filter::Where;
use super::lists::{select, size};
use super::rows::TRACE;
use super::views::io_of_trace;
use crate::model::{Bodies, Order, TraceQuery, TraceRow};

/// Observations and scores whose ids are shown of one trace.
const IDS: usize = 10_000;

/// What is read beside the row of a trace.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Parts {
    /// Input, output and metadata.
    pub(crate) io: bool,
    pub(crate) observations: bool,
    pub(crate) scores: bool,
}

/// A trace with the parts that were asked for; the others are empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct WholeTrace {
    pub(crate) row: TraceRow,
    pub(crate) bodies: Bodies,
    /// Ids of the observations, by their start.
    pub(crate) observations: Vec<String>,
    /// Ids of the scores, the newest first.
    pub(crate) scores: Vec<String>,
}

/// A page of traces, and how many there are on all pages.
pub(crate) fn page(
    db: &Connection,
    query: &TraceQuery,
    more: &Conditions,
    page: usize,
    parts: Parts,
) -> Result<(Vec<WholeTrace>, usize), StoreError> {
    let (by, direction) = match query.order {
        Order::Newest => ("start_ns", "DESC"),
        Order::Oldest => ("start_ns", "ASC"),
        order => (size(order), "DESC"),
    };
    let mut filters = Where::of(query);
    for (condition, values) in more {
        filters.and_all(condition, values.iter().cloned());
    }
    let mut count = db.prepare_cached(&format!("SELECT count(*) FROM trace{}", filters.sql))?;
    let count: i64 = count.query_row(params_from_iter(&filters.values), |row| row.get(0))?;
    let sql = format!(
        "SELECT {TRACE} FROM trace{} ORDER BY {by} {direction} NULLS LAST, n {direction} LIMIT {} OFFSET {}",
        filters.sql,
        query.limit,
        page.saturating_sub(1).saturating_mul(query.limit)
    );
    let rows = select(db, &sql, filters.values)?;
    let whole = rows.into_iter().map(|(n, row)| whole(db, n, row, parts));
    Ok((
        whole.collect::<Result<_, _>>()?,
        usize::try_from(count).unwrap_or(0),
    ))
}

fn whole(db: &Connection, n: i64, row: TraceRow, parts: Parts) -> Result<WholeTrace, StoreError> {
    let mut trace = WholeTrace::default();
    if parts.io {
        trace.bodies = io_of_trace(db, n)?;
    }
    if parts.observations {
        let sql = format!("SELECT id FROM span WHERE trace = ?1 ORDER BY start_ns, n LIMIT {IDS}");
        let mut find = db.prepare_cached(&sql)?;
        let ids = find.query_map([n], |row| row.get(0))?;
        trace.observations = ids.collect::<Result<_, _>>()?;
    }
    if parts.scores && row.scores > 0 {
        let sql = format!(
            "SELECT id FROM score WHERE trace_id = ?1 ORDER BY timestamp_ns DESC, n DESC LIMIT {IDS}"
        );
        let mut find = db.prepare_cached(&sql)?;
        let ids = find.query_map([&row.id], |row| row.get(0))?;
        trace.scores = ids.collect::<Result<_, _>>()?;
    }
    trace.row = row;
    Ok(trace)
}
