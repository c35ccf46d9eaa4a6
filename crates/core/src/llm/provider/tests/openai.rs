//! OpenAI's documented examples of responses.
//! Run by the tests of `provider`.

use serde_json::json;

use super::super::openai::facts;
use super::{Case, check};

#[test]
fn openai_examples() {
    check(vec![
        Case {
            name: "chat completion",
            read: facts,
            response: json!({
                "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "object": "chat.completion",
                "created": 1741569952, "model": "gpt-4.1-2025-04-14",
                "choices": [{
                    "index": 0,
                    "message": {
                        "role": "assistant", "content": "Hello! How can I assist you today?",
                        "refusal": null, "annotations": []
                    },
                    "logprobs": null, "finish_reason": "stop"
                }],
                "usage": {
                    "prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29,
                    "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
                    "completion_tokens_details": {
                        "reasoning_tokens": 0, "audio_tokens": 0,
                        "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0
                    }
                },
                "service_tier": "default"
            }),
            model: Some("gpt-4.1-2025-04-14"),
            buckets: &[("input", 19), ("output", 10)],
            total: 29,
            finish_reason: json!("stop"),
            output: json!({ "role": "assistant", "content": "Hello! How can I assist you today?" }),
        },
        Case {
            name: "chat completion with tool calls, cache and reasoning",
            read: facts,
            response: json!({
                "model": "o3", "choices": [{
                    "index": 0,
                    "message": {
                        "role": "assistant", "content": null,
                        "tool_calls": [{
                            "id": "call_abc123", "type": "function",
                            "function": { "name": "get_current_weather", "arguments": "{\n\"location\": \"Boston, MA\"\n}" }
                        }]
                    },
                    "finish_reason": "tool_calls"
                }],
                "usage": {
                    "prompt_tokens": 2006, "completion_tokens": 300, "total_tokens": 2306,
                    "prompt_tokens_details": { "cached_tokens": 1920 },
                    "completion_tokens_details": { "reasoning_tokens": 64 }
                }
            }),
            model: Some("o3"),
            buckets: &[
                ("input", 86),
                ("input_cached_tokens", 1920),
                ("output", 236),
                ("output_reasoning_tokens", 64),
            ],
            total: 2306,
            finish_reason: json!("tool_calls"),
            output: json!({
                "role": "assistant",
                "tool_calls": [{
                    "id": "call_abc123", "type": "function",
                    "function": { "name": "get_current_weather", "arguments": "{\n\"location\": \"Boston, MA\"\n}" }
                }]
            }),
        },
        Case {
            name: "several choices, audio and predictions",
            read: facts,
            response: json!({
                "model": "gpt-4o-audio-preview",
                "choices": [
                    { "message": { "role": "assistant", "content": "a" }, "finish_reason": "stop" },
                    { "message": { "role": "assistant", "content": "b" }, "finish_reason": "length" }
                ],
                "usage": {
                    "prompt_tokens": 100, "completion_tokens": 60, "total_tokens": 160,
                    "prompt_tokens_details": { "cached_tokens": 80, "audio_tokens": 40 },
                    "completion_tokens_details": {
                        "audio_tokens": 20, "accepted_prediction_tokens": 5, "rejected_prediction_tokens": 6
                    }
                }
            }),
            model: Some("gpt-4o-audio-preview"),
            buckets: &[
                ("input", 0),
                ("input_cached_tokens", 80),
                ("input_audio_tokens", 20),
                ("output", 40),
                ("output_audio_tokens", 20),
            ],
            total: 160,
            finish_reason: json!(["stop", "length"]),
            output: json!([{ "role": "assistant", "content": "a" }, { "role": "assistant", "content": "b" }]),
        },
        Case {
            name: "last chunk of a stream",
            read: facts,
            response: json!({
                "object": "chat.completion.chunk", "model": "gpt-4o-mini", "choices": [],
                "usage": { "prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21 }
            }),
            model: Some("gpt-4o-mini"),
            buckets: &[("input", 9), ("output", 12)],
            total: 21,
            finish_reason: json!(null),
            output: json!(null),
        },
        Case {
            name: "response",
            read: facts,
            response: json!({
                "id": "resp_67ccd2bed1ec8190b14f964abc054267", "object": "response", "status": "completed",
                "error": null, "incomplete_details": null, "model": "gpt-4.1-2025-04-14",
                "output": [{
                    "type": "message", "id": "msg_67cc", "status": "completed", "role": "assistant",
                    "content": [{ "type": "output_text", "text": "In a peaceful grove..", "annotations": [] }]
                }],
                "usage": {
                    "input_tokens": 328, "input_tokens_details": { "cached_tokens": 100 },
                    "output_tokens": 52, "output_tokens_details": { "reasoning_tokens": 12 }, "total_tokens": 380
                },
                "metadata": {}
            }),
            model: Some("gpt-4.1-2025-04-14"),
            buckets: &[
                ("input", 228),
                ("input_cached_tokens", 100),
                ("output", 40),
                ("output_reasoning_tokens", 12),
            ],
            total: 380,
            finish_reason: json!("completed"),
            output: json!({
                "type": "message", "id": "msg_67cc", "status": "completed", "role": "assistant",
                "content": [{ "type": "output_text", "text": "In a peaceful grove..", "annotations": [] }]
            }),
        },
        Case {
            name: "last event of a response's stream",
            read: facts,
            response: json!({
                "type": "response.incomplete",
                "response": {
                    "status": "incomplete", "incomplete_details": { "reason": "max_output_tokens" },
                    "model": "gpt-5", "output": [],
                    "usage": { "input_tokens": 75, "output_tokens": 16, "total_tokens": 91 }
                }
            }),
            model: Some("gpt-5"),
            buckets: &[("input", 75), ("output", 16)],
            total: 91,
            finish_reason: json!("max_output_tokens"),
            output: json!(null),
        },
        Case {
            name: "embeddings",
            read: facts,
            response: json!({
                "object": "list", "model": "text-embedding-ada-002",
                "usage": { "prompt_tokens": 8, "total_tokens": 8 }
            }),
            model: Some("text-embedding-ada-002"),
            buckets: &[("input", 8)],
            total: 8,
            finish_reason: json!(null),
            output: json!(null),
        },
        Case {
            name: "a provider that counts reasoning on top (xAI)",
            read: facts,
            response: json!({
                "model": "grok-3-mini", "choices": [],
                "usage": {
                    "prompt_tokens": 37, "completion_tokens": 530, "total_tokens": 800,
                    "completion_tokens_details": { "reasoning_tokens": 233 }
                }
            }),
            model: Some("grok-3-mini"),
            buckets: &[
                ("input", 37),
                ("output", 530),
                ("output_reasoning_tokens", 233),
            ],
            total: 800,
            finish_reason: json!(null),
            output: json!(null),
        },
        Case {
            name: "a provider with its own word for cached (DeepSeek), counts as floats",
            read: facts,
            response: json!({
                "model": "deepseek-chat", "choices": [{ "text": "once", "finish_reason": "stop" }],
                "usage": {
                    "prompt_tokens": 16.0, "completion_tokens": 10, "total_tokens": 26,
                    "prompt_cache_hit_tokens": 12, "prompt_cache_miss_tokens": 4
                }
            }),
            model: Some("deepseek-chat"),
            buckets: &[("input", 4), ("input_cached_tokens", 12), ("output", 10)],
            total: 26,
            finish_reason: json!("stop"),
            output: json!("once"),
        },
    ]);
}
