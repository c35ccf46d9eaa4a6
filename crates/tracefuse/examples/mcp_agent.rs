//! An agent that calls tools of MCP servers. Each is started as a child process, and records in the agent's trace.
//!
//! `cargo run --example mcp_agent -- COMMAND [ARGUMENTS] [-- COMMAND [ARGUMENTS]]`; without a command it starts
//! the example `mcp_server`.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "an application has a runtime and talks to its reader"
)]

use std::path::Path;

use rmcp::ServiceExt as _;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::TokioChildProcess;
use tokio::process::Command;
use tracefuse_rmcp::traced_client;

/// Asks one server for the weather of two cities.
async fn ask(command: &[String]) -> anyhow::Result<()> {
    let mut child = Command::new(&command[0]);
    child.args(&command[1..]);
    // The only line for traces: the client is wrapped.
    let client = traced_client(().serve(TokioChildProcess::new(child)?).await?);
    for city in ["Lyon", "Atlantis"] {
        let arguments = serde_json::Map::from_iter([("city".to_owned(), city.into())]);
        let call = CallToolRequestParams::new("forecast").with_arguments(arguments);
        let result = client.call_tool(call).await?;
        let text = result.content.iter().find_map(|block| block.as_text());
        println!("{}", text.map_or("", |text| &text.text));
    }
    client.cancel().await?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env().or_else(|_| tracefuse::console(Default::default()))?;
    let mut arguments: Vec<String> = std::env::args().collect();
    if arguments.len() == 1 {
        let own = Path::new(&arguments[0]).with_file_name("mcp_server");
        arguments.push(own.to_string_lossy().into_owned());
    }
    let trace = tracer.trace("agent").user_id("ada");
    let trace = trace.observation_type(tracefuse::ObservationType::Agent);
    trace
        .try_run_async(async |_| {
            for command in arguments[1..].split(|argument| argument == "--") {
                ask(command).await?;
            }
            anyhow::Ok(())
        })
        .await?;
    tracer.shutdown_async().await?;
    Ok(())
}
