//! Every attribute of every kind of observation, in the order it is written.

use std::sync::Arc;

use serde_json::json;
use tracefuse_core::record::{Record, TraceAttributes};
use tracefuse_core::{Cost, Exception, Level, ObservationType, SpanId, Status, TraceId, Usage};

use crate::support::{
    Recording, START, records, request, resource, sent, show, span_text, spans, wire, without,
};

#[tokio::test]
async fn a_generation_has_every_attribute() {
    let spans = wire(
        resource(|r| {
            r.environment = Some("staging".into());
            r.release = Some("1.2.3".into());
            r.version = Some("v1".into());
        }),
        |recording: &Recording| {
            let trace = recording.tracer.trace("root").start();
            trace.set_name("chat");
            trace.set_user_id("u");
            trace.set_session_id("s");
            trace.set_public(true);
            trace.add_tag("a");
            trace.add_tag("b");
            trace.add_metadata("tenant", json!({ "id": 7 }));
            let span = trace
                .generation("llm")
                .model("gpt-4o")
                .model_parameter("temperature", 0.5)
                .model_parameter("stop", ["a"])
                .prompt("qa", 3)
                .input(json!([{ "role": "user" }]))
                .metadata("route", "/chat")
                .tag("own")
                .start();
            recording.tick();
            span.record_first_token();
            span.set_usage(Usage::openai(20, 5).cached_tokens(8).total(25));
            span.set_cost(
                Cost::new(0.25, 0.5)
                    .bucket("broken", f64::NAN)
                    .bucket("refund", -1.0),
            );
            span.set_output("4");
            span.set_status(Status::Ok);
        },
    )
    .await;
    assert_eq!(
        span_text(&spans, "llm"),
        r#"langfuse.trace.name = "chat"
user.id = "u"
session.id = "s"
langfuse.release = "1.2.3"
langfuse.version = "v1"
langfuse.environment = "staging"
langfuse.trace.tags = ["a", "b"]
langfuse.trace.public = true
langfuse.trace.metadata.tenant = "{\"id\":7}"
langfuse.observation.type = "generation"
langfuse.observation.input = "[{\"role\":\"user\"}]"
langfuse.observation.output = "4"
langfuse.observation.model.name = "gpt-4o"
langfuse.observation.model.parameters = "{\"temperature\":0.5,\"stop\":[\"a\"]}"
langfuse.observation.usage_details = "{\"input\":12,\"input_cached_tokens\":8,\"output\":5,\"total\":25}"
langfuse.observation.cost_details = "{\"input\":0.25,\"output\":0.5,\"refund\":-1.0,\"total\":-0.25}"
langfuse.observation.completion_start_time = "2026-11-23T13:00:00.001000Z"
langfuse.observation.prompt.name = "qa"
langfuse.observation.prompt.version = 3
langfuse.observation.metadata.route = "/chat"
langfuse.observation.metadata.tags = "[\"own\"]"
status 1 ""
"#
    );
}

#[tokio::test]
async fn what_is_not_known_is_left_out() {
    let spans = wire(resource(|_| {}), |recording| {
        recording
            .tracer
            .trace("root")
            .run(|trace| trace.span("bare").run(|_| {}));
    })
    .await;
    assert_eq!(
        span_text(&spans, "bare"),
        "langfuse.trace.name = \"root\"\nlangfuse.observation.type = \"span\"\n"
    );
    assert_eq!(
        span_text(&spans, "root"),
        "langfuse.trace.name = \"root\"\nlangfuse.internal.is_app_root = true\nlangfuse.observation.type = \"span\"\n"
    );
}

#[tokio::test]
async fn the_resource_the_scope_and_the_head_of_a_span_say_who_where_and_when() {
    let (trace_id, parent) = (TraceId::random(), SpanId::random());
    let records = records(|recording| {
        let trace = recording
            .tracer
            .trace("root")
            .remote_parent(trace_id, parent)
            .start();
        trace.span("child").run(|_| recording.tick());
    });
    let server = sent(
        resource(|r| {
            r.service_name = Some("shop".into());
            r.environment = Some("prod".into());
            r.attributes.push((
                "host.name".into(),
                tracefuse_core::record::Value::Str("h1".into()),
            ));
        }),
        records,
    )
    .await;
    let request = request(&server);
    let resource = &request.resource_spans[0];
    assert_eq!(
        without(
            &show(&resource.resource.as_ref().unwrap().attributes),
            &["telemetry.sdk.version"]
        ),
        [
            "service.name = \"shop\"",
            "telemetry.sdk.language = \"rust\"",
            "telemetry.sdk.name = \"tracefuse\"",
            "langfuse.environment = \"prod\"",
            "host.name = \"h1\"",
        ]
    );
    let scope = resource.scope_spans[0].scope.as_ref().unwrap();
    assert_eq!(
        (scope.name.as_str(), scope.version.as_str()),
        ("langfuse-sdk-rust", env!("CARGO_PKG_VERSION"))
    );

    let [child, root] = resource.scope_spans[0].spans.as_slice() else {
        panic!()
    };
    assert_eq!(root.trace_id, trace_id.to_bytes());
    assert_eq!(
        (root.parent_span_id.as_slice(), &child.parent_span_id),
        (parent.to_bytes().as_slice(), &root.span_id)
    );
    assert_eq!(
        (child.start_time_unix_nano, child.end_time_unix_nano),
        (START, START + 1_000_000)
    );
    assert_eq!(
        (child.kind, child.flags),
        (1, 0x101),
        "internal; sampled, its parent is known to be local"
    );
    assert_eq!(root.flags, 0x301, "its parent is known to be remote");
    assert!(
        show(&root.attributes).contains("langfuse.internal.is_app_root = true"),
        "the root of our part"
    );
    let headers = &server.requests()[0].headers;
    let header = |name: &str| headers.get(name).map(String::as_str);
    assert_eq!(server.requests()[0].path, "/api/public/otel/v1/traces");
    assert_eq!(header("content-type"), Some("application/x-protobuf"));
    assert_eq!(header("x-langfuse-ingestion-version"), Some("4"));
    assert_eq!(header("x-langfuse-sdk-name"), Some("rust-tracefuse"));
    assert_eq!(
        header("x-langfuse-sdk-version"),
        Some(env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(header("x-langfuse-public-key"), Some(server.public_key()));
}

#[tokio::test]
async fn every_type_is_named() {
    let spans = wire(resource(|_| {}), |recording| {
        let trace = recording.tracer.trace("root").start();
        for kind in ObservationType::ALL {
            trace.observation(kind.as_str(), kind).run(|_| {});
        }
    })
    .await;
    for kind in ObservationType::ALL {
        let line = format!("langfuse.observation.type = \"{kind}\"");
        assert!(
            span_text(&spans, kind.as_str())
                .lines()
                .any(|found| found == line),
            "{kind}"
        );
    }
}

/// Level, status message and status of a span that `program` made.
#[track_caller]
fn check_level(
    expected: &[&str],
    program: impl FnOnce(&tracefuse_core::Span),
) -> impl Future<Output = ()> {
    let records = records(|recording| {
        let trace = recording.tracer.trace("root").start();
        program(&trace.span("it").start());
    });
    let expected: Vec<String> = expected.iter().map(|&line| line.to_owned()).collect();
    async move {
        let server = sent(resource(|_| {}), records).await;
        let text = span_text(&spans(&request(&server)), "it");
        let common = [
            "langfuse.trace.name",
            "langfuse.observation.type",
            "langfuse.observation.metadata.",
        ];
        assert_eq!(without(&text, &common), expected);
    }
}

#[tokio::test]
async fn level_and_status_never_contradict_each_other() {
    check_level(&[], |_| {}).await;
    check_level(&[], |span| span.set_level(Level::Default)).await;
    check_level(&["langfuse.observation.level = \"WARNING\""], |span| {
        span.set_level(Level::Warning)
    })
    .await;
    check_level(
        &["langfuse.observation.level = \"DEBUG\"", "status 1 \"\""],
        |span| {
            span.set_level(Level::Debug);
            span.set_status(Status::Ok);
        },
    )
    .await;
    let failed = [
        "langfuse.observation.level = \"ERROR\"",
        "langfuse.observation.status_message = \"no luck\"",
        "status 2 \"no luck\"",
    ];
    check_level(&failed, |span| span.set_status(Status::error("no\nluck"))).await;
    check_level(&failed, |span| {
        span.set_status(Status::error("no luck"));
        span.set_level(Level::Default);
    })
    .await;
    check_level(
        &["langfuse.observation.status_message = \"slow\""],
        |span| span.set_status_message("slow"),
    )
    .await;
}

#[tokio::test]
async fn one_error_is_shown_by_its_span() {
    let spans = wire(resource(|_| {}), |recording| {
        let trace = recording.tracer.trace("root").start();
        let span = trace.tool("it").start();
        let mut error = Exception::new("io::Error", "disk\non fire");
        error.sources = "no water".into();
        error.stacktrace = Some("at main\n  at start".into());
        span.record_exception(error);
    })
    .await;
    assert_eq!(spans.len(), 2);
    assert_eq!(
        without(&span_text(&spans, "it"), &["langfuse.trace"]),
        [
            r#"langfuse.observation.type = "tool""#,
            r#"langfuse.observation.level = "ERROR""#,
            r#"langfuse.observation.status_message = "io::Error: disk on fire""#,
            r#"langfuse.observation.metadata.exception.type = "io::Error""#,
            r#"langfuse.observation.metadata.exception.message = "disk\non fire""#,
            r#"langfuse.observation.metadata.exception.sources = "no water""#,
            r#"langfuse.observation.metadata.exception.stacktrace = "at main\n  at start""#,
            r#"status 2 "io::Error: disk on fire""#,
        ]
    );
    let [event] = spans[0].events.as_slice() else {
        panic!()
    };
    assert_eq!(
        (event.name.as_str(), event.time_unix_nano),
        ("exception", START)
    );
    assert_eq!(
        show(&event.attributes),
        "exception.type = \"io::Error\"\nexception.message = \"disk\\non fire\"\nexception.stacktrace = \"at main\\n  at start\"\n"
    );
}

#[tokio::test]
async fn an_error_that_is_returned_is_no_observation_of_its_own() {
    let spans = wire(resource(|_| {}), |recording| {
        let result = recording.tracer.trace("root").try_run(|trace| {
            let inner = trace.span("inner").try_run(|inner| {
                inner.record_error("timeout");
                Err::<(), _>("timeout")
            });
            trace.record_error(&inner.unwrap_err());
            Err::<(), _>("timeout")
        });
        result.unwrap_err();
    })
    .await;
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["inner", "root"]);
    for span in &spans {
        assert_eq!(span.events.len(), 2, "other backends see each recording");
    }
}

#[tokio::test]
async fn several_errors_are_observations_of_their_own_and_the_first_names_the_span() {
    let spans = wire(resource(|_| {}), |recording| {
        let trace = recording.tracer.trace("root").user_id("u").start();
        let span = trace.span("it").start();
        span.record_error("first");
        recording.tick();
        span.record_error("second");
    })
    .await;
    let it = spans.iter().find(|span| span.name == "it").unwrap();
    assert!(span_text(&spans, "it").contains("status 2 \"error: first\""));
    let children: Vec<_> = spans
        .iter()
        .filter(|span| span.parent_span_id == it.span_id)
        .collect();
    let [first, second] = children.as_slice() else {
        panic!()
    };
    for (child, message, time) in [
        (first, "first", START),
        (second, "second", START + 1_000_000),
    ] {
        assert_eq!(
            (child.start_time_unix_nano, child.end_time_unix_nano),
            (time, time)
        );
        assert_eq!(child.trace_id, it.trace_id);
        assert_eq!(
            show(&child.attributes),
            format!(
                "langfuse.trace.name = \"root\"\nuser.id = \"u\"\nlangfuse.observation.type = \"event\"\n\
                 langfuse.observation.level = \"ERROR\"\nlangfuse.observation.status_message = \"error: {message}\"\n\
                 langfuse.observation.metadata.exception.type = \"error\"\n\
                 langfuse.observation.metadata.exception.message = \"{message}\"\n"
            )
        );
        assert_eq!(child.status.as_ref().unwrap().code, 2);
    }
    assert_eq!(it.events.len(), 2);
}

#[tokio::test]
async fn an_event_is_a_child_without_length_and_keeps_its_id_when_it_is_sent_again() {
    let records = records(|recording| {
        let trace = recording.tracer.trace("root").session_id("s").start();
        recording.tick();
        trace
            .event("miss")
            .level(Level::Debug)
            .input(json!({ "key": "k" }))
            .output("none")
            .metadata("shard", 3)
            .record();
        recording.tick();
        trace.record_event("plain");
    });
    let ids = |spans: &[opentelemetry_proto::tonic::trace::v1::Span]| {
        spans
            .iter()
            .map(|span| span.span_id.clone())
            .collect::<Vec<_>>()
    };
    let first = spans(&request(&sent(resource(|_| {}), records.clone()).await));
    assert_eq!(
        span_text(&first, "miss"),
        r#"langfuse.trace.name = "root"
session.id = "s"
langfuse.observation.type = "event"
langfuse.observation.level = "DEBUG"
langfuse.observation.input = "{\"key\":\"k\"}"
langfuse.observation.output = "none"
langfuse.observation.metadata.shard = 3
"#
    );
    assert_eq!(
        without(
            &span_text(&first, "plain"),
            &["langfuse.trace.name", "session.id"]
        ),
        ["langfuse.observation.type = \"event\""]
    );
    let [root, miss, plain] = first.as_slice() else {
        panic!()
    };
    for (event, time) in [(miss, START + 1_000_000), (plain, START + 2_000_000)] {
        assert_eq!(event.parent_span_id, root.span_id);
        assert_eq!(
            (event.start_time_unix_nano, event.end_time_unix_nano),
            (time, time)
        );
    }
    let again = spans(&request(&sent(resource(|_| {}), records).await));
    assert_eq!(ids(&again), ids(&first));
}

#[tokio::test]
async fn the_total_cost_is_the_sum_unless_it_is_given() {
    for (cost, expected) in [
        (
            Cost::new(0.001, 0.002).bucket("cache_read", 0.5),
            r#"{"input":0.001,"output":0.002,"cache_read":0.5,"total":0.503}"#,
        ),
        (
            Cost::default().bucket("search", 0.2),
            r#"{"search":0.2,"total":0.2}"#,
        ),
        (
            Cost::new(0.1, 0.2),
            r#"{"input":0.1,"output":0.2,"total":0.3}"#,
        ),
        (
            Cost::new(0.1, 0.2).bucket("total", 0.5),
            r#"{"input":0.1,"output":0.2,"total":0.5}"#,
        ),
        (Cost::total(0.25), r#"{"total":0.25}"#),
    ] {
        let spans = wire(resource(|_| {}), |recording| {
            let trace = recording.tracer.trace("t").start();
            trace.generation("it").start().set_cost(cost.clone());
        })
        .await;
        let line = format!("langfuse.observation.cost_details = {expected:?}");
        let text = span_text(&spans, "it");
        assert!(text.contains(&line), "{line} in {text}");
    }
}

#[tokio::test]
async fn a_prompt_that_would_not_be_linked_is_metadata() {
    let spans = wire(resource(|_| {}), |recording| {
        let trace = recording.tracer.trace("t").start();
        trace.generation("linked").prompt("qa", 32_767).run(|_| {});
        trace.generation("zero").prompt("qa", 0).run(|_| {});
        trace.generation("large").prompt("qa", 32_768).run(|_| {});
        trace.span("span").prompt("qa", 1).run(|_| {});
    })
    .await;
    for (name, version, links) in [
        ("linked", 32_767, true),
        ("zero", 0, false),
        ("large", 32_768, false),
        ("span", 1, false),
    ] {
        let place = if links { "prompt" } else { "metadata.prompt" };
        let text = span_text(&spans, name);
        let lines = format!(
            "langfuse.observation.{place}.name = \"qa\"\nlangfuse.observation.{place}.version = {version}\n"
        );
        assert!(text.contains(&lines), "{lines} in {text}");
        assert_eq!(text.matches("prompt.name").count(), 1);
    }
}

#[tokio::test]
async fn an_environment_of_a_trace_follows_the_tracers_rule() {
    let environments = resource(|resource| resource.environment = Some("staging".into()));
    let mut records = records(|recording| {
        for name in ["kept", "refused"] {
            recording.tracer.trace(name).run(|_| {});
        }
    });
    for (record, environment) in records.iter_mut().zip(["Production", "Prod.EU"]) {
        let Record::Span(span) = record else { continue };
        let mut trace = TraceAttributes::clone(span.trace());
        trace.environment = Some(environment.into());
        span.set_trace(Arc::new(trace));
    }
    let spans = spans(&request(&sent(environments, records).await));
    for (name, environment) in [("kept", "production"), ("refused", "staging")] {
        let line = format!("langfuse.environment = {environment:?}");
        assert!(span_text(&spans, name).contains(&line), "{name}");
    }
}
