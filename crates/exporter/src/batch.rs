//! What an exporter gets: records of one tracer, oldest first, and the resource that recorded them.
//! Made by delivery; read by exporters.

use std::sync::Arc;

use crate::record::{Record, Resource, ScoreRecord, SpanRecord};

/// Finished records of one tracer, in the order they finished: children before their parents.
///
/// ```
/// use std::sync::Arc;
/// use tracefuse_exporter::{Batch, record::Resource};
///
/// let batch = Batch::new(Arc::new(Resource::default()), Vec::new());
/// assert!(batch.is_empty());
/// ```
#[derive(Debug)]
pub struct Batch {
    resource: Arc<Resource>,
    records: Vec<Record>,
}

impl Batch {
    /// A batch of these records.
    #[must_use]
    pub fn new(resource: Arc<Resource>, records: Vec<Record>) -> Self {
        Self { resource, records }
    }

    /// The resource that recorded them: service, environment, version.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The records.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The spans among the records.
    pub fn spans(&self) -> impl Iterator<Item = &SpanRecord> {
        self.records.iter().filter_map(Record::as_span)
    }

    /// The scores among the records. Delivery sends spans and scores in separate batches.
    pub fn scores(&self) -> impl Iterator<Item = &ScoreRecord> {
        self.records.iter().filter_map(Record::as_score)
    }

    /// How many records it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The records themselves: how delivery takes a batch apart to split it.
    #[must_use]
    pub fn into_records(self) -> Vec<Record> {
        self.records
    }
}
