//! The program as its users run it: `view` takes in what an SDK sends, and the other commands read the same file.

#![expect(clippy::disallowed_methods, reason = "a file to import")]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tracefuse::{LangfuseConfig, Tracer};

/// A server that ends with the test.
struct Server {
    child: Child,
    address: String,
    said: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tracefuse"))
            .args(arguments)
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = String::new();
        for line in &mut lines {
            let line = line.unwrap();
            let end = line.starts_with("Ctrl-C");
            said.push_str(&line);
            said.push('\n');
            if end {
                break;
            }
        }
        let base = said
            .lines()
            .find_map(|line| line.trim().strip_prefix("LANGFUSE_BASE_URL="));
        let address = base.expect(&said).to_owned();
        Self {
            child,
            address,
            said,
        }
    }

    fn tracer(&self) -> Tracer {
        let config = LangfuseConfig::new("pk-lf-local", "sk-lf-local").base_url(&self.address);
        tracefuse::builder().langfuse(config).build().unwrap()
    }

    /// As Ctrl-C does.
    fn stop(mut self) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a trace with a generation, and what went wrong in it.
fn record(tracer: &Tracer) -> String {
    let trace = tracer
        .trace("question")
        .user_id("ada")
        .session_id("monday")
        .start();
    let id = trace.id().unwrap().to_string();
    trace.generation("answer").run(|span| {
        span.set_model("gpt-4o");
        span.set_input("What is 2 + 5?");
        span.set_output("7");
        span.set_usage(tracefuse::Usage::new(12, 3));
    });
    trace
        .tool("calculator")
        .run(|span| span.record_error(&std::io::Error::other("no batteries")));
    drop(trace);
    tracer.flush().unwrap();
    id
}

fn run(store: &Path, arguments: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tracefuse"))
        .arg("--store")
        .arg(store)
        .args(arguments)
        .stdin(Stdio::null())
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.success(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn what_an_sdk_sends_is_listed_shown_and_moved() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("traces.db");
    let server = Server::start(&["view", "--store", store.to_str().unwrap()]);
    for line in [
        "LANGFUSE_PUBLIC_KEY=pk-lf-local",
        "LANGFUSE_SECRET_KEY=sk-lf-local",
        "TRACING_MODE=local",
    ] {
        assert!(server.said.contains(line), "{}", server.said);
    }
    let tracer = server.tracer();
    let id = record(&tracer);

    // While the server runs.
    let (ok, list, _) = run(&store, &["list"]);
    assert!(
        ok && list.contains("question") && list.contains(&id),
        "{list}"
    );
    let (_, lines, _) = run(&store, &["query", "--json", "--user", "ada", "--errors"]);
    let row: Value = serde_json::from_str(&lines).unwrap();
    assert_eq!(
        (row["id"].as_str(), row["totalTokens"].as_u64()),
        (Some(id.as_str()), Some(15))
    );
    let (_, none, _) = run(&store, &["list", "--json", "--user", "bob"]);
    assert_eq!(none, "");
    let (_, tree, _) = run(&store, &["show", "latest"]);
    for text in [
        "question",
        "answer",
        "gpt-4o",
        "What is 2 + 5?",
        "calculator",
        "no batteries",
        "ada",
    ] {
        assert!(tree.contains(text), "{text} is not in\n{tree}");
    }

    // After it: out of one file and into another.
    server.stop();
    let lines = dir.path().join("traces.jsonl");
    let (ok, _, error) = run(&store, &["export", "--output", lines.to_str().unwrap()]);
    assert!(ok, "{error}");
    let copy = dir.path().join("copy.db");
    let (ok, _, error) = run(&copy, &["import", lines.to_str().unwrap()]);
    assert!(ok, "{error}");
    let (_, copied, _) = run(&copy, &["show", &id]);
    assert_eq!(copied, tree);
}

#[test]
fn json_lines_of_the_console_are_imported() {
    let dir = tempfile::tempdir().unwrap();
    let lines = dir.path().join("console.jsonl");
    let span = json!({
        "schema": 1, "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7", "parent_span_id": null,
        "name": "answer", "type": "generation", "start_time": "2026-11-27T12:00:00.000000000Z",
        "end_time": "2026-11-27T12:00:01.500000000Z", "duration_ns": 1_500_000_000_u64, "level": "DEFAULT", "status": "unset",
        "model": "gpt-4o", "usage": {"input": 5, "output": 2}, "input": "hi", "output": {"text": "hello"},
        "trace": {"name": "chat", "user_id": "ada"}, "resource": {},
    });
    let score = json!({
        "schema": 1, "score_id": "s1", "name": "good", "value": 0.5, "data_type": "NUMERIC",
        "time": "2026-11-27T12:00:02Z", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    });
    std::fs::write(&lines, format!("{span}\n\n{score}\nnonsense\n")).unwrap();
    let store = dir.path().join("traces.db");
    let (ok, out, error) = run(&store, &["import", lines.to_str().unwrap()]);
    assert!(!ok && out.contains("3 lines"), "{out}{error}");
    assert!(error.contains("line 4: it is not JSON"), "{error}");
    let (_, document, _) = run(&store, &["show", "latest", "--json"]);
    let trace: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(
        (&trace["name"], &trace["userId"]),
        (&json!("chat"), &json!("ada"))
    );
    let observation = &trace["observations"][0];
    assert_eq!(observation["type"], "GENERATION");
    assert_eq!(observation["usageDetails"]["input"], 5);
    assert_eq!(trace["scores"][0]["value"], 0.5);
}

#[test]
fn forward_sends_on_what_it_stores() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    // The receiver is away at first: the request waits on disk.
    let receiver = Server::start(&["view", "--store", &at("second.db")]);
    let url = receiver.address.clone();
    let port = url.rsplit(':').next().unwrap().to_owned();
    receiver.stop();
    let (first, second, spool) = (at("first.db"), at("second.db"), at("waiting"));
    let arguments = [
        "forward", "--to", &url, "--store", &first, "--spool", &spool,
    ];
    let forwarding = Server::start(&arguments);
    assert!(forwarding.said.contains(&url), "{}", forwarding.said);
    let id = record(&forwarding.tracer());
    forwarding.stop();

    let again = Command::new(env!("CARGO_BIN_EXE_tracefuse"))
        .args([
            "view",
            "--store",
            &second,
            "--listen",
            &format!("127.0.0.1:{port}"),
        ])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let receiver = Server {
        child: again,
        address: url.clone(),
        said: String::new(),
    };
    let forwarding = Server::start(&arguments);
    assert!(
        forwarding.said.contains("of an earlier run"),
        "{}",
        forwarding.said
    );
    let arrived = (0..600).any(|_| {
        std::thread::park_timeout(std::time::Duration::from_millis(50));
        run(Path::new(&second), &["list", "--json"]).1.contains(&id)
    });
    assert!(arrived, "the trace is at the receiver");
    forwarding.stop();
    receiver.stop();
}

#[test]
fn an_agent_reads_traces_over_mcp() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("traces.db");
    let server = Server::start(&["view", "--store", store.to_str().unwrap()]);
    let id = record(&server.tracer());
    server.stop();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tracefuse"))
        .arg("--store")
        .arg(&store)
        .arg("mcp")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut ask = |id: u64, method: &str, params: Value| {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        writeln!(input, "{request}").unwrap();
        let mut line = String::new();
        loop {
            line.clear();
            assert!(
                output.read_line(&mut line).unwrap() > 0,
                "no answer to {method}"
            );
            let answer: Value = serde_json::from_str(&line).unwrap();
            if answer["id"] == id {
                return answer["result"].clone();
            }
        }
    };
    let client = json!({"name": "test", "version": "1"});
    ask(
        1,
        "initialize",
        json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}),
    );
    let tools = ask(2, "tools/list", json!({}));
    let names: Vec<&str> = tools["tools"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    for name in [
        "list_traces",
        "show_trace",
        "show_observation",
        "compare_traces",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    let mut call = |id: u64, name: &str, arguments: Value| {
        let result = ask(
            id,
            "tools/call",
            json!({"name": name, "arguments": arguments}),
        );
        result["content"][0]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert!(call(3, "list_traces", json!({"text": "batteries"})).contains(&id));
    assert!(call(4, "show_trace", json!({"trace": id})).contains("no batteries"));
    assert!(call(5, "compare_traces", json!({"a": id, "b": "latest"})).contains("tokens +0"));
    assert!(call(6, "show_trace", json!({"trace": "none"})).contains("there is no trace none"));
    drop((input, output));
    assert!(child.wait().unwrap().success());
}

#[test]
fn errors_say_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let (ok, _, error) = run(&dir.path().join("none.db"), &["list"]);
    assert!(
        !ok && error.contains("start `tracefuse view` first"),
        "{error}"
    );
    let store = dir.path().join("traces.db");
    let (ok, _, error) = run(&store, &["view", "--listen", "0.0.0.0:0"]);
    assert!(!ok && error.contains("--token"), "{error}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (ok, _, error) = run(&store, &["view", "--listen", &address]);
    assert!(!ok && error.contains("choose another address"), "{error}");
    let (ok, _, error) = run(&store, &["list", "--level", "LOUD"]);
    assert!(!ok && error.contains("WARNING or ERROR"), "{error}");
}

#[test]
fn tail_prints_a_trace_when_it_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("traces.db");
    let server = Server::start(&["view", "--store", store.to_str().unwrap()]);
    let mut tail = Command::new(env!("CARGO_BIN_EXE_tracefuse"))
        .arg("--store")
        .arg(&store)
        .args(["tail", "--count", "1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let tracer = server.tracer();
    // The first may be recorded before `tail` has begun; one of them is not.
    let printed = loop {
        record(&tracer);
        if tail.try_wait().unwrap().is_some() {
            break true;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(500));
    };
    let mut said = String::new();
    tail.stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(printed && said.contains("calculator"), "{said}");
    server.stop();
}
