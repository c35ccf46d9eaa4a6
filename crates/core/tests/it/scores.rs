//! Scores leave through the processor with what they are about, once, and never from what is not recorded.

use tracefuse_core::testing::Recorder;
use tracefuse_core::{SampleRate, ScoreTarget, ScoreValue, SpanId, TraceId, Tracer};

#[test]
fn a_score_knows_its_target_and_is_recorded_once_by_record_or_by_drop() {
    let kept = Recorder::new();
    let tracer = Tracer::builder(kept.clone()).build();
    let (trace, span, named) = tracer.trace("chat").run(|trace| {
        let span = trace.span("step").start();
        trace.score("quality", 0.9).record();
        let named = span.score("tone", "kind").comment("greets").record();
        (trace.id().unwrap(), span.id().unwrap(), named)
    });
    tracer.score_trace(trace, "up", true).id("mine").record();
    tracer
        .score_session("s-1", "note", ScoreValue::text("fine"))
        .metadata("by", "me")
        .record();
    let scores = kept.scores();
    let seen: Vec<_> = scores
        .iter()
        .map(|score| {
            (
                score.name.as_str(),
                score.value.clone(),
                score.target.clone(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            (
                "quality",
                ScoreValue::Numeric(0.9),
                ScoreTarget::Trace(trace)
            ),
            ("tone", "kind".into(), ScoreTarget::Observation(trace, span)),
            ("up", true.into(), ScoreTarget::Trace(trace)),
            (
                "note",
                ScoreValue::text("fine"),
                ScoreTarget::Session("s-1".into())
            ),
        ]
    );
    assert_eq!(named.as_deref(), Some(scores[1].id.as_str()));
    assert_eq!(scores[1].comment.as_deref(), Some("greets"));
    assert_eq!(scores[2].id, "mine");
    assert_eq!(scores[3].metadata.len(), 1);
    assert_ne!(scores[0].id, scores[1].id);
    assert!(
        scores
            .iter()
            .all(|score| score.timestamp.as_unix_nanos() > 0)
    );
}

#[test]
fn what_is_not_recorded_takes_no_scores() {
    let kept = Recorder::new();
    let tracer = Tracer::builder(kept.clone())
        .sample_rate(SampleRate::new(0.0).unwrap())
        .build();
    tracer.trace("chat").run(|trace| {
        assert_eq!(trace.score("quality", 1).record(), None);
        assert_eq!(trace.root().score("quality", 1).record(), None);
    });
    tracer.shutdown().unwrap();
    assert_eq!(
        tracer.score_trace(TraceId::random(), "late", 1).record(),
        None
    );
    assert_eq!(Tracer::noop().score_session("s", "late", 1).record(), None);
    assert!(kept.scores().is_empty());
    assert_eq!(tracer.stats().not_recorded, 1);
}

#[test]
fn a_score_by_the_id_of_a_trace_that_the_rate_leaves_out_is_left_out() {
    let kept = Recorder::new();
    let rate = SampleRate::new(0.25).unwrap();
    let tracer = Tracer::builder(kept.clone()).sample_rate(rate).build();
    for _ in 0..100 {
        let trace = TraceId::random();
        let span = SpanId::random();
        let before = kept.scores().len();
        let ids = [
            tracer.score_trace(trace, "a", 1).record(),
            tracer.score_observation(trace, span, "b", 1).record(),
        ];
        let recorded = kept.scores().len() - before;
        let expected = if rate.samples(trace) { 2 } else { 0 };
        assert_eq!(
            (recorded, ids.iter().flatten().count()),
            (expected, expected)
        );
    }
    // Another sampler may know more than the id.
    let none = |_: &tracefuse_core::SamplingInput<'_>| false;
    let tracer = Tracer::builder(Recorder::new()).sampler(none).build();
    assert!(
        tracer
            .score_trace(TraceId::random(), "a", 1)
            .record()
            .is_some()
    );
}

#[test]
fn a_score_without_an_id_gets_a_version_4_uuid_of_its_own() {
    let kept = Recorder::new();
    let tracer = Tracer::builder(kept.clone()).build();
    for _ in 0..2 {
        tracer.score_session("s", "a", 1).record();
    }
    let scores = kept.scores();
    for score in &scores {
        let groups: Vec<usize> = score.id.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12], "{}", score.id);
        assert_eq!(score.id.as_bytes()[14], b'4', "{}", score.id);
    }
    assert_ne!(scores[0].id, scores[1].id);
}
