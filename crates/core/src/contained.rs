//! The user's processor, with its panics caught. It is called on the application's threads, often while a handle is
//! dropped, where a second panic would abort the process. Owned by `span::shared`; must not know spans or traces.

use std::future::poll_fn;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use crate::processor::{Processor, ReportFuture};
use crate::record::guard::{contain, drop_contained};
use crate::record::{FinishedSpan, ScoreRecord, SpanRecord};
use crate::report::{Leak, Report, Stats};
use crate::thread_buffer;

/// The processor of a tracer. A call that panics is counted and has no other effect.
pub(crate) struct ContainedProcessor {
    inner: Arc<dyn Processor>,
    /// See [`Processor::refusing`].
    refusing: Option<Arc<AtomicBool>>,
    /// See [`Processor::buffer_owner`].
    buffer_owner: u64,
    /// Calls that panicked.
    panics: AtomicU64,
    /// Those of them that were given a span or a score.
    lost: AtomicU64,
    /// `lost` at the last report.
    reported: AtomicU64,
}

/// What the processor does with a span that starts now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Taken,
    /// It would be dropped at its end. The processor has counted it.
    Refused,
    /// The processor does not record at the moment.
    Off,
}

/// Replaces a processor that is dropped.
struct Nothing;

impl Processor for Nothing {
    fn on_end(&self, _: SpanRecord) {}
}

/// The future of a report. It may be dropped before it ends, by a timeout of the user's for example, and its
/// destructor is the processor's code too.
struct ContainedReport<'a> {
    processor: &'a ContainedProcessor,
    future: Option<ReportFuture>,
}

impl ContainedReport<'_> {
    /// The report; `None` if the processor panicked.
    async fn finish(&mut self) -> Option<Report> {
        let future = self.future.as_mut()?;
        poll_fn(|cx| match self.processor.run(|| future.as_mut().poll(cx)) {
            Some(poll) => poll.map(Some),
            None => Poll::Ready(None),
        })
        .await
    }
}

impl Drop for ContainedReport<'_> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            self.processor.run(move || drop(future));
        }
    }
}

impl ContainedProcessor {
    pub(crate) fn new(inner: Arc<dyn Processor>) -> Self {
        let mut new = Self {
            inner,
            refusing: None,
            buffer_owner: 0,
            panics: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            reported: AtomicU64::new(0),
        };
        new.refusing = new.run(|| new.inner.refusing()).flatten();
        new.buffer_owner = new.run(|| new.inner.buffer_owner()).unwrap_or(0);
        new
    }

    #[inline(always)]
    pub(crate) fn on_finish(&self, span: &FinishedSpan<'_>) {
        if !thread_buffer::append(self.buffer_owner, span) {
            self.call_on_finish(span);
        }
    }

    #[inline(never)]
    fn call_on_finish(&self, span: &FinishedSpan<'_>) {
        if contain(|| self.inner.on_finish(span)).is_none() {
            self.note_lost();
        }
    }

    /// `false` if the processor panics.
    pub(crate) fn measures(&self) -> bool {
        self.run(|| self.inner.measures()).unwrap_or(false)
    }

    /// A panic loses nothing here, because the span is not delivered.
    pub(crate) fn on_unsampled(&self, span: &FinishedSpan<'_>) {
        let _ = self.run(|| self.inner.on_unsampled(span));
    }

    pub(crate) fn on_score(&self, score: ScoreRecord) {
        if contain(|| self.inner.on_score(score)).is_none() {
            self.note_lost();
        }
    }

    /// Whether spans that start now are taken without a question.
    #[inline]
    pub(crate) fn takes_all(&self) -> bool {
        let refusing = self.refusing.as_ref();
        refusing.is_some_and(|refusing| !refusing.load(Ordering::Relaxed))
    }

    /// Whether a span that starts now is taken. It is called for every span, so both calls are in one guard. A processor that panics
    /// in `is_recording` takes nothing; in `refuses`, it has not counted the span, so the span is taken.
    #[inline]
    pub(crate) fn admission(&self) -> Admission {
        let mut is_recording = false;
        let refuses = self.run(|| {
            is_recording = self.inner.is_recording();
            is_recording && self.inner.refuses()
        });
        match refuses {
            _ if !is_recording => Admission::Off,
            Some(true) => Admission::Refused,
            _ => Admission::Taken,
        }
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
        self.report(|| self.inner.flush_async(within)).await
    }

    pub(crate) async fn shutdown_async(&self, within: Duration) -> Report {
        self.report(|| self.inner.shutdown_async(within)).await
    }

    pub(crate) fn stats(&self) -> Stats {
        let mut stats = self.run(|| self.inner.stats()).unwrap_or_default();
        self.complete_stats(&mut stats);
        stats
    }

    async fn report(&self, begin: impl FnOnce() -> ReportFuture) -> Report {
        let mut contained = ContainedReport {
            processor: self,
            future: self.run(begin),
        };
        let report = contained.finish().await;
        // Before the panics are counted.
        drop(contained);
        self.complete(report)
    }

    #[inline(always)]
    fn run<R>(&self, call: impl FnOnce() -> R) -> Option<R> {
        let result = contain(call);
        if result.is_none() {
            self.note();
        }
        result
    }

    /// Adds what panics lost to the processor's report. Without a report, nothing is known to be delivered.
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

impl Drop for ContainedProcessor {
    fn drop(&mut self) {
        drop_contained(mem::replace(&mut self.inner, Arc::new(Nothing)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures::executor::block_on;

    use super::*;
    use crate::Tracer;
    use crate::testing::Recorder;

    /// Refuses all while its flag is set, and counts how often it is asked.
    #[derive(Clone, Default)]
    struct Flagged {
        flag: Arc<AtomicBool>,
        asked: Arc<AtomicU64>,
        taken: Arc<AtomicU64>,
    }

    impl Processor for Flagged {
        fn on_end(&self, _: SpanRecord) {
            self.taken.fetch_add(1, Ordering::Relaxed);
        }
        fn refuses(&self) -> bool {
            self.asked.fetch_add(1, Ordering::Relaxed);
            true
        }
        fn refusing(&self) -> Option<Arc<AtomicBool>> {
            Some(self.flag.clone())
        }
    }

    #[test]
    fn a_processor_is_asked_only_while_its_flag_is_set() {
        let processor = Flagged::default();
        let counts = || {
            let [asked, taken] = [&processor.asked, &processor.taken];
            (asked.load(Ordering::Relaxed), taken.load(Ordering::Relaxed))
        };
        // As it is, and behind an `Arc`.
        for tracer in [
            Tracer::builder(processor.clone()).build(),
            Tracer::builder(Arc::new(processor.clone())).build(),
        ] {
            let before = counts();
            let trace = tracer.trace("root").start();
            let child = || trace.span("child").run(|_| {});
            child();
            assert_eq!(counts(), (before.0, before.1 + 1));
            processor.flag.store(true, Ordering::Relaxed);
            child();
            assert_eq!(counts(), (before.0 + 1, before.1 + 1));
            processor.flag.store(false, Ordering::Relaxed);
            child();
            assert_eq!(counts(), (before.0 + 1, before.1 + 2));
            // A tracer that is closed takes nothing, whatever the flag says.
            let _ = tracer.shutdown();
            child();
            assert_eq!(tracer.stats().not_recorded, 1);
        }
    }

    /// Names each call that it receives.
    #[derive(Default)]
    struct Named(Mutex<Vec<&'static str>>);

    impl Named {
        fn note(&self, call: &'static str) {
            self.0.lock().unwrap().push(call);
        }
        fn report(&self, call: &'static str) -> Report {
            self.note(call);
            Report {
                pending: 7,
                ..Report::default()
            }
        }
    }

    impl Processor for Named {
        fn on_end(&self, _: SpanRecord) {
            self.note("on_end");
        }
        fn measures(&self) -> bool {
            self.note("measures");
            true
        }
        fn on_unsampled(&self, _: &FinishedSpan<'_>) {
            self.note("on_unsampled");
        }
        fn on_score(&self, _: ScoreRecord) {
            self.note("on_score");
        }
        fn is_recording(&self) -> bool {
            self.note("is_recording");
            true
        }
        fn refuses(&self) -> bool {
            self.note("refuses");
            true
        }
        fn on_leak(&self, _: &Leak) {
            self.note("on_leak");
        }
        fn on_outside_trace(&self, _: &str) {
            self.note("on_outside_trace");
        }
        fn flush(&self, _: Duration) -> Report {
            self.report("flush")
        }
        fn shutdown(&self, _: Duration) -> Report {
            self.report("shutdown")
        }
        fn stats(&self) -> Stats {
            self.note("stats");
            Stats {
                recorded: 3,
                ..Stats::default()
            }
        }
    }

    /// The calls that `call` makes, of the processor as it is and behind one more `Arc`.
    fn calls(call: impl Fn(&ContainedProcessor)) -> Vec<&'static str> {
        let [plain, behind] = [Arc::<Named>::default(), Arc::default()];
        let made = [
            (plain.clone(), ContainedProcessor::new(plain)),
            (behind.clone(), ContainedProcessor::new(Arc::new(behind))),
        ];
        let [plain, behind] = made.map(|(named, contained)| {
            call(&contained);
            mem::take(&mut *named.0.lock().unwrap())
        });
        assert_eq!(plain, behind);
        plain
    }

    #[test]
    fn each_call_reaches_the_processor_and_its_answer_the_caller() {
        let recorder = Recorder::new();
        recorder.tracer().trace("t").run(|_| {});
        let span = recorder.only();
        let buffer = crate::record::Buffer::default();
        let trace =
            crate::record::SharedTrace::new(span.trace_id(), span.span_id(), Arc::default());
        let finished = FinishedSpan {
            buffer: &buffer,
            trace: &trace,
        };
        let score = || {
            let target = crate::ScoreTarget::Trace(span.trace_id());
            ScoreRecord::new("s", 1.into(), target, span.end_time())
        };
        let within = Duration::from_secs(1);
        assert_eq!(calls(|p| p.on_finish(&finished)), ["on_end"]);
        let named = Arc::<Named>::default();
        Processor::on_end(&named, recorder.only());
        assert_eq!(named.0.lock().unwrap().as_slice(), ["on_end"]);
        assert_eq!(calls(|p| p.on_unsampled(&finished)), ["on_unsampled"]);
        assert_eq!(calls(|p| p.on_score(score())), ["on_score"]);
        assert_eq!(calls(|p| p.on_leak(&Leak::Many { open: 1 })), ["on_leak"]);
        assert_eq!(calls(|p| p.on_outside_trace("s")), ["on_outside_trace"]);
        assert_eq!(calls(|p| assert!(p.measures())), ["measures"]);
        let refused = |p: &ContainedProcessor| assert!(p.admission() == Admission::Refused);
        assert_eq!(calls(refused), ["is_recording", "refuses"]);
        assert_eq!(calls(|p| assert_eq!(p.stats().recorded, 3)), ["stats"]);
        let is_the_answer = |report: Report| assert_eq!(report.pending, 7);
        assert_eq!(calls(|p| is_the_answer(p.flush(within))), ["flush"]);
        assert_eq!(calls(|p| is_the_answer(p.shutdown(within))), ["shutdown"]);
        let flush = |p: &ContainedProcessor| is_the_answer(block_on(p.flush_async(within)));
        assert_eq!(calls(flush), ["flush"]);
        let shutdown = |p: &ContainedProcessor| is_the_answer(block_on(p.shutdown_async(within)));
        assert_eq!(calls(shutdown), ["shutdown"]);
    }
}
