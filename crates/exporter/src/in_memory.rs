//! An exporter that keeps what it is given, for tests of instrumented code.
//! Called by delivery; read by assertions.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::record::{self, Record, ScoreRecord, SpanRecord};
use crate::{Batch, ExportError, ExportReport, Exporter};

/// Keeps every record; clones share what they keep.
///
/// ```
/// # use tracefuse_exporter::InMemoryExporter;
/// let exporter = InMemoryExporter::new();
/// // build a tracer with `exporter.clone()`, run the code under test, flush; then look:
/// assert_eq!(exporter.tree(), "");
/// ```
#[derive(Clone, Debug, Default)]
pub struct InMemoryExporter {
    records: Arc<Mutex<Vec<Record>>>,
}

impl InMemoryExporter {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Copies of the spans kept so far, in the order they finished.
    #[must_use]
    pub fn spans(&self) -> Vec<SpanRecord> {
        self.with(|records| {
            records
                .iter()
                .filter_map(|record| record.as_span().cloned())
                .collect()
        })
    }

    /// Copies of the scores kept so far, in the order they arrived.
    #[must_use]
    pub fn scores(&self) -> Vec<ScoreRecord> {
        self.with(|records| {
            records
                .iter()
                .filter_map(|record| record.as_score().cloned())
                .collect()
        })
    }

    /// Removes everything.
    pub fn clear(&self) {
        self.with(Vec::clear);
    }

    /// The traces as text, a line per span, children indented by two spaces below their parent,
    /// siblings by start time, as `tracefuse_core::testing::Recorder` orders them.
    #[must_use]
    pub fn tree(&self) -> String {
        record::tree(&self.spans())
    }

    fn with<R>(&self, f: impl FnOnce(&mut Vec<Record>) -> R) -> R {
        f(&mut self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Exporter for InMemoryExporter {
    fn name(&self) -> &str {
        "in-memory"
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        self.with(|records| records.extend(batch.records().iter().cloned()));
        Ok(ExportReport::accepted(batch.len()))
    }
}
