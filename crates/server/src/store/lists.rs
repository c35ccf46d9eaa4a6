//! Lists of traces: they read rows that the writer keeps, never spans.
//! Called by `Store`.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params_from_iter};
use tracefuse_core::Clock;

use super::error::StoreError;
use super::filter::Where;
use super::phrase::Search;
use super::rows::{TRACE, TraceState};
use super::search;
use crate::model::{Order, Page, TraceQuery, TraceRow};

const PAGE: usize = 50;
/// Observations that a full-text search takes from the index at once, and at most.
const FOUND: usize = 1000;
const MOST_FOUND: usize = 20_000;

fn row(row: &Row<'_>) -> rusqlite::Result<(i64, TraceRow)> {
    let state = TraceState::read(row)?;
    Ok((state.n, state.row))
}

pub(crate) fn traces(
    db: &Connection,
    query: &TraceQuery,
    clock: &Clock,
) -> Result<Page<TraceRow>, StoreError> {
    let limit = if query.limit == 0 { PAGE } else { query.limit };
    let text = query.text.as_deref().unwrap_or_default();
    if Search::is_wordless(text) {
        return Ok(Page::default());
    }
    let search = Search::new(text);
    match query.order {
        _ if !search.is_empty() => found(db, query, &search, limit, clock),
        Order::Newest | Order::Oldest => by_time(db, query, limit),
        Order::Slowest | Order::Costliest | Order::MostTokens => by_size(db, query, limit),
    }
}

fn by_time(
    db: &Connection,
    query: &TraceQuery,
    limit: usize,
) -> Result<Page<TraceRow>, StoreError> {
    let (compare, direction) = match query.order {
        Order::Oldest => (">", "ASC"),
        _ => ("<", "DESC"),
    };
    let mut filters = Where::of(query);
    if let Some(cursor) = &query.cursor {
        let (start, n) = cursor.split_once('.').ok_or(StoreError::Cursor)?;
        let number = |text: &str| text.parse::<i64>().map_err(|_| StoreError::Cursor);
        let place = [number(start)?.into(), number(n)?.into()];
        filters.and_all(&format!("(start_ns, n) {compare} (?, ?)"), place);
    }
    let sql = format!(
        "SELECT {TRACE} FROM trace{} ORDER BY start_ns {direction}, n {direction} LIMIT {}",
        filters.sql,
        limit.saturating_add(1)
    );
    let mut rows = select(db, &sql, filters.values)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    Ok(Page {
        next: last.map(|(n, row)| format!("{}.{n}", row.start_ns)),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        is_partial: false,
    })
}

/// What an order other than by time compares.
pub(crate) fn size(order: Order) -> &'static str {
    match order {
        Order::Costliest => "cost",
        Order::MostTokens => "total_tokens",
        _ => "end_ns - start_ns",
    }
}

fn by_size(
    db: &Connection,
    query: &TraceQuery,
    limit: usize,
) -> Result<Page<TraceRow>, StoreError> {
    let by = size(query.order);
    let skip = offset(query.cursor.as_deref())?;
    let filters = Where::of(query);
    // The order is found with few columns; then the rows of the page are read.
    let sql = format!(
        "SELECT {TRACE} FROM trace WHERE n IN (SELECT n FROM trace{} ORDER BY {by} DESC NULLS LAST, n DESC LIMIT {} OFFSET \
         {skip}) ORDER BY {by} DESC NULLS LAST, n DESC",
        filters.sql,
        limit.saturating_add(1)
    );
    let mut rows = select(db, &sql, filters.values)?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    Ok(Page {
        next: more.then(|| skip.saturating_add(limit).to_string()),
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        is_partial: false,
    })
}

fn offset(cursor: Option<&str>) -> Result<usize, StoreError> {
    let read = |cursor: &str| cursor.parse::<u32>().ok()?.try_into().ok();
    cursor.map_or(Ok(0), |cursor| read(cursor).ok_or(StoreError::Cursor))
}

pub(crate) fn select(
    db: &Connection,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<(i64, TraceRow)>, StoreError> {
    let mut find = db.prepare_cached(sql)?;
    let rows = find.query_map(params_from_iter(values), row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Traces with an observation that matches, by the arrival of that observation, the newest first; other orders are within
/// what was found. The cursor is the number of the last observation.
pub(crate) fn found(
    db: &Connection,
    query: &TraceQuery,
    search: &Search,
    limit: usize,
    clock: &Clock,
) -> Result<Page<TraceRow>, StoreError> {
    let by_time = matches!(query.order, Order::Newest);
    let mut page = Page::default();
    let mut before = match (&query.cursor, by_time) {
        (Some(cursor), true) => cursor.parse().map_err(|_| StoreError::Cursor)?,
        _ => i64::MAX,
    };
    let skip = if by_time {
        0
    } else {
        offset(query.cursor.as_deref())?
    };
    let mut seen = std::collections::HashSet::new();
    let mut rows: Vec<(i64, TraceRow)> = Vec::new();
    let mut read = 0usize;
    'search: loop {
        let found = search::find(db, search, before, FOUND, clock)?;
        read = read.saturating_add(found.spans.len());
        for n in found.spans.iter().copied() {
            let mut trace = db.prepare_cached("SELECT trace FROM span WHERE n = ?1")?;
            let trace: Option<i64> = trace.query_row([n], |row| row.get(0)).optional()?;
            if let Some(trace) = trace.filter(|trace| seen.insert(*trace))
                && let Some(row) = matching(db, query, trace)?
            {
                if by_time && rows.len() >= limit {
                    page.next = Some(before.to_string());
                    break 'search;
                }
                rows.push(row);
            }
            before = n;
        }
        if !found.is_partial || found.spans.is_empty() || read >= MOST_FOUND {
            page.is_partial = found.is_partial;
            break;
        }
    }
    if by_time {
        rows.sort_by_key(|(n, row)| std::cmp::Reverse((row.start_ns, *n)));
    } else {
        sort(&mut rows, query.order);
        let more = rows.len() > skip.saturating_add(limit);
        page.next = more.then(|| skip.saturating_add(limit).to_string());
        rows = rows.into_iter().skip(skip).take(limit).collect();
    }
    page.rows = rows.into_iter().map(|(_, row)| row).collect();
    Ok(page)
}

fn sort(rows: &mut [(i64, TraceRow)], order: Order) {
    match order {
        Order::Newest => rows.sort_by_key(|(n, row)| std::cmp::Reverse((row.start_ns, *n))),
        Order::Oldest => rows.sort_by_key(|(n, row)| (row.start_ns, *n)),
        Order::Slowest => rows.sort_by_key(|(n, row)| std::cmp::Reverse((row.latency_ns(), *n))),
        Order::MostTokens => rows.sort_by_key(|(n, row)| std::cmp::Reverse((row.total_tokens, *n))),
        Order::Costliest => rows.sort_by(|(_, a), (_, b)| {
            let cost = |row: &TraceRow| row.cost.unwrap_or(-1.0);
            cost(b).total_cmp(&cost(a))
        }),
    }
}

/// The trace of this number, if the filters of the query match; its text is not checked.
fn matching(
    db: &Connection,
    query: &TraceQuery,
    trace: i64,
) -> Result<Option<(i64, TraceRow)>, StoreError> {
    let mut filters = Where::of(query);
    // The unary plus keeps SQLite from using another index than that of the number.
    filters.and("n = ?", trace);
    let sql = format!("SELECT {TRACE} FROM trace{}", filters.sql);
    Ok(select(db, &sql, filters.values)?.pop())
}

pub(crate) fn next_error(
    db: &Connection,
    query: &TraceQuery,
    trace: &str,
    forward: bool,
) -> Result<Option<TraceRow>, StoreError> {
    let here: Option<(i64, i64)> = db
        .prepare_cached("SELECT start_ns, n FROM trace WHERE id = ?1")?
        .query_row([trace], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let text = query.text.as_deref().unwrap_or_default();
    let Some((start, n)) = here.filter(|_| !Search::is_wordless(text)) else {
        return Ok(None);
    };
    let (compare, direction) = if forward { (">", "ASC") } else { ("<", "DESC") };
    let mut query = query.clone();
    query.errors = true;
    let search = Search::new(query.text.as_deref().unwrap_or_default());
    let mut filters = Where::of(&query);
    filters.and_all(
        &format!("(start_ns, n) {compare} (?, ?)"),
        [start.into(), n.into()],
    );
    let sql = format!(
        "SELECT {TRACE} FROM trace{} ORDER BY start_ns {direction}, n {direction} LIMIT {}",
        filters.sql,
        if search.is_empty() { 1 } else { FOUND }
    );
    for (n, row) in select(db, &sql, filters.values)? {
        if search.is_empty() || search::trace_matches(db, &search, n)? {
            return Ok(Some(row));
        }
    }
    Ok(None)
}
