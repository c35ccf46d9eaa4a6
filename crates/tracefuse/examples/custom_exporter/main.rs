//! Your own exporter: in the form of a crate that depends on `tracefuse-exporter` alone.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]
#![expect(unreachable_pub, reason = "in its own crate the exporter is public")]

mod statsd;

fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::builder()
        .exporter(statsd::StatsdExporter::new("llm"))
        .build()?;

    tracer.trace("request").run(|trace| {
        trace.generation("answer").model("gpt-4o").run(|span| {
            span.set_usage(tracefuse::Usage::openai(14, 2));
        });
    });

    let report = tracer.shutdown()?;
    println!("{} spans exported", report.stats.exporters[0].exported);
    Ok(())
}
