//! What a span of `tracing` costs with this layer, beside `tracing-opentelemetry`, in one process and in turns.
//! `cargo bench -p tracefuse-tracing`. Both hand finished spans to a processor that drops them.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![expect(clippy::print_stdout, reason = "a benchmark talks to its reader")]

use std::time::{Duration, Instant};

use opentelemetry::Context;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span as SdkSpan, SpanData, SpanProcessor};
use tracefuse_core::record::SpanRecord;
use tracefuse_core::{Processor, Tracer};
use tracing::field::Empty;
use tracing::{Dispatch, info_span, warn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

/// Spans a measurement, and measurements of each, in turns.
const SPANS: u32 = 20_000;
const ROUNDS: usize = 31;

struct Dropped;

impl Processor for Dropped {
    fn on_end(&self, span: SpanRecord) {
        drop(std::hint::black_box(span));
    }
}

#[derive(Debug)]
struct SdkDropped;

impl SpanProcessor for SdkDropped {
    fn on_start(&self, _: &mut SdkSpan, _: &Context) {}
    fn on_end(&self, span: SpanData) {
        drop(std::hint::black_box(span));
    }
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn plain() {
    info_span!("handler", route = "/chat", tenant = 7, cached = false).in_scope(|| {});
}

fn model_call() {
    let call = info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "gpt-4o",
        gen_ai.request.temperature = 0.2,
        gen_ai.input.messages = r#"[{"role":"user","content":"What is the weather in Lyon?"}]"#,
        gen_ai.response.model = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.output.messages = Empty,
    );
    call.in_scope(|| {});
    call.record("gen_ai.response.model", "gpt-4o-2024-08-06");
    call.record("gen_ai.usage.input_tokens", 812_u64);
    call.record("gen_ai.usage.output_tokens", 164_u64);
    call.record("gen_ai.output.messages", "It rains.");
}

fn with_event() {
    info_span!("tool", gen_ai.tool.name = "add").in_scope(|| warn!(attempt = 2, "slow"));
}

fn main() {
    let tracer = Tracer::builder(Dropped).build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(SdkDropped)
        .build();
    let subscribers = [
        ("registry alone", Dispatch::new(registry())),
        (
            "tracefuse-tracing, spans left out",
            Dispatch::new(
                registry().with(
                    tracefuse_tracing::builder(&tracer)
                        .filter(|_| false)
                        .layer(),
                ),
            ),
        ),
        (
            "tracefuse-tracing",
            Dispatch::new(registry().with(tracefuse_tracing::builder(&tracer).all().layer())),
        ),
        (
            "tracing-opentelemetry",
            Dispatch::new(
                registry()
                    .with(tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"))),
            ),
        ),
    ];
    let works: [(&str, fn()); 3] = [
        ("a span with three fields", plain),
        ("a model call, nine fields, four of them late", model_call),
        ("a span with an event", with_event),
    ];
    for (work, run) in works {
        println!("{work}");
        let mut times = vec![Vec::with_capacity(ROUNDS); subscribers.len()];
        for _ in 0..ROUNDS {
            for ((_, dispatch), times) in subscribers.iter().zip(&mut times) {
                times.push(tracing::dispatcher::with_default(dispatch, || {
                    let start = Instant::now();
                    // Below a root, as most spans are.
                    info_span!("root", gen_ai.agent.name = "bench")
                        .in_scope(|| (0..SPANS).for_each(|_| run()));
                    start.elapsed() / SPANS
                }));
            }
        }
        for ((name, _), times) in subscribers.iter().zip(&mut times) {
            times.sort();
            println!(
                "  {name:<34} {:>6} ns, at best {:>6} ns",
                times[ROUNDS / 2].as_nanos(),
                times[0].as_nanos()
            );
        }
    }
}
