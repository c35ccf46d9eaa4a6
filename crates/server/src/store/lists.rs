//! Lists of traces, sessions and users, and their histogram: they read rows that the writer keeps, never spans.
//! Called by `Store`.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};
use tracefuse_core::{Clock, Level};

use super::error::StoreError;
use super::rows::{TRACE, TraceState, level_number, unsigned};
use super::search::{self, Search};
use super::totals::HOUR_NS;
use crate::model::{Bin, Histogram, Order, Page, SessionRow, TraceQuery, TraceRow, UserRow};

const PAGE: usize = 50;
/// Observations that a full-text search takes from the index at once, and at most.
const FOUND: usize = 1000;
const MOST_FOUND: usize = 20_000;

/// A `WHERE` with its values.
#[derive(Debug, Default)]
struct Where {
    sql: String,
    values: Vec<Value>,
}

impl Where {
    fn and(&mut self, condition: &str, value: impl Into<Value>) {
        self.and_all(condition, [value.into()]);
    }

    fn and_all(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(if self.sql.is_empty() {
            " WHERE "
        } else {
            " AND "
        });
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    /// The filters of a query but for its text.
    fn of(query: &TraceQuery) -> Self {
        let mut filters = Self::default();
        let equal = [
            ("name = ?", &query.name),
            ("user_id = ?", &query.user_id),
            ("session_id = ?", &query.session_id),
            ("environment = ?", &query.environment),
            ("release = ?", &query.release),
            ("version = ?", &query.version),
        ];
        for (condition, value) in equal {
            if let Some(value) = value {
                filters.and(condition, value.clone());
            }
        }
        if let Some(from) = query.from_ns {
            filters.and("start_ns >= ?", from);
        }
        if let Some(to) = query.to_ns {
            filters.and("start_ns < ?", to);
        }
        // A list is kept as JSON: an element is found with its quotes.
        for tag in &query.tags {
            filters.and("instr(tags, ?) > 0", quoted(tag));
        }
        if let Some(model) = &query.model {
            filters.and("instr(models, ?) > 0", quoted(model));
        }
        if query.errors || query.level == Some(Level::Error) {
            filters.and_all("errors > 0", []);
        } else if let Some(level) = query.level {
            filters.and("level >= ?", level_number(level));
        }
        if let Some(latency) = query.min_latency_ns {
            filters.and("end_ns - start_ns >= ?", latency);
        }
        if let Some(cost) = query.min_cost {
            filters.and("cost >= ?", cost);
        }
        filters
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

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
    let search = Search::new(query.text.as_deref().unwrap_or_default());
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

/// A page of traces by time, and how many there are.
pub(crate) fn traces_of_page(
    db: &Connection,
    query: &TraceQuery,
    page: usize,
) -> Result<(Vec<TraceRow>, usize), StoreError> {
    let direction = if query.order == Order::Oldest {
        "ASC"
    } else {
        "DESC"
    };
    let filters = Where::of(query);
    let mut count = db.prepare_cached(&format!("SELECT count(*) FROM trace{}", filters.sql))?;
    let count: i64 = count.query_row(params_from_iter(&filters.values), |row| row.get(0))?;
    let sql = format!(
        "SELECT {TRACE} FROM trace{} ORDER BY start_ns {direction}, n {direction} LIMIT {} OFFSET {}",
        filters.sql,
        query.limit,
        page.saturating_sub(1).saturating_mul(query.limit)
    );
    let rows = select(db, &sql, filters.values)?;
    Ok((
        rows.into_iter().map(|(_, row)| row).collect(),
        usize::try_from(count).unwrap_or(0),
    ))
}

fn by_size(
    db: &Connection,
    query: &TraceQuery,
    limit: usize,
) -> Result<Page<TraceRow>, StoreError> {
    let by = match query.order {
        Order::Costliest => "cost",
        Order::MostTokens => "total_tokens",
        _ => "end_ns - start_ns",
    };
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
    cursor.map_or(Ok(0), |cursor| {
        cursor.parse().map_err(|_| StoreError::Cursor)
    })
}

fn select(
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
fn found(
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

/// The trace of this number, if the filters of the query but for its text match.
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
    let Some((start, n)) = here else {
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

pub(crate) fn histogram(
    db: &Connection,
    query: &TraceQuery,
    bins: usize,
    clock: &Clock,
) -> Result<Histogram, StoreError> {
    let bins = i64::try_from(bins.clamp(1, 1000)).unwrap_or(1);
    let search = Search::new(query.text.as_deref().unwrap_or_default());
    let (starts, filters) = if search.is_empty() {
        (None, Where::of(query))
    } else {
        let mut wide = query.clone();
        (wide.cursor, wide.order, wide.limit) = (None, Order::Oldest, 1000);
        let rows = found(db, &wide, &search, 1000, clock)?.rows;
        let starts: Vec<(i64, bool)> = rows
            .iter()
            .map(|row| (row.start_ns, row.errors > 0))
            .collect();
        (Some(starts), Where::default())
    };
    let (first, last) = match &starts {
        Some(starts) => (
            starts.iter().map(|(start, _)| *start).min(),
            starts.iter().map(|(start, _)| *start).max(),
        ),
        None => {
            let edge = |which: &str| -> Result<Option<i64>, StoreError> {
                let sql = format!(
                    "SELECT start_ns FROM trace{} ORDER BY start_ns {which} LIMIT 1",
                    filters.sql
                );
                let mut find = db.prepare_cached(&sql)?;
                let edge = find.query_row(params_from_iter(&filters.values), |row| row.get(0));
                Ok(edge.optional()?)
            };
            (edge("ASC")?, edge("DESC")?)
        }
    };
    let from = query.from_ns.or(first);
    let to = query.to_ns.or(last.map(|last| last.saturating_add(1)));
    let (Some(from), Some(to)) = (from, to) else {
        return Ok(Histogram::default());
    };
    let width = width(to.saturating_sub(from).max(1), bins);
    let from = from.div_euclid(width).saturating_mul(width);
    let count = (to.saturating_sub(from) / width)
        .saturating_add(1)
        .clamp(1, 4000);
    let mut histogram = Histogram {
        from_ns: from,
        width_ns: width,
        bins: (0..count)
            .map(|at| Bin {
                start_ns: from.saturating_add(at.saturating_mul(width)),
                ..Bin::default()
            })
            .collect(),
    };
    let mut add = |at: i64, traces: u64, errors: u64| {
        if let Some(bin) = usize::try_from(at)
            .ok()
            .and_then(|at| histogram.bins.get_mut(at))
        {
            bin.traces = bin.traces.saturating_add(traces);
            bin.errors = bin.errors.saturating_add(errors);
        }
    };
    if let Some(starts) = starts {
        for (start, is_error) in starts {
            add(
                start.saturating_sub(from).div_euclid(width),
                1,
                u64::from(is_error),
            );
        }
    } else if filters.sql.is_empty() && width % HOUR_NS == 0 {
        let mut hours = db.prepare_cached("SELECT hour, traces, errors FROM hour")?;
        let mut hours = hours.query([])?;
        while let Some(row) = hours.next()? {
            let start = row.get::<_, i64>(0)?.saturating_mul(HOUR_NS);
            let at = start.saturating_sub(from).div_euclid(width);
            add(at, unsigned(row.get(1)?), unsigned(row.get(2)?));
        }
    } else {
        let sql = format!(
            "SELECT (start_ns - {from}) / {width}, count(*), sum(errors > 0) FROM trace{} GROUP BY 1",
            filters.sql
        );
        let mut rows = db.prepare_cached(&sql)?;
        let mut rows = rows.query(params_from_iter(filters.values))?;
        while let Some(row) = rows.next()? {
            add(row.get(0)?, unsigned(row.get(1)?), unsigned(row.get(2)?));
        }
    }
    Ok(histogram)
}

/// The smallest usual width that makes at most so many bins.
fn width(range: i64, bins: i64) -> i64 {
    const SECOND: i64 = 1_000_000_000;
    const USUAL: [i64; 16] = [
        1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800,
    ];
    let wanted = range / bins;
    let usual = USUAL.iter().map(|seconds| seconds.saturating_mul(SECOND));
    let mut usual = usual.filter(|width| *width >= wanted);
    let weeks = 604_800 * SECOND;
    usual
        .next()
        .unwrap_or_else(|| (wanted / weeks).saturating_add(1).saturating_mul(weeks))
}

/// Rows of a list that has the last time first; the cursor is time and id of the last row.
fn page_of<T>(
    db: &Connection,
    (table, columns): (&str, &str),
    limit: usize,
    cursor: Option<&str>,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    place: impl Fn(&T) -> (i64, String),
) -> Result<Page<T>, StoreError> {
    let limit = if limit == 0 { PAGE } else { limit.min(1000) };
    let (last, id) = match cursor {
        Some(cursor) => {
            let (last, id) = cursor.split_once('.').ok_or(StoreError::Cursor)?;
            (last.parse().map_err(|_| StoreError::Cursor)?, id.to_owned())
        }
        None => (i64::MAX, String::new()),
    };
    let sql = format!(
        "SELECT {columns} FROM {table} WHERE traces > 0 AND (last_ns, id) < (?1, ?2) ORDER BY last_ns DESC, id DESC LIMIT ?3"
    );
    let mut find = db.prepare_cached(&sql)?;
    let rows = find.query_map(params![last, id, limit.saturating_add(1) as i64], read)?;
    let mut rows: Vec<T> = rows.collect::<Result<_, _>>()?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|row| {
        let (last, id) = place(row);
        format!("{last}.{id}")
    });
    Ok(Page {
        rows,
        next,
        is_partial: false,
    })
}

const SESSION: &str = "id, traces, errors, first_ns, last_ns, total_tokens, cost, user_id";

fn session_row(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        id: row.get(0)?,
        traces: unsigned(row.get(1)?),
        errors: unsigned(row.get(2)?),
        first_ns: row.get(3)?,
        last_ns: row.get(4)?,
        total_tokens: unsigned(row.get(5)?),
        cost: row.get::<_, f64>(6)?.max(0.0),
        user_id: row.get(7)?,
    })
}

pub(crate) fn sessions(
    db: &Connection,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page<SessionRow>, StoreError> {
    page_of(
        db,
        ("session", SESSION),
        limit,
        cursor,
        session_row,
        |row| (row.last_ns, row.id.clone()),
    )
}

/// A page of sessions, and how many there are.
pub(crate) fn sessions_of_page(
    db: &Connection,
    page: usize,
    limit: usize,
) -> Result<(Vec<SessionRow>, usize), StoreError> {
    let count: i64 = db.query_row("SELECT count(*) FROM session WHERE traces > 0", [], |row| {
        row.get(0)
    })?;
    let skip = page.saturating_sub(1).saturating_mul(limit);
    let sql = format!(
        "SELECT {SESSION} FROM session WHERE traces > 0 ORDER BY first_ns DESC, id DESC LIMIT {limit} OFFSET {skip}"
    );
    let mut find = db.prepare_cached(&sql)?;
    let rows = find.query_map([], session_row)?;
    Ok((
        rows.collect::<Result<_, _>>()?,
        usize::try_from(count).unwrap_or(0),
    ))
}

pub(crate) fn session(db: &Connection, id: &str) -> Result<Option<SessionRow>, StoreError> {
    let mut find = db.prepare_cached(&format!(
        "SELECT {SESSION} FROM session WHERE id = ?1 AND traces > 0"
    ))?;
    Ok(find.query_row([id], session_row).optional()?)
}

pub(crate) fn users(
    db: &Connection,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page<UserRow>, StoreError> {
    let columns = "id, traces, errors, first_ns, last_ns, total_tokens, cost";
    let read = |row: &Row<'_>| {
        Ok(UserRow {
            id: row.get(0)?,
            traces: unsigned(row.get(1)?),
            errors: unsigned(row.get(2)?),
            first_ns: row.get(3)?,
            last_ns: row.get(4)?,
            total_tokens: unsigned(row.get(5)?),
            cost: row.get::<_, f64>(6)?.max(0.0),
        })
    };
    page_of(db, ("user", columns), limit, cursor, read, |row| {
        (row.last_ns, row.id.clone())
    })
}

/// Values for the choices of a filter, of the newest traces.
pub(crate) fn values(db: &Connection, field: &str) -> Result<Vec<String>, StoreError> {
    const NEWEST: &str = "(SELECT * FROM trace ORDER BY start_ns DESC LIMIT 5000)";
    let sql = match field {
        "model" => "SELECT model FROM hour_model GROUP BY model ORDER BY max(hour) DESC LIMIT 100"
            .to_owned(),
        "tag" => format!(
            "SELECT value FROM {NEWEST} t, json_each(t.tags) GROUP BY value ORDER BY max(t.start_ns) DESC LIMIT 100"
        ),
        "name" | "environment" | "release" | "version" => format!(
            "SELECT {field} FROM {NEWEST} WHERE {field} IS NOT NULL GROUP BY {field} ORDER BY max(start_ns) DESC LIMIT 100"
        ),
        _ => return Ok(Vec::new()),
    };
    let mut find = db.prepare_cached(&sql)?;
    let rows = find.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
