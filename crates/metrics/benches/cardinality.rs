//! Ten million model calls with 1,000 models and 1,000 users, half of the traces sampled: series and memory stay bounded, and
//! the totals are what the tracer counts. `cargo bench -p tracefuse-metrics`

#![expect(clippy::print_stdout, reason = "a measurement talks to its reader")]

use std::time::Duration;

use tracefuse_core::{Clock, SampleRate, Tracer, Usage};
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};
use tracefuse_metrics::Metrics;
use tracefuse_runtime::{Overload, Pipeline, PipelineConfig};

struct Discard;

#[async_trait]
impl Exporter for Discard {
    fn name(&self) -> &str {
        "discard"
    }
    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        Ok(ExportReport::accepted(batch.len()))
    }
}

const CALLS: u64 = 10_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let metrics = Metrics::new();
    let config = PipelineConfig::new().overload(Overload::Block(Duration::from_secs(60)));
    let pipeline = Pipeline::builder()
        .exporter(Discard)
        .config(config)
        .build()?;
    let tracer = Tracer::builder(metrics.processor(pipeline))
        .sample_rate(SampleRate::new(0.5)?)
        .build();
    metrics.watch(&tracer);
    let models: Vec<String> = (0..1000).map(|n| format!("model-{n}")).collect();
    let (clock, mut calls) = (Clock::system(), 0);
    let start = clock.monotonic_nanos();
    for tenth in 1..=10 {
        while calls < CALLS / 10 * tenth {
            let request = tracer
                .trace("request")
                .user_id(&format!("user-{}", calls / 10 % 1000));
            request.run(|trace| {
                for call in calls..calls + 10 {
                    let model = &models[call as usize % models.len()];
                    let answer = trace.generation("answer").model(model);
                    answer.usage(Usage::new(812, 164)).run(|_| {});
                }
            });
            calls += 10;
        }
        println!(
            "{calls:>9} calls, {} series, {} KiB resident",
            metrics.series(),
            resident()
        );
    }
    let nanos = (clock.monotonic_nanos() - start) / CALLS;
    tracer.shutdown()?;
    let (stats, text) = (tracer.stats(), metrics.prometheus());
    let sum = |name: &str| -> u64 {
        let mine = text.lines().filter(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['{', ' ']))
        });
        mine.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum()
    };
    let ended = stats.recorded + sum("tracefuse_spans_unsampled_total");
    println!(
        "{nanos} ns a call; recorded {} + unsampled {} = {ended} spans, with {} roots",
        stats.recorded,
        ended - stats.recorded,
        CALLS / 10
    );
    assert_eq!(ended, CALLS + CALLS / 10);
    assert_eq!(sum("gen_ai_client_inference_duration_seconds_count"), CALLS);
    assert_eq!(
        sum("gen_ai_client_inference_usage_input_tokens_total"),
        CALLS * 812
    );
    assert_eq!(sum("otel_sdk_exporter_span_exported_total"), stats.recorded);
    println!("totals are equal; {} bytes of Prometheus text", text.len());
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a measurement asks the kernel")]
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok())
        .map_or(0, |pages| pages * 4)
}
