//! `cargo xtask mcp`: an agent and tool servers that use the Model Context Protocol, as separate processes, in Rust and
//! in Python (the official package `mcp`, which sends its spans by the official SDK). The local server must have one tree.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use mock_langfuse::MockLangfuse;
use serde_json::Value;
use tracefuse_http::Secret;
use xtask::process::{output, root};

use crate::demo::draw;
use crate::install::Wanted;
use crate::programs::{examples, quiet};
use crate::read_back::{Server, tree};
use crate::venv::{Venv, venv};

/// The newest versions on PyPI when this was last changed.
const PACKAGES: &[&str] = &["mcp==2.3.0", "langfuse==5.0.4"];

/// All of it.
pub(crate) fn run(in_ci: bool) -> Result<()> {
    let programs = examples()?;
    let ours = |name: &str| -> Result<String> {
        let program = programs.get(name);
        let program = program.with_context(|| format!("the example `{name}` was not built"))?;
        Ok(program.to_string_lossy().into_owned())
    };
    let (agent, server) = (ours("mcp_agent")?, ours("mcp_server")?);
    check(
        "an agent and a tool server in Rust",
        Command::new(&agent).arg(&server),
        &[RUST_TO_RUST],
    )?;
    let wanted = Wanted {
        name: "mcp",
        packages: PACKAGES,
        size: "150 MB",
        variable: "TRACEFUSE_VENV_MCP",
    };
    wanted.check(
        in_ci,
        || venv(&wanted),
        |venv| with_python(venv, &agent, &server),
    )
}

fn with_python(venv: &Venv, agent: &str, server: &str) -> Result<()> {
    let python = venv.program("python");
    let script = |name: &str| root().join("tests/interop/python").join(name);
    check(
        "an agent in Rust, a tool server in Python and one in Rust",
        Command::new(agent)
            .arg(&python)
            .arg(script("mcp_server.py"))
            .args(["--", server]),
        &[RUST_TO_PYTHON, RUST_TO_RUST],
    )?;
    check(
        "an agent in Python, a tool server in Rust",
        Command::new(&python)
            .arg(script("mcp_agent.py"))
            .arg(server),
        &[PYTHON_TO_RUST],
    )
}

/// A call of a tool: a span of the client, a span of the server below it, and what the server did.
const RUST_TO_RUST: &str = "  tool tools/call forecast
    tool tools/call forecast
      retriever look-up
";

/// Langfuse names the span of a server in Python after its tool.
const RUST_TO_PYTHON: &str = "  tool tools/call forecast
    tool forecast
      retriever look-up
";

const PYTHON_TO_RUST: &str = "  span MCP send tools/call forecast
    tool tools/call forecast
      retriever look-up
";

/// The calls in a tree, in the order of their texts: concurrent siblings come in any order.
fn calls(tree: &str) -> Vec<String> {
    let mut calls: Vec<String> = Vec::new();
    for line in tree.lines().skip(1) {
        match calls.last_mut() {
            Some(call) if line.starts_with("    ") => call.push_str(line),
            _ => calls.push(line.to_owned()),
        }
        calls
            .last_mut()
            .into_iter()
            .for_each(|call| call.push('\n'));
    }
    // A client in Python also asks for the list of tools.
    calls.retain(|call| !call.contains("tools/list"));
    calls.sort();
    calls
}

/// Runs an agent and looks at its trace.
fn check(what: &str, agent: &mut Command, servers: &[&str]) -> Result<()> {
    let mock = MockLangfuse::start();
    quiet(agent)
        .env("TRACING_MODE", "langfuse")
        .env("LANGFUSE_BASE_URL", mock.url())
        .env("LANGFUSE_PUBLIC_KEY", mock.public_key())
        .env("LANGFUSE_SECRET_KEY", mock.secret_key());
    output(agent)?;
    let server = Server {
        url: mock.url(),
        public_key: mock.public_key().to_owned(),
        secret_key: Secret::new(mock.secret_key()),
    };
    let all = server.observations(None)?;
    let of_agent = |row: &&Value| {
        row["name"]
            .as_str()
            .is_some_and(|name| name.starts_with("agent"))
    };
    let root = all
        .iter()
        .find(of_agent)
        .context("the agent recorded nothing")?;
    let trace = root["traceId"].as_str().unwrap_or_default().to_owned();
    let rows: Vec<Value> = all
        .into_iter()
        .filter(|row| row["traceId"] == *trace)
        .collect();
    println!("\n{what}:\n\n{}", draw(&trace, &rows, 110));
    let found = tree(&rows);
    // Each server is called twice.
    let mut expected: Vec<String> = [servers, servers]
        .concat()
        .iter()
        .map(|&call| call.to_owned())
        .collect();
    expected.sort();
    ensure!(
        calls(&found) == expected,
        "{what}: expected one tree with the calls\n{}found\n{found}",
        expected.concat()
    );
    for row in &rows {
        // In Python the baggage reaches the span of the request, and no span below it.
        let has_user = row["userId"] == "ada" || row["name"] == "look-up";
        ensure!(has_user, "{what}: {} has no user", row["name"]);
    }
    let failed = rows.iter().filter(|row| row["level"] == "ERROR").count();
    // The second call of each server fails, for the server and for a client in Rust. The span of a client in Python says
    // nothing of the error of a tool.
    let in_python = servers.iter().filter(|call| **call == PYTHON_TO_RUST);
    let fail = 2 * servers.len() - in_python.count();
    ensure!(failed == fail, "{what}: {failed} spans failed, not {fail}");
    Ok(())
}
