//! Single rows by their keys, and the deletion of a trace.
//! Used by `apply`, `retention`, `search` and `views`.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::change::{Context, TraceBody};
use super::error::StoreError;
use super::rows::{Place, SPAN, TRACE, TraceState, read_span};
use crate::model::ObservationRow;

pub(crate) fn load_trace(db: &Connection, id: &str) -> Result<Option<TraceState>, StoreError> {
    let mut find = db.prepare_cached(&format!("SELECT {TRACE} FROM trace WHERE id = ?1"))?;
    Ok(find.query_row([id], TraceState::read).optional()?)
}

pub(crate) fn load_span(
    db: &Connection,
    trace: i64,
    id: &str,
) -> Result<Option<(Place, ObservationRow)>, StoreError> {
    let mut find = db.prepare_cached(&format!(
        "SELECT {SPAN} FROM span WHERE trace = ?1 AND id = ?2"
    ))?;
    Ok(find.query_row(params![trace, id], read_span).optional()?)
}

pub(crate) fn load_body(db: &Connection, n: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let mut find = db.prepare_cached("SELECT data FROM body WHERE n = ?1")?;
    Ok(find.query_row([n], |row| row.get(0)).optional()?)
}

pub(crate) fn load_context(db: &Connection, trace: i64, n: i64) -> Result<Context, StoreError> {
    let mut find = db.prepare_cached("SELECT data FROM context WHERE trace = ?1 AND n = ?2")?;
    let text: Option<String> = find.query_row([trace, n], |row| row.get(0)).optional()?;
    let context = text.and_then(|text| serde_json::from_str(&text).ok());
    Ok(context.unwrap_or_default())
}

pub(crate) fn load_trace_body(db: &Connection, n: i64) -> Result<TraceBody, StoreError> {
    let mut find = db.prepare_cached("SELECT data FROM trace_body WHERE n = ?1")?;
    let text: Option<String> = find.query_row([n], |row| row.get(0)).optional()?;
    let body = text.and_then(|text| serde_json::from_str(&text).ok());
    Ok(body.unwrap_or_default())
}

/// Deletes a trace and everything that belongs to it. The totals stay.
pub(crate) fn remove(
    db: &Connection,
    trace: i64,
    id: &str,
    mut each: impl FnMut(&ObservationRow),
) -> Result<(), StoreError> {
    {
        let mut spans = db.prepare_cached(&format!("SELECT {SPAN} FROM span WHERE trace = ?1"))?;
        let mut spans = spans.query([trace])?;
        while let Some(span) = spans.next()? {
            each(&read_span(span)?.1);
        }
    }
    for sql in [
        "DELETE FROM words WHERE rowid IN (SELECT s.n FROM span s, words_at a WHERE s.trace = ?1 AND s.n <= a.n)",
        "DELETE FROM words_stale WHERE n IN (SELECT n FROM span WHERE trace = ?1)",
        "DELETE FROM body WHERE n IN (SELECT n FROM span WHERE trace = ?1)",
        "DELETE FROM span WHERE trace = ?1",
        "DELETE FROM context WHERE trace = ?1",
        "DELETE FROM trace_body WHERE n = ?1",
        "DELETE FROM trace WHERE n = ?1",
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
