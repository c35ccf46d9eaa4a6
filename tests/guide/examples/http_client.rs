//! Every model call of a `reqwest` client, recorded by one line: `TRACING_MODE=print cargo run -p guide --example http_client`.
//! The model is a local server here; with a provider's address and key in its place, nothing else changes.
#![expect(clippy::print_stdout, reason = "shows the answer")]
#![expect(
    clippy::disallowed_methods,
    reason = "an application has its own runtime"
)]

use axum::{Router, routing::post};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde_json::{Value, json};
use tracefuse_http_client::ModelCalls;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env()?;
    let client = ClientBuilder::new(reqwest::Client::new());
    // The one line: all model calls of this client are recorded below the current span.
    let client = client.with(ModelCalls::new()).build();
    let url = model().await?;

    let request = tracer.trace("weather").user_id("user123");
    let answer = request.try_run_async(async |_| ask(&client, &url, "How is the weather?").await);
    println!("{}", answer.await?);
    tracer.shutdown_async().await?;
    Ok(())
}

/// A call as it would be without tracing.
async fn ask(client: &ClientWithMiddleware, url: &str, question: &str) -> anyhow::Result<Value> {
    let request = json!({
        "model": "gpt-4o", "temperature": 0.2,
        "messages": [{ "role": "user", "content": question }],
    });
    let call = client.post(url).bearer_auth("sk-never-recorded");
    let response = call.body(request.to_string()).send().await?;
    let response = response.error_for_status()?.bytes().await?;
    let response: Value = serde_json::from_slice(&response)?;
    Ok(response["choices"][0]["message"]["content"].clone())
}

/// A server that answers as OpenAI does.
async fn model() -> anyhow::Result<String> {
    let message = json!({ "role": "assistant", "content": "It rains." });
    let answer = json!({
        "model": "gpt-4o-2024-08-06",
        "choices": [{ "message": message, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15 },
    });
    let answer = || async move { ([("content-type", "application/json")], answer.to_string()) };
    let app = Router::new().route("/v1/chat/completions", post(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/v1/chat/completions", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });
    Ok(url)
}
