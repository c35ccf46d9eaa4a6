//! Concurrency: joined futures, spawned tasks and threads all stay in one tree.

#![expect(
    clippy::disallowed_methods,
    reason = "an application has its own runtime"
)]

use tracefuse::{InSpan, Span};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env().or_else(|_| tracefuse::console(Default::default()))?;

    tracer
        .trace("fan-out")
        .run_async(async |trace| {
            // Joined: both futures are polled inside this closure, so the span is current for both.
            trace
                .span("joined")
                .run_async(async |_| tokio::join!(look_up("a"), look_up("b")))
                .await;

            // Spawned: a task starts without a current span, so each is given one.
            let own = tokio::spawn(look_up("d").in_span(trace.span("spawned").start()));

            // A thread: the closure takes the span along.
            let blocking = trace.tool("blocking").start();
            let blocking =
                tokio::task::spawn_blocking(blocking.wrap(|| Span::current().set_output(42)));

            // Siblings are shown in the order in which they start: this one starts in its task, so after the two above.
            let below = tokio::spawn(look_up("c").in_current_span());
            let _ = tokio::join!(below, own, blocking);
        })
        .await;

    tracer.shutdown_async().await?;
    Ok(())
}

async fn look_up(key: &str) -> String {
    Span::current()
        .retriever("look-up")
        .input(key)
        .run_async(async |span| {
            tokio::task::yield_now().await;
            let value = format!("value of {key}");
            span.set_output(&value);
            value
        })
        .await
}
