//! Deletes the oldest traces by age and by size of the file.
//! Called by `writer` from time to time. Totals of hours and models stay: they are history.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use super::error::StoreError;
use super::load::remove;
use super::options::StoreOptions;
use super::rows::{TRACE, TraceState};

/// Traces that one transaction deletes.
const STEP: usize = 200;
/// Pages of the index of words that are merged after each step, so that deleted words leave it.
const MERGED: i64 = 2000;
/// Pages that are given back to the file system in one step.
const PAGES: i64 = 4096;

/// Deletes what is too old or too much; the number of traces. The oldest are those that arrived first.
pub(crate) fn apply(db: &mut Connection, options: &StoreOptions) -> Result<usize, StoreError> {
    let mut deleted = 0usize;
    let now_ns = i64::try_from(options.clock.unix_nanos()).unwrap_or(i64::MAX);
    if let Some(age) = options.max_age {
        let age = i64::try_from(age.as_nanos()).unwrap_or(i64::MAX);
        let before = now_ns.saturating_sub(age);
        loop {
            let step = delete_oldest(db, STEP, Some((before, now_ns)))?;
            deleted = deleted.saturating_add(step);
            if step < STEP {
                break;
            }
        }
    }
    if let Some(limit) = options.max_bytes {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let traces: i64 = db.query_row("SELECT count(*) FROM trace", [], |row| row.get(0))?;
        let most = usize::try_from(traces).unwrap_or(0).div_ceil(2);
        let mut here = 0usize;
        // The index of words gives its room back later than the rows: at most half of the traces are deleted at once.
        while here < most && used_bytes(db)? > limit {
            let step = delete_oldest(db, STEP.min(most), None)?;
            here = here.saturating_add(step);
            db.execute(
                "INSERT INTO words(words, rank) VALUES('merge', ?1)",
                [-MERGED],
            )?;
            if step == 0 {
                break;
            }
        }
        deleted = deleted.saturating_add(here);
    }
    if deleted > 0 {
        loop {
            let free: i64 = db.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
            db.execute_batch(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
            let left: i64 = db.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
            if left == 0 || left >= free {
                break;
            }
        }
        // The log of the deletions is written back and cut, so that the disk has the room.
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .optional()?;
    }
    Ok(deleted)
}

/// Bytes of the pages in use.
fn used_bytes(db: &Connection) -> Result<i64, StoreError> {
    let pragma = |name: &str| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = pragma("page_count")?.saturating_sub(pragma("freelist_count")?);
    Ok(pages.saturating_mul(pragma("page_size")?))
}

/// Deletes the first traces; if a time is given, of those whose last change is before it.
fn delete_oldest(
    db: &mut Connection,
    at_most: usize,
    before: Option<(i64, i64)>,
) -> Result<usize, StoreError> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let oldest = oldest(&transaction, at_most, before)?;
    let mut totals = super::totals::Totals::default();
    for state in &oldest {
        remove(&transaction, state.n, &state.row.id, |_| {})?;
        totals.forget(&state.row);
    }
    totals.write(&transaction)?;
    transaction.commit()?;
    Ok(oldest.len())
}

/// The traces that arrived first. With a time, and the present one, those that changed before it: one that still changes is
/// no reason to keep those after it. Nor is one that arrived while the clock was ahead.
fn oldest(
    db: &Connection,
    at_most: usize,
    before: Option<(i64, i64)>,
) -> Result<Vec<TraceState>, StoreError> {
    let sql = format!("SELECT {TRACE} FROM trace ORDER BY n");
    let mut find = db.prepare_cached(&sql)?;
    let mut rows = find.query([])?;
    let mut oldest = Vec::new();
    while oldest.len() < at_most
        && let Some(row) = rows.next()?
    {
        let state = TraceState::read(row)?;
        if let Some((before, now)) = before {
            // Rows are in the order of their arrival.
            if (before..=now).contains(&state.received_ns) {
                break;
            }
            if state.row.updated_ns >= before {
                continue;
            }
        }
        oldest.push(state);
    }
    Ok(oldest)
}
