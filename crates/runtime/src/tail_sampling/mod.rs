//! Tail sampling: the spans of a trace wait until the trace has ended, so that its late attributes reach all of them and
//! sampling is decided by what happened. A `Processor` in front of the pipeline; opt-in, built by the facade.

mod buffer;
mod rules;

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracefuse_core::wiring::{Leak, ReportFuture};
use tracefuse_core::{Clock, Processor, Report, Stats};
use tracefuse_exporter::record::{FinishedSpan, ScoreRecord, SpanRecord};

use self::buffer::Buffer;
pub use self::rules::TailSampling;
use crate::log;

/// Keeps a trace's spans in memory until its root span ends, then passes all of them on, or drops all of them.
///
/// * All get the trace's attributes as they were at the end.
/// * Spans that end after the root follow the decision that was made for it.
/// * A trace that exceeds a bound is released as kept, counted in [`Stats::released_early`] and logged.
/// * [`flush`](Processor::flush) and [`shutdown`](Processor::shutdown) release everything as kept:
///   a flush promises that what was recorded before is delivered. Flush between traces, not during one.
/// * Spans of traces that are not kept are counted in [`Stats::sampled_out`], not as lost.
///
/// ```
/// use tracefuse_core::{Tracer, testing::Recorder};
/// use tracefuse_runtime::{TailSampler, TailSampling};
///
/// let recorder = Recorder::new();
/// let sampler = TailSampler::new(recorder.clone(), TailSampling::new());
/// let tracer = Tracer::builder(sampler).build();
/// tracer.trace("request").run(|_| {});
/// tracer.shutdown().unwrap();
/// # drop(recorder);
/// ```
pub struct TailSampler {
    shared: Arc<Shared>,
}

struct Shared {
    inner: Box<dyn Processor>,
    config: TailSampling,
    clock: Clock,
    buffer: Mutex<Buffer>,
}

impl TailSampler {
    /// Tail sampling in front of `inner`.
    pub fn new(inner: impl Processor, config: TailSampling) -> Self {
        Self::with_clock(inner, config, Clock::system())
    }

    /// [`new`](Self::new) with another clock, by which the age of traces is measured.
    pub fn with_clock(inner: impl Processor, config: TailSampling, clock: Clock) -> Self {
        Self {
            shared: Arc::new(Shared {
                inner: Box::new(inner),
                config,
                clock,
                buffer: Mutex::default(),
            }),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, span: SpanRecord) {
        let now = self.clock.monotonic_nanos();
        let leaving = self.lock().take(&self.config, now, span);
        // After the lock: a log subscriber may call back, and the next processor may block if that is configured.
        if let Some((traces, suppressed)) = leaving.early {
            log::released_early(traces, suppressed);
        }
        drop(leaving.sampled_out);
        self.pass_on(leaving.kept);
    }

    /// Releases everything as kept.
    fn release_all(&self, close: bool) {
        let kept = self.lock().release_all(close);
        self.pass_on(kept);
    }

    fn pass_on(&self, spans: Vec<SpanRecord>) {
        spans.into_iter().for_each(|span| self.inner.on_end(span));
    }

    fn stats(&self) -> Stats {
        let mut stats = self.inner.stats();
        self.lock().write_stats(&mut stats);
        stats
    }

    fn complete(&self, mut report: Report) -> Report {
        report.stats = self.stats();
        report
    }
}

impl Processor for TailSampler {
    fn on_end(&self, span: SpanRecord) {
        self.shared.take(span);
    }

    fn measures(&self) -> bool {
        self.shared.inner.measures()
    }

    fn on_unsampled(&self, span: &FinishedSpan<'_>) {
        self.shared.inner.on_unsampled(span);
    }

    /// Scores do not wait: the decision does not depend on them, and most come after it.
    fn on_score(&self, score: ScoreRecord) {
        self.shared.lock().count_passed_on();
        self.shared.inner.on_score(score);
    }

    fn is_recording(&self) -> bool {
        self.shared.inner.is_recording()
    }

    fn refuses(&self) -> bool {
        self.shared.inner.refuses()
    }

    fn refusing(&self) -> Option<Arc<AtomicBool>> {
        self.shared.inner.refusing()
    }

    fn on_leak(&self, leak: &Leak) {
        self.shared.inner.on_leak(leak);
    }

    fn on_outside_trace(&self, span: &str) {
        self.shared.inner.on_outside_trace(span);
    }

    fn flush(&self, within: Duration) -> Report {
        self.shared.release_all(false);
        self.shared.complete(self.shared.inner.flush(within))
    }

    fn flush_async(&self, within: Duration) -> ReportFuture {
        self.shared.release_all(false);
        let (shared, report) = (self.shared.clone(), self.shared.inner.flush_async(within));
        Box::pin(async move { shared.complete(report.await) })
    }

    fn shutdown(&self, within: Duration) -> Report {
        self.shared.release_all(true);
        self.shared.complete(self.shared.inner.shutdown(within))
    }

    fn shutdown_async(&self, within: Duration) -> ReportFuture {
        self.shared.release_all(true);
        let (shared, report) = (
            self.shared.clone(),
            self.shared.inner.shutdown_async(within),
        );
        Box::pin(async move { shared.complete(report.await) })
    }

    fn stats(&self) -> Stats {
        self.shared.stats()
    }
}

impl fmt::Debug for TailSampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TailSampler")
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}
