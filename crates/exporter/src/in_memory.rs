//! An exporter that keeps what it is given, for tests of instrumented code.
//! Fed by delivery; read by assertions.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::record::{Record, ScoreRecord, SpanId, SpanRecord};
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

    /// Forgets everything.
    pub fn clear(&self) {
        self.with(Vec::clear);
    }

    /// The traces as text, a line per span, children indented by two spaces below their parent,
    /// siblings by start time: what a test compares with.
    #[must_use]
    pub fn tree(&self) -> String {
        let mut spans = self.spans();
        spans.sort_by_key(|span| (span.start_time(), span.end_time()));
        let known: Vec<SpanId> = spans.iter().map(SpanRecord::span_id).collect();
        let mut text = String::new();
        for span in &spans {
            if span
                .parent_span_id()
                .is_none_or(|parent| !known.contains(&parent))
            {
                branch(&mut text, &spans, span, 0);
            }
        }
        text
    }

    fn with<R>(&self, f: impl FnOnce(&mut Vec<Record>) -> R) -> R {
        f(&mut self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn branch(text: &mut String, spans: &[SpanRecord], span: &SpanRecord, depth: usize) {
    // A trace is a tree by construction; the bound is for a record that claims otherwise.
    if depth > spans.len() {
        return;
    }
    let _ = writeln!(text, "{:indent$}{}", "", span.name(), indent = depth * 2);
    for child in spans
        .iter()
        .filter(|child| child.parent_span_id() == Some(span.span_id()))
    {
        branch(text, spans, child, depth + 1);
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
