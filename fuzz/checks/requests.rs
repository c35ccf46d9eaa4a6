//! Requests of any path, query and body to the whole server: it answers, and never with status 500.
//! Input: a byte for method, content type and encoding, the path with its query up to the first line feed, then the body.
//! Run by the fuzzer and by the replay of its seeds.

use std::sync::OnceLock;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use tokio::runtime::Runtime;
use tower_service::Service as _;
use tracefuse_server::take::otlp_json;
use tracefuse_server::{Server, ServerConfig, Store, StoreOptions};

const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];
const TYPES: [&str; 4] = [
    "application/json",
    "application/x-protobuf",
    "",
    "text/plain",
];
const ENCODINGS: [&str; 2] = ["identity", "gzip"];
/// The address that answers without an end.
const LIVE: &str = "/live";

/// Two traces that a request may name.
const SEEN: &str = r#"{"resourceSpans": [{"scopeSpans": [{"spans": [
    {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00f067aa0ba902b7", "name": "a",
        "startTimeUnixNano": "1795000000000000000", "endTimeUnixNano": "1795000001000000000",
        "attributes": [{"key": "user.id", "value": {"stringValue": "ada"}}, {"key": "session.id", "value": {"stringValue": "s"}}]},
    {"traceId": "0af7651916cd43dd8448eb211c80319d", "spanId": "00f067aa0ba902b8", "name": "b"}
]}]}]}"#;

pub(crate) fn run(data: &[u8]) {
    let (how, rest) = data.split_first().unwrap_or((&0, &[]));
    let end = rest.iter().position(|byte| *byte == b'\n');
    let (target, body) = rest.split_at(end.unwrap_or(rest.len()));
    let Ok(target) = std::str::from_utf8(target) else {
        return;
    };
    if !target.starts_with('/') || target.contains(LIVE) {
        return;
    }
    let pick = |from: &[&'static str], shift: u32| from[usize::from(how >> shift) % from.len()];
    let request = Request::builder()
        .method(pick(&METHODS, 0))
        .uri(target)
        .header("host", "localhost")
        .header("content-type", pick(&TYPES, 2))
        .header("content-encoding", pick(&ENCODINGS, 4))
        .body(Body::from(body.get(1..).unwrap_or_default().to_vec()));
    let Ok(request) = request else { return };
    let (runtime, router) = server();
    runtime.block_on(async {
        let answer = router.clone().call(request).await.expect("an answer");
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 64 << 20)
            .await
            .expect("a body");
        let said = String::from_utf8_lossy(&body);
        let allowed = !status.is_server_error() || status == StatusCode::NOT_IMPLEMENTED;
        assert!(allowed, "{target}: {status} {said}");
        assert!(
            !status.is_client_error() || !body.is_empty(),
            "{target}: {status} without a sentence"
        );
    });
}

/// The server and its runtime: one for all inputs, until it has many traces.
fn server() -> &'static (Runtime, Router) {
    static SERVER: OnceLock<(Runtime, Router)> = OnceLock::new();
    SERVER.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let mut options = StoreOptions::default();
        options.max_bytes = Some(4 << 20);
        let store = Store::in_memory(options).expect("a store");
        let seen = otlp_json(SEEN.as_bytes()).expect("two spans");
        store.ingest_blocking(seen.changes).expect("stored");
        let mut config = ServerConfig::default();
        config.max_inflated = 1 << 20;
        (runtime, Server::new(config).router(&store))
    })
}
