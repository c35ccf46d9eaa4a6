//! The processor that measures: around the one that delivers, so that it sees every span before sampling at its end.
//! Called by the core on the application's threads. Takes no memory for a span whose texts are known.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tracefuse_core::record::{FinishedSpan, ScoreRecord, SpanRecord};
use tracefuse_core::wiring::{Leak, ReportFuture};
use tracefuse_core::{Processor, Report, Stats};

use crate::facts::Facts;
#[cfg(feature = "otlp")]
use crate::push::Push;
use crate::registry::Registry;

/// A processor that measures every span and passes it on; made by [`Metrics::processor`](crate::Metrics::processor).
///
/// Put it outermost, around tail sampling. It measures the spans of unsampled traces too, and spans that delivery
/// has no room for: it refuses none when they start, so that delivery counts them at their end.
pub struct Measured<P> {
    registry: Arc<Registry>,
    exporter: Exporter,
    inner: Arc<P>,
}

impl<P: Processor> Measured<P> {
    pub(crate) fn new(registry: Arc<Registry>, exporter: Exporter, inner: Arc<P>) -> Self {
        Self {
            registry,
            exporter,
            inner,
        }
    }
}

impl<P: Processor> Processor for Measured<P> {
    fn on_end(&self, span: SpanRecord) {
        Facts::of(&&span, |facts| self.registry.add(facts));
        self.inner.on_end(span);
    }

    fn on_finish(&self, span: &FinishedSpan<'_>) {
        Facts::of(span, |facts| self.registry.add(facts));
        self.inner.on_finish(span);
    }

    fn measures(&self) -> bool {
        true
    }

    fn on_unsampled(&self, span: &FinishedSpan<'_>) {
        self.registry.note_unsampled();
        Facts::of(span, |facts| self.registry.add(facts));
        self.inner.on_unsampled(span);
    }

    fn on_score(&self, score: ScoreRecord) {
        self.inner.on_score(score);
    }

    fn is_recording(&self) -> bool {
        self.inner.is_recording()
    }

    fn refusing(&self) -> Option<Arc<AtomicBool>> {
        self.inner.refusing()
    }

    fn on_leak(&self, leak: &Leak) {
        self.inner.on_leak(leak);
    }

    fn on_outside_trace(&self, span: &str) {
        self.inner.on_outside_trace(span);
    }

    fn flush(&self, within: Duration) -> Report {
        let deadline = Deadline::new(within);
        let report = self.inner.flush(within);
        self.exporter.flush(deadline.left(), false);
        report
    }

    fn flush_async(&self, within: Duration) -> ReportFuture {
        self.pushed(self.inner.flush_async(within), within, false)
    }

    /// Delivers the spans, and then the metrics, which count how the spans were delivered.
    fn shutdown(&self, within: Duration) -> Report {
        let deadline = Deadline::new(within);
        let report = self.inner.shutdown(within);
        self.exporter.flush(deadline.left(), true);
        report
    }

    fn shutdown_async(&self, within: Duration) -> ReportFuture {
        self.pushed(self.inner.shutdown_async(within), within, true)
    }

    fn stats(&self) -> Stats {
        self.inner.stats()
    }
}

impl<P: Processor> Measured<P> {
    /// The report, after the metrics were pushed too.
    fn pushed(&self, report: ReportFuture, within: Duration, close: bool) -> ReportFuture {
        let (exporter, deadline) = (self.exporter.clone(), Deadline::new(within));
        Box::pin(async move {
            let report = report.await;
            exporter.flush_async(deadline.left(), close).await;
            report
        })
    }
}

/// The export of metrics, if there is one.
#[derive(Clone, Default)]
pub(crate) struct Exporter {
    #[cfg(feature = "otlp")]
    pub(crate) push: Option<Arc<Push>>,
}

impl Exporter {
    /// Exports what is there; `close` ends the export.
    fn flush(&self, within: Duration, close: bool) {
        #[cfg(feature = "otlp")]
        if let Some(push) = &self.push {
            push.flush(within, close);
        }
        #[cfg(not(feature = "otlp"))]
        let _ = (self, within, close);
    }

    /// [`flush`](Self::flush) without blocking the thread.
    async fn flush_async(&self, within: Duration, close: bool) {
        #[cfg(feature = "otlp")]
        if let Some(push) = &self.push {
            push.flush_async(within, close).await;
        }
        #[cfg(not(feature = "otlp"))]
        let _ = (self, within, close);
    }
}

/// One deadline for spans and metrics.
struct Deadline {
    clock: tracefuse_core::Clock,
    start: u64,
    within: Duration,
}

impl Deadline {
    fn new(within: Duration) -> Self {
        let clock = tracefuse_core::Clock::system();
        Self {
            start: clock.monotonic_nanos(),
            clock,
            within,
        }
    }

    fn left(&self) -> Duration {
        let passed = self.clock.monotonic_nanos().saturating_sub(self.start);
        self.within.saturating_sub(Duration::from_nanos(passed))
    }
}

impl<P> fmt::Debug for Measured<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Measured").finish_non_exhaustive()
    }
}
