//! The parent of a recorded span where spans between are left out.

use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracefuse_core::Tracer;
use tracefuse_opentelemetry::TracefuseExporter;

use crate::support::{Recorder, llm, recorded, start};

#[test]
fn spans_below_a_left_out_root_are_roots() {
    let kept = recorded(
        |it| it,
        |otel| {
            let request = start(otel, &Context::new(), "GET /", []);
            start(otel, &request, "embed", [llm()]).span().end();
            let chat = start(otel, &request, "chat", [llm()]);
            start(otel, &chat, "below", [llm()]).span().end();
            chat.span().end();
            request.span().end();
        },
    );
    assert_eq!(kept.names(), ["below", "embed", "chat"]);
    let (embed, chat, below) = (kept.named("embed"), kept.named("chat"), kept.named("below"));
    assert_eq!(
        (embed.parent_span_id(), chat.parent_span_id()),
        (None, None)
    );
    assert!(embed.is_local_root() && chat.is_local_root());
    assert_eq!(below.parent_span_id(), Some(chat.span_id()));
    assert_eq!(embed.trace_id(), chat.trace_id());
    assert_eq!(
        (&*chat.trace().name, &*embed.trace().name),
        ("chat", "embed")
    );
}

#[test]
fn left_out_spans_between_are_skipped() {
    let kept = recorded(
        |it| it,
        |otel| {
            let agent = start(otel, &Context::new(), "agent", [llm()]);
            let step = start(otel, &agent, "step", []);
            let inner = start(otel, &step, "inner", []);
            start(otel, &inner, "chat", [llm()]).span().end();
            inner.span().end();
            // A task that outlives its left-out parent.
            let late = start(otel, &step, "late", [llm()]);
            step.span().end();
            late.span().end();
            agent.span().end();
        },
    );
    assert_eq!(kept.names(), ["chat", "late", "agent"]);
    let agent = kept.named("agent").span_id();
    for name in ["chat", "late"] {
        assert_eq!(kept.named(name).parent_span_id(), Some(agent), "{name}");
    }
}

#[test]
fn a_parent_that_becomes_an_llm_span_later_keeps_its_children() {
    let kept = recorded(
        |it| it,
        |otel| {
            let agent = start(otel, &Context::new(), "agent", []);
            start(otel, &agent, "chat", [llm()]).span().end();
            agent.span().set_attribute(llm());
            agent.span().end();
        },
    );
    assert_eq!(kept.names(), ["chat", "agent"]);
    assert_eq!(
        kept.named("chat").parent_span_id(),
        Some(kept.named("agent").span_id())
    );
}

#[test]
fn the_parent_in_another_service_is_kept_through_a_left_out_root() {
    let kept = recorded(
        |it| it,
        |otel| {
            let remote = SpanContext::new(
                TraceId::from(9),
                SpanId::from(7),
                TraceFlags::SAMPLED,
                true,
                TraceState::default(),
            );
            let request = start(
                otel,
                &Context::new().with_remote_span_context(remote),
                "GET /",
                [],
            );
            start(otel, &request, "chat", [llm()]).span().end();
            request.span().end();
        },
    );
    let chat = kept.only();
    assert_eq!(
        chat.parent_span_id().unwrap().to_string(),
        "0000000000000007"
    );
    assert!(chat.is_local_root());
}

#[test]
fn a_flush_delivers_what_waits_for_an_open_parent() {
    let kept = Recorder::default();
    let tracer = Tracer::builder(kept.clone()).build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(TracefuseExporter::new(&tracer))
        .build();
    let otel = provider.tracer("app");
    let worker = start(&otel, &Context::new(), "worker", []);
    start(&otel, &worker, "first", [llm()]).span().end();
    assert!(
        kept.names().is_empty(),
        "its parent may still become an LLM span"
    );
    provider.force_flush().unwrap();
    assert_eq!(kept.names(), ["first"]);
    assert_eq!(kept.only().parent_span_id(), None);
    start(&otel, &worker, "second", [llm()]).span().end();
    provider.shutdown().unwrap();
    assert_eq!(kept.names(), ["first", "second"]);
}

#[test]
fn a_parent_that_stays_open_is_waited_for_no_longer_than_30_s() {
    let kept = recorded(
        |it| it,
        |otel| {
            let worker = start(otel, &Context::new(), "worker", []);
            let moment = |seconds| std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            start(otel, &worker, "old", [llm()])
                .span()
                .end_with_timestamp(moment(1_000));
            start(otel, &worker, "new", [llm()])
                .span()
                .end_with_timestamp(moment(1_031));
            start(otel, &worker, "step", [])
                .span()
                .end_with_timestamp(moment(1_032));
            worker.span().end_with_timestamp(moment(1_033));
        },
    );
    assert_eq!(kept.names(), ["old", "new"]);
}

#[test]
fn a_batch_of_an_exporter_knows_its_own_left_out_spans() {
    let kept = Recorder::default();
    let tracer = Tracer::builder(kept.clone()).build();
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(TracefuseExporter::new(&tracer))
        .build();
    let otel = provider.tracer("app");
    let request = start(&otel, &Context::new(), "GET /", [KeyValue::new("k", 1)]);
    start(&otel, &request, "chat", [llm()]).span().end();
    request.span().end();
    provider.shutdown().unwrap();
    assert_eq!(kept.only().parent_span_id(), None);
}

#[test]
fn a_chosen_filter_decides_at_the_end() {
    let kept = recorded(
        |it| {
            it.with_filter(|span| {
                span.attributes
                    .iter()
                    .all(|known| known.key.as_str() != "drop")
            })
        },
        |otel| {
            let request = start(otel, &Context::new(), "request", []);
            let step = start(otel, &request, "step", []);
            start(otel, &step, "work", []).span().end();
            step.span().set_attribute(KeyValue::new("drop", true));
            step.span().end();
            request.span().end();
        },
    );
    assert_eq!(kept.names(), ["work", "request"]);
    assert_eq!(
        kept.named("work").parent_span_id(),
        Some(kept.named("request").span_id())
    );
}
