//! What looks like a leak of handles is reported once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracefuse_core::record::{SpanRecord, Timestamp};
use tracefuse_core::wiring::Leak;
use tracefuse_core::{Clock, ManualClock, Processor, Tracer};

use crate::support::EPOCH;

#[derive(Clone, Default)]
struct Reported(Arc<Mutex<Vec<Leak>>>);

impl Processor for Reported {
    fn on_end(&self, _: SpanRecord) {}
    fn on_leak(&self, leak: &Leak) {
        self.0.lock().unwrap().push(leak.clone());
    }
}

impl Reported {
    fn take(&self) -> Vec<Leak> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// With limits of one minute and ten spans, checked each seven and a half seconds.
fn tracer() -> (Tracer, Reported, ManualClock) {
    let reported = Reported::default();
    let clock = ManualClock::at(Timestamp::from_unix_nanos(EPOCH));
    let tracer = Tracer::builder(reported.clone())
        .clock(Clock::new(clock.clone()))
        .warn_open_longer(Duration::from_secs(60))
        .warn_open_more(10);
    (tracer.build(), reported, clock)
}

#[test]
fn a_trace_that_is_open_for_long_is_named_once() {
    let (tracer, reported, clock) = tracer();
    let kept = tracer.trace("kept").start();
    let _span = kept.span("a span of it").start();
    for _ in 0..10 {
        clock.advance(Duration::from_secs(20));
        tracer.trace("request").run(|_| {});
    }
    let leaks = reported.take();
    assert!(
        matches!(leaks.as_slice(), [Leak::Long { name, age }] if name == "kept" && age.as_secs() > 60),
        "{leaks:?}"
    );
    kept.finish();
}

#[test]
fn too_many_open_spans_are_reported_once_until_they_are_few_again() {
    let (tracer, reported, clock) = tracer();
    for _ in 0..2 {
        let trace = tracer.trace("many").start();
        let spans: Vec<_> = (0..20).map(|_| trace.span("s").start()).collect();
        for _ in 0..3 {
            clock.advance(Duration::from_secs(10));
            tracer.trace("request").run(|_| {});
        }
        assert_eq!(reported.take(), [Leak::Many { open: 21 }]);
        drop((spans, trace));
        clock.advance(Duration::from_secs(10));
        tracer.trace("request").run(|_| {});
        assert_eq!(reported.take(), []);
    }
}

#[test]
fn open_spans_are_counted_when_a_check_is_due_and_not_before() {
    let (tracer, reported, clock) = tracer();
    let check = || tracer.trace("request").run(|_| reported.take());
    let pause = Duration::from_millis(7_500);
    let nano = Duration::from_nanos(1);
    let trace = tracer.trace("many").start();
    let mut spans: Vec<_> = (0..10).map(|_| trace.span("s").start()).collect();
    clock.advance(pause - nano);
    assert_eq!(check(), [], "it is not due");
    clock.advance(nano);
    assert_eq!(check(), [Leak::Many { open: 11 }]);
    // Half of the limit is still too many to be reported once more, and the limit itself is not more than the limit.
    for (open, reports) in [(5, 0), (11, 0), (4, 0), (10, 0), (11, 1), (4, 0), (11, 1)] {
        spans.resize_with(open - 1, || trace.span("s").start());
        clock.advance(pause);
        assert_eq!(check().len(), reports, "{open}");
    }
}

#[test]
fn a_trace_is_open_for_long_from_the_limit_on() {
    let (tracer, reported, clock) = tracer();
    let _trace = tracer.trace("kept").start();
    for (more, reports) in [(60_000_000_000, 0), (7_500_000_000, 1), (7_500_000_000, 0)] {
        clock.advance(Duration::from_nanos(more));
        tracer.trace("request").run(|_| {});
        assert_eq!(reported.take().len(), reports, "{more}");
    }
}

#[test]
fn at_most_100_names_are_reported() {
    let (tracer, reported, clock) = tracer();
    let mut names = 0;
    // Few at once, so that they are not too many.
    for round in 0..20 {
        let traces: Vec<_> = (0..8)
            .map(|n| tracer.trace(&format!("{round} {n}")).start())
            .collect();
        for _ in 0..2 {
            clock.advance(Duration::from_secs(61));
            tracer.trace("request").run(|_| {});
        }
        names += reported.take().len();
        drop(traces);
    }
    assert_eq!(names, 100);
}
