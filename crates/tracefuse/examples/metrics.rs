//! The numbers of delivery in Prometheus' text format: what to scrape, and what to alert on.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example talks to its reader"
)]

use std::fmt::Write as _;

use tracefuse::exporter::InMemoryExporter;
use tracefuse::stats::{Health, Stats};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tracer = tracefuse::builder()
        .exporter(InMemoryExporter::new())
        // An alert without waiting for the next scrape.
        .on_health_change(|stats| eprintln!("{} is now {:?}", stats.name, stats.health))
        .build()?;
    tracer
        .trace("request")
        .run(|trace| trace.span("work").run(|_| {}));
    tracer.flush()?;
    print!("{}", prometheus(&tracer.stats()));
    tracer.shutdown()?;
    Ok(())
}

/// One line for each number. `tracefuse_spans_dropped_total` above zero is what to alert on.
fn prometheus(stats: &Stats) -> String {
    let mut text = String::new();
    let mut line = |name: &str, labels: &str, value: u64| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "tracefuse_{name}{{{labels}}} {value}");
    };
    line("spans_open", "", stats.open);
    line("traces_unsampled_total", "", stats.unsampled_traces);
    for exporter in &stats.exporters {
        let name = format!("exporter=\"{}\"", exporter.name);
        line("spans_recorded_total", &name, exporter.recorded);
        line("spans_exported_total", &name, exporter.exported);
        for (reason, spans) in &exporter.rejected {
            line(
                "spans_rejected_total",
                &format!("{name},reason=\"{reason}\""),
                *spans,
            );
        }
        for (reason, spans) in &exporter.dropped {
            line(
                "spans_dropped_total",
                &format!("{name},reason=\"{reason}\""),
                *spans,
            );
        }
        line("spans_queued", &name, exporter.queued);
        line("spans_in_flight", &name, exporter.in_flight);
        line("spans_spooled", &name, exporter.spooled);
        line("queued_bytes", &name, exporter.queued_bytes);
        line("attempts_failed_total", &name, exporter.failed_attempts);
        line(
            "healthy",
            &name,
            u64::from(exporter.health == Health::Healthy),
        );
    }
    text
}
