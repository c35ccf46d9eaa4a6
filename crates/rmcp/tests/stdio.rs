//! Standard input and output: this program starts itself as the server, in a process that has nothing of the client but what
//! it reads. Without the test harness, which prints to standard output.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tests are applications: they have runtimes and an environment"
)]

use std::process::{ExitCode, Stdio};
use std::time::Duration;

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::TokioChildProcess;
use rmcp::{ServiceExt as _, tool, tool_router};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tracefuse_core::Span;
use tracefuse_core::testing::Recorder;
use tracefuse_rmcp::{traced, traced_client};

/// Set for the process that is the server.
const IS_SERVER: &str = "MCP_TEST_IS_SERVER";

#[derive(Clone)]
struct Tools;

#[derive(serde::Deserialize, rmcp::schemars::JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Terms {
    a: i64,
    b: i64,
}

#[tool_router(server_handler)]
impl Tools {
    #[tool(description = "Adds two numbers")]
    async fn add(&self, Parameters(Terms { a, b }): Parameters<Terms>) -> String {
        let sum = Span::current().span("in the tool");
        sum.run(|_| (a + b).to_string())
    }
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if std::env::var_os(IS_SERVER).is_some() {
        runtime.block_on(server());
    } else {
        runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(60), client())
                .await
                .expect("it takes less than a minute");
        });
        println!("test a_call_over_stdio_is_one_tree ... ok");
    }
    ExitCode::SUCCESS
}

/// Serves until standard input is closed, then writes its spans to standard error: trace, parent, id, name.
async fn server() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let server = traced(Tools, &tracer).serve(rmcp::transport::stdio());
    server
        .await
        .expect("a client")
        .waiting()
        .await
        .expect("no panic");
    for span in recorder.spans() {
        let parent = span.parent_span_id().expect("a parent");
        eprintln!(
            "span {} {parent} {} {}",
            span.trace_id(),
            span.span_id(),
            span.name()
        );
    }
}

async fn client() {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    command.env(IS_SERVER, "1");
    let child = TokioChildProcess::builder(command)
        .stderr(Stdio::piped())
        .spawn();
    let (transport, errors) = child.expect("the server starts");
    let client = traced_client(().serve(transport).await.expect("a server"));
    let agent = tracer.trace("agent").run_async(async |_| {
        let terms =
            serde_json::Map::from_iter([("a".to_owned(), 1.into()), ("b".to_owned(), 2.into())]);
        let call = CallToolRequestParams::new("add").with_arguments(terms);
        client.call_tool(call).await.expect("an answer")
    });
    let result = agent.await;
    assert_eq!(
        result.content[0].as_text().map(|text| &*text.text),
        Some("3")
    );
    client.cancel().await.expect("no panic");

    let call = recorder.named("tools/call add");
    let mut said = String::new();
    let mut errors = errors.expect("standard error is piped");
    errors.read_to_string(&mut said).await.expect("text");
    let spans: Vec<Vec<&str>> = said
        .lines()
        .filter_map(|line| Some(line.strip_prefix("span ")?.splitn(4, ' ').collect()))
        .collect();
    let [inner, served] = &spans[..] else {
        panic!("expected two spans of the server, found:\n{said}");
    };
    let (trace, id) = (call.trace_id().to_string(), call.span_id().to_string());
    assert_eq!(
        (served[0], served[1], served[3]),
        (&*trace, &*id, "tools/call add")
    );
    assert_eq!(
        (inner[0], inner[1], inner[3]),
        (&*trace, served[2], "in the tool")
    );
}
