//! Log lines with the ids of the trace: for `log` with env_logger, and for `tracing` as text or as JSON.
//! `cargo run --example log_ids --features tracing-fmt`

use std::io::Write as _;

use tracefuse::Span;
use tracefuse::exporter::InMemoryExporter;
use tracefuse::tracing::TraceIds;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt as _;

/// The prefix of your project's trace addresses in Langfuse; `LangfuseProject::trace_url` gives one of them.
const TRACES: &str = "https://cloud.langfuse.com/project/clx1/traces/";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tracer = tracefuse::builder()
        .exporter(InMemoryExporter::new()) // in your program: .langfuse(..), or tracefuse::from_env()
        .build()?;

    // `log`: a format closure of env_logger reads the current span.
    env_logger::builder()
        .filter_level(log::LevelFilter::Info)
        .format(|line, record| {
            write!(line, "{} {}", record.level(), record.args())?;
            let span = Span::current();
            if let (Some(trace), Some(id)) = (span.trace_id(), span.id()) {
                write!(line, " trace_id={trace} span_id={id}")?;
            }
            writeln!(line)
        })
        .init();

    // `tracing`: a wrapper of the event format. Text at the end of the line, or members of the JSON object.
    let text = fmt::layer().map_event_format(TraceIds::text);
    let json = fmt::layer()
        .json()
        .map_event_format(|format| TraceIds::json(format).trace_url(TRACES));
    let subscriber = tracing_subscriber::registry()
        .with(text)
        .with(json)
        .with(tracefuse::tracing::layer(&tracer));
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!("before: no ids");
        tracer.trace("request").run(|trace| {
            log::info!("by log, in the root");
            trace
                .generation("answer")
                .run(|_| tracing::info!("by tracing, in the generation"));
        });
    });
    tracer.shutdown()?;
    Ok(())
}
