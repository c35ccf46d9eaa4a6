//! What fields become, given at once or later.

use tracefuse_core::record::SpanRecord;
use tracefuse_core::{Level, ObservationType};
use tracing::field::Empty;
use tracing::info_span;

use crate::support::recorded;

fn of(f: impl FnOnce()) -> SpanRecord {
    recorded(|layer| layer, |_| f()).only()
}

fn metadata(span: &SpanRecord) -> Vec<(&str, String)> {
    span.metadata()
        .map(|(key, value)| (key, value.to_string()))
        .collect()
}

#[test]
fn a_model_call_becomes_a_generation_with_all_it_says() {
    let span = of(|| {
        let span = info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = "gpt-4o",
            gen_ai.request.temperature = 0.5,
            gen_ai.request.max_tokens = 100,
            gen_ai.response.model = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.cache_read.input_tokens = Empty,
            gen_ai.usage.reasoning_tokens = Empty,
            gen_ai.system_instructions = "be brief",
            gen_ai.input.messages = r#"[{"role":"user","content":"hi"}]"#,
            gen_ai.output.messages = Empty,
            question = 42,
        );
        span.record("gen_ai.response.model", "gpt-4o-2024-08-06");
        span.record("gen_ai.usage.input_tokens", 100_u64);
        span.record("gen_ai.usage.output_tokens", 30_u64);
        span.record("gen_ai.usage.cache_read.input_tokens", 60_u64);
        span.record("gen_ai.usage.reasoning_tokens", 10_u64);
        span.record("gen_ai.output.messages", "hello");
    });
    assert_eq!(span.observation_type(), ObservationType::Generation);
    assert_eq!(span.name(), "chat gpt-4o");
    assert_eq!(span.model(), Some("gpt-4o-2024-08-06"));
    let parameters: Vec<_> = span
        .model_parameters()
        .map(|(name, value)| (name, value.to_string()))
        .collect();
    assert_eq!(
        parameters,
        [
            ("temperature", "0.5".to_owned()),
            ("max_tokens", "100".to_owned())
        ]
    );
    assert_eq!(
        span.usage().collect::<Vec<_>>(),
        [
            ("input", 40),
            ("input_cached_tokens", 60),
            // This model has no price for reasoning.
            ("output", 30),
        ]
    );
    assert_eq!(
        span.input().unwrap().to_string(),
        r#"[{"role":"system","content":"be brief"},{"role":"user","content":"hi"}]"#
    );
    assert_eq!(span.output().unwrap().to_string(), "hello");
    assert_eq!(
        metadata(&span),
        [
            ("gen_ai.provider.name", "openai".to_owned()),
            ("question", "42".to_owned()),
            ("gen_ai.request.model", "gpt-4o".to_owned()),
            ("gen_ai.usage.reasoning.output_tokens", "10".to_owned()),
        ]
    );
}

#[test]
fn the_kind_is_what_the_surest_field_says_in_any_order() {
    let cases = [
        (
            of(|| {
                info_span!(
                    "s",
                    gen_ai.agent.name = "a",
                    gen_ai.request.model = "m",
                    gen_ai.operation.name = "embeddings"
                );
            }),
            ObservationType::Embedding,
        ),
        (
            of(|| {
                info_span!("s", gen_ai.tool.name = "t", gen_ai.agent.name = "a");
            }),
            ObservationType::Tool,
        ),
        (
            of(|| {
                info_span!("s", gen_ai.agent.name = "a");
            }),
            ObservationType::Agent,
        ),
        (
            of(|| {
                info_span!("s", gen_ai.response.id = "x");
            }),
            ObservationType::Span,
        ),
        (
            of(|| {
                info_span!(
                    "s",
                    langfuse.observation.r#type = "retriever",
                    gen_ai.operation.name = "chat"
                );
            }),
            ObservationType::Retriever,
        ),
    ];
    for (span, kind) in cases {
        assert_eq!(span.observation_type(), kind);
    }
}

#[test]
fn the_better_of_two_inputs_wins_in_any_order() {
    let span = of(|| {
        info_span!(
            "s",
            gen_ai.input.messages = "messages",
            gen_ai.prompt = "prompt",
            gen_ai.completion = "completion",
            langfuse.observation.output = "mine",
        );
    });
    assert_eq!(span.input().unwrap().to_string(), "messages");
    assert_eq!(span.output().unwrap().to_string(), "mine");
}

#[test]
fn tokens_are_counted_where_they_were_used_and_not_again_above() {
    let kept = recorded(
        |layer| layer,
        |_| {
            let agent = info_span!(
                "agent",
                gen_ai.operation.name = "invoke_agent",
                gen_ai.usage.input_tokens = 30
            );
            agent.in_scope(|| {
                info_span!("between", gen_ai.tool.name = "t").in_scope(|| {
                    info_span!(
                        "model",
                        gen_ai.operation.name = "chat",
                        gen_ai.usage.input_tokens = 30
                    );
                });
            });
            info_span!(
                "alone",
                gen_ai.operation.name = "invoke_agent",
                gen_ai.usage.input_tokens = 7
            );
        },
    );
    assert_eq!(kept.named("agent").usage().count(), 0);
    assert!(
        metadata(&kept.named("agent")).contains(&("gen_ai.usage.input_tokens", "30".to_owned()))
    );
    for (name, tokens) in [("model", 30), ("alone", 7)] {
        assert_eq!(
            kept.named(name).usage().next(),
            Some(("input", tokens)),
            "{name}"
        );
    }
}

#[test]
fn what_is_said_to_langfuse_reaches_the_trace_and_the_observation() {
    let kept = recorded(
        |layer| layer,
        |tracer| {
            tracer.trace("mine").run(|_| {
                info_span!(
                    "call",
                    langfuse.user.id = "u1",
                    langfuse.session.id = %"s1",
                    langfuse.trace.name = "better",
                    langfuse.trace.tags = ?["a", "b"],
                    langfuse.trace.metadata.tier = 3,
                    langfuse.trace.public = true,
                    langfuse.environment = "staging",
                    langfuse.release = "r1",
                    langfuse.version = "v1",
                    langfuse.observation.model.name = "m",
                    langfuse.observation.model.parameters = r#"{"top_p":0.5}"#,
                    langfuse.observation.usage_details = r#"{"input":3,"output":4}"#,
                    langfuse.observation.cost_details = r#"{"total":0.5}"#,
                    langfuse.observation.level = "WARNING",
                    langfuse.observation.status_message = "slow",
                    langfuse.observation.prompt.name = "p",
                    langfuse.observation.prompt.version = 2,
                    langfuse.observation.metadata.k = true,
                );
            });
        },
    );
    let call = kept.named("call");
    assert_eq!(call.observation_type(), ObservationType::Generation);
    assert_eq!(call.model(), Some("m"));
    assert_eq!(call.level(), Some(Level::Warning));
    assert_eq!(call.status_message(), Some("slow"));
    assert_eq!(
        call.usage().collect::<Vec<_>>(),
        [("input", 3), ("output", 4)]
    );
    assert_eq!(call.cost().collect::<Vec<_>>(), [("total", 0.5)]);
    assert_eq!(call.model_parameters().count(), 1);
    let prompt = call.prompt().unwrap();
    assert_eq!((prompt.name, prompt.version), ("p", 2));
    assert_eq!(metadata(&call), [("k", "true".to_owned())]);
    let mine = kept.named("mine");
    let trace = mine.trace();
    assert_eq!(trace.name, "better");
    assert_eq!(trace.user_id.as_deref(), Some("u1"));
    assert_eq!(trace.session_id.as_deref(), Some("s1"));
    assert_eq!(trace.tags, ["a", "b"]);
    assert_eq!(trace.metadata.len(), 1);
    assert!(trace.public);
    assert_eq!(trace.environment.as_deref(), Some("staging"));
    assert_eq!(trace.release.as_deref(), Some("r1"));
    assert_eq!(trace.version.as_deref(), Some("v1"));
}

#[test]
fn a_prompt_without_a_version_makes_no_link() {
    let span = of(|| {
        info_span!(
            "s",
            gen_ai.request.model = "m",
            langfuse.observation.prompt.name = "qa"
        );
    });
    assert!(span.prompt().is_none());
    assert_eq!(
        metadata(&span),
        [("gen_ai.prompt.name", "qa".to_owned())],
        "the name is kept"
    );
    let span = of(|| {
        info_span!(
            "s",
            gen_ai.request.model = "m",
            gen_ai.prompt.name = "qa",
            gen_ai.prompt.version = "main"
        );
    });
    assert!(span.prompt().is_none());
}

#[test]
fn names_and_statuses_of_opentelemetry_are_understood() {
    let span = of(|| {
        info_span!(
            "s",
            gen_ai.prompt = "x",
            otel.name = "GET /chat",
            otel.kind = "client",
            otel.status_code = "ERROR",
            otel.status_message = "it broke"
        );
    });
    assert_eq!(span.name(), "GET /chat");
    assert_eq!(span.level(), Some(Level::Error));
    assert_eq!(span.status_message(), Some("it broke"));
    assert_eq!(span.metadata().count(), 0);
}

#[test]
fn a_value_that_logs_while_it_is_formatted_does_no_harm() {
    struct Talkative;
    impl std::fmt::Debug for Talkative {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            tracing::warn!("formatting");
            info_span!("inner", gen_ai.prompt = "p").in_scope(|| f.write_str("talkative"))
        }
    }
    let kept = recorded(
        |layer| layer,
        |_| {
            let span = info_span!("outer", gen_ai.prompt = ?Talkative, late = Empty);
            span.in_scope(|| span.record("late", tracing::field::debug(Talkative)));
        },
    );
    let outer = kept.named("outer");
    assert_eq!(outer.input().unwrap().to_string(), "talkative");
    assert_eq!(metadata(&outer), [("late", "talkative".to_owned())]);
}

#[test]
fn tools_are_beside_the_messages() {
    let tools = r#"[{"type":"function","name":"add"}]"#;
    let span = of(|| {
        info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.tool.definitions = tools,
            gen_ai.system_instructions = "be brief",
            gen_ai.input.messages = r#"[{"role":"user","content":"hi"}]"#,
        );
    });
    let messages = r#"[{"role":"system","content":"be brief"},{"role":"user","content":"hi"}]"#;
    assert_eq!(
        span.input().unwrap().to_string(),
        format!(r#"{{"messages":{messages},"tools":{tools}}}"#)
    );
    assert_eq!(span.metadata().count(), 0);
    // Without messages they are metadata.
    let span = of(|| {
        info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.prompt = "hi",
            gen_ai.tool.definitions = tools
        );
    });
    assert_eq!(span.input().unwrap().to_string(), "hi");
    assert_eq!(
        metadata(&span),
        [("gen_ai.tool.definitions", tools.to_owned())]
    );
}
