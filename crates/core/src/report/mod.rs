//! Results of delivery for everything that was recorded, as plain numbers.
//! Filled by delivery; read through `Tracer::stats`, `flush` and `shutdown`.

mod exporter;
mod incomplete;
mod reason;

use std::time::Duration;

pub use exporter::{ExporterStats, Health};
pub use incomplete::Incomplete;
pub use reason::{DropReason, RejectReason};

/// Something that looks as if handles of traces or spans were kept for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Leak {
    /// A trace is open for longer than the limit; reported once for each name.
    Long {
        /// The trace's name.
        name: String,
        /// For how long it is open.
        age: Duration,
    },
    /// More spans are open than the limit; reported again only after there were less than half as many.
    Many {
        /// Spans open now.
        open: u64,
    },
}

/// Results of everything that a tracer recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Spans that ended. Each exporter receives all of them but those in `held` and `sampled_out`.
    pub recorded: u64,
    /// Traces that were not sampled: none of their spans was recorded.
    pub unsampled_traces: u64,
    /// Spans that wait until their trace ends (tail sampling). Part of `recorded`, but not yet in a queue.
    pub held: u64,
    /// Spans of traces that were not kept when they ended. Part of `recorded`, given to no exporter.
    pub sampled_out: u64,
    /// Traces that were released before they ended, because too many spans waited, or too long.
    pub released_early: u64,
    /// Spans that were started after shutdown, or while recording was off, and not recorded.
    pub not_recorded: u64,
    /// Spans that were started below [`Span::current`](crate::Span::current), or by `#[observe]`, where no trace was
    /// current, since the tracer was built. They belong to no tracer, so each tracer of the process counts them.
    pub outside_trace: u64,
    /// Values set on spans that had already ended, and so ignored.
    pub late_writes: u64,
    /// Calls of the tracer's processor that panicked. The span or score of such a call is lost, and counts as lost in
    /// the next [`Report`].
    pub processor_panics: u64,
    /// Spans that are open now.
    pub open: u64,
    /// One entry per exporter.
    pub exporters: Vec<ExporterStats>,
}

impl Stats {
    /// Whether the numbers of every exporter add up.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.exporters.iter().all(ExporterStats::is_balanced)
    }
}

/// The result of a flush or a shutdown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Whether every span recorded before the call had an outcome in time.
    pub complete: bool,
    /// Spans without an outcome when time was up.
    pub pending: u64,
    /// Spans dropped or rejected since the last report.
    pub lost: u64,
    /// Spans that were still open at shutdown and were ended by it.
    pub unfinished: u64,
    /// The numbers at the end of the call.
    pub stats: Stats,
}

impl Report {
    /// Whether everything recorded before the call was delivered or is safe on disk.
    #[must_use]
    pub fn is_lossless(&self) -> bool {
        self.complete && self.lost == 0
    }

    pub(crate) fn into_result(self, action: &'static str) -> Result<Self, Incomplete> {
        if self.is_lossless() {
            Ok(self)
        } else {
            Err(Incomplete {
                action,
                report: Box::new(self),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_balanced_if_each_record_has_one_outcome() {
        let mut exporter = ExporterStats::default();
        assert!(exporter.is_balanced());
        exporter.recorded = 63;
        (exporter.exported, exporter.queued, exporter.in_flight) = (1, 2, 4);
        exporter.spooled = 8;
        exporter.rejected.insert(RejectReason::Unauthorized, 16);
        exporter.dropped.insert(DropReason::MaxAge, 32);
        assert!(exporter.is_balanced());
        let totals = (exporter.rejected_total(), exporter.dropped_total());
        assert_eq!((totals, exporter.pending()), ((16, 32), 6));
        let balanced = exporter.clone();
        exporter.exported = 2;
        assert!(!exporter.is_balanced());
        let of = |exporters: Vec<ExporterStats>| Stats {
            exporters,
            ..Stats::default()
        };
        assert!(of(vec![]).is_balanced());
        assert!(of(vec![balanced.clone(), balanced.clone()]).is_balanced());
        assert!(!of(vec![balanced, exporter]).is_balanced());
    }
}
