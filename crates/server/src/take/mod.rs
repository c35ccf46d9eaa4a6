//! Reads request bodies: OTLP and Langfuse's batch API, as changes to the store.
//! Called by `api`, and by the command line to import files. Knows no HTTP and no SQL.

mod batch;
mod event;
mod json;
mod json_value;
mod lenient;
mod lines;
mod protobuf;
mod repair;
mod row;
mod score;
mod span;
mod values;
mod wire;

use std::fmt;

use crate::store::Change;
pub(crate) use batch::batch as batch_events;
pub(crate) use lenient::parse as parse_json;
pub use lines::line;
pub(crate) use score::score;
pub(crate) use values::{shown, time as parse_time, within};

/// A body as changes, and what of it was refused.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Taken {
    /// Give them to [`Store::ingest`](crate::Store::ingest).
    pub changes: Vec<Change>,
    /// Spans or events that cannot be stored.
    pub refused: usize,
    /// Why, of the first that was refused.
    pub reason: Option<String>,
}

/// A body that cannot be read at all.
#[derive(Debug)]
pub struct TakeError(pub(crate) String);

impl fmt::Display for TakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TakeError {}

/// Reads an `ExportTraceServiceRequest` in protobuf.
///
/// ```
/// // A request without spans.
/// let taken = tracefuse_server::take::otlp_protobuf(&[])?;
/// assert!(taken.changes.is_empty());
/// # Ok::<(), tracefuse_server::take::TakeError>(())
/// ```
///
/// # Errors
/// It is none.
pub fn otlp_protobuf(body: &[u8]) -> Result<Taken, TakeError> {
    Ok(span::changes(protobuf::read(body)?, &[]))
}

/// Reads an `ExportTraceServiceRequest` in JSON: ids are hex, times are decimal texts of nanoseconds.
///
/// ```
/// let span = r#"{"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00f067aa0ba902b7", "name": "answer"}"#;
/// let body = format!(r#"{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{span}]}}]}}]}}"#);
/// let taken = tracefuse_server::take::otlp_json(body.as_bytes())?;
/// assert_eq!(taken.changes.len(), 1);
/// # Ok::<(), tracefuse_server::take::TakeError>(())
/// ```
///
/// # Errors
/// It is none.
pub fn otlp_json(body: &[u8]) -> Result<Taken, TakeError> {
    Ok(span::changes(json::read(body)?, &[]))
}

/// The same with notes about the request, which each of its spans gets.
pub(crate) fn otlp(body: &[u8], is_json: bool, notes: &[String]) -> Result<Taken, TakeError> {
    let resources = match is_json {
        true => json::read(body)?,
        false => protobuf::read(body)?,
    };
    Ok(span::changes(resources, notes))
}

/// Reads a body of Langfuse's batch API, `{"batch": [event, ..]}`.
///
/// ```
/// let body = r#"{"batch": [{"id": "1", "type": "trace-create", "timestamp": "2026-11-27T12:00:00Z",
///     "body": {"id": "t1", "name": "chat"}}]}"#;
/// let taken = tracefuse_server::take::batch(body.as_bytes())?;
/// assert_eq!((taken.changes.len(), taken.refused), (1, 0));
/// # Ok::<(), tracefuse_server::take::TakeError>(())
/// ```
///
/// # Errors
/// It is no JSON object with a list `batch`.
pub fn batch(body: &[u8]) -> Result<Taken, TakeError> {
    let body: serde_json::Value =
        parse_json(body).map_err(|error| TakeError(format!("Invalid JSON: {error}")))?;
    events(&body)
}

fn events(body: &serde_json::Value) -> Result<Taken, TakeError> {
    let outcome = batch_events(body)?;
    let reason = outcome.errors.first().map(|(_, error)| error.clone());
    Ok(Taken {
        changes: outcome.changes,
        refused: outcome.errors.len(),
        reason,
    })
}
