//! Every attribute of the generic exporter, as any OpenTelemetry backend receives it.

use std::time::Duration;

use serde_json::json;
use tracefuse_core::record::Resource;
use tracefuse_core::{Cost, Exception, Level, Usage};

use crate::support::{START, records, sent, show, span};

#[tokio::test]
async fn a_generation_speaks_the_conventions() {
    let records = records(|tracer, clock| {
        let trace = tracer
            .trace("root")
            .user_id("u")
            .session_id("s")
            .tag("a")
            .metadata("tenant", "acme")
            .start();
        let generation = trace
            .generation("llm")
            .model("gpt-4o")
            .model_parameter("temperature", 0.5);
        generation
            .prompt("qa", 3)
            .input(json!([{ "role": "user" }]))
            .tag("own")
            .metadata("route", "/chat")
            .run(|span| {
                clock.advance(Duration::from_millis(250));
                span.record_first_token();
                span.set_usage(
                    Usage::openai(20, 5)
                        .cached_tokens(8)
                        .reasoning_tokens(2)
                        .bucket("images", 1)
                        .total(26),
                );
                span.set_cost(Cost::new(0.25, 0.5));
                span.set_level(Level::Warning);
                span.set_output("4");
            });
    });
    let llm = span(&sent(Resource::default(), records).await, "llm");
    assert_eq!(
        show(&llm.attributes),
        [
            r#"gen_ai.operation.name = "chat""#,
            r#"openinference.span.kind = "LLM""#,
            r#"tracefuse.level = "WARNING""#,
            r#"tracefuse.trace.name = "root""#,
            r#"user.id = "u""#,
            r#"session.id = "s""#,
            r#"gen_ai.conversation.id = "s""#,
            r#"gen_ai.request.model = "gpt-4o""#,
            "gen_ai.request.temperature = 0.5",
            "gen_ai.usage.cache_read.input_tokens = 8",
            "gen_ai.usage.reasoning.output_tokens = 2",
            "tracefuse.usage.images = 1",
            "tracefuse.usage.total = 26",
            "gen_ai.usage.input_tokens = 20",
            "gen_ai.usage.output_tokens = 5",
            "tracefuse.cost.input = 0.25",
            "tracefuse.cost.output = 0.5",
            "gen_ai.usage.cost = 0.75",
            r#"gen_ai.prompt.name = "qa""#,
            "tracefuse.prompt.version = 3",
            "gen_ai.response.time_to_first_chunk = 0.25",
            r#"gen_ai.input.messages = "[{\"role\":\"user\"}]""#,
            r#"gen_ai.output.messages = "4""#,
            r#"tags = ["a", "own"]"#,
            r#"tenant = "acme""#,
            r#"route = "/chat""#,
        ]
    );
    assert_eq!((llm.kind, llm.flags), (1, 0x101));
}

#[tokio::test]
async fn events_and_errors_are_span_events() {
    let records = records(|tracer, _| {
        let trace = tracer.trace("root").start();
        let span = trace.tool("search").input("q").start();
        span.event("miss")
            .level(Level::Debug)
            .input("k")
            .metadata("shard", 3)
            .metadata("input", 4)
            .record();
        let mut error = Exception::new("io::Error", "disk on fire");
        error.sources = "no water".into();
        span.record_exception(error);
    });
    let tool = span(&sent(Resource::default(), records).await, "search");
    assert_eq!(
        show(&tool.attributes),
        [
            r#"gen_ai.operation.name = "execute_tool""#,
            r#"openinference.span.kind = "TOOL""#,
            r#"gen_ai.tool.name = "search""#,
            r#"tracefuse.level = "ERROR""#,
            r#"tracefuse.trace.name = "root""#,
            r#"gen_ai.tool.call.arguments = "q""#,
            r#"error.type = "io::Error""#,
        ]
    );
    let [miss, exception] = tool.events.as_slice() else {
        panic!()
    };
    assert_eq!((miss.name.as_str(), miss.time_unix_nano), ("miss", START));
    assert_eq!(
        show(&miss.attributes),
        [
            r#"input = "k""#,
            r#"tracefuse.level = "DEBUG""#,
            "shard = 3",
            "input_ = 4"
        ]
    );
    assert_eq!(exception.name, "exception");
    assert_eq!(
        show(&exception.attributes),
        [
            r#"exception.type = "io::Error""#,
            r#"exception.message = "disk on fire""#,
            r#"exception.stacktrace = "no water""#,
        ]
    );
    let status = tool.status.unwrap();
    assert_eq!(
        (status.code, status.message.as_str()),
        (2, "io::Error: disk on fire")
    );
}

#[tokio::test]
async fn a_users_key_that_is_taken_is_renamed_and_the_nearer_value_stands() {
    let records = records(|tracer, _| {
        let trace = tracer
            .trace("root")
            .user_id("u")
            .metadata("k", "trace's")
            .metadata("other", 1)
            .start();
        trace
            .generation("llm")
            .model("m")
            .model_parameter("model", "hidden")
            .model_parameter("seed", 7)
            .metadata("k", "span's")
            .metadata("user.id", "theirs")
            .metadata("gen_ai.request.seed", 8)
            .metadata("", "no name")
            .metadata("big", u64::MAX)
            .run(|_| {});
    });
    let llm = span(&sent(Resource::default(), records).await, "llm");
    let shown = show(&llm.attributes);
    for line in [
        r#"user.id = "u""#,
        r#"user.id_ = "theirs""#,
        r#"k = "span's""#,
        "other = 1",
        r#"gen_ai.request.model = "m""#,
        "gen_ai.request.seed = 7",
        "gen_ai.request.seed_ = 8",
        r#"_ = "no name""#,
        r#"big = "18446744073709551615""#,
    ] {
        assert!(
            shown.iter().any(|found| found == line),
            "no {line} in {shown:#?}"
        );
    }
}

#[tokio::test]
async fn the_resource_says_who_where_and_which_version() {
    let mut resource = Resource::default();
    resource.service_name = Some("shop".into());
    resource.environment = Some("prod".into());
    resource.version = Some("2".into());
    resource.release = Some("abc".into());
    let request = sent(resource, records(|tracer, _| tracer.trace("x").run(|_| {}))).await;
    let shown = show(
        &request.resource_spans[0]
            .resource
            .as_ref()
            .unwrap()
            .attributes,
    );
    assert_eq!(
        shown
            .iter()
            .filter(|line| !line.starts_with("telemetry."))
            .collect::<Vec<_>>(),
        [
            r#"service.name = "shop""#,
            r#"deployment.environment.name = "prod""#,
            r#"service.version = "2""#,
            r#"tracefuse.release = "abc""#,
        ]
    );
}
