//! Metrics through the facade: before sampling and tail sampling, with and without exporters.

use std::time::Duration;

use tracefuse::exporter::InMemoryExporter;
use tracefuse::metrics::Metrics;
use tracefuse::sampling::TailSampling;
use tracefuse::{Builder, SampleRate, Tracer};

fn traced(choose: impl FnOnce(Builder) -> Builder) -> (Tracer, Metrics) {
    let metrics = Metrics::new();
    let builder = tracefuse::builder().metrics(&metrics).configure(|config| {
        config.service_name = Some("chat".to_owned());
    });
    let tracer = choose(builder).build().unwrap();
    for _ in 0..100 {
        tracer
            .trace("request")
            .run(|trace| trace.tool("weather").run(|_| {}));
    }
    tracer.flush_within(Duration::from_secs(30)).unwrap();
    (tracer, metrics)
}

/// The value of the sample whose line begins so.
fn value(metrics: &Metrics, sample: &str) -> u64 {
    let text = metrics.prometheus();
    let line = text.lines().find(|line| line.starts_with(sample));
    let value = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    value.unwrap_or_else(|| panic!("no {sample} in\n{text}"))
}

const TOOLS: &str = "gen_ai_execute_tool_duration_seconds_count{gen_ai_tool_name=\"weather\"}";

#[test]
fn all_is_measured_whatever_is_sampled() {
    let kept = InMemoryExporter::new();
    let none = SampleRate::new(0.0).unwrap();
    let (tracer, metrics) = traced(|builder| {
        builder
            .exporter(kept.clone())
            .configure(|config| config.sample_rate = none)
    });
    assert_eq!(value(&metrics, TOOLS), 100);
    assert_eq!(value(&metrics, "tracefuse_traces_unsampled_total"), 100);
    assert_eq!(value(&metrics, "target_info{service_name=\"chat\""), 1);
    assert_eq!(kept.tree(), "");
    drop(tracer);
}

#[test]
fn all_is_measured_whatever_tail_sampling_keeps() {
    let kept = InMemoryExporter::new();
    let none = TailSampling::new().rate(SampleRate::new(0.0).unwrap());
    let (_tracer, metrics) = traced(|builder| builder.exporter(kept.clone()).tail_sampling(none));
    assert_eq!(value(&metrics, TOOLS), 100);
    assert_eq!(value(&metrics, "tracefuse_spans_sampled_out_total"), 200);
    assert_eq!(kept.tree(), "");
}

#[test]
fn metrics_need_no_exporter() {
    let (tracer, metrics) = traced(|builder| builder);
    assert!(tracer.is_enabled());
    assert_eq!(value(&metrics, TOOLS), 100);
    assert_eq!(value(&metrics, "otel_sdk_span_started_total"), 200);
    tracer.shutdown().unwrap();
}

#[test]
fn a_tracer_that_is_off_measures_nothing() {
    let (tracer, metrics) = traced(|builder| builder.configure(|config| config.enabled = false));
    assert!(!tracer.is_enabled());
    assert_eq!(metrics.series(), 0);
}
