//! A user's processor with its panics contained: it is called from the application's threads, often while a handle is
//! dropped, where a second panic would end the process. Owned by the tracer.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use crate::processor::{Processor, ReportFuture};
use crate::record::guard::contain;
use crate::record::{FinishedSpan, ScoreRecord};
use crate::report::{Leak, Report, Stats};

/// The processor of a tracer. A call that panics has no effect but that it is counted.
pub(crate) struct ContainedProcessor {
    inner: Arc<dyn Processor>,
    /// Calls that panicked.
    panics: AtomicU64,
    /// Of those, how many had been given a span or a score.
    lost: AtomicU64,
    /// `lost` at the last report.
    reported: AtomicU64,
}

impl ContainedProcessor {
    pub(crate) fn new(inner: Arc<dyn Processor>) -> Self {
        Self {
            inner,
            panics: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            reported: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(crate) fn on_finish(&self, span: &FinishedSpan<'_>) {
        if contain(|| self.inner.on_finish(span)).is_none() {
            self.note_lost();
        }
    }

    /// A processor that panics here measures nothing.
    pub(crate) fn measures(&self) -> bool {
        self.run(|| self.inner.measures()).unwrap_or(false)
    }

    /// Nothing is lost by a panic here: the span is not to be delivered.
    pub(crate) fn on_unsampled(&self, span: &FinishedSpan<'_>) {
        let _ = self.run(|| self.inner.on_unsampled(span));
    }

    pub(crate) fn on_score(&self, score: ScoreRecord) {
        if contain(|| self.inner.on_score(score)).is_none() {
            self.note_lost();
        }
    }

    /// A processor that panics here takes nothing.
    #[inline]
    pub(crate) fn is_recording(&self) -> bool {
        self.run(|| self.inner.is_recording()).unwrap_or(false)
    }

    /// A processor that panics here refuses nothing: it would not have counted the span.
    #[inline]
    pub(crate) fn refuses(&self) -> bool {
        self.run(|| self.inner.refuses()).unwrap_or(false)
    }

    pub(crate) fn on_leak(&self, leak: &Leak) {
        self.run(|| self.inner.on_leak(leak));
    }

    pub(crate) fn on_outside_trace(&self, span: &str) {
        self.run(|| self.inner.on_outside_trace(span));
    }

    pub(crate) fn flush(&self, within: Duration) -> Report {
        let report = self.run(|| self.inner.flush(within));
        self.complete(report)
    }

    pub(crate) fn shutdown(&self, within: Duration) -> Report {
        let report = self.run(|| self.inner.shutdown(within));
        self.complete(report)
    }

    pub(crate) async fn flush_async(&self, within: Duration) -> Report {
        let report = self.run(|| self.inner.flush_async(within));
        self.finished(report).await
    }

    pub(crate) async fn shutdown_async(&self, within: Duration) -> Report {
        let report = self.run(|| self.inner.shutdown_async(within));
        self.finished(report).await
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.run(|| self.inner.stats()).unwrap_or_default();
        self.complete_stats(&mut stats);
        stats
    }

    async fn finished(&self, report: Option<ReportFuture>) -> Report {
        let Some(mut report) = report else {
            return self.complete(None);
        };
        let polled = poll_fn(|cx| match self.run(|| report.as_mut().poll(cx)) {
            Some(poll) => poll.map(Some),
            None => Poll::Ready(None),
        });
        let polled = polled.await;
        // Its destructor is the processor's code too.
        let _ = self.run(move || drop(report));
        self.complete(polled)
    }

    #[inline(always)]
    fn run<R>(&self, call: impl FnOnce() -> R) -> Option<R> {
        let result = contain(call);
        if result.is_none() {
            self.note();
        }
        result
    }

    /// A report of what the processor delivered, with what its panics lost. Without a report nothing is known to have
    /// been delivered.
    fn complete(&self, report: Option<Report>) -> Report {
        let mut report = report.unwrap_or_default();
        let lost = self.lost.load(Ordering::Relaxed);
        let reported = self.reported.swap(lost, Ordering::Relaxed);
        report.lost += lost.saturating_sub(reported);
        self.complete_stats(&mut report.stats);
        report
    }

    fn complete_stats(&self, stats: &mut Stats) {
        stats.processor_panics = self.panics.load(Ordering::Relaxed);
    }

    #[cold]
    fn note(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    #[cold]
    fn note_lost(&self) {
        self.note();
        self.lost.fetch_add(1, Ordering::Relaxed);
    }
}
