//! The names of other conventions: Traceloop's, OpenInference's, those of GenAI 0.1.0.

use serde_json::{Value, json};
use tracefuse_core::ObservationType;

use crate::support::metadata;
use crate::usage::of;

#[test]
fn a_prompt_without_a_version_makes_no_link() {
    for (name, version) in [
        (
            "langfuse.observation.prompt.name",
            "langfuse.observation.prompt.version",
        ),
        ("gen_ai.prompt.name", "gen_ai.prompt.version"),
        ("traceloop.prompt.key", "traceloop.prompt.version"),
    ] {
        let alone = of(&json!({ "gen_ai.request.model": "m", name: "qa" }));
        assert!(alone.prompt().is_none(), "{name}");
        assert_eq!(
            metadata(&alone, "gen_ai.prompt.name").as_deref(),
            Some("qa")
        );
        for stated in [json!(3), json!("3")] {
            let linked = of(&json!({ "gen_ai.request.model": "m", name: "qa", version: stated }));
            let prompt = linked
                .prompt()
                .map(|prompt| (prompt.name.to_owned(), prompt.version));
            assert_eq!(prompt, Some(("qa".to_owned(), 3)), "{version}");
        }
        let unclear = of(&json!({ "gen_ai.request.model": "m", name: "qa", version: "main" }));
        assert!(unclear.prompt().is_none(), "{version}");
    }
}

#[test]
fn a_prompt_of_vercels_sdk_needs_a_version_too() {
    for (stated, link) in [
        (r#"{"name":"qa"}"#, None),
        (r#"{"name":"qa","version":null}"#, None),
        (r#"{"name":"qa","version":3}"#, Some(("qa".to_owned(), 3))),
    ] {
        let span = of(&json!({
            "ai.operationId": "ai.streamText.doStream",
            "ai.model.id": "gpt-5",
            "ai.telemetry.metadata.langfusePrompt": stated,
        }));
        let prompt = span
            .prompt()
            .map(|prompt| (prompt.name.to_owned(), prompt.version));
        assert_eq!(prompt, link, "{stated}");
    }
}

#[test]
fn names_of_traceloop_make_a_generation_with_messages() {
    let span = of(&json!({
        "gen_ai.system": "OpenAI",
        "gen_ai.request.model": "gpt-4o",
        "llm.request.type": "chat",
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "be brief",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": "hi",
        "gen_ai.completion.0.role": "assistant",
        "gen_ai.completion.0.content": "hello",
        "gen_ai.completion.0.finish_reason": "stop",
        "gen_ai.completion.0.tool_calls.0.name": "add",
        "gen_ai.usage.prompt_tokens": 20,
        "gen_ai.usage.completion_tokens": 7,
        "llm.usage.total_tokens": 27,
        "gen_ai.usage.cache_read_input_tokens": 8,
        "llm.temperature": 0.5,
    }));
    assert_eq!(span.observation_type(), ObservationType::Generation);
    let json = |text: String| -> Value { serde_json::from_str(&text).unwrap() };
    assert_eq!(
        json(span.input().unwrap().to_string()),
        json!([{ "role": "system", "content": "be brief" }, { "role": "user", "content": "hi" }])
    );
    assert_eq!(
        json(span.output().unwrap().to_string()),
        json!([{
            "role": "assistant", "content": "hello", "finish_reason": "stop", "tool_calls": [{ "name": "add" }],
        }])
    );
    assert_eq!(
        span.usage().collect::<Vec<_>>(),
        [
            ("input", 12),
            ("input_cached_tokens", 8),
            ("output", 7),
            ("total", 27)
        ]
    );
    let parameters: Vec<_> = span.model_parameters().map(|(name, _)| name).collect();
    assert_eq!(parameters, ["temperature"]);
    let alone = of(&json!({ "gen_ai.prompt.0.content": "hi" }));
    assert_eq!(alone.observation_type(), ObservationType::Generation);
}

#[test]
fn kinds_of_traceloop_and_openinference_are_observation_types() {
    for (attributes, kind) in [
        (
            json!({ "traceloop.span.kind": "workflow" }),
            ObservationType::Chain,
        ),
        (
            json!({ "traceloop.span.kind": "agent" }),
            ObservationType::Agent,
        ),
        (
            json!({ "traceloop.span.kind": "tool" }),
            ObservationType::Tool,
        ),
        (
            json!({ "traceloop.span.kind": "task" }),
            ObservationType::Span,
        ),
        (
            json!({ "openinference.span.kind": "LLM" }),
            ObservationType::Generation,
        ),
        (
            json!({ "openinference.span.kind": "EMBEDDING" }),
            ObservationType::Embedding,
        ),
        (
            json!({ "openinference.span.kind": "RERANKER" }),
            ObservationType::Retriever,
        ),
        (
            json!({ "openinference.span.kind": "GUARDRAIL" }),
            ObservationType::Guardrail,
        ),
        (
            json!({ "llm.token_count.prompt": 5 }),
            ObservationType::Generation,
        ),
        (
            json!({ "openinference.span.kind": "AGENT", "llm.token_count.prompt": 5 }),
            ObservationType::Agent,
        ),
        (
            json!({ "gen_ai.operation.name": "plan" }),
            ObservationType::Agent,
        ),
        (
            json!({ "gen_ai.operation.name": "invoke_workflow", "gen_ai.agent.name": "a" }),
            ObservationType::Chain,
        ),
        (
            json!({ "gen_ai.operation.name": "search_memory" }),
            ObservationType::Retriever,
        ),
        (
            json!({ "gen_ai.operation.name": "create_memory" }),
            ObservationType::Tool,
        ),
    ] {
        assert_eq!(of(&attributes).observation_type(), kind, "{attributes}");
    }
}

#[test]
fn a_call_that_failed_has_the_model_that_was_asked_for() {
    let parameters = r#"{"model":"gpt-4o","temperature":0.5}"#;
    let asked =
        json!({ "openinference.span.kind": "LLM", "llm.invocation_parameters": parameters });
    assert_eq!(of(&asked).model(), Some("gpt-4o"));
    let mut answered = asked;
    answered["llm.model_name"] = json!("gpt-4o-2024-08-06");
    assert_eq!(of(&answered).model(), Some("gpt-4o-2024-08-06"));
}

#[test]
fn names_of_openinference_make_a_generation() {
    let span = of(&json!({
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-4o",
        "llm.provider": "openai",
        "llm.invocation_parameters": r#"{"temperature":0.5}"#,
        "input.value": "raw", "input.mime_type": "text/plain",
        "output.value": "raw answer",
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "hi",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "add",
        "llm.token_count.prompt": 100,
        "llm.token_count.completion": 30,
        "llm.token_count.total": 130,
        "llm.token_count.prompt_details.cache_read": 60,
        "llm.token_count.prompt_details.cache_write": 10,
        "llm.token_count.completion_details.audio": 4,
        "session.id": "s1",
    }));
    assert_eq!(span.observation_type(), ObservationType::Generation);
    assert_eq!(span.model(), Some("gpt-4o"));
    assert_eq!(span.trace().session_id.as_deref(), Some("s1"));
    let sum: u64 = span
        .usage()
        .filter(|(name, _)| *name != "total")
        .map(|(_, units)| units)
        .sum();
    assert_eq!(sum, 130);
    assert_eq!(
        span.input().unwrap().to_string(),
        r#"[{"content":"hi","role":"user"}]"#
    );
    assert_eq!(
        span.output().unwrap().to_string(),
        r#"[{"role":"assistant","tool_calls":[{"function":{"name":"add"}}]}]"#
    );
    let plain =
        of(&json!({ "openinference.span.kind": "CHAIN", "input.value": "q", "output.value": "a" }));
    assert_eq!(plain.input().unwrap().to_string(), "q");
    assert_eq!(plain.output().unwrap().to_string(), "a");
}

#[test]
fn the_service_tier_of_an_answer_is_a_model_parameter() {
    for name in [
        "openai.response.service_tier",
        "gen_ai.openai.response.service_tier",
    ] {
        let span = of(&json!({ "gen_ai.request.model": "o3", name: "flex" }));
        let parameters = span.model_parameters();
        let parameters: Vec<_> = parameters
            .map(|(key, value)| (key, value.to_string()))
            .collect();
        assert_eq!(parameters, [("service_tier", "flex".to_owned())], "{name}");
    }
}

#[test]
fn a_requested_stream_is_a_parameter_of_the_call() {
    for (stated, read) in [
        (json!(true), Some("true")),
        (json!(false), Some("false")),
        (json!("true"), Some("true")),
    ] {
        let span = of(&json!({
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "gpt-5",
            "gen_ai.request.stream": stated,
        }));
        let mut parameters = span.model_parameters();
        let stream = parameters
            .next()
            .map(|(name, value)| (name, value.to_string()));
        assert_eq!(stream, read.map(|read| ("stream", read.to_owned())));
        assert!(parameters.next().is_none());
        assert!(metadata(&span, "gen_ai.request.stream").is_none());
    }
}
