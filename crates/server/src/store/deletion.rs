//! Deletes traces in steps that are short, since changes wait for them: the row of a trace at once, its observations in
//! parts. What is not done when the process ends is done by the next one.
//! Called by `apply` and `retention`.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::error::StoreError;
use super::rows::{SPAN, read_span};
use super::totals::Totals;

/// Deletes the row of a trace, its scores and its media: nothing shows it any more. Its observations are left for [`sweep`].
/// `is_uncounted`: whether the totals of its models lose its calls.
pub(crate) fn hide(
    db: &Connection,
    trace: i64,
    id: &str,
    is_uncounted: bool,
) -> Result<(), StoreError> {
    db.prepare_cached("INSERT OR IGNORE INTO gone(trace, is_uncounted) VALUES(?1, ?2)")?
        .execute(params![trace, is_uncounted])?;
    for sql in [
        "DELETE FROM trace WHERE n = ?1",
        "DELETE FROM trace_body WHERE n = ?1",
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

/// Deletes observations of hidden traces, at most so many; how many it deleted. If it is fewer than `at_most`, none are left.
pub(crate) fn sweep(
    db: &Connection,
    totals: &mut Totals,
    at_most: usize,
) -> Result<usize, StoreError> {
    let mut deleted = 0usize;
    while deleted < at_most {
        let next = "SELECT trace, is_uncounted FROM gone ORDER BY trace LIMIT 1";
        let next: Option<(i64, bool)> = db
            .prepare_cached(next)?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((trace, is_uncounted)) = next else {
            break;
        };
        let room = at_most.saturating_sub(deleted);
        let here = observations(db, totals, trace, is_uncounted, room)?;
        deleted = deleted.saturating_add(here);
        if here < room {
            for sql in [
                "DELETE FROM context WHERE trace = ?1",
                "DELETE FROM gone WHERE trace = ?1",
            ] {
                db.prepare_cached(sql)?.execute([trace])?;
            }
        }
    }
    Ok(deleted)
}

/// Deletes observations of one trace, at most so many.
fn observations(
    db: &Connection,
    totals: &mut Totals,
    trace: i64,
    is_uncounted: bool,
    at_most: usize,
) -> Result<usize, StoreError> {
    let room = i64::try_from(at_most).unwrap_or(i64::MAX);
    if is_uncounted {
        let sql = format!("SELECT {SPAN} FROM span WHERE trace = ?1 ORDER BY id LIMIT ?2");
        let mut spans = db.prepare_cached(&sql)?;
        let mut spans = spans.query(params![trace, room])?;
        while let Some(span) = spans.next()? {
            totals.model(&read_span(span)?.1, -1);
        }
    }
    let mut find = db.prepare_cached("SELECT n FROM span WHERE trace = ?1 ORDER BY id LIMIT ?2")?;
    let numbers: Vec<i64> = find
        .query_map(params![trace, room], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for n in &numbers {
        for sql in [
            // What is not indexed yet must not be deleted from the index.
            "DELETE FROM words WHERE rowid = ?1 AND rowid <= (SELECT n FROM words_at)",
            "DELETE FROM words_stale WHERE n = ?1",
            "DELETE FROM body WHERE n = ?1",
            "DELETE FROM span WHERE n = ?1",
        ] {
            db.prepare_cached(sql)?.execute([n])?;
        }
    }
    Ok(numbers.len())
}

/// Whether observations of hidden traces are left.
pub(crate) fn is_pending(db: &Connection) -> Result<bool, StoreError> {
    let pending = "SELECT EXISTS(SELECT 1 FROM gone)";
    Ok(db
        .prepare_cached(pending)?
        .query_row([], |row| row.get(0))?)
}
