//! Attributes as frameworks really send them: Vercel's AI SDK, Sentry, pydantic-ai, OpenInference, GenAI 0.1.0.
//! Each row is the attributes of one span and what must be recorded.

use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, KeyValue};
use serde_json::{Value, json};
use tracefuse_core::ObservationType;
use tracefuse_core::record::SpanRecord;

use crate::support::{metadata, recorded, start};
use crate::usage::of;

pub(crate) fn usage(span: &SpanRecord) -> Vec<(&str, u64)> {
    span.usage().filter(|(name, _)| *name != "total").collect()
}

pub(crate) fn text(value: Option<impl ToString>) -> Value {
    let text = value.map(|value| value.to_string()).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

fn parameter(span: &SpanRecord, key: &str) -> Option<String> {
    let mut known = span.model_parameters();
    known
        .find(|(known, _)| *known == key)
        .map(|(_, value)| value.to_string())
}

#[test]
fn a_call_of_vercels_sdk_is_a_generation() {
    let span = of(&json!({
        "ai.operationId": "ai.streamText.doStream",
        "ai.model.id": "gpt-5",
        "ai.model.provider": "openai.responses",
        "ai.response.model": "gpt-5-2025-08-07",
        "ai.prompt.messages": r#"[{"role":"user","content":"hi"}]"#,
        "ai.response.text": "hello",
        "ai.response.toolCalls": r#"[{"toolCallId":"c","toolName":"f","input":"{}"}]"#,
        "ai.response.finishReason": "tool-calls",
        "ai.response.msToFirstChunk": 250,
        "ai.usage.inputTokens": 120, "ai.usage.outputTokens": 30, "ai.usage.totalTokens": 150,
        "ai.usage.cachedInputTokens": 100, "ai.usage.reasoningTokens": 20,
        "ai.settings.temperature": 0.5,
        "ai.telemetry.metadata.userId": "u", "ai.telemetry.metadata.sessionId": "s",
        "ai.telemetry.metadata.langfusePrompt": r#"{"name":"qa","version":3}"#,
        "ai.telemetry.metadata.plan": "pro",
    }));
    assert_eq!(span.observation_type(), ObservationType::Generation);
    assert_eq!(
        (span.model(), span.request_model(), span.response_model()),
        (
            Some("gpt-5-2025-08-07"),
            Some("gpt-5"),
            Some("gpt-5-2025-08-07")
        )
    );
    assert_eq!(
        usage(&span),
        [
            ("input", 20),
            ("input_cached_tokens", 100),
            ("output", 10),
            ("output_reasoning_tokens", 20)
        ]
    );
    assert_eq!(
        text(span.input()),
        json!([{ "role": "user", "content": "hi" }])
    );
    assert_eq!(
        text(span.output()),
        json!({ "role": "assistant", "content": "hello", "tool_calls": [{ "toolCallId": "c", "toolName": "f", "input": "{}" }] })
    );
    assert_eq!(
        metadata(&span, "finish_reason").as_deref(),
        Some("tool-calls")
    );
    assert_eq!(metadata(&span, "plan").as_deref(), Some("pro"));
    assert_eq!(parameter(&span, "temperature").as_deref(), Some("0.5"));
    assert_eq!(span.prompt().map(|prompt| prompt.version), Some(3));
    let first = span
        .completion_start_time()
        .unwrap()
        .since(span.start_time());
    assert_eq!(first.as_millis(), 250);
    assert_eq!(
        (
            span.trace().user_id.as_deref(),
            span.trace().session_id.as_deref()
        ),
        (Some("u"), Some("s"))
    );
}

#[test]
fn operations_of_vercels_sdk_have_their_types() {
    for (operation, kind) in [
        ("ai.generateText", ObservationType::Chain),
        ("ai.generateText.doGenerate", ObservationType::Generation),
        ("ai.streamObject.doStream", ObservationType::Generation),
        ("ai.embedMany", ObservationType::Chain),
        ("ai.embed.doEmbed", ObservationType::Embedding),
        ("ai.rerank.doRerank", ObservationType::Retriever),
        ("ai.toolCall", ObservationType::Tool),
    ] {
        let span = of(&json!({ "ai.operationId": operation, "ai.model.id": "m" }));
        assert_eq!(span.observation_type(), kind, "{operation}");
    }
    let tool = of(
        &json!({ "ai.operationId": "ai.toolCall", "ai.toolCall.name": "add", "ai.toolCall.args": r#"{"a":1}"#, "ai.toolCall.result": "2" }),
    );
    assert_eq!(
        (text(tool.input()), text(tool.output())),
        (json!({ "a": 1 }), json!(2))
    );
    let embedding = of(
        &json!({ "ai.operationId": "ai.embed.doEmbed", "ai.model.id": "text-embedding-3-small", "ai.values": r#"["a"]"#, "ai.embeddings": "[0.1]", "ai.usage.tokens": 5 }),
    );
    assert_eq!(
        (usage(&embedding), text(embedding.output())),
        (vec![("input", 5)], json!(""))
    );
    // Only an object; and `ai.` alone is not Vercel's.
    let object = of(
        &json!({ "ai.operationId": "ai.generateObject.doGenerate", "ai.response.object": r#"{"a":1}"# }),
    );
    assert_eq!(text(object.output()), json!({ "a": 1 }));
}

#[test]
fn the_sum_above_a_call_of_vercels_sdk_is_not_counted_again() {
    let counts = |operation: &'static str| {
        vec![
            KeyValue::new("ai.operationId", operation),
            KeyValue::new("ai.model.id", "m"),
            KeyValue::new("ai.usage.promptTokens", 7i64),
            KeyValue::new("ai.usage.completionTokens", 3i64),
        ]
    };
    let kept = recorded(
        |it| it,
        |otel| {
            let outer = start(otel, &Context::new(), "outer", counts("ai.generateText"));
            start(otel, &outer, "inner", counts("ai.generateText.doGenerate"))
                .span()
                .end();
            outer.span().end();
        },
    );
    assert_eq!(usage(&kept.named("inner")), [("input", 7), ("output", 3)]);
    assert_eq!(kept.named("outer").usage().count(), 0);
}

#[test]
fn counts_are_read_in_the_names_of_every_framework() {
    let claude = r#"{"anthropic":{"usage":{"input_tokens":10,"cache_read_input_tokens":2000,"cache_creation_input_tokens":300,"output_tokens":7}}}"#;
    for (attributes, buckets) in [
        // Vercel's counts of Anthropic exclude the cache; the provider's own are beside them.
        (
            json!({ "ai.model.id": "claude-sonnet-4-5", "ai.usage.inputTokens": 10, "ai.usage.outputTokens": 7, "ai.usage.totalTokens": 17,
                "ai.usage.cachedInputTokens": 2000, "ai.response.providerMetadata": claude }),
            &[
                ("input", 10),
                ("input_cached_tokens", 2000),
                ("input_cache_creation", 300),
                ("output", 7),
            ][..],
        ),
        (
            json!({ "ai.model.id": "m", "ai.usage.inputTokens": 2310, "ai.usage.outputTokens": 7,
                "ai.usage.inputTokenDetails.noCacheTokens": 10, "ai.usage.inputTokenDetails.cacheReadTokens": 2000, "ai.usage.inputTokenDetails.cacheWriteTokens": 300 }),
            &[
                ("input", 10),
                ("input_cached_tokens", 2000),
                ("input_cache_creation", 300),
                ("output", 7),
            ],
        ),
        (
            json!({ "llm.token_count.prompt": 100, "llm.token_count.completion": 20, "llm.token_count.prompt_details.cache_input": 60 }),
            &[("input", 40), ("input_cached_tokens", 60), ("output", 20)],
        ),
        (
            json!({ "gen_ai.usage.input_tokens": 100, "gen_ai.usage.input_tokens.cached": 60, "gen_ai.usage.output_tokens": 20, "gen_ai.usage.output_tokens.reasoning": 5 }),
            &[
                ("input", 40),
                ("input_cached_tokens", 60),
                ("output", 15),
                ("output_reasoning_tokens", 5),
            ],
        ),
        // GenAI 0.1.0: modalities, and what of them came from the cache.
        (
            json!({ "gen_ai.request.model": "gpt-4o-realtime-preview", "gen_ai.usage.input_tokens": 500, "gen_ai.usage.output_tokens": 200,
                "gen_ai.usage.cache_read.input_tokens": 384, "gen_ai.usage.text.input_tokens": 120, "gen_ai.usage.audio.input_tokens": 380,
                "gen_ai.usage.text.cache_read.input_tokens": 64, "gen_ai.usage.audio.cache_read.input_tokens": 320,
                "gen_ai.usage.text.output_tokens": 50, "gen_ai.usage.audio.output_tokens": 150 }),
            &[
                ("input_text_tokens", 56),
                ("input_cached_text_tokens", 64),
                ("input_audio_tokens", 60),
                ("input_cached_audio_tokens", 320),
                ("output_text_tokens", 50),
                ("output_audio_tokens", 150),
            ],
        ),
        // OpenLIT (https://github.com/openlit/openlit, `semcov`).
        (
            json!({ "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20, "gen_ai.usage.total_tokens": 120,
                "gen_ai.usage.prompt_tokens_details.cache_read": 60, "gen_ai.usage.prompt_tokens_details.cache_write": 10,
                "gen_ai.usage.completion_tokens_details.reasoning": 5, "gen_ai.usage.completion_tokens_details.audio": 0 }),
            &[
                ("input", 30),
                ("input_cached_tokens", 60),
                ("input_cache_creation", 10),
                ("output", 15),
                ("output_reasoning_tokens", 5),
            ],
        ),
        // W&B Weave (https://docs.wandb.ai/weave/guides/tracking/otel).
        (
            json!({ "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20,
                "gen_ai.usage.input_tokens_details.cached_tokens": 60, "gen_ai.usage.output_tokens_details.reasoning_tokens": 5 }),
            &[
                ("input", 40),
                ("input_cached_tokens", 60),
                ("output", 15),
                ("output_reasoning_tokens", 5),
            ],
        ),
        // Google's Agent Development Kit (https://github.com/google/adk-python, `telemetry`).
        (
            json!({ "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 50, "gen_ai.usage.experimental.reasoning_tokens": 10,
                "gen_ai.usage.experimental.reasoning_tokens_limit": 500, "gen_ai.usage.experimental.system_instruction_tokens": 20 }),
            &[
                ("input", 100),
                ("output", 40),
                ("output_reasoning_tokens", 10),
            ],
        ),
        // LangSmith (https://docs.langchain.com/langsmith/trace-with-opentelemetry): details as JSON.
        (
            json!({ "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20,
                "gen_ai.usage.input_token_details": r#"{"cache_read":60,"cache_creation":10,"audio":0}"#,
                "gen_ai.usage.output_token_details": r#"{"reasoning":"5","note":[]}"# }),
            &[
                ("input", 30),
                ("input_cached_tokens", 60),
                ("input_cache_creation", 10),
                ("output", 15),
                ("output_reasoning_tokens", 5),
            ],
        ),
        // What the user states, in the names of Vercel's AI SDK.
        (
            json!({ "langfuse.observation.usage_details": r#"{"promptTokens":5,"completionTokens":6,"totalTokens":11}"# }),
            &[("input", 5), ("output", 6)],
        ),
        (
            json!({ "langfuse.observation.usage_details":
                r#"{"inputTokens":100,"outputTokens":20,"totalTokens":120,"cachedInputTokens":60,"reasoningTokens":5}"# }),
            &[
                ("input", 40),
                ("input_cached_tokens", 60),
                ("output", 15),
                ("output_reasoning_tokens", 5),
            ],
        ),
        // A modality without a bucket stays in its whole.
        (
            json!({ "gen_ai.usage.input_tokens": 500, "gen_ai.usage.video.input_tokens": 400, "gen_ai.usage.output_tokens": 20 }),
            &[("input", 500), ("output", 20)],
        ),
    ] {
        let span = of(&attributes);
        let mut found = usage(&span);
        found.sort_unstable();
        let mut expected = buckets.to_vec();
        expected.sort_unstable();
        assert_eq!(found, expected, "{attributes}");
    }
}

#[test]
fn costs_of_gateways_are_read_out_of_provider_metadata() {
    for (reported, dollars) in [
        (r#"{"gateway":{"cost":"0.0045"}}"#, 0.0045),
        (r#"{"openrouter":{"usage":{"cost":0.25}}}"#, 0.25),
    ] {
        let span = of(
            &json!({ "ai.model.id": "m", "ai.usage.inputTokens": 1, "ai.response.providerMetadata": reported }),
        );
        assert_eq!(
            span.cost().collect::<Vec<_>>(),
            [("total", dollars)],
            "{reported}"
        );
    }
}

#[test]
fn messages_are_no_parameters_of_the_model() {
    // Sentry's names.
    let span = of(&json!({
        "gen_ai.request.model": "m",
        "gen_ai.request.messages": r#"[{"role":"user","content":"hi"}]"#,
        "gen_ai.response.text": "hello",
        "gen_ai.response.tool_calls": r#"[{"name":"f"}]"#,
    }));
    assert_eq!(
        text(span.input()),
        json!([{ "role": "user", "content": "hi" }])
    );
    assert_eq!(
        text(span.output()),
        json!({ "role": "assistant", "content": "hello", "tool_calls": [{ "name": "f" }] })
    );
    assert_eq!(parameter(&span, "messages"), None);
    let tool = of(
        &json!({ "gen_ai.tool.name": "add", "gen_ai.tool.input": r#"{"a":1}"#, "gen_ai.tool.output": "2" }),
    );
    assert_eq!(
        (text(tool.input()), text(tool.output())),
        (json!({ "a": 1 }), json!(2))
    );
    // pydantic-ai's.
    let agent = of(&json!({ "gen_ai.agent.name": "helper", "final_result": "done" }));
    assert_eq!(text(agent.output()), json!("done"));
    let tool = of(
        &json!({ "gen_ai.tool.name": "add", "tool_arguments": r#"{"a":1}"#, "tool_response": "2" }),
    );
    assert_eq!(
        (text(tool.input()), text(tool.output())),
        (json!({ "a": 1 }), json!(2))
    );
}

#[test]
fn ranking_and_memory_have_input_and_output() {
    let rank = of(&json!({
        "openinference.span.kind": "RERANKER",
        "reranker.query": "q", "reranker.model_name": "rerank-2", "reranker.top_k": 1,
        "reranker.input_documents.0.document.content": "a",
        "reranker.output_documents.0.document.content": "a", "reranker.output_documents.0.document.score": 0.5,
    }));
    assert_eq!(
        (rank.observation_type(), rank.model()),
        (ObservationType::Retriever, Some("rerank-2"))
    );
    assert_eq!(text(rank.input()), json!([{ "content": "a" }]));
    assert_eq!(
        text(rank.output()),
        json!([{ "content": "a", "score": 0.5 }])
    );
    assert_eq!(metadata(&rank, "reranker.query").as_deref(), Some("q"));

    let records = r#"[{"content":"likes tea"}]"#;
    let found = of(
        &json!({ "gen_ai.operation.name": "search_memory", "gen_ai.memory.query.text": "drinks", "gen_ai.memory.records": records }),
    );
    assert_eq!(
        (text(found.input()), text(found.output())),
        (json!("drinks"), json!([{ "content": "likes tea" }]))
    );
    let stored =
        of(&json!({ "gen_ai.memory.records": records, "gen_ai.operation.name": "upsert_memory" }));
    assert_eq!(
        (text(stored.input()), text(stored.output())),
        (json!([{ "content": "likes tea" }]), json!(""))
    );
    let retrieval =
        of(&json!({ "gen_ai.operation.name": "retrieval", "gen_ai.retrieval.top_k": 5 }));
    assert_eq!(parameter(&retrieval, "top_k").as_deref(), Some("5"));
}

#[test]
fn the_model_that_answered_and_the_one_asked_for_are_both_known() {
    let asked = ("gen_ai.request.model", "gpt-4o");
    let answered = ("gen_ai.response.model", "gpt-4o-2024-08-06");
    for pairs in [[asked, answered], [answered, asked]] {
        let kept = recorded(
            |it| it,
            |otel| {
                let attributes = pairs.map(|(key, value)| KeyValue::new(key, value)).to_vec();
                start(otel, &Context::new(), "chat", attributes)
                    .span()
                    .end();
            },
        );
        let span = kept.only();
        assert_eq!(
            (span.model(), span.request_model(), span.response_model()),
            (
                Some("gpt-4o-2024-08-06"),
                Some("gpt-4o"),
                Some("gpt-4o-2024-08-06")
            )
        );
        assert_eq!(
            metadata(&span, "gen_ai.request.model").as_deref(),
            Some("gpt-4o")
        );
    }
    let alone = of(&json!({ "gen_ai.request.model": "gpt-4o" }));
    assert_eq!(
        (alone.request_model(), alone.response_model()),
        (Some("gpt-4o"), None)
    );
    let alone = of(&json!({ "gen_ai.response.model": "gpt-4o" }));
    assert_eq!(
        (alone.request_model(), alone.response_model()),
        (None, Some("gpt-4o"))
    );
    // A name that is empty, as of the last chunk of a stream, is none.
    for (empty, model) in [
        ("gen_ai.response.model", "gpt-4o"),
        ("langfuse.observation.model.name", "gpt-4o"),
        ("llm.model_name", "gpt-4o"),
    ] {
        let span = of(&json!({ "gen_ai.request.model": model, (empty): "" }));
        assert_eq!(
            (span.model(), span.response_model()),
            (Some(model), None),
            "{empty}"
        );
    }
    // The name that a user gives stays the model.
    let named = of(
        &json!({ "langfuse.observation.model.name": "mine", "gen_ai.request.model": "gpt-4o", "gen_ai.response.model": "other" }),
    );
    assert_eq!(
        (named.model(), named.request_model()),
        (Some("mine"), Some("gpt-4o"))
    );
}

#[test]
fn a_version_of_a_prompt_that_is_no_number_is_kept() {
    let span = of(
        &json!({ "gen_ai.request.model": "m", "gen_ai.prompt.name": "qa", "gen_ai.prompt.version": "v2" }),
    );
    assert!(span.prompt().is_none());
    assert_eq!(metadata(&span, "gen_ai.prompt.name").as_deref(), Some("qa"));
    assert_eq!(
        metadata(&span, "gen_ai.prompt.version").as_deref(),
        Some("v2")
    );
}
