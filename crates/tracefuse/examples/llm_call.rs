//! A call to a language model: model, parameters, messages, usage, first token.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example is an application"
)]

use serde_json::json;
use tracefuse::{Cost, Usage};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env().or_else(|_| tracefuse::console(Default::default()))?;

    let text = tracer
        .trace("translate")
        .run_async(async |trace| {
            let messages = json!([
                { "role": "system", "content": "Translate into French." },
                { "role": "user", "content": "Good morning" },
            ]);
            trace
                .generation("translation")
                .model("gpt-4o")
                .model_parameter("temperature", 0.2)
                .model_parameter("max_tokens", 64)
                .prompt("translate", 3)
                .input(&messages)
                .try_run_async(async |span| {
                    let reply = call_model(&messages, || span.record_first_token()).await?;
                    // OpenAI counts cached tokens into the prompt; tracefuse puts each into its own bucket.
                    span.set_usage(
                        Usage::openai(reply.prompt_tokens, reply.completion_tokens)
                            .cached_tokens(16),
                    );
                    span.set_cost(Cost::total(0.000_21));
                    span.set_output(&reply.text);
                    anyhow::Ok(reply.text)
                })
                .await
        })
        .await?;
    println!("{text}");

    tracer.shutdown_async().await?;
    Ok(())
}

struct Reply {
    text: String,
    prompt_tokens: u64,
    completion_tokens: u64,
}

/// Replaces a provider's client.
async fn call_model(
    _messages: &serde_json::Value,
    first_token: impl FnOnce(),
) -> anyhow::Result<Reply> {
    tokio::task::yield_now().await;
    first_token();
    Ok(Reply {
        text: "Bonjour".into(),
        prompt_tokens: 24,
        completion_tokens: 3,
    })
}
