//! A web server that streams a model's answer as server-sent events: `cargo run --example axum_sse --features axum,signal`.
//! It asks itself one question and stops. With the argument `serve` it runs until Ctrl-C.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]
#![expect(
    clippy::disallowed_methods,
    reason = "is the application, with its own runtime"
)]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::sse::{Event, Sse};
use axum::routing::{get, post};
use futures::{Stream, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tracefuse::tower::{TraceLayer, matched_route};
use tracefuse::{ObserveStream as _, Trace};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env().or_else(|_| tracefuse::console(Default::default()))?;
    let layer = TraceLayer::new(tracer.clone())
        // No trace for probes, and none for paths that no route matches.
        .filter(|request| matched_route(request).is_some_and(|route| route != "/health"));
    let app = Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/chats/{id}", post(chat))
        .layer(layer)
        .with_state(Model);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    println!("curl -N -X POST http://{address}/chats/7");

    let (stop, stopped) = oneshot::channel();
    let server = axum::serve(listener, app).with_graceful_shutdown(async {
        // Answers that are being streamed are finished, and then the server returns.
        tokio::select! {
            _ = tracefuse::signal::interrupted() => {}
            _ = stopped => {}
        }
    });
    if std::env::args().any(|argument| argument == "serve") {
        server.await?;
        drop(stop);
    } else {
        let (served, answer) = tokio::join!(server, ask(address, stop));
        served?;
        println!("{}", answer?);
    }
    // After the server: what it streamed last is delivered too.
    tracer.shutdown_async().await?;
    Ok(())
}

/// The answer is streamed after this function has returned. The request's trace is open until then.
async fn chat(
    State(model): State<Model>,
    Path(id): Path<String>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let trace = Trace::current();
    trace.set_session_id(&id);
    trace.set_input("What is the weather?");
    // Started before the model is asked, so that the time to the first token is right.
    let generation = trace
        .generation("answer")
        .model("gpt-4o")
        .input("What is the weather?")
        .start();
    let chunks = model.ask().await.observed(generation).openai();
    let mut answer = String::new();
    Sse::new(chunks.map(move |chunk| {
        let piece = chunk["choices"][0]["delta"]["content"]
            .as_str()
            .unwrap_or_default();
        answer.push_str(piece);
        // The trace ends with the body: what is set here is recorded.
        if chunk["choices"][0]["finish_reason"] == "stop" {
            trace.set_output(&answer);
            trace.add_tag("streamed");
        }
        Ok(Event::default().data(piece))
    }))
}

/// A model that needs no network.
#[derive(Clone)]
struct Model;

impl Model {
    async fn ask(&self) -> impl Stream<Item = Value> + Send + use<> {
        let chunks = ["Take ", "an ", "umbrella."]
            .map(|piece| json!({ "choices": [{ "delta": { "content": piece } }] }));
        let last = json!({
            "model": "gpt-4o-2024-08-06",
            "choices": [{ "delta": {}, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17 },
        });
        futures::stream::iter(chunks)
            .chain(futures::stream::iter([last]))
            .then(async |chunk| {
                tokio::time::sleep(Duration::from_millis(40)).await;
                chunk
            })
    }
}

/// What a browser does.
async fn ask(address: SocketAddr, stop: oneshot::Sender<()>) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "POST /chats/7 HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let _ = stop.send(());
    Ok(answer)
}
