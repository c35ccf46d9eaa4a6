//! Flush and shutdown of a tracer: their limits, their reports, and what comes after.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::block_on;
use tracefuse_core::record::SpanRecord;
use tracefuse_core::{Level, Processor, Report, Stats, Tracer};

use crate::support::{Recorder, tracer};

/// Notes how long each call may take.
#[derive(Clone, Default)]
struct Limits(Arc<Mutex<Vec<(&'static str, Duration)>>>);

impl Limits {
    fn note(&self, call: &'static str, within: Duration) -> Report {
        self.0.lock().unwrap().push((call, within));
        self.flush_report()
    }

    fn flush_report(&self) -> Report {
        Processor::flush(&Recorder::new(), Duration::ZERO)
    }

    fn take(&self) -> Vec<(&'static str, Duration)> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Processor for Limits {
    fn on_end(&self, _: SpanRecord) {}
    fn flush(&self, within: Duration) -> Report {
        self.note("flush", within)
    }
    fn shutdown(&self, within: Duration) -> Report {
        self.note("shutdown", within)
    }
}

#[test]
fn flush_and_shutdown_have_the_limits_that_were_set() {
    let limits = Limits::default();
    let [flush, shutdown, given] = [3, 4, 7].map(Duration::from_secs);
    let build = || {
        let builder = Tracer::builder(limits.clone()).flush_timeout(flush);
        builder.shutdown_timeout(shutdown).build()
    };
    let tracer = build();
    tracer.flush().unwrap();
    tracer.flush_within(given).unwrap();
    block_on(tracer.flush_async()).unwrap();
    block_on(tracer.flush_async_within(given)).unwrap();
    let flushes = [flush, given, flush, given].map(|within| ("flush", within));
    assert_eq!(limits.take(), flushes);
    tracer.shutdown().unwrap();
    build().shutdown_within(given).unwrap();
    block_on(build().shutdown_async()).unwrap();
    block_on(build().shutdown_async_within(given)).unwrap();
    drop(build());
    let shutdowns = [shutdown, given, shutdown, given, shutdown].map(|within| ("shutdown", within));
    assert_eq!(limits.take(), shutdowns);
    drop(tracer);
    assert_eq!(limits.take(), [], "it is shut down already");
    let shown = format!("{:?}", Tracer::builder(limits.clone()).flush_timeout(flush));
    assert!(
        shown.contains("shutdown_timeout: 5s, flush_timeout: 3s"),
        "{shown}"
    );
    drop(Tracer::builder(limits.clone()).build());
    assert_eq!(limits.take(), [("shutdown", Duration::from_secs(5))]);
}

#[test]
fn a_tracer_that_is_off_reports_that_nothing_is_missing() {
    let off = Tracer::noop();
    for report in [
        off.flush(),
        off.shutdown(),
        block_on(off.flush_async()),
        block_on(off.shutdown_async()),
    ] {
        let report = report.unwrap();
        assert!(report.complete && report.is_lossless());
        assert_eq!((report.lost, report.pending), (0, 0));
    }
    assert_eq!(off.stats(), Stats::default());
    assert!(!off.is_enabled() && off.trace("t").start().id().is_none());
}

#[test]
fn shutdown_ends_open_spans_by_either_form() {
    for is_async in [false, true] {
        let kept = Recorder::new();
        let tracer = kept.tracer();
        let trace = tracer.trace("t").start();
        assert_eq!(tracer.stats().open, 1);
        let report = if is_async {
            block_on(tracer.shutdown_async())
        } else {
            tracer.shutdown()
        };
        let report = report.unwrap();
        assert_eq!((report.unfinished, report.stats.open), (1, 0));
        assert_eq!(kept.only().level(), Some(Level::Warning));
        trace.root().set_output("too late");
        tracer.trace("later").run(|_| {});
        let stats = tracer.stats();
        assert_eq!((stats.late_writes, stats.not_recorded), (1, 1));
    }
}

#[test]
fn a_tracer_runs_closures_and_gives_back_what_they_return() {
    let (tracer, kept, _) = tracer();
    assert_eq!(tracer.with_trace("a", |_| 5), 5);
    assert_eq!(block_on(tracer.with_trace_async("b", async |_| 6)), 6);
    let failed: Result<u32, _> = tracer.trace("c").try_run(|_| "x".parse::<u32>());
    assert!(failed.is_err());
    let failed = block_on(
        tracer
            .trace("d")
            .try_run_async(async |_| "x".parse::<u32>()),
    );
    assert!(failed.is_err());
    assert_eq!(tracer.trace("e").try_run(|_| "7".parse::<u32>()), Ok(7));
    let levels: Vec<_> = kept
        .spans()
        .iter()
        .map(|span| span.level().is_some())
        .collect();
    assert_eq!(kept.names(), ["a", "b", "c", "d", "e"]);
    assert_eq!(levels, [false, false, true, true, false]);
}
