//! Streamable HTTP on loopback: the context is in `_meta`, the session and the caller's headers in the HTTP request.

use std::sync::Arc;

use rmcp::ServiceExt as _;
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Value, json};
use tracefuse_core::testing::Recorder;
use tracefuse_core::{TraceId, Tracer};
use tracefuse_rmcp::{traced, traced_client};

use crate::support::{Tools, both, call, metadata, spans, text, within};

/// A server on loopback; its address.
async fn serve(tracer: &Tracer) -> String {
    let handler = traced(Tools, tracer);
    let service = StreamableHttpService::new(
        move || Ok(handler.clone()),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    let router = axum::Router::new().nest_service("/mcp", service);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test]
async fn a_call_over_http_is_one_tree_with_its_session() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let transport = StreamableHttpClientTransport::from_uri(serve(&tracer).await);
    let client = traced_client(within(().serve(transport)).await.unwrap());
    let run = tracer.trace("agent").run_async(async |_| {
        let result = client
            .call_tool(call("add", json!({ "a": 1, "b": 2 })))
            .await;
        assert_eq!(text(&result.unwrap()), "3");
    });
    within(run).await;
    spans(&recorder, 4).await;
    assert_eq!(
        recorder.tree(),
        "agent\n  tools/call add\n    tools/call add\n      in the tool\n"
    );
    let (_, server) = both(&recorder, "tools/call add");
    for (key, value) in [
        ("network.transport", "tcp"),
        ("network.protocol.name", "http"),
        ("network.protocol.version", "1.1"),
    ] {
        assert_eq!(metadata(&server, key).as_deref(), Some(value));
    }
    let session = metadata(&server, "mcp.session.id");
    let version = metadata(&server, "mcp.protocol.version").unwrap();
    // Versions from 2026-07-28 on have no sessions.
    assert_eq!(
        session.is_some(),
        version.as_str() < "2026-07-28",
        "{version}"
    );
    client.cancel().await.unwrap();
}

/// Sends a request without a session by hand, with these headers and this `_meta`.
async fn post(address: &str, traceparent: &str, meta: Option<&str>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let mut params = json!({ "name": "add", "arguments": { "a": 1, "b": 2 }, "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "test", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    }});
    if let Some(meta) = meta {
        params["_meta"]["traceparent"] = Value::from(meta);
    }
    let body =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
    let host = address
        .strip_prefix("http://")
        .unwrap()
        .strip_suffix("/mcp")
        .unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\nconnection: close\r\n\
         accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\n\
         mcp-method: tools/call\r\nmcp-name: add\r\ntraceparent: {traceparent}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut socket = tokio::net::TcpStream::connect(host).await.unwrap();
    socket.write_all((head + &body).as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

const BY_HTTP: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const BY_META: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn the_context_in_meta_wins_and_that_of_http_is_linked() {
    let recorder = Recorder::new();
    let address = serve(&recorder.tracer()).await;
    within(post(&address, BY_HTTP, Some(BY_META))).await;
    spans(&recorder, 2).await;
    let span = recorder.named("tools/call add");
    let ids = |traceparent: &str| -> (TraceId, String) {
        (
            traceparent[3..35].parse().unwrap(),
            traceparent[36..52].to_owned(),
        )
    };
    let parent = span.parent_span_id().unwrap().to_string();
    assert_eq!((span.trace_id(), parent), ids(BY_META));
    let links: Vec<_> = span
        .links()
        .map(|link| (link.trace_id(), link.span_id().to_string()))
        .collect();
    assert_eq!(links, [ids(BY_HTTP)]);
}

#[tokio::test]
async fn without_a_context_in_meta_the_headers_have_the_parent() {
    let recorder = Recorder::new();
    let address = serve(&recorder.tracer()).await;
    within(post(&address, BY_HTTP, None)).await;
    spans(&recorder, 2).await;
    let span = recorder.named("tools/call add");
    assert_eq!(span.trace_id().to_string(), &BY_HTTP[3..35]);
    assert_eq!(span.links().count(), 0);
}
