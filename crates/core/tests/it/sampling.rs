//! Which traces are recorded: by rate, by a sampler, by what another service decided.

use tracefuse_core::{SampleRate, SamplingInput, SpanId, TraceId, Tracer, TracerBuilder};

use crate::support::Recorder;

fn kept(build: impl FnOnce(TracerBuilder) -> TracerBuilder) -> (Tracer, Recorder) {
    let kept = Recorder::default();
    (build(Tracer::builder(kept.clone())).build(), kept)
}

#[test]
fn a_sampler_knows_what_the_builder_was_given() {
    let (tracer, kept) = kept(|builder| {
        builder.sampler(|trace: &SamplingInput<'_>| {
            trace.attributes.name == "checkout"
                || trace.attributes.tags.contains(&"vip".to_owned())
                || trace.attributes.user_id.as_deref() == Some("u")
        })
    });
    for (name, tag, user) in [
        ("checkout", "", ""),
        ("a", "vip", ""),
        ("b", "", "u"),
        ("c", "", ""),
    ] {
        let trace = tracer.trace(name).tag(tag).user_id(user);
        trace.run(|trace| trace.span("child").run(|_| {}));
    }
    assert_eq!(kept.tree(), "checkout\n  child\na\n  child\nb\n  child\n");
    assert_eq!(tracer.stats().unsampled_traces, 1);
}

#[test]
fn what_the_service_before_decided_holds() {
    for (rate, sampled, recorded) in [(0.0, true, true), (1.0, false, false)] {
        let rate = SampleRate::new(rate).unwrap();
        let (tracer, kept) = kept(|builder| builder.sample_rate(rate));
        let remote = || {
            tracer
                .trace("t")
                .remote_parent(TraceId::random(), SpanId::random())
        };
        remote().remote_sampled(sampled).run(|_| {});
        assert_eq!(kept.spans().len(), usize::from(recorded), "{rate:?}");
        remote().run(|_| {});
        assert_eq!(
            kept.spans().len(),
            1,
            "without its word the rate decides: {rate:?}"
        );
    }
}

#[test]
fn every_service_decides_alike_by_the_id() {
    let rate = SampleRate::new(0.5).unwrap();
    let (tracer, kept) = kept(|builder| builder.sample_rate(rate));
    let ids: Vec<TraceId> = (0..100).map(|_| TraceId::random()).collect();
    for id in &ids {
        tracer.trace("t").trace_id(*id).run(|_| {});
    }
    let expected: Vec<_> = ids.into_iter().filter(|id| rate.samples(*id)).collect();
    let recorded: Vec<_> = kept.spans().iter().map(|span| span.trace_id()).collect();
    assert_eq!(recorded, expected);
}

#[test]
fn a_sampler_that_panics_does_not_fail_the_caller() {
    let (tracer, kept) = kept(|builder| {
        builder.sampler(|_: &SamplingInput<'_>| panic!("this is what the test is about"))
    });
    assert_eq!(tracer.trace("t").run(|_| 7), 7);
    assert_eq!(kept.spans().len(), 1);
}

#[test]
fn every_span_knows_the_first_of_its_part_of_the_trace() {
    let (tracer, kept) = kept(|builder| builder);
    let remote = tracer
        .trace("t")
        .remote_parent(TraceId::random(), SpanId::random());
    remote.run(|trace| trace.span("a").run(|a| a.span("b").run(|_| {})));
    let root = kept.named("t").span_id();
    assert!(kept.spans().iter().all(|span| span.local_root_id() == root));
    assert!(kept.named("t").is_local_root());
}
