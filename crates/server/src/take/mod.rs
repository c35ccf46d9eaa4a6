//! Reads request bodies: OTLP and Langfuse's batch API, as changes to the store.
//! Called by `api`, and by the command line to import files.

use std::fmt;

use crate::store::Change;

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
/// # Errors
/// It is none.
pub fn otlp_protobuf(body: &[u8]) -> Result<Taken, TakeError> {
    let _ = body;
    Ok(Taken::default())
}

/// Reads an `ExportTraceServiceRequest` in JSON: ids are hex, times are decimal texts of nanoseconds.
///
/// # Errors
/// It is none.
pub fn otlp_json(body: &[u8]) -> Result<Taken, TakeError> {
    let _ = body;
    Ok(Taken::default())
}

/// Reads a body of Langfuse's batch API, `{"batch": [event, ..]}`.
///
/// # Errors
/// It is no JSON object with a list `batch`.
pub fn batch(body: &[u8]) -> Result<Taken, TakeError> {
    let _ = body;
    Ok(Taken::default())
}
