//! Calls by async-openai, recorded: `TRACING_MODE=print cargo run --example async_openai` in `tests/rig`.
//! The model is a local server, so it needs no key; with `LANGFUSE_*` set the traces go to Langfuse.
#![expect(clippy::print_stdout, reason = "shows the answers")]

use tracefuse_rig_tests::{OpenAi, ask_streamed, ask_with_tools, client, request, with_add};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env()?;
    let model = OpenAi::start().await?;
    let client = client(&model.url());

    let streamed = tracer.trace("streamed").try_run_async(async |trace| {
        ask_streamed(&client, &trace, request("gpt-4o", "What is 2 + 5?")).await
    });
    println!("{}", streamed.await?);

    let calculated = tracer.trace("with a tool").try_run_async(async |trace| {
        let request = with_add(request("gpt-4o", "What is 2 + 5?"));
        ask_with_tools(&client, &trace, request).await
    });
    println!("{}", calculated.await?);

    let refused = tracer.trace("refused").try_run_async(async |trace| {
        let request = request(OpenAi::WITHOUT_QUOTA, "What is 2 + 5?");
        ask_streamed(&client, &trace, request).await
    });
    println!(
        "{}",
        refused.await.unwrap_or_else(|error| error.to_string())
    );

    tracer.shutdown_async().await?;
    Ok(())
}
