//! One trace through three processes: a client, the axum service it calls, and a worker, all below a span of the
//! official Python SDK's whose headers were captured. Each process is this program; an argument selects its part.
#![expect(
    clippy::print_stdout,
    reason = "processes that tell each other their addresses"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "is the application, with its own runtime"
)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::post;
use mock_langfuse::MockLangfuse;
use tracefuse::tower::{TraceLayer, inject_current};
use tracefuse::{LangfuseConfig, Tracer};

/// As `opentelemetry.propagate.inject` writes them inside the Python SDK's
/// `propagate_attributes(user_id="user 1", session_id="session/2", tags=["a", "b"], as_baggage=True)`.
const PYTHON: [(&str, &str); 2] = [
    (
        "traceparent",
        "00-3f1dfa0c2b9a4e6f8d7c6b5a49382716-00f067aa0ba902b7-01",
    ),
    (
        "baggage",
        "langfuse_user_id=user+1,langfuse_session_id=session%2F2,langfuse_tags=%5B%27a%27%2C+%27b%27%5D,\
         langfuse_trace_id=3f1dfa0c2b9a4e6f8d7c6b5a49382716",
    ),
];
const TRACE: &str = "3f1dfa0c2b9a4e6f8d7c6b5a49382716";
const PYTHONS_SPAN: &str = "00f067aa0ba902b7";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("service") => service(&arguments[1]),
        Some("client") => client(&arguments[1], &arguments[2]),
        Some("worker") => worker(&arguments[1]),
        // The test runner was asked for another test.
        Some(other) if !other.starts_with('-') => {}
        _ => one_trace_through_three_processes(),
    }
    ExitCode::SUCCESS
}

fn tracer(langfuse: &str) -> Tracer {
    tracefuse::langfuse(LangfuseConfig::new("pk-lf-mock", "sk-lf-mock").base_url(langfuse)).unwrap()
}

fn python() -> HashMap<String, String> {
    PYTHON
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// Serves one request for each connection until its input ends.
fn service(langfuse: &str) {
    let tracer = tracer(langfuse);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let layer = TraceLayer::new(tracer.clone())
            .name(|request| format!("{} {}", request.method, request.uri.path()));
        let app = Router::new().route("/chat", post(chat)).layer(layer);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        let over =
            tokio::task::spawn_blocking(|| std::io::stdin().lock().read_line(&mut String::new()));
        tokio::select! {
            served = async { axum::serve(listener, app).await } => served.unwrap(),
            _ = over => {}
        }
        tracer.shutdown_async().await.unwrap();
    });
}

async fn chat(headers: HeaderMap) -> String {
    assert!(headers.contains_key("traceparent"));
    tracefuse::Span::current()
        .generation("answer")
        .model("gpt-4o")
        .run(|_| "it depends".to_owned())
}

/// Goes on where Python called, and calls the service.
fn client(langfuse: &str, service: &str) {
    let tracer = tracer(langfuse);
    tracer
        .trace("client")
        .continue_from(&python())
        .run(|trace| {
            trace.tool("ask").run(|_| {
                let mut headers = HeaderMap::new();
                inject_current(&mut headers);
                let mut request = ureq::post(format!("{service}/chat"));
                for (name, value) in &headers {
                    request = request.header(name, value);
                }
                let answer = request
                    .send_empty()
                    .unwrap()
                    .into_body()
                    .read_to_string()
                    .unwrap();
                assert_eq!(answer, "it depends");
            });
        });
    tracer.shutdown().unwrap();
}

fn worker(langfuse: &str) {
    let tracer = tracer(langfuse);
    tracer
        .trace("worker")
        .continue_from(&python())
        .run(|trace| trace.retriever("look-up").run(|_| {}));
    tracer.shutdown().unwrap();
}

fn start(arguments: &[&str]) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn one_trace_through_three_processes() {
    let server = MockLangfuse::builder()
        .keys("pk-lf-mock", "sk-lf-mock")
        .start()
        .unwrap();
    let langfuse = server.url();
    let mut service = start(&["service", &langfuse]);
    let mut address = String::new();
    let mut output = BufReader::new(service.stdout.take().unwrap());
    output.read_line(&mut address).unwrap();
    let mut client = start(&["client", &langfuse, address.trim()]);
    let mut worker = start(&["worker", &langfuse]);
    assert!(client.wait().unwrap().success() && worker.wait().unwrap().success());
    service.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert!(service.wait().unwrap().success());

    assert!(server.wait_for(
        |server| server.observations().len() == 6,
        Duration::from_secs(10)
    ));
    let rows = server.observations();
    let row = |name: &str| {
        let found = rows.iter().find(|row| row.name == name);
        found.unwrap_or_else(|| panic!("no {name} in {}", server.trees()))
    };
    for row in &rows {
        assert_eq!(row.trace_id, TRACE, "{row:?}");
        assert_eq!(row.user_id.as_deref(), Some("user 1"), "{row:?}");
        assert_eq!(row.session_id.as_deref(), Some("session/2"), "{row:?}");
        assert_eq!(row.tags, ["a", "b"], "{row:?}");
    }
    for (name, parent) in [
        ("client", PYTHONS_SPAN),
        ("worker", PYTHONS_SPAN),
        ("ask", &row("client").id),
        ("POST /chat", &row("ask").id),
        ("answer", &row("POST /chat").id),
        ("look-up", &row("worker").id),
    ] {
        assert_eq!(row(name).parent_id.as_deref(), Some(parent), "{name}");
    }
    println!(
        "one trace through three processes ... ok\n{}",
        server.tree(TRACE)
    );
}
