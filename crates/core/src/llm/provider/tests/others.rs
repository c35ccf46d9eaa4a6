//! Anthropic's and Gemini's documented examples of responses.
//! Run by the tests of `provider`.

use serde_json::{Value, json};

use super::super::{anthropic, bedrock, gemini, ollama, openai, other_output};
use super::{Case, check};

#[test]
fn anthropic_examples() {
    check(vec![
        Case {
            name: "message",
            read: anthropic::facts,
            response: json!({
                "content": [{ "citations": null, "text": "Hi! My name is Claude.", "type": "text" }],
                "id": "msg_013Zva2CMHLNnjNjJJKqJ2EF", "model": "claude-sonnet-4-5-20250929",
                "role": "assistant", "stop_reason": "end_turn", "stop_sequence": null, "type": "message",
                "usage": {
                    "cache_creation": { "ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0 },
                    "cache_creation_input_tokens": 2051, "cache_read_input_tokens": 2051,
                    "input_tokens": 2095, "output_tokens": 503,
                    "server_tool_use": { "web_search_requests": 0 }, "service_tier": "standard"
                }
            }),
            model: Some("claude-sonnet-4-5-20250929"),
            buckets: &[
                ("input", 2095),
                ("cache_read_input_tokens", 2051),
                ("cache_creation_input_tokens", 2051),
                ("output", 503),
            ],
            total: 2095 + 2051 + 2051 + 503,
            finish_reason: json!("end_turn"),
            output: json!({ "role": "assistant", "content": "Hi! My name is Claude." }),
        },
        Case {
            name: "tool use, caches of both ages",
            read: anthropic::facts,
            response: json!({
                "type": "message", "role": "assistant", "model": "claude-opus-4-1", "stop_reason": "tool_use",
                "content": [
                    { "type": "text", "text": "I'll check.", "citations": null },
                    { "type": "tool_use", "id": "toolu_01", "name": "get_weather", "input": { "location": "Lyon" } }
                ],
                "usage": {
                    "input_tokens": 50, "cache_read_input_tokens": 100000, "cache_creation_input_tokens": 556,
                    "cache_creation": { "ephemeral_5m_input_tokens": 456, "ephemeral_1h_input_tokens": 100 },
                    "output_tokens": 503
                }
            }),
            model: Some("claude-opus-4-1"),
            buckets: &[
                ("input", 50),
                ("cache_read_input_tokens", 100_000),
                ("output", 503),
                ("input_cache_creation_5m", 456),
                ("input_cache_creation_1h", 100),
            ],
            total: 50 + 100_000 + 556 + 503,
            finish_reason: json!("tool_use"),
            output: json!({
                "role": "assistant",
                "content": [
                    { "type": "text", "text": "I'll check." },
                    { "type": "tool_use", "id": "toolu_01", "name": "get_weather", "input": { "location": "Lyon" } }
                ]
            }),
        },
        Case {
            name: "first event of a stream",
            read: anthropic::facts,
            response: json!({
                "type": "message_start",
                "message": {
                    "id": "msg_1", "type": "message", "role": "assistant", "content": [],
                    "model": "claude-sonnet-4-5", "stop_reason": null, "stop_sequence": null,
                    "usage": { "input_tokens": 25, "output_tokens": 1 }
                }
            }),
            model: Some("claude-sonnet-4-5"),
            buckets: &[("input", 25), ("output", 1)],
            total: 26,
            finish_reason: json!(null),
            output: json!(null),
        },
        Case {
            name: "last event but one of a stream",
            read: anthropic::facts,
            response: json!({
                "type": "message_delta", "delta": { "stop_reason": "end_turn", "stop_sequence": null },
                "usage": { "output_tokens": 15 }
            }),
            model: None,
            buckets: &[("input", 0), ("output", 15)],
            total: 15,
            finish_reason: json!("end_turn"),
            output: json!(null),
        },
    ]);
}

#[test]
fn gemini_examples() {
    check(vec![
        Case {
            name: "text",
            read: gemini::facts,
            response: json!({
                "candidates": [{
                    "content": { "parts": [{ "text": "AI learns " }, { "text": "patterns." }], "role": "model" },
                    "finishReason": "STOP", "index": 0
                }],
                "usageMetadata": {
                    "promptTokenCount": 8, "candidatesTokenCount": 20, "totalTokenCount": 28,
                    "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": 8 }]
                },
                "modelVersion": "gemini-2.0-flash", "responseId": "x"
            }),
            model: Some("gemini-2.0-flash"),
            buckets: &[("input", 8), ("output", 20)],
            total: 28,
            finish_reason: json!("STOP"),
            output: json!({ "role": "model", "content": "AI learns patterns." }),
        },
        Case {
            name: "function call, cache, thoughts, tool results",
            read: gemini::facts,
            response: json!({
                "candidates": [{
                    "content": {
                        "role": "model",
                        "parts": [{ "functionCall": { "name": "set_light", "args": { "level": 5 } } }]
                    },
                    "finishReason": "STOP"
                }],
                "usageMetadata": {
                    "promptTokenCount": 1000, "cachedContentTokenCount": 800, "candidatesTokenCount": 200,
                    "thoughtsTokenCount": 90, "toolUsePromptTokenCount": 30, "totalTokenCount": 1320
                },
                "modelVersion": "gemini-2.5-flash"
            }),
            model: Some("gemini-2.5-flash"),
            buckets: &[
                ("input", 230),
                ("input_cached_tokens", 800),
                ("output", 200),
                ("output_reasoning_tokens", 90),
            ],
            total: 1320,
            finish_reason: json!("STOP"),
            output: json!({
                "role": "model", "parts": [{ "functionCall": { "name": "set_light", "args": { "level": 5 } } }]
            }),
        },
        Case {
            name: "snake case, a refused prompt",
            read: gemini::facts,
            response: json!({
                "prompt_feedback": { "block_reason": "SAFETY" },
                "usage_metadata": { "prompt_token_count": 7, "candidates_token_count": null, "total_token_count": 7 },
                "model_version": "gemini-2.5-pro"
            }),
            model: Some("gemini-2.5-pro"),
            buckets: &[("input", 7), ("output", 0)],
            total: 7,
            finish_reason: json!("SAFETY"),
            output: json!(null),
        },
        Case {
            name: "thoughts counted among the candidates by a proxy",
            read: gemini::facts,
            response: json!({
                "usageMetadata": {
                    "promptTokenCount": 10, "candidatesTokenCount": 50, "thoughtsTokenCount": 30, "totalTokenCount": 60
                }
            }),
            model: None,
            buckets: &[
                ("input", 10),
                ("output", 20),
                ("output_reasoning_tokens", 30),
            ],
            total: 60,
            finish_reason: json!(null),
            output: json!(null),
        },
    ]);
}

#[test]
fn a_message_of_ollama_says_more_than_its_role() {
    let call = json!([{ "function": { "name": "f" } }]);
    for (message, expected) in [
        (json!({ "role": "assistant", "content": "" }), None),
        (json!({ "role": "assistant" }), None),
        (json!({ "content": "Hi" }), Some(json!({ "content": "Hi" }))),
        (
            json!({ "role": "assistant", "content": "", "tool_calls": call }),
            Some(json!({ "role": "assistant", "content": "", "tool_calls": call })),
        ),
    ] {
        let answer = json!({ "model": "llama3.2", "message": message, "done": true });
        assert_eq!(ollama::facts(&answer).output, expected, "{answer}");
    }
}

#[test]
fn a_provider_is_named_by_what_only_it_writes() {
    for (answer, provider) in [
        (json!({}), "openai"),
        (json!({ "x_groq": { "id": "req_1" } }), "groq"),
        (json!({ "x_groq": null }), "openai"),
        (json!({ "prompt_filter_results": [] }), "azure.ai.openai"),
        (
            json!({ "usage": { "prompt_cache_hit_tokens": 0 } }),
            "deepseek",
        ),
        (
            json!({ "usage": { "num_search_queries": 1 } }),
            "perplexity",
        ),
        (
            json!({ "search_results": [], "citations": [] }),
            "perplexity",
        ),
        (json!({ "search_results": [] }), "openai"),
        (json!({ "citations": [] }), "openai"),
    ] {
        assert_eq!(openai::facts(&answer).provider, provider, "{answer}");
    }
    let chat = json!({ "choices": [{ "message": { "content": "Hi" } }] });
    let claude = json!({ "content": [{ "type": "text", "text": "Hi" }] });
    for answer in [chat, claude, json!({ "stopReason": "end_turn" })] {
        let facts = bedrock::facts(&answer);
        assert_eq!(facts.provider, "aws.bedrock", "{answer}");
    }
}

/// <https://cloud.ibm.com/apidocs/watsonx-ai#text-generation>
#[test]
fn the_text_of_watsonx_is_the_output() {
    let result = |text: &str| json!({ "generated_text": text, "stop_reason": "eos_token" });
    let answer = |results: Value| json!({ "model_id": "ibm/granite", "results": results });
    let one = openai::facts(&answer(json!([result("Hi")])));
    assert_eq!(
        (one.output, one.model.as_deref(), one.finish_reason),
        (
            Some(json!("Hi")),
            Some("ibm/granite"),
            Some(json!("eos_token"))
        )
    );
    let two = answer(json!([result("Hi"), result("Ho")]));
    assert_eq!(openai::facts(&two).output, None);
    assert_eq!(other_output(&two), Some(two["results"].clone()));
}

#[test]
fn an_answer_of_another_kind_is_found_by_its_field() {
    for (answer, expected) in [
        (
            json!({ "result": { "a": 1 }, "usage": {} }),
            Some(json!({ "a": 1 })),
        ),
        (
            json!({ "result": {}, "results": [1], "usage": {} }),
            Some(json!([1])),
        ),
        (
            json!({ "results": [], "transcript": "Hi" }),
            Some(json!("Hi")),
        ),
        (
            json!({ "completion": "", "pages": [{}] }),
            Some(json!([{}])),
        ),
        (json!({ "results": [{ "embedding": [0.5] }] }), None),
        (json!({ "result": true, "generation": 7 }), None),
        (json!({}), None),
    ] {
        assert_eq!(other_output(&answer), expected, "{answer}");
    }
}
