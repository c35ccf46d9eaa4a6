//! Delivery for one tracer: a `Processor` with a queue and a worker for every exporter. `builder` starts it.
//! Called by the core on the application's threads.

mod builder;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tracefuse_core::bridge::is_suppressed;
use tracefuse_core::wiring::{Leak, ReportFuture};
use tracefuse_core::{ExporterStats, Processor, Report, Stats};
use tracefuse_exporter::record::{FinishedSpan, Record, ScoreRecord, SpanRecord};

use crate::delivery::shorten::fit;
use crate::ledger::Ledger;
use crate::log;
use crate::queue::buffers::SpanBuffers;
use crate::queue::phase::Phase;
use crate::worker;

pub use builder::PipelineBuilder;

/// Delivers finished spans to exporters, each with its thread, its queue and its numbers: one
/// that is slow, down or broken does not touch the others.
///
/// ```
/// use tracefuse_core::Tracer;
/// use tracefuse_exporter::InMemoryExporter;
/// use tracefuse_runtime::Pipeline;
///
/// let exporter = InMemoryExporter::new();
/// let pipeline = Pipeline::builder().exporter(exporter.clone()).build()?;
/// let tracer = Tracer::builder(pipeline).build();
/// tracer.trace("request").run(|trace| trace.span("work").run(|_| {}));
/// assert!(tracer.shutdown()?.is_lossless());
/// assert_eq!(exporter.tree(), "request\n  work\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pipeline {
    shared: Arc<Shared>,
}

struct Shared {
    buffers: Arc<SpanBuffers>,
    max_span_bytes: usize,
}

impl Processor for Pipeline {
    fn on_end(&self, mut span: SpanRecord) {
        let limit = self.shared.max_span_bytes;
        let bytes = span.size();
        // Larger than a batch: the worker cuts it, after the exporter has taken out of it what it sends beside
        // it, such as an image. Cut here only where it would take the room that other spans need.
        if bytes > limit && !self.shared.buffers.has_room_for(bytes) {
            let mut record = Record::Span(span);
            fit(&mut record, limit, Record::size);
            let Record::Span(cut) = record else { return };
            span = cut;
        }
        self.shared.buffers.put(&span);
    }

    fn on_finish(&self, span: &FinishedSpan<'_>) {
        if span.size() > self.shared.max_span_bytes {
            self.on_end(span.to_record());
        } else {
            self.shared.buffers.put(span);
        }
    }

    #[inline]
    fn refuses(&self) -> bool {
        self.shared.buffers.refuse()
    }

    fn refusing(&self) -> Option<Arc<AtomicBool>> {
        Some(self.shared.buffers.refusing())
    }

    fn buffer_owner(&self) -> u64 {
        self.shared.buffers.number()
    }

    fn on_score(&self, score: ScoreRecord) {
        self.shared.buffers.put_score(score);
    }

    fn on_leak(&self, leak: &Leak) {
        log::leak(leak);
    }

    fn on_outside_trace(&self, span: &str) {
        log::outside_trace(span);
    }

    fn flush(&self, within: Duration) -> Report {
        self.shared.flush(within)
    }

    fn flush_async(&self, within: Duration) -> ReportFuture {
        if is_suppressed() {
            let report = self.shared.flush(within);
            return Box::pin(async { report });
        }
        let shared = self.shared.clone();
        worker::wait_on_thread(move || shared.flush(within))
    }

    fn shutdown(&self, within: Duration) -> Report {
        self.shared.shutdown(within)
    }

    fn shutdown_async(&self, within: Duration) -> ReportFuture {
        if is_suppressed() {
            let report = self.shared.shutdown(within);
            return Box::pin(async { report });
        }
        let shared = self.shared.clone();
        worker::wait_on_thread(move || shared.shutdown(within))
    }

    fn stats(&self) -> Stats {
        self.shared.buffers.stats()
    }
}

impl Shared {
    fn flush(&self, within: Duration) -> Report {
        self.buffers.drain();
        // All are requested before any is waited for: one deadline bounds the whole.
        let queues = self.buffers.queues();
        let tickets: Vec<_> = queues
            .iter()
            .map(|queue| (queue, queue.ask_flush()))
            .collect();
        let left = countdown(within);
        let complete = tickets.into_iter().fold(true, |all, (queue, ticket)| {
            queue.wait_flushed(ticket, left()) && all
        });
        self.report(complete, Ledger::report_losses)
    }

    /// The longest time that any caller allows counts for the workers; each caller waits as long as it allows
    /// itself. All callers get the same report, unless one does not wait for the end.
    fn shutdown(&self, within: Duration) -> Report {
        self.buffers.close();
        for queue in self.buffers.queues() {
            queue.ask_close(within);
        }
        let left = countdown(within);
        let stopped = self.buffers.queues().iter().fold(true, |all, queue| {
            if !queue.wait_stopped(left()) && !is_suppressed() {
                // A worker that is blocked by its exporter is left behind; what it had is counted.
                queue.stop_if_late();
            }
            queue.phase() == Phase::Stopped && all
        });
        self.report(stopped, |ledger| ledger.unreported_losses())
    }

    fn report(&self, complete: bool, losses: impl Fn(&mut Ledger) -> u64) -> Report {
        let mut report = Report::default();
        report.complete = complete;
        let queues = self.buffers.queues();
        report.lost = queues
            .iter()
            .map(|queue| queue.with(|state| losses(&mut state.ledger)))
            .sum();
        report.stats = self.buffers.stats();
        report.pending = report
            .stats
            .exporters
            .iter()
            .map(ExporterStats::pending)
            .sum();
        report
    }
}

/// The rest of a caller's time. None on a thread that delivers: a wait there, by a log subscriber or an
/// exporter, would be a wait for itself.
fn countdown(within: Duration) -> impl Fn() -> Duration {
    let clock = tracefuse_core::Clock::system();
    let start = clock.monotonic_nanos();
    let within = if is_suppressed() {
        Duration::ZERO
    } else {
        within
    };
    move || {
        let passed = clock.monotonic_nanos().saturating_sub(start);
        within.saturating_sub(Duration::from_nanos(passed))
    }
}

impl Drop for Pipeline {
    /// A pipeline whose tracer is gone without a shutdown still ends its threads.
    fn drop(&mut self) {
        self.shared.buffers.close();
        for queue in self.shared.buffers.queues() {
            queue.ask_close(Duration::from_secs(5));
        }
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self
            .shared
            .buffers
            .queues()
            .iter()
            .map(|queue| queue.name.as_str())
            .collect();
        f.debug_struct("Pipeline")
            .field("exporters", &names)
            .finish()
    }
}
