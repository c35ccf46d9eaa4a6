//! Delivery behind a provider: what it counts, what it reports, and when it does not return.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use mock_langfuse::MockLangfuse;
use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracefuse::opentelemetry::TracefuseExporter;
use tracefuse::{LangfuseConfig, Mask, sampling::TailSampling};

use crate::start;
use crate::support::{row, tracer};

fn call(otel: &SdkTracer, name: &'static str, prompt: &'static str) {
    let attributes = [
        KeyValue::new("gen_ai.request.model", "m"),
        KeyValue::new("gen_ai.prompt", prompt),
    ];
    start(otel, &Context::new(), name, attributes).span().end();
}

#[test]
fn spans_of_many_threads_arrive_by_each_way_in_and_the_numbers_add_up() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    let exporter = || TracefuseExporter::new(&tracer);
    let ways = [
        SdkTracerProvider::builder().with_span_processor(exporter()),
        SdkTracerProvider::builder().with_simple_exporter(exporter()),
        SdkTracerProvider::builder().with_batch_exporter(exporter()),
    ];
    for provider in ways.map(|way| way.build()) {
        let otel = provider.tracer("app");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..250).for_each(|_| call(&otel, "chat", "hi")));
            }
        });
        provider.shutdown().unwrap();
    }
    assert_eq!(server.observations().len(), 3_000);
    let report = tracer.shutdown().unwrap();
    assert!(report.is_lossless());
    let stats = tracer.stats();
    assert_eq!(
        (stats.recorded, stats.exporters[0].exported),
        (3_000, 3_000)
    );
}

#[test]
fn a_flush_leaves_the_tracer_open_and_so_does_the_providers_shutdown() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    let provider = SdkTracerProvider::builder()
        .with_span_processor(TracefuseExporter::new(&tracer))
        .build();
    let otel = provider.tracer("app");
    call(&otel, "first", "hi");
    provider.force_flush().unwrap();
    assert_eq!(server.observations().len(), 1);
    call(&otel, "second", "hi");
    provider.shutdown().unwrap();
    assert_eq!(server.observations().len(), 2);
    call(&otel, "too late", "hi");
    tracer.trace("ours").run(|_| {});
    tracer.shutdown().unwrap();
    assert_eq!(server.observations().len(), 3);
    assert_eq!(tracer.stats().recorded, 3);
}

#[test]
fn the_exporter_keeps_the_tracer_open_as_long_as_the_provider_lives() {
    let server = MockLangfuse::start();
    let provider = {
        let tracer = tracer(&server);
        SdkTracerProvider::builder()
            .with_span_processor(TracefuseExporter::new(&tracer))
            .build()
    };
    call(&provider.tracer("app"), "chat", "hi");
    drop(provider);
    assert_eq!(row(&server, "chat").kind, "GENERATION");
}

#[test]
fn a_shutdown_with_the_server_away_is_bounded_and_says_what_was_not_delivered() {
    // A port without a listener.
    let port = TcpListener::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .unwrap()
        .port();
    let config = LangfuseConfig::new("pk", "sk").base_url(format!("http://127.0.0.1:{port}"));
    let tracer = tracefuse::builder().langfuse(config).build().unwrap();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(TracefuseExporter::new(&tracer))
        .build();
    call(&provider.tracer("app"), "chat", "hi");
    #[expect(clippy::disallowed_methods, reason = "the bound is one of real time")]
    let begin = Instant::now();
    let said = provider
        .shutdown_with_timeout(Duration::from_millis(300))
        .unwrap_err()
        .to_string();
    assert!(
        begin.elapsed() < Duration::from_secs(3),
        "{:?}",
        begin.elapsed()
    );
    assert!(said.contains("1 span had no outcome"), "{said}");
    assert_eq!(tracer.stats().exporters[0].exported, 0);
    tracer.shutdown_within(Duration::ZERO).unwrap_err();
}

#[test]
fn the_tracers_masks_apply() {
    let server = MockLangfuse::start();
    let config =
        LangfuseConfig::new(server.public_key(), server.secret_key()).base_url(server.url());
    let tracer = tracefuse::builder()
        .langfuse(config)
        .masker(Mask::standard())
        .build()
        .unwrap();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(TracefuseExporter::new(&tracer))
        .build();
    call(&provider.tracer("app"), "chat", "I am jane@example.com");
    provider.shutdown().unwrap();
    let input = row(&server, "chat").input.unwrap();
    assert!(
        input.starts_with("I am ") && !input.contains("jane"),
        "{input}"
    );
}

#[test]
fn held_until_the_root_ends_all_spans_have_what_it_says() {
    let server = MockLangfuse::start();
    let config =
        LangfuseConfig::new(server.public_key(), server.secret_key()).base_url(server.url());
    let tracer = tracefuse::builder()
        .langfuse(config)
        .tail_sampling(TailSampling::new())
        .build()
        .unwrap();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(TracefuseExporter::new(&tracer).all())
        .build();
    let otel = provider.tracer("app");
    let root = start(&otel, &Context::new(), "request", []);
    start(&otel, &root, "chat", []).span().end();
    assert_eq!(tracer.stats().held, 1);
    root.span().set_attribute(KeyValue::new("user.id", "u"));
    root.span().end();
    assert_eq!(tracer.stats().held, 0);
    provider.shutdown().unwrap();
    for name in ["request", "chat"] {
        let row = row(&server, name);
        assert_eq!(
            (row.user_id.as_deref(), row.trace_name.as_deref()),
            (Some("u"), Some("request")),
            "{name}"
        );
    }
}
