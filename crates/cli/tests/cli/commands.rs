//! `view` takes in what an SDK sends; the other commands read the same file.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Server, record, run, shows_trace};

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
    shows_trace(&tree);

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
    let begun = ask(
        1,
        "initialize",
        json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client}),
    );
    assert_eq!(begun["serverInfo"]["name"], "tracefuse");
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
