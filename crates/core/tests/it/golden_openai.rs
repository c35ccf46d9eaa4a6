//! Rows of the table of streams that are in OpenAI's language.
//! Shapes from <https://platform.openai.com/docs/api-reference/chat-streaming> and the references of compatible services.

use serde_json::{Value, json};

use crate::golden::{Golden, Provider, check};

fn delta(delta: Value) -> Value {
    let mut choice = json!({ "index": 0, "finish_reason": null });
    choice["delta"] = delta;
    json!({ "choices": [choice] })
}

fn end(reason: &str) -> Value {
    json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] })
}

fn call(piece: Value) -> Value {
    let mut message = json!({});
    message["tool_calls"] = Value::Array(vec![piece]);
    delta(message)
}

fn function(name: &str, arguments: &str) -> Value {
    json!({ "name": name, "arguments": arguments })
}

#[test]
fn chat_completions() {
    let used = json!({ "choices": [], "usage": { "prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27 } });
    check(
        Provider::OpenAi,
        vec![
            Golden {
                name: "a refusal, and an event that is not known",
                chunks: vec![
                    delta(json!({ "role": "assistant", "content": null, "refusal": "" })),
                    json!({ "type": "keep-alive" }),
                    delta(json!({ "refusal": "I " })),
                    delta(json!({ "refusal": "cannot" })),
                    end("stop"),
                    used,
                ],
                first: 3,
                output: json!({ "role": "assistant", "refusal": "I cannot" }),
                usage: &[("input", 20), ("output", 7)],
                reason: Some("stop"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "completions",
                chunks: vec![
                    json!({ "choices": [{ "index": 0, "text": "", "finish_reason": null }] }),
                    json!({ "choices": [{ "index": 0, "text": "to ", "finish_reason": null }] }),
                    json!({ "choices": [{ "index": 0, "text": "be", "finish_reason": "length" }] }),
                ],
                first: 2,
                output: json!("to be"),
                reason: Some("length"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "the whole message at the end says more than its pieces",
                chunks: vec![
                    delta(json!({ "role": "assistant", "content": "Hel" })),
                    json!({ "choices": [{ "index": 0, "message": { "role": "assistant", "content": "Hello" }, "finish_reason": "stop" }] }),
                ],
                first: 1,
                output: json!({ "role": "assistant", "content": "Hello" }),
                reason: Some("stop"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "the whole message at the end repeats its sound and its reasoning",
                chunks: vec![
                    delta(
                        json!({ "audio": { "id": "a", "transcript": "Good day" }, "reasoning_details": [{ "type": "reasoning.text", "text": "hm", "index": 0 }] }),
                    ),
                    json!({ "choices": [{ "index": 0, "message": { "audio": { "id": "a", "transcript": "Good day" },
                        "reasoning_details": [{ "type": "reasoning.text", "text": "hm", "index": 0 }] }, "finish_reason": "stop" }] }),
                ],
                first: 1,
                output: json!({ "audio": { "id": "a", "transcript": "Good day" }, "reasoning_details": [{ "type": "reasoning.text", "text": "hm", "index": 0 }] }),
                reason: Some("stop"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "an error in the middle",
                chunks: vec![
                    delta(json!({ "content": "Hal" })),
                    json!({ "error": { "message": "The server had an error", "type": "server_error" } }),
                ],
                first: 1,
                output: json!({ "content": "Hal" }),
                error: Some("openai.server_error: The server had an error"),
                ..Golden::default()
            },
            Golden {
                name: "labels and signatures of reasoning are no content",
                chunks: vec![
                    delta(
                        json!({ "reasoning_details": [{ "type": "reasoning.text", "id": "r", "format": "f", "signature": "s", "index": 0 }] }),
                    ),
                    delta(
                        json!({ "reasoning_details": [{ "type": "reasoning.text", "id": "", "text": "hm", "index": 0 }] }),
                    ),
                    delta(
                        json!({ "reasoning_details": [{ "type": "reasoning.text", "id": "r", "text": ", yes" }] }),
                    ),
                ],
                first: 2,
                output: json!({ "reasoning_details": [
                    { "type": "reasoning.text", "id": "r", "format": "f", "signature": "s", "index": 0, "text": "hm, yes" }] }),
                ..Golden::default()
            },
            // Magistral (<https://docs.mistral.ai/capabilities/reasoning/>).
            Golden {
                name: "thinking with an index and its end, then an empty text",
                chunks: vec![
                    delta(
                        json!({ "content": [{ "type": "thinking", "index": 0, "thinking": [{ "type": "text", "text": "2 " }], "closed": false }] }),
                    ),
                    delta(
                        json!({ "content": [{ "type": "thinking", "index": 0, "thinking": [{ "type": "text", "text": "by 2" }], "closed": true }] }),
                    ),
                    delta(json!({ "content": "" })),
                    delta(
                        json!({ "content": [{ "type": "thinking", "index": 0, "thinking": [{ "type": "text", "text": "again" }], "id": "x" }] }),
                    ),
                ],
                first: 1,
                output: json!({ "content": [
                    { "type": "thinking", "index": 0, "thinking": [{ "type": "text", "text": "2 by 2" }], "closed": false },
                    { "type": "thinking", "index": 0, "thinking": [{ "type": "text", "text": "again" }], "id": "x" },
                ] }),
                ..Golden::default()
            },
            Golden {
                name: "a part that is no list",
                chunks: vec![delta(
                    json!({ "content": { "type": "text", "text": "Hi" } }),
                )],
                first: 1,
                output: json!({ "content": [{ "type": "text", "text": "Hi" }] }),
                ..Golden::default()
            },
            Golden {
                name: "a part with a further field is a separate part",
                chunks: vec![
                    delta(json!({ "content": [{ "type": "text", "text": "a" }] })),
                    delta(json!({ "content": [{ "type": "text", "text": "b" }] })),
                    delta(
                        json!({ "content": [{ "type": "text", "text": "c", "annotations": [{ "url": "u" }] }] }),
                    ),
                    delta(json!({ "content": [{ "type": "text", "text": "d", "index": 1 }] })),
                ],
                first: 1,
                output: json!({ "content": [
                    { "type": "text", "text": "ab" },
                    { "type": "text", "text": "c", "annotations": [{ "url": "u" }] },
                    { "type": "text", "text": "d", "index": 1 },
                ] }),
                ..Golden::default()
            },
        ],
    );
}

#[test]
fn tool_calls_of_chat_completions() {
    let calls = |chunks: Vec<Value>, calls: Value| Golden {
        first: 1,
        output: json!({ "tool_calls": calls }),
        chunks,
        ..Golden::default()
    };
    check(
        Provider::OpenAi,
        vec![
            Golden {
                name: "an id is repeated without its index",
                ..calls(
                    vec![
                        call(json!({ "index": 0, "id": "a", "function": function("f", "{") })),
                        call(json!({ "id": "a", "function": { "arguments": "}" } })),
                    ],
                    json!([{ "id": "a", "function": function("f", "{}") }]),
                )
            },
            Golden {
                name: "two tools at one index, without ids, before their arguments",
                ..calls(
                    vec![
                        call(json!({ "index": 0, "function": function("f", "") })),
                        call(json!({ "index": 0, "function": function("g", "{}") })),
                    ],
                    json!([{ "function": function("f", "") }, { "function": function("g", "{}") }]),
                )
            },
            Golden {
                name: "one tool twice with the same arguments, without ids",
                ..calls(
                    vec![
                        call(json!({ "index": 0, "function": function("f", "{\"a\":1}") })),
                        call(json!({ "index": 0, "function": function("f", "{\"a\":1}") })),
                    ],
                    json!([{ "function": function("f", "{\"a\":1}") }, { "function": function("f", "{\"a\":1}") }]),
                )
            },
            // Gemini in OpenAI's language gives its signature with each piece.
            Golden {
                name: "a further object of a call is not joined",
                ..calls(
                    vec![
                        call(
                            json!({ "index": 0, "id": "a", "extra_content": { "input": "s" }, "function": function("f", "{") }),
                        ),
                        call(
                            json!({ "index": 0, "extra_content": { "input": "s" }, "function": { "arguments": "}" } }),
                        ),
                    ],
                    json!([{ "id": "a", "extra_content": { "input": "s" }, "function": function("f", "{}") }]),
                )
            },
            Golden {
                name: "one tool twice, its arguments as objects",
                ..calls(
                    vec![
                        call(json!({ "function": { "name": "f", "arguments": { "a": 1 } } })),
                        call(json!({ "function": { "name": "f", "arguments": { "a": 2 } } })),
                    ],
                    json!([{ "function": { "name": "f", "arguments": { "a": 1 } } }, { "function": { "name": "f", "arguments": { "a": 2 } } }]),
                )
            },
            Golden {
                name: "a message that repeats its calls at the end",
                ..calls(
                    vec![
                        call(json!({ "id": "a", "function": function("f", "{}") })),
                        json!({ "choices": [{ "index": 0, "message": { "tool_calls": [{ "id": "a", "function": function("f", "{}") }] } }] }),
                        json!({ "choices": [{ "index": 0, "message": { "tool_calls": [
                            { "id": "a", "function": function("f", "{}") }, { "id": "b", "function": function("g", "{}") }] } }] }),
                    ],
                    json!([{ "id": "a", "function": function("f", "{}") }, { "id": "b", "function": function("g", "{}") }]),
                )
            },
            Golden {
                name: "a custom tool, whose input comes in pieces",
                ..calls(
                    vec![
                        call(
                            json!({ "index": 0, "id": "a", "type": "custom", "custom": { "name": "sh", "input": "" } }),
                        ),
                        call(json!({ "index": 0, "custom": { "input": "ls " } })),
                        call(json!({ "index": 0, "custom": { "input": "-l" } })),
                    ],
                    json!([{ "id": "a", "type": "custom", "custom": { "name": "sh", "input": "ls -l" } }]),
                )
            },
        ],
    );
}

#[test]
fn answers_of_other_kinds_in_openais_language() {
    let message = json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "Hi" }] });
    let created = |id: &str| json!({ "type": "response.created", "response": { "id": id, "status": "in_progress", "output": [] } });
    let text = |id: &str, text: &str| json!({ "type": "response.output_text.delta", "response_id": id, "output_index": 0, "delta": text });
    let said = |text: &str| json!({ "type": "message", "role": "assistant", "content": text });
    check(
        Provider::OpenAi,
        vec![
            Golden {
                name: "a whole response as the only item",
                chunks: vec![
                    json!({ "object": "response", "id": "r", "status": "completed", "output": [message],
                    "usage": { "input_tokens": 5, "output_tokens": 2, "total_tokens": 7 } }),
                ],
                first: 1,
                output: message.clone(),
                usage: &[("input", 5), ("output", 2)],
                reason: Some("completed"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "realtime: a response begins before the one before has ended",
                chunks: vec![
                    created("a"),
                    text("a", "One"),
                    created("b"),
                    text("b", "Two"),
                ],
                first: 2,
                output: json!([said("One"), said("Two")]),
                ..Golden::default()
            },
            Golden {
                name: "realtime: the beginning of the second response is missing",
                chunks: vec![
                    created("a"),
                    json!({ "type": "response.done", "response": { "id": "a", "status": "completed", "output": [message], "usage": { "input_tokens": 5, "output_tokens": 2 } } }),
                    json!({ "type": "response.done", "response": { "id": "b", "status": "completed", "output": [message], "usage": { "input_tokens": 9, "output_tokens": 1 } } }),
                ],
                first: 2,
                output: json!([message, message]),
                usage: &[("input", 14), ("output", 3)],
                reason: Some("completed"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "two kinds of chunks in one stream: none is lost",
                chunks: vec![
                    delta(json!({ "content": "Hi" })),
                    json!({ "type": "transcript.text.delta", "delta": "Ho" }),
                ],
                first: 1,
                output: json!([{ "content": "Hi" }, "Ho"]),
                ..Golden::default()
            },
            // <https://huggingface.co/docs/text-generation-inference/reference/api_reference>
            Golden {
                name: "text generation inference: the last chunk alone",
                chunks: vec![
                    json!({ "generated_text": "" }),
                    json!({ "generated_text": "Hi" }),
                ],
                first: 2,
                output: json!("Hi"),
                ends: true,
                ..Golden::default()
            },
            // <https://docs.mistral.ai/agents/agents_basics>
            Golden {
                name: "mistral's conversation: a reference between texts",
                chunks: vec![
                    json!({ "type": "conversation.response.started", "conversation_id": "c" }),
                    json!({ "type": "message.output.delta", "content": "He" }),
                    json!({ "type": "message.output.delta", "content": { "type": "tool_reference", "tool": "web_search" } }),
                    json!({ "type": "message.output.delta", "content": "llo" }),
                    json!({ "type": "conversation.response.done", "usage": { "prompt_tokens": 8, "completion_tokens": 2, "total_tokens": 10 } }),
                ],
                first: 2,
                output: json!("Hello"),
                usage: &[("input", 8), ("output", 2)],
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "codex: a turn that has not ended",
                chunks: vec![
                    json!({ "type": "thread.started", "thread_id": "t" }),
                    json!({ "type": "turn.started" }),
                    json!({ "type": "item.started", "item": { "id": "item_0", "type": "agent_message", "text": "" } }),
                    json!({ "type": "item.completed", "item": { "id": "item_0", "type": "agent_message", "text": "Done" } }),
                ],
                first: 4,
                output: json!({ "id": "item_0", "type": "agent_message", "text": "Done" }),
                ..Golden::default()
            },
            // <https://help.aliyun.com/zh/model-studio/qwen-api-via-dashscope>
            Golden {
                name: "dashscope: a text without choices",
                chunks: vec![
                    json!({ "output": { "text": "He", "finish_reason": "null" } }),
                    json!({ "output": { "text": "Hello", "finish_reason": "stop" }, "usage": { "input_tokens": 3, "output_tokens": 2 } }),
                ],
                first: 1,
                output: json!({ "role": "assistant", "content": "Hello" }),
                usage: &[("input", 3), ("output", 2)],
                reason: Some("stop"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "dashscope: parts of a model that sees",
                chunks: vec![
                    json!({ "output": { "choices": [{ "message": { "role": "assistant", "content": [] }, "finish_reason": "null" }] } }),
                    json!({ "output": { "choices": [{ "message": { "role": "assistant", "content": [{ "text": "He" }, { "text": "l" }] }, "finish_reason": "null" }] } }),
                    json!({ "output": { "choices": [{ "message": { "role": "assistant", "content": [{ "text": "Hello" }] }, "finish_reason": "stop" }] } }),
                ],
                first: 2,
                output: json!({ "role": "assistant", "content": "Hello" }),
                reason: Some("stop"),
                ends: true,
                ..Golden::default()
            },
        ],
    );
}
