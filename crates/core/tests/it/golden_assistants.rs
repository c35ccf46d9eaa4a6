//! Rows of the table of streams that are runs of OpenAI's Assistants.
//! <https://platform.openai.com/docs/api-reference/assistants-streaming/events>

use serde_json::{Value, json};

use crate::golden::{Golden, Provider, check};

fn text(index: u64, text: &str) -> Value {
    json!({ "index": index, "type": "text", "text": { "value": text, "annotations": [] } })
}

/// A piece of the message with this id.
fn piece(id: &str, parts: &[Value]) -> Value {
    json!({ "id": id, "object": "thread.message.delta", "delta": { "content": parts } })
}

fn message(id: &str, role: &str, parts: &[Value]) -> Value {
    json!({ "id": id, "object": "thread.message", "status": "completed", "role": role, "content": parts })
}

fn run(status: &str, usage: &Value) -> Value {
    json!({ "id": "run_1", "object": "thread.run", "status": status, "model": "gpt-4o", "usage": usage,
        "last_error": null, "instructions": "Be short.", "tools": [], "incomplete_details": null })
}

fn step(calls: &[Value]) -> Value {
    json!({ "id": "step_1", "object": "thread.run.step.delta", "delta": { "step_details": { "type": "tool_calls", "tool_calls": calls } } })
}

fn hello(name: &'static str, chunks: Vec<Value>) -> Golden {
    Golden {
        name,
        chunks,
        first: 5,
        output: json!({ "role": "assistant", "content": "Hello" }),
        usage: &[("input", 20), ("output", 11)],
        reason: Some("completed"),
        ends: true,
        ..Golden::default()
    }
}

#[test]
fn a_run_of_an_assistant_is_folded() {
    let used = json!({ "prompt_tokens": 20, "completion_tokens": 11, "total_tokens": 31 });
    let events = || {
        vec![
            json!({ "id": "thread_1", "object": "thread", "metadata": {} }),
            run("queued", &Value::Null),
            message("msg_0", "user", &[text(0, "Say hello")]),
            json!({ "id": "msg_1", "object": "thread.message", "status": "in_progress", "role": "assistant", "content": [] }),
            piece("msg_1", &[text(0, "Hel")]),
            piece("msg_1", &[text(0, "lo")]),
            message("msg_1", "assistant", &[text(0, "Hello")]),
            // A step counts what the run counts as well.
            json!({ "id": "step_1", "object": "thread.run.step", "type": "message_creation", "status": "completed", "usage": used }),
            run("completed", &used),
        ]
    };
    let named = |event: Value| json!({ "event": format!("{}.of", event["object"].as_str().unwrap()), "data": event });
    let wrapped = events()
        .into_iter()
        .map(|event| match event["object"].as_str() {
            Some("thread") => event,
            _ => named(event),
        });
    check(
        Provider::OpenAi,
        vec![
            hello("a text", events()),
            hello(
                "a text, with the names that SDKs put around",
                wrapped.collect(),
            ),
            Golden {
                name: "messages that come as a whole",
                chunks: vec![
                    message("msg_1", "assistant", &[text(0, "One")]),
                    message("msg_2", "assistant", &[text(0, "Two")]),
                ],
                first: 1,
                output: json!([{ "role": "assistant", "content": "One" }, { "role": "assistant", "content": "Two" }]),
                ..Golden::default()
            },
            Golden {
                name: "parts out of order, with an annotation and a picture",
                chunks: vec![
                    piece(
                        "m",
                        &[
                            json!({ "index": 1, "type": "image_file", "image_file": { "file_id": "f" } }),
                        ],
                    ),
                    piece("m", &[text(0, "See [1]")]),
                    piece(
                        "m",
                        &[
                            json!({ "index": 0, "type": "text", "text": { "annotations": [{ "text": "[1]" }] } }),
                        ],
                    ),
                ],
                first: 1,
                output: json!({ "role": "assistant", "content": [
                    { "type": "text", "text": "See [1]", "annotations": [{ "text": "[1]" }] },
                    { "type": "image_file", "image_file": { "file_id": "f" } },
                ] }),
                ..Golden::default()
            },
            Golden {
                name: "a call that the application must run",
                chunks: vec![
                    run("in_progress", &Value::Null),
                    step(&[
                        json!({ "index": 0, "id": "c", "type": "function", "function": { "name": "f", "arguments": "" } }),
                    ]),
                    step(&[json!({ "index": 0, "function": { "arguments": "{}" } })]),
                    run("requires_action", &Value::Null),
                ],
                first: 2,
                output: json!({ "role": "assistant", "tool_calls": [{ "id": "c", "type": "function", "function": { "name": "f", "arguments": "{}" } }] }),
                reason: Some("requires_action"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "a message after a call",
                chunks: vec![
                    piece("m", &[text(0, "")]),
                    piece("m", &[text(0, "Five")]),
                    step(&[
                        json!({ "index": 0, "id": "c", "function": { "name": "f", "arguments": "{}" } }),
                    ]),
                ],
                first: 2,
                output: json!([
                    { "role": "assistant", "tool_calls": [{ "id": "c", "function": { "name": "f", "arguments": "{}" } }] },
                    { "role": "assistant", "content": "Five" },
                ]),
                ..Golden::default()
            },
            Golden {
                name: "a message that has only begun",
                chunks: vec![
                    message("m", "assistant", &[]),
                    run("cancelled", &Value::Null),
                ],
                reason: Some("cancelled"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "a run that is cut",
                chunks: vec![
                    piece("m", &[text(0, "Hal")]),
                    json!({ "object": "thread.run", "status": "incomplete", "incomplete_details": { "reason": "max_completion_tokens" } }),
                ],
                first: 1,
                output: json!({ "role": "assistant", "content": "Hal" }),
                reason: Some("max_completion_tokens"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "a run that fails",
                chunks: vec![
                    piece("m", &[text(0, "Hal")]),
                    json!({ "object": "thread.run", "status": "failed", "last_error": { "code": "server_error", "message": "Sorry" } }),
                ],
                first: 1,
                output: json!({ "role": "assistant", "content": "Hal" }),
                reason: Some("failed"),
                error: Some("openai.server_error: Sorry"),
                ..Golden::default()
            },
            Golden {
                name: "an error event, with its name around it",
                chunks: vec![
                    piece("m", &[text(0, "Hal")]),
                    json!({ "event": "error", "data": { "code": "rate_limit_exceeded", "message": "Slow down" } }),
                ],
                first: 1,
                output: json!({ "role": "assistant", "content": "Hal" }),
                error: Some("openai.rate_limit_exceeded: Slow down"),
                ..Golden::default()
            },
        ],
    );
}
