//! Traces over time.
//! Called by `Store`.

use rusqlite::{Connection, OptionalExtension as _, params_from_iter};
use tracefuse_core::Clock;

use super::error::StoreError;
use super::filter::Where;
use super::lists::found;
use super::phrase::Search;
use super::rows::unsigned;
use super::totals::HOUR_NS;
use crate::model::{Bin, Histogram, Order, TraceQuery};

/// Traces of a search that are counted, the newest.
const FOUND: usize = 1000;

pub(crate) fn histogram(
    db: &Connection,
    query: &TraceQuery,
    bins: usize,
    clock: &Clock,
) -> Result<Histogram, StoreError> {
    let bins = i64::try_from(bins.clamp(1, 1000)).unwrap_or(1);
    let text = query.text.as_deref().unwrap_or_default();
    if Search::is_wordless(text) {
        return Ok(Histogram::default());
    }
    let search = Search::new(text);
    let (starts, filters) = if search.is_empty() {
        (None, Where::of(query))
    } else {
        let mut wide = query.clone();
        // The newest alone: a word of many traces would be a scan of them.
        (wide.cursor, wide.order, wide.limit) = (None, Order::Newest, FOUND);
        let rows = found(db, &wide, &search, FOUND, clock)?.rows;
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
    let to = query
        .to_ns
        .or_else(|| last.map(|last| last.saturating_add(1)));
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
    let by_hours = starts.is_none() && filters.sql.is_empty() && width % HOUR_NS == 0;
    if starts.is_none() && !by_hours && is_by_time_alone(query) {
        count_bins(db, query, &mut histogram)?;
        return Ok(histogram);
    }
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
    } else if by_hours {
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

/// Whether the query has no filter but a range of time.
fn is_by_time_alone(query: &TraceQuery) -> bool {
    let mut rest = query.clone();
    (rest.from_ns, rest.to_ns) = (None, None);
    Where::of(&rest).sql.is_empty()
}

/// Counts by the indexes of the start alone, without a look at the rows of traces.
fn count_bins(
    db: &Connection,
    query: &TraceQuery,
    histogram: &mut Histogram,
) -> Result<(), StoreError> {
    let (from, to) = (
        query.from_ns.unwrap_or(i64::MIN),
        query.to_ns.unwrap_or(i64::MAX),
    );
    let count = |which: &str, from: i64, to: i64| -> Result<u64, StoreError> {
        let sql =
            format!("SELECT count(*) FROM trace WHERE start_ns >= ?1 AND start_ns < ?2{which}");
        let mut count = db.prepare_cached(&sql)?;
        Ok(count.query_row([from, to], |row| row.get(0).map(unsigned))?)
    };
    for bin in &mut histogram.bins {
        let (from, to) = (
            bin.start_ns.max(from),
            bin.start_ns.saturating_add(histogram.width_ns).min(to),
        );
        bin.traces = count("", from, to)?;
        if bin.traces > 0 {
            bin.errors = count(" AND errors > 0", from, to)?;
        }
    }
    Ok(())
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
