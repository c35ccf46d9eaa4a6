//! A prompt of Langfuse's prompt management, filled with values and linked to the generation that it is the input of.
//! `LANGFUSE_PUBLIC_KEY=.. LANGFUSE_SECRET_KEY=.. cargo run --example prompts --features prompts`

#![expect(clippy::print_stdout, reason = "an example talks to its reader")]
#![expect(
    clippy::disallowed_methods,
    reason = "an application has an async runtime"
)]

use tracefuse::Usage;
use tracefuse::langfuse::prompts;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env()?;
    let prompts = prompts::from_env()?; // one for the whole program: it has the cache

    for city in ["Lyon", "Kyoto"] {
        let prompt = prompts
            .text("weather")
            .label("production") // the default
            .fallback("How is the weather in {{city}}? Answer in one sentence.")
            .get()
            .await?;
        if let Some(reason) = prompt.fallback_reason() {
            println!("the fallback is used: {reason}");
        }
        let text = prompt.compile([("city", city)])?; // an error names a missing variable

        let run = tracer.trace("weather").user_id("user123");
        run.run_async(async |trace| {
            let answer = trace.generation("answer").model("gpt-4o").input(&text); // linked to the prompt
            answer
                .run_async(async |span| {
                    span.set_output(ask(&text).await);
                    span.set_usage(Usage::openai(20, 8));
                })
                .await;
        })
        .await;
    }
    println!("{:?}", prompts.stats());
    tracer.shutdown_async().await?;
    Ok(())
}

/// In the place of a call to a model.
async fn ask(prompt: &str) -> String {
    format!("It rains. ({} characters were asked.)", prompt.len())
}
