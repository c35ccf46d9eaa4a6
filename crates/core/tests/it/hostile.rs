//! A processor, a clock and a sampler that panic: the application continues, and what is lost is counted.

use std::panic::catch_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use futures::executor::block_on;
use tracefuse_core::record::{ScoreRecord, SpanRecord};
use tracefuse_core::wiring::{Leak, ReportFuture};
use tracefuse_core::{Clock, Processor, Report, Sampler, SamplingInput, Stats, TimeSource, Tracer};

/// A panic whose payload panics again when it is dropped.
struct PanicsAgain;

impl Drop for PanicsAgain {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "again");
    }
}

struct Sampling;

impl Sampler for Sampling {
    fn should_sample(&self, _: &SamplingInput<'_>) -> bool {
        std::panic::panic_any(PanicsAgain)
    }
}

#[test]
fn a_panic_whose_payload_panics_reaches_no_caller() {
    struct Payload(Arc<AtomicU64>);
    impl Processor for Payload {
        fn on_end(&self, _: SpanRecord) {
            self.0.fetch_add(1, Ordering::Relaxed);
            std::panic::panic_any(PanicsAgain);
        }
    }
    let taken = Arc::new(AtomicU64::new(0));
    let tracer = Tracer::builder(Payload(taken.clone()))
        .sampler(Sampling)
        .build();
    tracer.trace("work").run(|_| {});
    assert_eq!(taken.load(Ordering::Relaxed), 1, "it is sampled");
    assert_eq!(tracer.stats().processor_panics, 1);
}

/// Which of its methods panic.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Method {
    OnEnd,
    OnScore,
    IsRecording,
    Refuses,
    Refusing,
    OnOutsideTrace,
    Flush,
    FlushAsync,
    FlushAsyncPolled,
    Shutdown,
    ShutdownAsync,
    Stats,
}

struct Hostile {
    method: Method,
    taken: Arc<AtomicU64>,
}

impl Hostile {
    fn panics_in(&self, method: Method) {
        if self.method == method {
            panic!("in {method:?}");
        }
    }
}

impl Processor for Hostile {
    fn on_end(&self, _: SpanRecord) {
        self.panics_in(Method::OnEnd);
        self.taken.fetch_add(1, Ordering::Relaxed);
    }
    fn on_score(&self, _: ScoreRecord) {
        self.panics_in(Method::OnScore);
    }
    fn is_recording(&self) -> bool {
        self.panics_in(Method::IsRecording);
        true
    }
    fn refuses(&self) -> bool {
        self.panics_in(Method::Refuses);
        false
    }
    fn refusing(&self) -> Option<Arc<AtomicBool>> {
        self.panics_in(Method::Refusing);
        None
    }
    fn on_leak(&self, _: &Leak) {
        panic!("in on_leak");
    }
    fn on_outside_trace(&self, _: &str) {
        self.panics_in(Method::OnOutsideTrace);
    }
    fn flush(&self, _: Duration) -> Report {
        self.panics_in(Method::Flush);
        done()
    }
    fn flush_async(&self, _: Duration) -> ReportFuture {
        self.panics_in(Method::FlushAsync);
        let panics = self.method == Method::FlushAsyncPolled;
        Box::pin(async move {
            assert!(!panics, "while it is polled");
            done()
        })
    }
    fn shutdown(&self, _: Duration) -> Report {
        self.panics_in(Method::Shutdown);
        done()
    }
    fn shutdown_async(&self, _: Duration) -> ReportFuture {
        self.panics_in(Method::ShutdownAsync);
        Box::pin(async { done() })
    }
    fn stats(&self) -> Stats {
        self.panics_in(Method::Stats);
        Stats::default()
    }
}

fn done() -> Report {
    let mut report = Report::default();
    report.complete = true;
    report
}

/// A tracer that is used in every way, and the report of its shutdown.
fn used(method: Method) -> (Tracer, Arc<AtomicU64>, bool) {
    let taken = Arc::new(AtomicU64::new(0));
    let processor = Hostile {
        method,
        taken: taken.clone(),
    };
    let tracer = Tracer::builder(processor).build();
    tracer.trace("work").run(|trace| {
        trace.span("child").run(|span| {
            span.score("good", 1.0).record();
        });
    });
    // A handle that is dropped while its thread panics: a second panic would end the process.
    let unwound = catch_unwind(|| tracer.trace("fails").run(|_| panic!("the user's")));
    assert!(unwound.is_err());
    let flushed = tracer.flush().is_ok();
    let flushed_async = block_on(tracer.flush_async()).is_ok();
    let _ = tracer.stats();
    let shut = block_on(tracer.shutdown_async()).is_ok() & tracer.shutdown().is_ok();
    (tracer, taken, flushed && flushed_async && shut)
}

#[test]
fn a_processor_that_panics_never_reaches_the_caller() {
    for method in [
        Method::OnEnd,
        Method::OnScore,
        Method::IsRecording,
        Method::Refuses,
        Method::Refusing,
        Method::OnOutsideTrace,
        Method::Flush,
        Method::FlushAsync,
        Method::FlushAsyncPolled,
        Method::Shutdown,
        Method::ShutdownAsync,
        Method::Stats,
    ] {
        let (tracer, taken, complete) = used(method);
        let taken = taken.load(Ordering::Relaxed);
        let panics = tracer.stats().processor_panics;
        let (expected, lossless) = match method {
            Method::OnEnd => (0, false),
            // It does not say that it records, so nothing is.
            Method::IsRecording => (0, true),
            Method::OnScore | Method::Flush | Method::Shutdown => (3, false),
            Method::FlushAsync | Method::FlushAsyncPolled | Method::ShutdownAsync => (3, false),
            Method::Refuses | Method::Refusing | Method::OnOutsideTrace | Method::Stats => {
                (3, true)
            }
        };
        assert_eq!((taken, complete), (expected, lossless), "{method:?}");
        assert_eq!(
            panics > 0,
            method != Method::OnOutsideTrace,
            "{method:?}: {panics} panics are counted"
        );
    }
}

#[test]
fn spans_lost_by_a_panic_are_reported_once() {
    let processor = Hostile {
        method: Method::OnEnd,
        taken: Arc::default(),
    };
    let tracer = Tracer::builder(processor).build();
    tracer
        .trace("lost")
        .run(|trace| trace.span("too").run(|_| {}));
    let lost = tracer.flush().expect_err("two spans are lost");
    assert_eq!(lost.report().lost, 2);
    assert_eq!(lost.report().stats.processor_panics, 2);
    assert!(tracer.flush().is_ok(), "they were reported");
}

struct BrokenClock {
    broken: AtomicBool,
    nanos: AtomicU64,
}

impl TimeSource for &'static BrokenClock {
    fn unix_nanos(&self) -> u64 {
        self.monotonic_nanos()
    }
    fn monotonic_nanos(&self) -> u64 {
        assert!(!self.broken.load(Ordering::Relaxed), "no time");
        self.nanos.fetch_add(1_000, Ordering::Relaxed)
    }
}

#[test]
fn a_clock_that_panics_gives_its_last_time() {
    static CLOCK: BrokenClock = BrokenClock {
        broken: AtomicBool::new(false),
        nanos: AtomicU64::new(1_800_000_000_000_000_000),
    };
    let recorder = tracefuse_core::testing::Recorder::new();
    let tracer = Tracer::builder(recorder.clone())
        .clock(Clock::new(&CLOCK))
        .build();
    let trace = tracer.trace("work").start();
    CLOCK.broken.store(true, Ordering::Relaxed);
    trace.span("late").run(|_| {});
    drop(trace);
    for span in recorder.spans() {
        assert!(span.end_time() >= span.start_time(), "{}", span.name());
        let year = span.start_time().as_unix_nanos() / 1_000_000_000 / 31_556_952 + 1970;
        assert_eq!(year, 2027);
    }
    assert_eq!(recorder.spans().len(), 2);
}

/// Time at both ends of what a number can say.
struct Absurd(AtomicU64);

impl TimeSource for Absurd {
    fn unix_nanos(&self) -> u64 {
        self.monotonic_nanos()
    }
    fn monotonic_nanos(&self) -> u64 {
        if self.0.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            u64::MAX
        } else {
            0
        }
    }
}

#[test]
fn a_clock_without_sense_ends_no_span_before_its_start() {
    let recorder = tracefuse_core::testing::Recorder::new();
    for first in 0..2 {
        let clock = Clock::new(Absurd(AtomicU64::new(first)));
        let tracer = Tracer::builder(recorder.clone()).clock(clock).build();
        tracer
            .trace("work")
            .run(|trace| trace.span("child").run(|_| {}));
    }
    assert_eq!(recorder.spans().len(), 4);
    for span in recorder.spans() {
        assert!(span.end_time() >= span.start_time());
    }
}

/// Counts how often it is dropped, and panics then.
struct PanicsWhenDropped(Arc<AtomicU64>);

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        std::panic::panic_any(PanicsAgain);
    }
}

impl Processor for PanicsWhenDropped {
    fn on_end(&self, _: SpanRecord) {}
}

impl Sampler for PanicsWhenDropped {
    fn should_sample(&self, _: &SamplingInput<'_>) -> bool {
        true
    }
}

impl TimeSource for PanicsWhenDropped {
    fn unix_nanos(&self) -> u64 {
        1_800_000_000_000_000_000
    }
    fn monotonic_nanos(&self) -> u64 {
        0
    }
}

#[test]
fn parts_that_panic_when_dropped_reach_no_caller() {
    let dropped = Arc::new(AtomicU64::new(0));
    let hostile = || PanicsWhenDropped(dropped.clone());
    let tracer = || {
        let builder = Tracer::builder(hostile()).sampler(hostile());
        builder.clock(Clock::new(hostile())).build()
    };
    drop(tracer());
    assert_eq!(dropped.load(Ordering::Relaxed), 3);
    // The last handle of a span drops them, on a thread that panics already.
    let unwound = catch_unwind(|| {
        let span = tracer().trace("work").start();
        span.span("child").run(|_| panic!("the user's"));
    });
    assert!(unwound.is_err());
    assert_eq!(dropped.load(Ordering::Relaxed), 6);
}

/// Its reports never end, and panic when they are dropped.
struct Endless(Arc<AtomicU64>);

impl Processor for Endless {
    fn on_end(&self, _: SpanRecord) {}
    fn flush_async(&self, _: Duration) -> ReportFuture {
        let kept = PanicsWhenDropped(self.0.clone());
        Box::pin(async move {
            let _kept = kept;
            std::future::pending().await
        })
    }
    fn shutdown_async(&self, within: Duration) -> ReportFuture {
        self.flush_async(within)
    }
}

#[test]
fn a_report_dropped_before_its_end_reaches_no_caller() {
    let dropped = Arc::new(AtomicU64::new(0));
    let tracer = Tracer::builder(Endless(dropped.clone())).build();
    let mut context = Context::from_waker(Waker::noop());
    {
        let mut flush = pin!(tracer.flush_async());
        assert!(flush.as_mut().poll(&mut context).is_pending());
    }
    {
        let mut shutdown = pin!(tracer.shutdown_async());
        assert!(shutdown.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(dropped.load(Ordering::Relaxed), 2);
    assert_eq!(tracer.stats().processor_panics, 2);
}
