//! What a tracer that is off, or a trace that is not sampled, does: nothing.

use tracefuse_core::{SampleRate, Span, Tracer};

use crate::support::{Kept, tracer};

#[test]
fn a_tracer_that_is_off_runs_the_work_and_builds_no_values() {
    let tracer = Tracer::noop();
    let never = || -> String { panic!("built a value nobody records") };
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
    let kept = Kept::default();
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
    let inner = Tracer::builder(Kept::default())
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
