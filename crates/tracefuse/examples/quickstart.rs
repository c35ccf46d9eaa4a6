//! The shortest way to a trace: `cargo run --example quickstart`.

use tracefuse::Usage;

fn main() -> anyhow::Result<()> {
    // LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY; without them, the terminal.
    let tracer = tracefuse::from_env().or_else(|_| tracefuse::console(Default::default()))?;

    tracer
        .trace("quickstart")
        .user_id("user123")
        .tag("example")
        .run(|trace| {
            trace.set_input("What is the capital of France?");
            let answer = trace.generation("answer").model("gpt-4o").run(|span| {
                span.set_input("What is the capital of France?");
                span.set_usage(Usage::openai(14, 2));
                span.set_output("Paris");
                "Paris"
            });
            trace.set_output(answer);
        });

    tracer.shutdown()?;
    Ok(())
}
