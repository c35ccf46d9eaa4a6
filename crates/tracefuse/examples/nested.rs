//! Nested spans, events, and errors that are recorded and returned as they are.

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use tracefuse::{Level, Span, Trace};

fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env().or_else(|_| tracefuse::console(Default::default()))?;

    let outcome = tracer
        .trace("order")
        .session_id("session456")
        .metadata("version", "1.0")
        .try_run(|trace| {
            trace.span("validate").run(|_| check_stock("blue lamp"));
            charge(&trace)
        });
    println!(
        "the application sees its error as ever: {:?}",
        outcome.map_err(|error| error.to_string())
    );

    tracer.shutdown()?;
    Ok(())
}

/// Nothing is passed: the span that runs is known.
fn check_stock(article: &str) {
    Span::current()
        .span("check-stock")
        .input(article)
        .run(|span| {
            span.event("cache-miss")
                .level(Level::Debug)
                .metadata("shard", 3)
                .record();
            span.set_output(12);
        });
}

fn charge(trace: &Trace) -> Result<(), std::io::Error> {
    trace
        .span("charge")
        .metadata("currency", "EUR")
        .try_run(|span| {
            span.add_tag("payment");
            Err(std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                "the payment service did not answer",
            ))
        })
}
