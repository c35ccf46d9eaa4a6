//! All numbers of one set of metrics: the tables of series, and where the numbers of delivery come from.
//! Shared by the handle, the processor and the export. Knows no format.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tracefuse_core::bridge::WeakStats;
use tracefuse_core::record::Resource;
use tracefuse_core::{Processor, Stats};

use crate::accounting;
use crate::collect::Snapshot;
use crate::exports::Exports;
use crate::facts::{Facts, Operation};
use crate::instrument as i;
use crate::labels::Labels;
use crate::series::Table;

pub(crate) struct Registry {
    calls: Table,
    tools: Table,
    agents: Table,
    older_names: bool,
    /// Spans of unsampled traces that ended.
    unsampled: AtomicU64,
    /// The largest number of started spans that was read so far: a counter must not go down.
    started: AtomicU64,
    source: Mutex<Source>,
    /// Counts of exported data points, if metrics are exported.
    pub(crate) exports: OnceLock<Arc<Exports>>,
}

/// Where the numbers of delivery come from.
#[derive(Default)]
pub(crate) struct Source {
    pub(crate) processor: Option<Arc<dyn Processor>>,
    pub(crate) tracer: Option<WeakStats>,
    pub(crate) resource: Arc<Resource>,
}

impl Registry {
    /// Without a source of numbers of delivery.
    pub(crate) fn new(max_series: usize, older_names: bool) -> Self {
        Self {
            // Model calls, embeddings and retrievals share instruments, so they share a limit.
            calls: Table::new(max_series, 3),
            tools: Table::new(max_series, 1),
            agents: Table::new(max_series, 1),
            older_names,
            unsampled: AtomicU64::new(0),
            started: AtomicU64::new(0),
            source: Mutex::default(),
            exports: OnceLock::new(),
        }
    }

    fn tables(&self) -> [&Table; 3] {
        [&self.calls, &self.tools, &self.agents]
    }

    pub(crate) fn source<R>(&self, f: impl FnOnce(&mut Source) -> R) -> R {
        f(&mut self.source.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn resource(&self) -> Arc<Resource> {
        self.source(|source| source.resource.clone())
    }

    fn stats(&self) -> Option<Stats> {
        let (processor, tracer) =
            self.source(|source| (source.processor.clone(), source.tracer.clone()));
        tracer
            .and_then(|tracer| tracer.read())
            .or_else(|| Some(processor?.stats()))
    }

    /// All numbers now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for table in self.tables() {
            snapshot.table(table, self.older_names);
        }
        if let Some(stats) = self.stats() {
            let measured = self.unsampled.load(Ordering::Relaxed);
            let started = stats.recorded + measured + stats.open + stats.not_recorded;
            let started = started.max(self.started.fetch_max(started, Ordering::Relaxed));
            accounting::add(&mut snapshot, &stats, started, measured);
        }
        snapshot.number(i::SERIES, Labels::new(), self.series() as u64);
        snapshot.number(i::OVERFLOWED, Labels::new(), self.overflowed());
        if let Some(exports) = self.exports.get() {
            exports.add_to(&mut snapshot);
        }
        snapshot
    }

    /// Counts a span.
    pub(crate) fn add(&self, facts: &Facts<'_>) {
        let table = match facts.operation {
            Operation::Tool => &self.tools,
            Operation::Agent => &self.agents,
            _ => &self.calls,
        };
        table.add(facts);
    }

    pub(crate) fn note_unsampled(&self) {
        self.unsampled.fetch_add(1, Ordering::Relaxed);
    }

    /// Sets of attributes in memory.
    pub(crate) fn series(&self) -> usize {
        self.tables().iter().map(|table| table.len()).sum()
    }

    /// Spans that were counted in a series of overflow.
    pub(crate) fn overflowed(&self) -> u64 {
        self.tables().iter().map(|table| table.overflowed()).sum()
    }
}
