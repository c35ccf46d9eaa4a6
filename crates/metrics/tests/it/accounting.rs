//! Results of delivery: the numbers of a real pipeline by the names of OpenTelemetry's SDK metrics.

use std::time::Duration;

use tracefuse_core::{SampleRate, Tracer};
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, Rejection, async_trait};
use tracefuse_metrics::Metrics;
use tracefuse_runtime::{Overload, Pipeline, PipelineConfig};

use crate::parser::{Samples, parse};

/// Takes one span of two, or nothing.
#[derive(Debug)]
struct Half {
    is_down: bool,
}

#[async_trait]
impl Exporter for Half {
    fn name(&self) -> &str {
        "half"
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        if self.is_down {
            return Err(ExportError::retry("down"));
        }
        let reject = batch.len() / 2;
        let report = ExportReport::accepted(batch.len() - reject);
        Ok((0..reject).fold(report, |report, at| {
            report.with_rejection(Rejection::at(at, "refused"))
        }))
    }
}

fn traced(is_down: bool) -> (Tracer, Metrics) {
    let metrics = Metrics::new();
    let mut config = PipelineConfig::default();
    config.batch_size = 10;
    config.max_queue_size = 50;
    config.overload = Overload::DropNewest;
    config.max_retries = 0;
    config.circuit_breaker_threshold = 1;
    config.circuit_breaker_reset = Duration::from_secs(3600);
    let pipeline = Pipeline::builder()
        .exporter(Half { is_down })
        .config(config)
        .build()
        .unwrap();
    let tracer = Tracer::builder(metrics.processor(pipeline))
        .sample_rate(SampleRate::ALL)
        .shutdown_timeout(Duration::from_millis(300))
        .build();
    metrics.watch(&tracer);
    (tracer, metrics)
}

fn read(metrics: &Metrics) -> Samples {
    parse(&metrics.prometheus()).unwrap()
}

#[test]
fn every_span_is_counted_once_by_its_outcome() {
    let (tracer, metrics) = traced(false);
    for _ in 0..30 {
        tracer
            .trace("request")
            .run(|trace| trace.tool("weather").run(|_| {}));
        let _ = tracer.flush_within(Duration::from_secs(30));
    }
    let open = tracer.trace("open").start();
    let samples = read(&metrics);
    let exporter = ("otel_component_name", "half/0");
    let value =
        |name: &str, more: &[(&str, &str)]| samples.value(name, &[&[exporter], more].concat());
    let exported = value("otel_sdk_exporter_span_exported_total", &[]);
    let rejected = value(
        "otel_sdk_exporter_span_exported_total",
        &[("error_type", "invalid")],
    );
    assert_eq!(exported + rejected, 60.0);
    assert!(rejected >= 1.0);
    let processor = ("otel_component_type", "batching_span_processor");
    let processed = "otel_sdk_processor_span_processed_total";
    assert_eq!(value(processed, &[processor]), 60.0);
    assert_eq!(
        value("otel_sdk_processor_span_queue_size", &[processor]),
        0.0
    );
    assert_eq!(
        value("otel_sdk_processor_span_queue_capacity", &[processor]),
        50.0
    );
    assert_eq!(value("otel_sdk_exporter_span_inflight", &[]), 0.0);
    assert_eq!(value("tracefuse_exporter_span_recorded_total", &[]), 60.0);
    assert_eq!(samples.value("tracefuse_spans_recorded_total", &[]), 60.0);
    assert_eq!(samples.value("otel_sdk_span_live", &[]), 1.0);
    assert_eq!(samples.value("otel_sdk_span_started_total", &[]), 61.0);
    assert_eq!(
        samples.sum("gen_ai_execute_tool_duration_seconds_count"),
        30.0
    );
    drop(open);
    let _ = tracer.shutdown();
}

#[test]
fn an_outage_is_measured_and_what_is_lost_is_counted() {
    let (tracer, metrics) = traced(true);
    // The breaker opens, the queue fills, and further spans have no room.
    for _ in 0..500 {
        tracer
            .trace("request")
            .run(|trace| trace.tool("weather").run(|_| {}));
    }
    let stats = tracer.stats();
    let samples = read(&metrics);
    assert_eq!(
        samples.sum("gen_ai_execute_tool_duration_seconds_count"),
        500.0
    );
    let processed = |samples: &Samples| samples.sum("otel_sdk_processor_span_processed_total");
    let waiting = |samples: &Samples| {
        samples.sum("otel_sdk_processor_span_queue_size")
            + samples.sum("otel_sdk_exporter_span_inflight")
    };
    assert!(stats.exporters[0].dropped_total() > 0);
    assert_eq!(processed(&samples) + waiting(&samples), 1000.0);
    let _ = tracer.shutdown();
    let after = read(&metrics);
    assert_eq!((processed(&after), waiting(&after)), (1000.0, 0.0));
    drop(tracer);
    assert_eq!(
        processed(&read(&metrics)),
        1000.0,
        "also when the tracer is gone"
    );
}

#[test]
fn an_open_breaker_is_shown() {
    let (tracer, metrics) = traced(true);
    let exporter = [("otel_component_name", "half/0")];
    tracer.trace("request").run(|_| {});
    let _ = tracer.flush_within(Duration::from_millis(200));
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while read(&metrics).value("tracefuse_exporter_breaker_open", &exporter) == 0.0 {
        assert!(
            std::time::Instant::now() < deadline,
            "the breaker did not open"
        );
        std::thread::yield_now();
    }
    let samples = read(&metrics);
    assert_eq!(samples.value("tracefuse_exporter_healthy", &exporter), 0.0);
    assert!(samples.value("tracefuse_exporter_attempts_failed_total", &exporter) >= 1.0);
    let _ = tracer.shutdown();
}
