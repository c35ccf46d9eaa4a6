//! Full-text search: in the index of words, and by an exact scan of what the index does not have yet.
//! Used by `lists`, `histogram` and `reads`. The index is in `words`, what was typed in `phrase`.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};
use tracefuse_core::Clock;

use super::error::StoreError;
use super::phrase::Search;
use super::words::{NAMES, indexed_to, text_of_row};

/// How long the exact scan may read what is not indexed yet.
const SCAN: Duration = Duration::from_millis(300);

/// Observations that match, the newest first.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Numbers of observations.
    pub(crate) spans: Vec<i64>,
    /// Rows may be missing: there are more, or the scan ran out of time.
    pub(crate) is_partial: bool,
}

/// At most `at_most` observations below the number `before`, the newest first: those that are not indexed yet by reading
/// them, the others from the index.
pub(crate) fn find(
    db: &Connection,
    search: &Search,
    before: i64,
    at_most: usize,
    clock: &Clock,
) -> Result<Found, StoreError> {
    let mut found = Found::default();
    if search.is_empty() {
        return Ok(found);
    }
    let at = indexed_to(db)?;
    let start = clock.monotonic_nanos();
    let is_late = || Duration::from_nanos(clock.monotonic_nanos().saturating_sub(start)) > SCAN;
    let scan = |sql: &str, values: &[i64], found: &mut Found| -> Result<(), StoreError> {
        let mut rows = db.prepare_cached(sql)?;
        let mut rows = rows.query(rusqlite::params_from_iter(values))?;
        while let Some(row) = rows.next()? {
            if found.spans.len() >= at_most || is_late() {
                found.is_partial = true;
                break;
            }
            if search.is_in(&text_of_row(db, row)?) {
                found.spans.push(row.get(0)?);
            }
        }
        Ok(())
    };
    scan(
        &format!("{NAMES} WHERE n > ?1 AND n < ?2 ORDER BY n DESC"),
        &[at, before],
        &mut found,
    )?;
    scan(
        &format!("{NAMES} WHERE n IN (SELECT n FROM words_stale) AND n < ?1 ORDER BY n DESC"),
        &[before],
        &mut found,
    )?;
    let mut indexed = db.prepare_cached(
        "SELECT rowid FROM words WHERE words MATCH ?1 AND rowid < ?2 \
         AND rowid NOT IN (SELECT n FROM words_stale) ORDER BY rowid DESC LIMIT ?3",
    )?;
    let left = at_most.saturating_sub(found.spans.len());
    let rows = indexed.query_map(
        params![
            search.to_match(),
            before.min(at.saturating_add(1)),
            left as i64
        ],
        |row| row.get(0),
    );
    let before = found.spans.len();
    for n in rows? {
        found.spans.push(n?);
    }
    found.is_partial |= found.spans.len() - before >= left;
    found.spans.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}

/// Ids of at most `at_most` observations of a trace that match; `true` if some may be missing.
pub(crate) fn in_trace(
    db: &Connection,
    search: &Search,
    trace: &str,
    at_most: usize,
    clock: &Clock,
) -> Result<(Vec<String>, bool), StoreError> {
    let ends = "SELECT t.n, min(s.n), max(s.n) FROM trace t JOIN span s ON s.trace = t.n WHERE t.id = ?1 GROUP BY t.n";
    let ends = db
        .prepare_cached(ends)?
        .query_row([trace], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let Some((trace, first, last)): Option<(i64, i64, i64)> = ends.optional()? else {
        return Ok((Vec::new(), false));
    };
    if search.is_empty() {
        return Ok((Vec::new(), false));
    }
    let mut ids = Vec::new();
    let mut is_partial = false;
    let mut indexed = db.prepare_cached(
        "SELECT s.id FROM words w JOIN span s ON s.n = w.rowid WHERE words MATCH ?1 AND w.rowid BETWEEN ?2 AND ?3 \
         AND s.trace = ?4 AND w.rowid NOT IN (SELECT n FROM words_stale) LIMIT ?5",
    )?;
    let values = params![search.to_match(), first, last, trace, at_most as i64];
    for id in indexed.query_map(values, |row| row.get(0))? {
        ids.push(id?);
    }
    // What is not in the index yet.
    let sql = format!(
        "{NAMES} WHERE trace = ?1 AND (n > ?2 OR n IN (SELECT n FROM words_stale)) ORDER BY n"
    );
    let start = clock.monotonic_nanos();
    let mut rows = db.prepare_cached(&sql)?;
    let mut rows = rows.query([trace, indexed_to(db)?])?;
    while let Some(row) = rows.next()? {
        let took = Duration::from_nanos(clock.monotonic_nanos().saturating_sub(start));
        if ids.len() >= at_most || took > SCAN {
            is_partial = true;
            break;
        }
        if search.is_in(&text_of_row(db, row)?) {
            let mut id = db.prepare_cached("SELECT id FROM span WHERE n = ?1")?;
            ids.push(id.query_row([row.get::<_, i64>(0)?], |row| row.get(0))?);
        }
    }
    is_partial |= ids.len() >= at_most;
    Ok((ids, is_partial))
}

/// Whether an observation of this trace matches, read one by one: for a trace that other filters chose.
pub(crate) fn trace_matches(
    db: &Connection,
    search: &Search,
    trace: i64,
) -> Result<bool, StoreError> {
    let mut rows = db.prepare_cached(&format!("{NAMES} WHERE trace = ?1"))?;
    let mut rows = rows.query([trace])?;
    while let Some(row) = rows.next()? {
        if search.is_in(&text_of_row(db, row)?) {
            return Ok(true);
        }
    }
    Ok(false)
}
