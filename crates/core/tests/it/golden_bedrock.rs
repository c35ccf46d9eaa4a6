//! Rows of the table of streams that are in the languages of Bedrock, Cohere and Ollama.
//! Shapes from the providers' references; each is named at its test.

use serde_json::{Value, json};

use crate::golden::{Golden, Provider, check};

/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html>
#[test]
fn bedrock() {
    let block =
        |delta: Value| json!({ "contentBlockDelta": { "contentBlockIndex": 0, "delta": delta } });
    let cohere = |text: &str| json!({ "type": "content-delta", "index": 0, "delta": { "message": { "content": { "type": "text", "text": text } } } });
    let sonic = |name: &str, value: Value| json!({ "event": { (name): value } });
    check(
        Provider::Bedrock,
        vec![
            Golden {
                name: "reasoning alone",
                chunks: vec![
                    json!({ "messageStart": { "role": "assistant" } }),
                    block(json!({ "reasoningContent": { "text": "hm" } })),
                ],
                first: 2,
                output: json!({ "role": "assistant", "content": [{ "reasoningContent": { "reasoningText": { "text": "hm" } } }] }),
                ..Golden::default()
            },
            Golden {
                name: "an event with its name as its type as well",
                chunks: vec![
                    json!({ "type": "contentBlockDelta", "contentBlockDelta": { "contentBlockIndex": 0, "delta": { "text": "Hi" } } }),
                ],
                first: 1,
                output: json!({ "role": "assistant", "content": "Hi" }),
                ..Golden::default()
            },
            Golden {
                name: "the pieces of a tool's result",
                chunks: vec![
                    json!({ "contentBlockStart": { "contentBlockIndex": 0, "start": {} } }),
                    block(json!({ "toolResult": [{ "json": { "a": 1 } }] })),
                    block(json!({ "toolResult": [{ "text": "o" }] })),
                    block(json!({ "toolResult": [{ "text": "k" }] })),
                ],
                first: 2,
                output: json!({ "role": "assistant", "content": [{ "toolResult": [{ "json": { "a": 1 } }, { "text": "ok" }] }] }),
                ..Golden::default()
            },
            Golden {
                name: "command: the events of cohere's chat",
                chunks: vec![
                    cohere("It "),
                    cohere("rains"),
                    json!({ "type": "message-end", "delta": { "finish_reason": "COMPLETE", "usage": { "tokens": { "input_tokens": 9, "output_tokens": 3 } } } }),
                ],
                first: 1,
                output: json!({ "role": "assistant", "content": "It rains" }),
                usage: &[("input", 9), ("output", 3)],
                reason: Some("COMPLETE"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "two languages in one stream: none is lost",
                chunks: vec![
                    json!({ "choices": [{ "index": 0, "delta": { "content": "Hi" } }] }),
                    json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "Ho" } }),
                ],
                first: 1,
                output: json!([{ "content": "Hi" }, { "role": "assistant", "content": "Ho" }]),
                ..Golden::default()
            },
            Golden {
                name: "llama: an empty text is no token",
                chunks: vec![
                    json!({ "generation": "", "prompt_token_count": 25, "generation_token_count": 1, "stop_reason": null }),
                    json!({ "generation": "Hi", "prompt_token_count": null, "generation_token_count": 2, "stop_reason": "stop" }),
                ],
                first: 2,
                output: json!("Hi"),
                usage: &[("input", 25), ("output", 2)],
                reason: Some("stop"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "nova sonic: sound without text",
                chunks: vec![
                    sonic("completionStart", json!({})),
                    sonic("audioOutput", json!({ "content": "AA" })),
                ],
                first: 2,
                ..Golden::default()
            },
            Golden {
                name: "nova sonic: text without sound",
                chunks: vec![
                    sonic("completionStart", json!({})),
                    sonic(
                        "textOutput",
                        json!({ "role": "USER", "content": "the time" }),
                    ),
                    sonic(
                        "textOutput",
                        json!({ "role": "ASSISTANT", "content": "Five" }),
                    ),
                ],
                first: 3,
                output: json!("Five"),
                ..Golden::default()
            },
        ],
    );
}

/// <https://docs.cohere.com/v2/docs/streaming>, <https://docs.cohere.com/v1/docs/streaming>
#[test]
fn cohere() {
    let event = |kind: &str, message: Value| json!({ "type": kind, "index": 0, "delta": { "message": message } });
    let function = |name: &str, arguments: &str| json!({ "name": name, "arguments": arguments });
    let said = |text: &str| json!({ "role": "assistant", "content": text });
    check(
        Provider::Cohere,
        vec![
            Golden {
                name: "each piece repeats its type",
                chunks: vec![
                    event(
                        "message-start",
                        json!({ "role": "assistant", "content": [], "tool_calls": [], "citations": [] }),
                    ),
                    event(
                        "content-start",
                        json!({ "content": { "type": "text", "text": "" } }),
                    ),
                    event(
                        "content-delta",
                        json!({ "content": { "type": "text", "text": "It " } }),
                    ),
                    event(
                        "content-delta",
                        json!({ "content": { "type": "text", "text": "rains" } }),
                    ),
                ],
                first: 3,
                output: said("It rains"),
                ..Golden::default()
            },
            Golden {
                name: "each piece of a call repeats its name",
                chunks: vec![
                    event("message-start", json!({ "role": "assistant" })),
                    event(
                        "tool-call-start",
                        json!({ "tool_calls": { "id": "c", "type": "function", "function": function("f", "") } }),
                    ),
                    event(
                        "tool-call-delta",
                        json!({ "tool_calls": { "function": function("f", "{") } }),
                    ),
                    event(
                        "tool-call-delta",
                        json!({ "tool_calls": { "function": function("f", "}") } }),
                    ),
                ],
                first: 2,
                output: json!({ "role": "assistant", "tool_calls": [{ "id": "c", "type": "function", "function": function("f", "{}") }] }),
                ..Golden::default()
            },
            Golden {
                name: "a plan alone",
                chunks: vec![
                    event("tool-plan-delta", json!({ "tool_plan": "" })),
                    event("tool-plan-delta", json!({ "tool_plan": "I look" })),
                ],
                first: 2,
                output: json!({ "role": "assistant", "tool_plan": "I look" }),
                ..Golden::default()
            },
            Golden {
                name: "an answer that comes at once",
                chunks: vec![
                    json!({ "id": "1" }),
                    json!({ "id": "1", "finish_reason": "COMPLETE", "message": { "role": "assistant", "content": [{ "type": "text", "text": "Hi" }] } }),
                ],
                first: 2,
                output: said("Hi"),
                reason: Some("COMPLETE"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "calls that come at once",
                chunks: vec![
                    json!({ "message": { "role": "assistant", "tool_calls": [{ "id": "c", "function": function("f", "{}") }] }, "finish_reason": "TOOL_CALL" }),
                ],
                first: 1,
                output: json!({ "role": "assistant", "tool_calls": [{ "id": "c", "function": function("f", "{}") }] }),
                reason: Some("TOOL_CALL"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "version 1, cut before its end",
                chunks: vec![
                    json!({ "event_type": "stream-start", "generation_id": "g", "is_finished": false }),
                    json!({ "event_type": "text-generation", "text": "", "is_finished": false }),
                    json!({ "event_type": "text-generation", "text": "It ", "is_finished": false }),
                    json!({ "event_type": "text-generation", "text": "rains", "is_finished": false }),
                ],
                first: 3,
                output: json!("It rains"),
                ..Golden::default()
            },
        ],
    );
}

/// <https://github.com/ollama/ollama/blob/main/docs/api.md>
#[test]
fn ollama() {
    let chat = |message: Value| json!({ "model": "m", "message": message, "done": false });
    let generate =
        |response: &str, done: bool| json!({ "model": "m", "response": response, "done": done });
    let call = json!({ "function": { "name": "f", "arguments": { "a": 1 } } });
    check(
        Provider::Ollama,
        vec![
            Golden {
                name: "a call alone",
                chunks: vec![
                    chat(json!({ "role": "assistant", "content": "", "tool_calls": [] })),
                    chat(json!({ "role": "assistant", "content": "", "tool_calls": [call] })),
                    json!({ "model": "m", "message": { "role": "assistant", "content": "" }, "done": true, "done_reason": "stop", "prompt_eval_count": 8, "eval_count": 2 }),
                ],
                first: 2,
                output: json!({ "role": "assistant", "content": "", "tool_calls": [call] }),
                usage: &[("input", 8), ("output", 2)],
                reason: Some("stop"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "generate",
                chunks: vec![
                    generate("", false),
                    generate("to ", false),
                    generate("be", true),
                ],
                first: 2,
                output: json!("to be"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "an error in the middle",
                chunks: vec![
                    chat(json!({ "role": "assistant", "content": "Hal" })),
                    json!({ "error": "model runner has stopped" }),
                ],
                first: 1,
                output: json!({ "role": "assistant", "content": "Hal" }),
                error: Some("ollama: model runner has stopped"),
                ..Golden::default()
            },
        ],
    );
}
