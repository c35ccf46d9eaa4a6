//! What a tracer that is off, or a trace that is not sampled, does: nothing.

use tracefuse_core::{SampleRate, Span, Tracer};

use crate::support::{Recorder, tracer};

#[test]
fn a_tracer_that_is_off_runs_the_work_and_builds_no_values() {
    let tracer = Tracer::noop();
    let never = || -> String { panic!("built a value that is not recorded") };
    let result = tracer.trace("root").metadata_with("k", never).run(|trace| {
        trace.set_input_with(never);
        trace
            .generation("g")
            .input_with(never)
            .output_with(never)
            .run(|span| {
                span.add_metadata_with("k", never);
                span.set_output_with(never);
                assert!(!span.is_recording() && span.id().is_none());
                5
            })
    });
    assert_eq!(result, 5);
    assert!(tracer.shutdown().unwrap().is_lossless());
    assert_eq!(tracer.stats().recorded, 0);
}

#[test]
fn a_trace_that_is_not_sampled_is_counted_and_leaves_nothing() {
    let kept = Recorder::default();
    let tracer = Tracer::builder(kept.clone())
        .sample_rate(SampleRate::new(0.0).unwrap())
        .build();
    tracer
        .trace("root")
        .run(|trace| trace.span("child").run(|span| span.set_input("x")));
    assert!(kept.spans().is_empty());
    assert_eq!(tracer.stats().unsampled_traces, 1);
}

#[test]
fn work_below_a_trace_that_is_not_sampled_is_not_given_to_the_trace_around_it() {
    let (outer, kept, _) = tracer();
    let inner = Tracer::builder(Recorder::default())
        .sample_rate(SampleRate::new(0.0).unwrap())
        .build();
    outer.trace("outer").run(|_| {
        inner
            .trace("inner")
            .run(|_| Span::current().span("lost").run(|_| {}));
        Span::current().span("found").run(|_| {});
    });
    assert_eq!(kept.tree(), "outer\n  found\n");
}

/// Keeps the names that were reported.
#[derive(Clone, Default)]
struct Reported(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl tracefuse_core::Processor for Reported {
    fn on_end(&self, span: tracefuse_core::record::SpanRecord) {
        drop(span);
    }
    fn on_outside_trace(&self, span: &str) {
        self.0.lock().unwrap().push(span.to_owned());
    }
}

#[test]
fn spans_outside_of_a_trace_are_counted_and_reported_once() {
    // One thread alone starts spans outside of a trace, and the other tests of this program do not.
    let first = Reported::default();
    let tracer = Tracer::builder(first.clone()).build();
    let quiet = tracer.stats().outside_trace;
    Span::noop().span("a handle that does nothing").run(|_| {});
    tracer
        .trace("t")
        .run(|_| Span::current().span("below").run(|_| {}));
    assert_eq!(tracer.stats().outside_trace, quiet);

    let newest = Reported::default();
    let tracer = Tracer::builder(newest.clone()).build();
    Span::current().span("lost").run(|lost| {
        lost.span("below").run(|_| {});
        Span::current().generation("current").start().end();
    });
    assert!(tracer.stats().outside_trace >= 3);
    let names = newest.0.lock().unwrap().clone();
    // Tests beside this one build tracers, and the newest tracer gets the report.
    assert!(names.len() <= 1, "{names:?}");
    assert!(first.0.lock().unwrap().is_empty());
}

#[test]
fn spans_of_a_tracer_that_is_closed_are_not_outside_of_a_trace() {
    let tracer = Tracer::builder(Recorder::default()).build();
    tracer.shutdown().unwrap();
    tracer.trace("t").run(|_| {
        assert!(!tracefuse_core::bridge::is_outside_trace(&Span::current()));
        Span::current().span("below").run(|_| {
            assert!(!tracefuse_core::bridge::is_outside_trace(&Span::current()));
        });
    });
    assert!(tracefuse_core::bridge::is_outside_trace(&Span::current()));
}
