//! Metrics of model calls and of delivery, in Prometheus' text format: what to scrape, and what to alert on.
//! `cargo run --example metrics --features metrics`

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example talks to its reader"
)]

use tracefuse::exporter::InMemoryExporter;
use tracefuse::metrics::Metrics;
use tracefuse::{SampleRate, Usage};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // With the feature `otlp`, metrics are also exported: Metrics::builder().otlp(..).build()?
    let metrics = Metrics::new();
    let tracer = tracefuse::builder()
        .exporter(InMemoryExporter::new()) // in your program: .langfuse(..), or Builder::from_env()?
        .configure(|config| config.sample_rate = SampleRate::new(0.5).unwrap_or(SampleRate::ALL))
        .metrics(&metrics)
        // An alert without waiting for the next scrape.
        .on_health_change(|stats| eprintln!("{} is now {:?}", stats.name, stats.health))
        .build()?;

    for user in 0..100 {
        let request = tracer.trace("request").user_id(&format!("user{user}"));
        request.run(|trace| {
            trace.tool("weather").run(|_| "rain");
            let answer = trace.generation("answer").model("gpt-4o");
            answer.run(|span| span.set_usage(Usage::openai(812, 164)));
        });
    }
    tracer.flush()?;

    // Serve this text at an endpoint of yours, as `text/plain; version=0.0.4`. All 100 calls are counted, though half of
    // the traces is recorded. `otel_sdk_processor_span_processed_total` with an `error_type` is what to alert on.
    print!("{}", metrics.prometheus());

    tracer.shutdown()?;
    Ok(())
}
