//! The lifetime of a tracer: the last guard shuts the tracer down.
//! Owned by tracers and traces; spans own only `TracerShared`, so that a span that is never dropped keeps no tracer open.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::record::Timestamp;
use crate::report::{Report, Stats};
use crate::span::open::slots;
use crate::span::outside;
use crate::span::shared::TracerShared;
use crate::trace::leak::LeakWatch;

/// Owned by tracers and traces. Dropping the last one shuts the tracer down.
pub(crate) struct TracerGuard {
    pub(crate) shared: Arc<TracerShared>,
    pub(crate) leaks: LeakWatch,
}

/// Looks through the open spans, which `TracerShared` itself must not know.
impl TracerShared {
    /// Spans open now.
    pub(crate) fn open(&self) -> u64 {
        slots::spans_of(self).filter(|span| span.is_open()).count() as u64
    }

    /// Name and beginning of every trace that is open.
    pub(crate) fn open_roots(&self) -> Vec<(String, Timestamp)> {
        slots::spans_of(self)
            .filter_map(|span| span.open_root())
            .collect()
    }

    pub(crate) fn close(&self) {
        if !self.closed.swap(true, Ordering::SeqCst) {
            for span in slots::spans_of(self) {
                if span.end_unfinished() && span.trace.is_sampled() {
                    self.unfinished.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    pub(crate) fn complete(&self, mut report: Report) -> Report {
        report.unfinished = self.unfinished.load(Ordering::Relaxed);
        report.stats = self.complete_stats(report.stats);
        report
    }

    pub(crate) fn complete_stats(&self, mut stats: Stats) -> Stats {
        stats.unsampled_traces = self.unsampled.load(Ordering::Relaxed);
        stats.not_recorded += self.not_recorded.load(Ordering::Relaxed);
        stats.outside_trace = outside::started().saturating_sub(self.outside_before);
        stats.late_writes = self.late_writes.load(Ordering::Relaxed);
        stats.open = self.open();
        stats
    }
}

impl Drop for TracerGuard {
    fn drop(&mut self) {
        if !self.shared.closed.load(Ordering::SeqCst) {
            self.shared.close();
            // Losses are logged by delivery; a drop cannot return them.
            let _ = self.shared.processor.shutdown(self.shared.shutdown_timeout);
        }
    }
}
