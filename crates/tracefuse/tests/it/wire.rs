//! What the server has is what was recorded.

use mock_langfuse::MockLangfuse;
use serde_json::json;
use tracefuse::{Cost, Level, ObservationType, Status, Usage};

use crate::support::{config, row, tracer};

#[test]
fn a_generation_arrives_field_by_field() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    tracer
        .trace("chat")
        .user_id("u")
        .session_id("s")
        .tags(["a", "b"])
        .version("v9")
        .release("r1")
        .public(true)
        .metadata("tenant", json!({ "id": 7 }))
        .run(|trace| {
            trace.set_input(json!({ "q": 1 }));
            let generation = trace
                .generation("llm")
                .model("gpt-4o")
                .model_parameter("temperature", 0.2);
            generation
                .prompt("qa", 3)
                .input(json!([{ "role": "user", "content": "2+2?" }]))
                .run(|span| {
                    span.record_first_token();
                    span.set_usage(Usage::openai(20, 5).cached_tokens(8).reasoning_tokens(2));
                    span.set_cost(Cost::new(0.001, 0.002));
                    span.set_output("4");
                    span.add_metadata("text", "5");
                    span.add_metadata("number", 5);
                    span.add_metadata("large", u64::MAX);
                    span.add_metadata("nan", f64::NAN);
                    span.add_metadata("constructor", "kept");
                    span.add_metadata("nested", json!({ "a": { "b": [1] } }));
                    span.add_tag("own");
                });
            trace
                .span("warn")
                .level(Level::Warning)
                .run(|span| span.set_status_message("slow\nvery"));
            trace.span("ok").run(|span| span.set_status(Status::Ok));
        });
    tracer.shutdown().unwrap();

    let llm = row(&server, "llm");
    assert_eq!(
        (llm.kind.as_str(), llm.model.as_deref()),
        ("GENERATION", Some("gpt-4o"))
    );
    assert_eq!(llm.model_parameters["temperature"], json!(0.2));
    assert_eq!(
        (llm.prompt_name.as_deref(), llm.prompt_version),
        (Some("qa"), Some(3))
    );
    let usage: Vec<_> = llm
        .usage
        .iter()
        .map(|(bucket, units)| (bucket.as_str(), *units))
        .collect();
    assert_eq!(
        usage,
        [
            ("input", 12),
            ("input_cached_tokens", 8),
            ("output", 3),
            ("output_reasoning_tokens", 2),
            ("total", 25)
        ]
    );
    assert_eq!(llm.cost["total"], 0.003);
    assert!(llm.completion_start_time.is_some());
    assert_eq!(
        llm.input.as_deref(),
        Some(r#"[{"content":"2+2?","role":"user"}]"#)
    );
    assert_eq!(llm.output.as_deref(), Some("4"));
    let metadata = |key: &str| {
        llm.metadata
            .get(key)
            .cloned()
            .unwrap_or_else(|| panic!("no metadata {key} in {:?}", llm.metadata))
    };
    assert_eq!(metadata("text"), json!("5"), "a text stays a text");
    assert_eq!(metadata("number"), json!(5));
    assert_eq!(metadata("large"), json!(u64::MAX.to_string()));
    assert_eq!(metadata("nan"), json!("NaN"));
    assert_eq!(metadata("constructor"), json!("kept"));
    assert_eq!(metadata("nested"), json!({ "a": { "b": [1] } }));
    assert_eq!(metadata("tags"), json!(["own"]));
    assert_eq!(metadata("tenant"), json!({ "id": 7 }));
    for other in server.observations() {
        assert_eq!(
            (other.user_id.as_deref(), other.session_id.as_deref()),
            (Some("u"), Some("s"))
        );
        assert_eq!(
            (other.trace_name.as_deref(), &other.tags),
            (Some("chat"), &vec!["a".to_owned(), "b".into()])
        );
        assert_eq!(
            (
                other.version.as_deref(),
                other.release.as_deref(),
                other.public
            ),
            (Some("v9"), Some("r1"), true)
        );
        assert_eq!(other.is_root, other.name == "chat");
    }
    let warn = row(&server, "warn");
    assert_eq!(
        (warn.level.as_str(), warn.status_message.as_deref()),
        ("WARNING", Some("slow very"))
    );
    assert_eq!(row(&server, "ok").level, "DEFAULT");
    assert_eq!(row(&server, "chat").input.as_deref(), Some(r#"{"q":1}"#));
}

#[test]
fn all_ten_types_arrive_as_themselves() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    tracer.trace("root").run(|trace| {
        for kind in ObservationType::ALL {
            trace.observation(kind.as_str(), kind).run(|_| {});
        }
    });
    tracer.shutdown().unwrap();
    for kind in ObservationType::ALL {
        assert_eq!(
            row(&server, kind.as_str()).kind,
            kind.as_str().to_uppercase()
        );
    }
}

#[test]
fn errors_and_events_are_observations_that_langfuse_shows() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    tracer.trace("root").run(|trace| {
        let one: Result<(), _> = trace
            .span("one")
            .try_run(|_| Err(anyhow::anyhow!("cause").context("failed")));
        assert!(one.is_err());
        trace.span("two").run(|span| {
            span.record_error("first");
            span.record_error(&std::io::Error::other("second"));
            span.event("cache-miss")
                .level(Level::Debug)
                .metadata("shard", 3)
                .output("x")
                .record();
        });
    });
    tracer.shutdown().unwrap();

    let one = row(&server, "one");
    assert_eq!(
        (one.level.as_str(), one.status_message.as_deref()),
        ("ERROR", Some("anyhow::Error: failed"))
    );
    assert_eq!(one.metadata["exception.type"], json!("anyhow::Error"));
    assert_eq!(one.metadata["exception.message"], json!("failed"));
    assert_eq!(one.metadata["exception.sources"], json!("cause"));
    assert_eq!(one.span_events, ["exception"], "for other backends");
    let two = row(&server, "two");
    assert_eq!(two.status_message.as_deref(), Some("error: first"));
    let rows = server.observations();
    let children: Vec<_> = rows
        .iter()
        .filter(|row| row.parent_id.as_deref() == Some(&two.id))
        .collect();
    let mut shown: Vec<_> = children
        .iter()
        .map(|row| (row.name.as_str(), row.kind.as_str(), row.level.as_str()))
        .collect();
    shown.sort_unstable();
    assert_eq!(
        shown,
        [
            ("cache-miss", "EVENT", "DEBUG"),
            ("exception", "EVENT", "ERROR"),
            ("exception", "EVENT", "ERROR")
        ]
    );
    let event = row(&server, "cache-miss");
    assert_eq!(
        (event.start_ns, event.metadata["shard"].clone()),
        (event.end_ns, json!(3))
    );
    assert!(
        !rows
            .iter()
            .any(|row| row.parent_id.as_deref() == Some(&one.id)),
        "one error needs no child"
    );
}

#[test]
fn requests_carry_what_the_contract_asks_for() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    tracer.trace("root").input("x".repeat(10_000)).run(|_| {});
    tracer.shutdown().unwrap();
    let requests = server.requests();
    let [request] = requests.as_slice() else {
        panic!("{} requests", requests.len())
    };
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    assert_eq!(header("x-langfuse-ingestion-version"), Some("4"));
    assert_eq!(header("x-langfuse-public-key"), Some(server.public_key()));
    assert_eq!(header("x-langfuse-sdk-name"), Some("rust-tracefuse"));
    assert_eq!(header("content-type"), Some("application/x-protobuf"));
    assert_eq!(header("content-encoding"), Some("gzip"));
    assert_eq!(header("accept-encoding"), None);
    assert!(request.body.len() < request.inflated.len() / 4);
}

#[test]
fn any_opentelemetry_backend_gets_the_same_by_its_own_conventions() {
    // The test server reads gen_ai.* as a backend does; only its authorization is Langfuse's.
    let server = MockLangfuse::start();
    let auth = "Basic cGstbGYtbW9jazpzay1sZi1tb2Nr";
    let otlp = tracefuse::OtlpConfig::traces_endpoint(format!(
        "{}/api/public/otel/v1/traces",
        server.url()
    ));
    let tracer = tracefuse::builder()
        .otlp(otlp.header("authorization", auth))
        .build()
        .unwrap();
    tracer
        .trace("chat")
        .user_id("u")
        .session_id("s")
        .run(|trace| {
            trace
                .generation("llm")
                .model("gpt-4o")
                .model_parameter("temperature", 0.2)
                .input("in")
                .run(|span| {
                    span.set_usage(Usage::openai(20, 5).cached_tokens(8));
                    span.set_output("out");
                });
            trace
                .tool("search")
                .input("q")
                .run(|span| span.record_error("down"));
        });
    tracer.shutdown().unwrap();
    let llm = row(&server, "llm");
    assert_eq!(
        (llm.kind.as_str(), llm.model.as_deref()),
        ("GENERATION", Some("gpt-4o"))
    );
    assert_eq!(
        (llm.input.as_deref(), llm.output.as_deref()),
        (Some("in"), Some("out"))
    );
    assert_eq!(
        (llm.usage["input"], llm.usage["output"], llm.usage["total"]),
        (12, 5, 25),
        "the conventions count cached tokens into the input, the server takes them out again"
    );
    assert_eq!(
        (llm.user_id.as_deref(), llm.session_id.as_deref()),
        (Some("u"), Some("s"))
    );
    let tool = row(&server, "search");
    assert_eq!(
        (tool.kind.as_str(), tool.level.as_str(), &tool.span_events),
        ("TOOL", "ERROR", &vec!["exception".to_owned()])
    );
}

#[test]
fn several_exporters_side_by_side_all_get_everything() {
    let (first, second) = (MockLangfuse::start(), MockLangfuse::start());
    let kept = tracefuse::exporter::InMemoryExporter::new();
    let tracer = tracefuse::builder()
        .langfuse(config(&first))
        .langfuse(config(&second))
        .exporter(kept.clone());
    let tracer = tracer.build().unwrap();
    tracer
        .trace("root")
        .run(|trace| trace.span("child").run(|_| {}));
    tracer.shutdown().unwrap();
    assert_eq!(kept.tree(), "root\n  child\n");
    assert_eq!(
        (first.trees(), second.trees()),
        ("root\n  child\n".into(), "root\n  child\n".into())
    );
}
