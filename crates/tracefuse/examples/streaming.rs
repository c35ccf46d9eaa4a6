//! A model's answer as it arrives: first token, text and tool calls, usage; and one that is given up.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example is an application"
)]

use futures::stream::{self, Stream, StreamExt as _};
use serde_json::{Value, json};
use tracefuse::{ObserveStream as _, Trace};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env().or_else(|_| tracefuse::console(Default::default()))?;

    tracer
        .trace("chat")
        .try_run_async(async |trace| {
            let mut tokens = answer(&trace, "What's the weather in Lyon?");
            while let Some(chunk) = tokens.next().await {
                // An Err is recorded, and reaches you as it is.
                print!("{}", text(&chunk?));
            }
            println!();

            // The user has read enough: the generation is marked as cancelled and keeps what arrived.
            let mut given_up = answer(&trace, "Tell me everything.");
            given_up.next().await;
            given_up.next().await;
            anyhow::Ok(())
        })
        .await?;

    tracer.shutdown_async().await?;
    Ok(())
}

/// The stream carries the generation: it may be returned, spawned, or sent on as a response's body.
fn answer(
    trace: &Trace,
    question: &str,
) -> impl Stream<Item = anyhow::Result<Value>> + Unpin + use<> {
    // Started before the request, so that the time to the first token is the whole time.
    let generation = trace
        .generation("answer")
        .model("gpt-4o")
        .input(json!([{ "role": "user", "content": question }]))
        .start();
    chat(question).try_observed(generation).openai()
}

fn text(chunk: &Value) -> &str {
    chunk["choices"][0]["delta"]["content"]
        .as_str()
        .unwrap_or("")
}

/// Replaces a provider's client that is asked for usage by `stream_options`.
fn chat(_question: &str) -> impl Stream<Item = anyhow::Result<Value>> + Unpin + use<> {
    let delta = |delta: &Value, why: &Value| {
        json!({
            "model": "gpt-4o-2024-08-06",
            "choices": [{ "index": 0, "delta": delta, "finish_reason": why }],
        })
    };
    stream::iter([
        Ok(delta(
            &json!({ "role": "assistant", "content": "" }),
            &Value::Null,
        )),
        Ok(delta(&json!({ "content": "Take an " }), &Value::Null)),
        Ok(delta(&json!({ "content": "umbrella." }), &Value::Null)),
        Ok(delta(&json!({}), &json!("stop"))),
        Ok(json!({
            "model": "gpt-4o-2024-08-06",
            "choices": [],
            "usage": {
                "prompt_tokens": 812, "completion_tokens": 5, "total_tokens": 817,
                "prompt_tokens_details": { "cached_tokens": 512 },
            },
        })),
    ])
}
