//! Every attribute of the generic exporter, as any OpenTelemetry backend receives it.

use std::time::Duration;

use serde_json::json;
use tracefuse_core::record::Resource;
use tracefuse_core::{Cost, Exception, Level, Link, SpanId, Trace, TraceId, Usage};
use tracefuse_otlp::{Conventions, OtlpConfig};

use crate::support::{START, attributes_of, records, sent, sent_with, show, span};

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
            r#"gen_ai.provider.name = "openai""#,
            r#"tracefuse.level = "WARNING""#,
            r#"tracefuse.trace.name = "root""#,
            r#"user.id = "u""#,
            r#"session.id = "s""#,
            r#"gen_ai.conversation.id = "s""#,
            r#"gen_ai.request.model = "gpt-4o""#,
            "gen_ai.request.temperature = 0.5",
            "gen_ai.request.stream = true",
            "gen_ai.usage.input_tokens = 20",
            "gen_ai.usage.cache_read.input_tokens = 8",
            "gen_ai.usage.output_tokens = 5",
            "gen_ai.usage.reasoning.output_tokens = 2",
            "tracefuse.usage.images = 1",
            "tracefuse.usage.total = 26",
            "tracefuse.cost.input = 0.25",
            "tracefuse.cost.output = 0.5",
            "gen_ai.usage.cost = 0.75",
            r#"gen_ai.prompt.name = "qa""#,
            r#"gen_ai.prompt.version = "3""#,
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
async fn the_requested_and_the_answering_model_differ() {
    let shown = attributes_of(
        |config| config,
        |trace| {
            let span = trace.generation("it").model("gpt-4o").start();
            span.record_openai(&json!({
                "model": "gpt-4o-2024-08-06",
                "choices": [
                    { "message": { "role": "assistant", "content": "a" }, "finish_reason": "stop" },
                    { "message": { "role": "assistant", "content": "b" }, "finish_reason": "length" },
                ],
            }));
            span.set_output("a");
        },
    )
    .await;
    assert_eq!(
        shown,
        [
            r#"gen_ai.operation.name = "chat""#,
            r#"gen_ai.provider.name = "openai""#,
            r#"gen_ai.request.model = "gpt-4o""#,
            r#"gen_ai.response.model = "gpt-4o-2024-08-06""#,
            r#"gen_ai.response.finish_reasons = ["stop", "length"]"#,
            r#"gen_ai.output.messages = "a""#,
        ]
    );
}

#[tokio::test]
async fn a_stream_is_named_as_it_was_asked_for() {
    for (program, written) in [
        (
            // Nothing was said, and it came in pieces.
            (|trace| trace.generation("it").run(|span| span.record_first_token())) as fn(&Trace),
            Some("true"),
        ),
        (|trace| trace.generation("it").run(|_| {}), None),
        (
            |trace| {
                let span = trace.generation("it").model_parameter("stream", true);
                span.run(|span| span.record_first_token());
            },
            Some("true"),
        ),
        (
            // Such as a proxy that asks for the whole answer and passes it on in pieces.
            |trace| {
                let span = trace.generation("it").model_parameter("stream", false);
                span.run(|span| span.record_first_token());
            },
            Some("false"),
        ),
    ] {
        let shown = attributes_of(|config| config, program).await;
        let mut streams = shown.iter().filter(|line| line.contains("stream"));
        let expected = written.map(|value| format!("gen_ai.request.stream = {value}"));
        assert_eq!(streams.next().cloned(), expected, "{shown:#?}");
        assert_eq!(streams.next(), None);
    }
}

#[tokio::test]
async fn a_provider_is_always_named() {
    for (program, provider) in [
        (
            (|trace| trace.generation("it").model("llama").run(|_| {})) as fn(&Trace),
            Some("_OTHER"),
        ),
        (
            |trace| trace.embedding("it").model("embed-v4").run(|_| {}),
            Some("cohere"),
        ),
        (
            |trace| {
                let span = trace.generation("it").start();
                span.record_anthropic(&json!({ "model": "asked", "content": [] }));
            },
            Some("anthropic"),
        ),
        (
            |trace| {
                let span = trace.generation("it").start();
                span.record_openai(&json!({ "model": "deepseek-chat" }));
            },
            Some("deepseek"),
        ),
        (
            |trace| {
                let span = trace.generation("it").model("gpt-4o");
                span.metadata("gen_ai.provider.name", "azure.ai.openai")
                    .run(|_| {});
            },
            Some("azure.ai.openai"),
        ),
        (
            |trace| {
                let span = trace.generation("it").model("gemini-2.5-pro");
                span.metadata("gen_ai.system", "vertex_ai").run(|_| {});
            },
            Some("gcp.vertex_ai"),
        ),
        (|trace| trace.span("it").run(|_| {}), None),
    ] {
        let shown = attributes_of(|config| config, program).await;
        let mut named = shown
            .iter()
            .filter(|line| line.starts_with("gen_ai.provider.name"));
        let expected = provider.map(|name| format!("gen_ai.provider.name = {name:?}"));
        assert_eq!(named.next().cloned(), expected, "{shown:#?}");
        assert_eq!(named.next(), None);
    }
}

#[tokio::test]
async fn counts_have_the_names_of_the_conventions_and_their_totals() {
    let program: fn(&Trace) = |trace| {
        let usage = Usage::default()
            .bucket("input", 5)
            .bucket("input_cache_creation_5m", 20)
            .bucket("input_cache_creation_1h", 30)
            .bucket("cache_read_input_tokens", 40)
            .bucket("input_cached_audio_tokens", 100)
            .bucket("input_audio_tokens", 200)
            .bucket("output_text_tokens", 7)
            .bucket("output_audio_tokens", 8);
        trace.generation("it").start().set_usage(usage);
    };
    let usage = |shown: Vec<String>| -> Vec<String> {
        let is_usage = |line: &String| line.contains(".usage.");
        shown.into_iter().filter(is_usage).collect()
    };
    let new = usage(attributes_of(|config| config, program).await);
    assert_eq!(
        new,
        [
            "gen_ai.usage.input_tokens = 395",
            "gen_ai.usage.cache_write.input_tokens = 50",
            "gen_ai.usage.cache_read.input_tokens = 140",
            "gen_ai.usage.audio.input_tokens = 300",
            "gen_ai.usage.audio.cache_read.input_tokens = 100",
            "gen_ai.usage.output_tokens = 15",
            "gen_ai.usage.text.output_tokens = 7",
            "gen_ai.usage.audio.output_tokens = 8",
            "tracefuse.usage.input_cache_creation_5m = 20",
            "tracefuse.usage.input_cache_creation_1h = 30",
        ]
    );
    let both = |config: OtlpConfig| config.conventions(Conventions::GenAiWithOlder);
    let both = usage(attributes_of(both, program).await);
    let older: Vec<_> = both.iter().filter(|line| !new.contains(line)).collect();
    assert_eq!(
        older,
        [
            "gen_ai.usage.prompt_tokens = 395",
            "gen_ai.usage.cache_creation.input_tokens = 50",
            "gen_ai.usage.completion_tokens = 15",
        ]
    );
    assert!(new.iter().all(|line| both.contains(line)));
}

#[tokio::test]
async fn agents_workflows_and_retrieval_have_names_of_the_conventions() {
    let plain = |config: OtlpConfig| config;
    let agent = attributes_of(plain, |trace| trace.agent("it").run(|_| {})).await;
    assert_eq!(
        agent,
        [
            r#"gen_ai.operation.name = "invoke_agent""#,
            r#"gen_ai.agent.name = "it""#
        ]
    );
    let both = |config: OtlpConfig| config.conventions(Conventions::GenAiWithOlder);
    let chain = attributes_of(both, |trace| trace.chain("it").run(|_| {})).await;
    assert_eq!(
        chain,
        [
            r#"gen_ai.operation.name = "invoke_workflow""#,
            r#"gen_ai.agent.name = "it""#,
            r#"gen_ai.workflow.name = "it""#,
        ]
    );
    let retrieval = attributes_of(plain, |trace| {
        let span = trace.retriever("it").model_parameter("top_k", 5).input("q");
        span.run(|span| span.set_output(json!([{ "id": "1", "score": 0.5 }])));
    })
    .await;
    assert_eq!(
        retrieval,
        [
            r#"gen_ai.operation.name = "retrieval""#,
            "gen_ai.retrieval.top_k = 5",
            r#"gen_ai.retrieval.query.text = "q""#,
            r#"gen_ai.retrieval.documents = "[{\"id\":\"1\",\"score\":0.5}]""#,
            r#"input.value = "q""#,
            r#"output.value = "[{\"id\":\"1\",\"score\":0.5}]""#,
        ]
    );
}

#[tokio::test]
async fn what_a_framework_said_in_the_conventions_is_not_said_twice() {
    let shown = attributes_of(
        |config| config,
        |trace| {
            let span = trace.generation("it").model("gpt-4o-2024-08-06");
            span.metadata("gen_ai.request.model", "gpt-4o")
                .metadata("gen_ai.response.finish_reasons", r#"["stop"]"#)
                .metadata("gen_ai.operation.name", "text_completion")
                .run(|_| {});
        },
    )
    .await;
    assert_eq!(
        shown,
        [
            r#"gen_ai.provider.name = "openai""#,
            r#"gen_ai.request.model = "gpt-4o""#,
            r#"gen_ai.response.model = "gpt-4o-2024-08-06""#,
            r#"gen_ai.response.finish_reasons = ["stop"]"#,
            r#"gen_ai.operation.name = "text_completion""#,
        ]
    );
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
async fn a_users_key_that_is_taken_is_renamed_and_the_nearer_value_wins() {
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
    // A value of the user replaces ours.
    for key in ["telemetry.sdk.name", "team"] {
        let value = tracefuse_core::record::Value::Str("mine".into());
        resource.attributes.push((key.into(), value));
    }
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
            .filter(|line| !line.starts_with("telemetry.sdk.version"))
            .collect::<Vec<_>>(),
        [
            r#"service.name = "shop""#,
            r#"telemetry.sdk.language = "rust""#,
            r#"deployment.environment.name = "prod""#,
            r#"service.version = "2""#,
            r#"tracefuse.release = "abc""#,
            r#"telemetry.sdk.name = "mine""#,
            r#"team = "mine""#,
        ]
    );
}

#[tokio::test]
async fn links_are_span_links_with_attributes_and_flags() {
    let (trace_id, span_id) = (TraceId::random(), SpanId::random());
    let records = records(|tracer, _| {
        let first = tracer.trace("first").start();
        let link = Link::new(trace_id, span_id)
            .metadata("why", "retry")
            .metadata("", 2);
        let second = tracer.trace("second").link(link).link(&first).start();
        second.record_event("between");
        second.set_level(Level::Error);
    });
    for conventions in [Conventions::GenAi, Conventions::OpenInference] {
        let config = |config: OtlpConfig| config.conventions(conventions);
        let request = sent_with(config, Resource::default(), records.clone()).await;
        let (first, second) = (span(&request, "first"), span(&request, "second"));
        let [by_ids, by_handle] = &second.links[..] else {
            panic!("expected two links, found {:?}", second.links);
        };
        assert_eq!(by_ids.trace_id, trace_id.to_bytes());
        assert_eq!(by_ids.span_id, span_id.to_bytes());
        assert_eq!(show(&by_ids.attributes), [r#"why = "retry""#, "_ = 2"]);
        assert_eq!(by_ids.flags, 0);
        assert_eq!(by_handle.trace_id, first.trace_id);
        assert_eq!(by_handle.span_id, first.span_id);
        assert_eq!(by_handle.flags, 0x101);
        assert!(first.links.is_empty());
    }
}
