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
            // Joined: both are polled inside this closure, so they know where they are.
            trace
                .span("joined")
                .run_async(async |_| tokio::join!(look_up("a"), look_up("b")))
                .await;

            // Spawned: a task starts without a span, so it is given one.
            let below = tokio::spawn(look_up("c").in_current_span());
            let own = tokio::spawn(look_up("d").in_span(trace.span("spawned").start()));

            // A thread enters it.
            let root = trace.root().clone();
            let blocking = tokio::task::spawn_blocking(move || {
                let _entered = root.enter();
                Span::current()
                    .tool("blocking")
                    .run(|span| span.set_output(42));
            });
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
