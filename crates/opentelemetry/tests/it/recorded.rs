//! Which spans are recorded, and which not.

use opentelemetry::trace::{
    SpanContext, SpanId, SpanRef, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracefuse_core::{ManualClock, SampleRate, SamplingInput, Timestamp, Tracer};
use tracefuse_opentelemetry::{TracefuseExporter, is_llm};

use crate::support::{Recorder, llm, metadata, recorded, start, through};

/// A request with a transport span, and a model call below it.
fn request(otel: &opentelemetry_sdk::trace::SdkTracer) {
    let request = start(otel, &Context::new(), "GET /", []);
    let work = start(otel, &request, "work", [KeyValue::new("rows", 3)]);
    let target = [KeyValue::new("target", "h2::client")];
    start(otel, &work, "connection", target).span().end();
    start(otel, &work, "chat", [llm()]).span().end();
    work.span().end();
    request.span().end();
}

#[test]
fn llm_spans_are_recorded_and_others_by_choice() {
    assert_eq!(recorded(|it| it, request).names(), ["chat"]);
    assert_eq!(
        recorded(TracefuseExporter::all, request).names(),
        ["chat", "work", "GET /"]
    );
    let mine = recorded(
        |it| it.with_filter(|span| is_llm(span) || span.name == "work"),
        request,
    );
    assert_eq!(mine.names(), ["chat", "work"]);
    assert_eq!(
        mine.named("chat").parent_span_id(),
        Some(mine.named("work").span_id())
    );
    assert_eq!(mine.named("chat").trace_id(), mine.named("work").trace_id());
}

#[test]
fn scopes_and_targets_of_llm_libraries_count_and_ours_never() {
    let kept = Recorder::default();
    let tracer = Tracer::builder(kept.clone()).build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(TracefuseExporter::new(&tracer).all())
        .build();
    for scope in ["genai", "tracefuse_otlp::http"] {
        provider
            .tracer_with_scope(InstrumentationScope::builder(scope).build())
            .start(scope);
    }
    let target = [KeyValue::new("target", "tracefuse_runtime::worker"), llm()];
    start(&provider.tracer("app"), &Context::new(), "ours", target);
    assert_eq!(kept.names(), ["genai"]);
}

#[test]
fn what_the_provider_does_not_sample_is_not_recorded() {
    let kept = Recorder::default();
    let tracer = Tracer::builder(kept.clone()).build();
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOff)
        .with_span_processor(TracefuseExporter::new(&tracer))
        .build();
    request(&provider.tracer("app"));
    assert!(kept.names().is_empty());
}

#[test]
fn the_tracers_own_rate_keeps_whole_traces_and_counts_the_others_once() {
    let kept = Recorder::default();
    let rate = SampleRate::new(0.5).unwrap();
    let sampler = move |trace: &SamplingInput<'_>| rate.samples(trace.trace_id);
    let tracer = Tracer::builder(kept.clone()).sampler(sampler).build();
    through(&tracer, TracefuseExporter::all, |otel| {
        for low in [1_u128, u128::from(u64::MAX)] {
            let remote = SpanContext::new(
                TraceId::from(low),
                SpanId::from(7),
                TraceFlags::SAMPLED,
                true,
                TraceState::default(),
            );
            let caller = Context::new().with_remote_span_context(remote);
            let served = start(otel, &caller, "served", [llm()]);
            start(otel, &served, "below", [llm()]).span().end();
            served.span().end();
        }
    });
    assert_eq!(kept.names(), ["below", "served"]);
    assert_eq!(tracer.stats().unsampled_traces, 1);
    let (served, below) = (kept.named("served"), kept.named("below"));
    assert!(served.is_local_root() && !below.is_local_root());
    assert_eq!(
        served.parent_span_id().unwrap().to_string(),
        "0000000000000007"
    );
    assert_eq!(served.local_root_id(), below.local_root_id());
}

#[test]
fn tracers_that_are_off_or_closed_record_nothing() {
    through(&Tracer::noop(), TracefuseExporter::all, request);
    let kept = Recorder::default();
    let tracer = Tracer::builder(kept.clone()).build();
    through(&tracer, TracefuseExporter::all, |otel| {
        tracer.shutdown().unwrap();
        request(otel);
    });
    assert!(kept.names().is_empty());
    assert_eq!(tracer.stats().not_recorded, 3);
}

#[test]
fn what_a_delivery_does_is_not_recorded() {
    let kept = recorded(TracefuseExporter::all, |otel| {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                tracefuse_core::bridge::suppress_thread();
                request(otel);
            });
        });
    });
    assert!(kept.names().is_empty());
}

/// A moment that many seconds after 1970.
fn moment(seconds: u64) -> std::time::SystemTime {
    std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)
}

/// Records a model call from second 1,000 to second 1,003; `fill` adds to it.
fn call(tracer: &Tracer, fill: impl FnOnce(SpanRef<'_>)) {
    through(
        tracer,
        |it| it,
        |otel| {
            let mut builder = opentelemetry::trace::SpanBuilder::from_name("chat");
            builder.start_time = Some(moment(1_000));
            let span = otel.build_with_context(builder.with_attributes([llm()]), &Context::new());
            let call = Context::new().with_span(span);
            fill(call.span());
            call.span().end_with_timestamp(moment(1_003));
        },
    );
}

#[test]
fn times_are_those_that_were_measured() {
    let kept = Recorder::default();
    // A tracer whose own clock is elsewhere.
    let clock = ManualClock::at(Timestamp::from_unix_nanos(5));
    let tracer = Tracer::builder(kept.clone())
        .clock(tracefuse_core::Clock::new(clock))
        .build();
    call(&tracer, |span| {
        span.add_event_with_timestamp("then", moment(1_001), vec![]);
        let error = vec![KeyValue::new("exception.message", "boom")];
        span.add_event_with_timestamp("exception", moment(1_002), error);
        span.set_attributes([
            KeyValue::new(
                "langfuse.observation.completion_start_time",
                "1970-01-01T00:16:41Z",
            ),
            KeyValue::new("big", i64::MIN),
        ]);
    });
    let span = kept.only();
    let at = |seconds: u64| Timestamp::from_unix_nanos(seconds * 1_000_000_000);
    assert_eq!((span.start_time(), span.end_time()), (at(1_000), at(1_003)));
    assert_eq!(span.completion_start_time(), Some(at(1_001)));
    assert_eq!(span.events().next().unwrap().time(), at(1_001));
    assert_eq!(span.exceptions().next().unwrap().time(), at(1_002));
    assert_eq!(metadata(&span, "big"), Some(i64::MIN.to_string()));
}

#[test]
fn the_event_of_the_first_token_is_its_time() {
    let kept = Recorder::default();
    let tracer = Tracer::builder(kept.clone()).build();
    call(&tracer, |span| {
        span.add_event_with_timestamp("First Token Stream Event", moment(1_001), vec![]);
    });
    let first = Timestamp::from_unix_nanos(1_001_000_000_000);
    assert_eq!(kept.only().completion_start_time(), Some(first));
}
