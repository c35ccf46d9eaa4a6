//! A server in memory that prints each trace as it arrives. Send to it from any Langfuse SDK (`LANGFUSE_BASE_URL`, any keys), or by
//! OTLP.
//!
//! `cargo run -p tracefuse-server --example serve`

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an example is an application"
)]

use std::error::Error;

use tracefuse_server::{Server, ServerConfig, Store, StoreOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::in_memory(StoreOptions::default())?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:4318").await?;
    println!("LANGFUSE_BASE_URL=http://{}", listener.local_addr()?);

    let mut arrivals = store.subscribe();
    let seen = store.clone();
    tokio::spawn(async move {
        while let Ok(arrived) = arrivals.recv().await {
            for arrival in arrived.iter() {
                // A read may wait for the disk: it has its own thread.
                let (store, id) = (seen.clone(), arrival.trace_id.clone());
                let row = tokio::task::spawn_blocking(move || store.trace_row(&id)).await;
                if let Ok(Ok(Some(row))) = row {
                    let cost = row.cost.unwrap_or(0.0);
                    let (name, spans, tokens) = (row.name, row.spans, row.total_tokens);
                    println!("{name}: {spans} observations, {tokens} tokens, ${cost:.6}");
                }
            }
        }
    });

    let stop = async { drop(tokio::signal::ctrl_c().await) };
    Server::new(ServerConfig::default())
        .serve(&store, listener, stop)
        .await?;
    store.close();
    Ok(())
}
