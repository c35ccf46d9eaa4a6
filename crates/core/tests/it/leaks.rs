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
