//! What the official SDKs send reads back as what their programs meant.

use mock_langfuse::{MockLangfuse, Observation};
use serde_json::{Value, json};

use crate::support::{Call, JS, OTLP, post_python};

fn named(server: &MockLangfuse, name: &str) -> Observation {
    server
        .observations()
        .into_iter()
        .find(|row| row.name == name)
        .unwrap_or_else(|| panic!("no row {name}"))
}

#[test]
fn the_python_sdks_request_becomes_one_tree_of_ten_rows() {
    let server = MockLangfuse::start();
    let (status, body) = post_python(&server);
    assert_eq!(status, 200);
    assert!(
        (700..1500).contains(&body.len()),
        "about a kilobyte of queue job, not an OTLP answer: {}",
        body.len()
    );
    assert_eq!(server.observations().len(), 10);
    assert_eq!(server.trace_ids().len(), 1);
    let root = server
        .observations()
        .into_iter()
        .find(|row| row.is_root)
        .unwrap();
    assert_eq!(
        (root.kind.as_str(), root.parent_id.as_deref()),
        ("AGENT", None)
    );
    let mut kinds: Vec<String> = server
        .observations()
        .into_iter()
        .map(|row| row.kind)
        .collect();
    kinds.sort();
    assert_eq!(
        kinds,
        [
            "AGENT",
            "CHAIN",
            "EMBEDDING",
            "EVALUATOR",
            "EVENT",
            "GENERATION",
            "GUARDRAIL",
            "RETRIEVER",
            "SPAN",
            "TOOL"
        ]
    );
    for row in server.observations() {
        assert!(
            row.user_id.is_some() && row.session_id.is_some() && !row.tags.is_empty(),
            "{row:?}"
        );
        assert_eq!(
            (row.environment.as_str(), row.release.as_deref()),
            ("staging", Some("1.2.3"))
        );
    }
    let generation = server
        .observations()
        .into_iter()
        .find(|row| row.kind == "GENERATION")
        .unwrap();
    assert!(
        generation.model.is_some() && !generation.usage.is_empty() && !generation.cost.is_empty()
    );
    assert!(generation.completion_start_time.is_some());
    let failed = server
        .observations()
        .into_iter()
        .find(|row| row.level == "ERROR")
        .unwrap();
    assert!(failed.status_message.is_some());
    assert_eq!(failed.span_events, ["exception"]);
}

#[test]
fn the_js_sdks_request_reads_back_field_by_field() {
    let server = MockLangfuse::start();
    let (status, _) = Call::to(&server)
        .with("content-type", "application/json")
        .post(OTLP, JS);
    assert_eq!(status, 200);
    assert_eq!(
        server.trees(),
        "chat-request\n  lookup\n  llm\n  cache-miss\n  failing\n"
    );
    let llm = named(&server, "llm");
    assert_eq!(llm.kind, "GENERATION");
    assert_eq!(llm.model.as_deref(), Some("gpt-4o"));
    assert_eq!(llm.usage["total"], 10);
    assert_eq!(llm.cost["total"], 0.0015);
    assert_eq!(llm.model_parameters["temperature"], json!(0.2));
    assert_eq!(llm.tags, ["beta"]);
    assert_eq!(named(&server, "failing").level, "ERROR");
    assert_eq!(
        named(&server, "failing").status_message.as_deref(),
        Some("boom")
    );
    let root = named(&server, "chat-request");
    assert_eq!(root.metadata["route"], json!("/chat"));
    assert_eq!(root.metadata["nested"], json!({ "a": 1 }));
    assert_eq!(root.metadata["tenant"], json!("acme"));
    assert!(
        !root
            .metadata
            .keys()
            .any(|key| key.starts_with("attributes.")),
        "the scope is langfuse-sdk"
    );
}

#[test]
fn the_same_spans_sent_twice_are_there_twice() {
    let server = MockLangfuse::start();
    post_python(&server);
    post_python(&server);
    assert_eq!(server.observations().len(), 20);
    assert!(
        server
            .deliveries()
            .values()
            .all(|delivery| delivery.received == 2 && delivery.acknowledged == 2)
    );
}

#[test]
fn rows_are_read_back_by_the_public_api_in_pages() {
    let server = MockLangfuse::start();
    Call::to(&server)
        .with("content-type", "application/json")
        .post(OTLP, JS);
    let mut names = Vec::new();
    let mut cursor = String::new();
    loop {
        let path =
            format!("/api/public/v2/observations?limit=2&fields=core,basic,io,usage{cursor}");
        let (status, body) = Call::to(&server).get(&path);
        assert_eq!(status, 200);
        let page: Value = serde_json::from_str(&body).unwrap();
        names.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["name"].as_str().unwrap().to_owned()),
        );
        match page["meta"]["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    names.sort();
    assert_eq!(
        names,
        ["cache-miss", "chat-request", "failing", "llm", "lookup"]
    );
    let (_, body) = Call::to(&server).get("/api/public/v2/observations?type=GENERATION&fields=core,basic,io,model,usage,metadata,trace_context");
    let page: Value = serde_json::from_str(&body).unwrap();
    let row = &page["data"][0];
    assert_eq!(
        row["startTime"], "2026-11-23T13:19:50.503Z",
        "milliseconds are kept"
    );
    assert_eq!(
        (&row["output"], &row["usageDetails"]["input"]),
        (&json!("4"), &json!(9))
    );
    assert_eq!(row["traceName"], "chat-trace");
}
