//! The interface through which finished spans leave the core, with the types that only its implementations need.
//! Called by the handles; implemented by delivery, and by tests that look at records.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::record::{FinishedSpan, ScoreRecord, SpanRecord};
use crate::report::{Leak, Report, Stats};

/// A future of a report. Needs no particular executor.
pub type ReportFuture = Pin<Box<dyn Future<Output = Report> + Send>>;

/// Takes finished spans from the handles. `tracefuse-runtime`'s `Pipeline` is the one that delivers.
///
/// Its methods are called from any thread, inside and outside of async runtimes. A method that panics does no harm to the
/// caller: the panic is counted in [`Stats::processor_panics`], and the span or score of that call is lost.
#[expect(
    unused_variables,
    reason = "the names of what a method is given are part of its documentation"
)]
pub trait Processor: Send + Sync + 'static {
    /// Takes a span that has ended. Must return at once and must not panic.
    fn on_end(&self, span: SpanRecord);

    /// Takes a span that has just ended, on the thread that ended it. By default it makes a record of it and calls
    /// [`on_end`](Self::on_end); delivery copies it into a chunk instead, which allocates nothing.
    fn on_finish(&self, span: &FinishedSpan<'_>) {
        self.on_end(span.to_record());
    }

    /// Whether spans are measured, for metrics that do not depend on sampling. Then a span of a trace that the sampler
    /// leaves out is recorded too, less its inputs, its outputs and its events, and given to
    /// [`on_unsampled`](Self::on_unsampled) at its end; streams count their chunks. Called once, when the tracer is built;
    /// `false` by default: then an unsampled span records nothing.
    fn measures(&self) -> bool {
        false
    }

    /// Takes a span of a trace that the sampler left out, on the thread that ended it. Called only if the processor
    /// [`measures`](Self::measures). The span must not be delivered. Must return at once and must not panic.
    fn on_unsampled(&self, span: &FinishedSpan<'_>) {}

    /// Takes a score; does nothing by default. Must return at once and must not panic.
    fn on_score(&self, score: ScoreRecord) {}

    /// Whether spans started now would be kept. While `false`, handles record nothing.
    fn is_recording(&self) -> bool {
        true
    }

    /// Whether a span that is started now is refused, because it could not be kept at its end: delivery answers so
    /// while its circuit breaker is open and its queue is full. A processor that refuses a span counts it as recorded
    /// and dropped. A trace that is refused counts once; spans below it are not started.
    fn refuses(&self) -> bool {
        false
    }

    /// A flag that spares each span the two questions above: while it is `false`, [`is_recording`](Self::is_recording) is
    /// `true` and [`refuses`](Self::refuses) is `false`. Asked for once, when the tracer is built; `None` by default: then
    /// each span asks.
    fn refusing(&self) -> Option<Arc<AtomicBool>> {
        None
    }

    /// The number of the [`ThreadBuffer`](crate::wiring::ThreadBuffer)s that the processor has for threads: a span that ends
    /// is appended to that of its thread, without a call, as long as there is nothing else to do. Asked for once, when the
    /// tracer is built; zero by default: then there are none, and [`on_finish`](Self::on_finish) is called for each span. A
    /// processor around another one must not pass the number on, unless it has nothing to do when a span ends.
    fn buffer_owner(&self) -> u64 {
        0
    }

    /// Receives what looks like a leak of handles, once for each. Must return at once and must not panic.
    fn on_leak(&self, leak: &Leak) {}

    /// Receives the name of the first span that was started where no trace is current, once for each tracer. Must
    /// return at once and must not panic.
    fn on_outside_trace(&self, span: &str) {}

    /// Delivers what was taken before the call, for at most `within`.
    fn flush(&self, within: Duration) -> Report {
        let _ = within;
        Report {
            complete: true,
            stats: self.stats(),
            ..Report::default()
        }
    }

    /// [`flush`](Self::flush) for async code: waits without blocking the thread.
    fn flush_async(&self, within: Duration) -> ReportFuture {
        let report = self.flush(within);
        Box::pin(async { report })
    }

    /// Delivers what was taken, for at most `within`, then takes nothing more. The second call gives
    /// the first one's report.
    fn shutdown(&self, within: Duration) -> Report {
        self.flush(within)
    }

    /// [`shutdown`](Self::shutdown) for async code: waits without blocking the thread.
    fn shutdown_async(&self, within: Duration) -> ReportFuture {
        let report = self.shutdown(within);
        Box::pin(async { report })
    }

    /// The numbers so far.
    fn stats(&self) -> Stats {
        Stats::default()
    }
}

// Processor stays usable as dyn.
const _: fn(&dyn Processor) = |_| {};

impl<P: Processor + ?Sized> Processor for Arc<P> {
    fn on_end(&self, span: SpanRecord) {
        (**self).on_end(span);
    }
    fn on_finish(&self, span: &FinishedSpan<'_>) {
        (**self).on_finish(span);
    }
    fn measures(&self) -> bool {
        (**self).measures()
    }
    fn on_unsampled(&self, span: &FinishedSpan<'_>) {
        (**self).on_unsampled(span);
    }
    fn on_score(&self, score: ScoreRecord) {
        (**self).on_score(score);
    }
    fn is_recording(&self) -> bool {
        (**self).is_recording()
    }
    fn refuses(&self) -> bool {
        (**self).refuses()
    }
    fn refusing(&self) -> Option<Arc<AtomicBool>> {
        (**self).refusing()
    }

    fn buffer_owner(&self) -> u64 {
        (**self).buffer_owner()
    }

    fn on_leak(&self, leak: &Leak) {
        (**self).on_leak(leak);
    }

    fn on_outside_trace(&self, span: &str) {
        (**self).on_outside_trace(span);
    }
    fn flush(&self, within: Duration) -> Report {
        (**self).flush(within)
    }
    fn flush_async(&self, within: Duration) -> ReportFuture {
        (**self).flush_async(within)
    }
    fn shutdown(&self, within: Duration) -> Report {
        (**self).shutdown(within)
    }
    fn shutdown_async(&self, within: Duration) -> ReportFuture {
        (**self).shutdown_async(within)
    }
    fn stats(&self) -> Stats {
        (**self).stats()
    }
}
