//! Single rows by their keys.
//! Used by `apply`, `search` and `views`.

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
