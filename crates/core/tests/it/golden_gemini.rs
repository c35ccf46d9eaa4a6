//! Rows of the table of streams that are in the languages of Anthropic and Gemini.
//! Shapes from the providers' references; each is named at its test.

use serde_json::{Value, json};

use crate::golden::{Golden, Provider, check};

/// <https://docs.anthropic.com/en/docs/build-with-claude/streaming>
#[test]
fn anthropic() {
    let start = |id: Value, input: u64, output: u64| {
        json!({ "type": "message_start", "message": { "id": id, "type": "message", "role": "assistant", "content": [],
            "usage": { "input_tokens": input, "output_tokens": output } } })
    };
    let text = |text: &str| json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": text } });
    let assistant = |id: Value, output: u64| {
        json!({ "type": "assistant", "message": { "id": id, "role": "assistant", "content": [{ "type": "text", "text": "Hi" }],
            "usage": { "input_tokens": 10, "output_tokens": output } } })
    };
    let result = |usage: Value| json!({ "type": "result", "subtype": "success", "is_error": false, "result": "Hi", "usage": usage });
    let hi = json!({ "role": "assistant", "content": "Hi" });
    check(
        Provider::Anthropic,
        vec![
            Golden {
                name: "an agent whose end counts nothing",
                chunks: vec![
                    assistant(json!("m"), 5),
                    result(json!({ "input_tokens": 0, "output_tokens": 0 })),
                ],
                first: 1,
                output: hi.clone(),
                usage: &[("input", 10), ("output", 5)],
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "a message without an id goes on with the one before",
                chunks: vec![
                    start(json!("m"), 10, 1),
                    text("Hi"),
                    assistant(Value::Null, 5),
                ],
                first: 2,
                output: hi.clone(),
                usage: &[("input", 10), ("output", 5)],
                ..Golden::default()
            },
            Golden {
                name: "a message whose id comes late is one message",
                chunks: vec![
                    start(json!(""), 10, 1),
                    text("Hi"),
                    assistant(json!("m"), 5),
                ],
                first: 2,
                output: hi,
                usage: &[("input", 10), ("output", 5)],
                ..Golden::default()
            },
            Golden {
                name: "an error in the middle, after a ping",
                chunks: vec![
                    start(json!("m"), 10, 1),
                    json!({ "type": "ping" }),
                    text("Hal"),
                    json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } }),
                ],
                first: 3,
                output: json!({ "role": "assistant", "content": "Hal" }),
                usage: &[("input", 10), ("output", 1)],
                error: Some("anthropic.overloaded_error: Overloaded"),
                ..Golden::default()
            },
            Golden {
                name: "a message whose content is a text",
                chunks: vec![json!({ "type": "message", "role": "assistant", "content": "Hi" })],
                first: 1,
                output: json!({ "role": "assistant", "content": "Hi" }),
                ..Golden::default()
            },
            Golden {
                name: "a message whose content is an empty text",
                chunks: vec![
                    json!({ "type": "message", "role": "assistant", "content": "", "stop_reason": "end_turn" }),
                ],
                reason: Some("end_turn"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "blocks whose starts are missing",
                chunks: vec![
                    json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "compaction_delta", "content": "We " } }),
                    json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "compaction_delta", "content": "met" } }),
                    json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "signature_delta", "signature": "s" } }),
                ],
                first: 1,
                output: json!({ "role": "assistant", "content": [
                    { "type": "compaction", "content": "We met" }, { "type": "thinking", "signature": "s" }] }),
                ..Golden::default()
            },
            // <https://docs.anthropic.com/en/api/complete>
            Golden {
                name: "the API before messages",
                chunks: vec![
                    json!({ "type": "completion", "completion": "", "stop_reason": null, "model": "claude-2.1" }),
                    json!({ "type": "ping" }),
                    json!({ "type": "completion", "completion": " He", "stop_reason": null, "model": "claude-2.1" }),
                    json!({ "type": "completion", "completion": "llo", "stop_reason": null, "model": "claude-2.1" }),
                    json!({ "type": "completion", "completion": "", "stop_reason": "stop_sequence", "stop": "\n\nHuman:", "model": "claude-2.1" }),
                ],
                first: 3,
                output: json!(" Hello"),
                reason: Some("stop_sequence"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "both APIs in one stream: none is lost",
                chunks: vec![
                    json!({ "type": "completion", "completion": "Hi" }),
                    text("Ho"),
                ],
                first: 1,
                output: json!([{ "role": "assistant", "content": "Ho" }, "Hi"]),
                ..Golden::default()
            },
            Golden {
                name: "a refusal",
                chunks: vec![
                    start(json!("m"), 10, 1),
                    text("I"),
                    json!({ "type": "content_block_stop", "index": 0 }),
                    json!({ "type": "message_delta", "delta": { "stop_reason": "refusal" }, "usage": { "output_tokens": 2 } }),
                ],
                first: 2,
                output: json!({ "role": "assistant", "content": "I" }),
                usage: &[("input", 10), ("output", 2)],
                reason: Some("refusal"),
                ends: true,
                ..Golden::default()
            },
        ],
    );
}

/// <https://ai.google.dev/api/generate-content>, <https://ai.google.dev/api/live>,
/// <https://ai.google.dev/gemini-api/docs/interactions>
#[test]
fn gemini() {
    let parts = |parts: Value| json!({ "candidates": [{ "content": { "role": "model", "parts": parts } }] });
    let used = |prompt: u64, response: u64| json!({ "promptTokenCount": prompt, "responseTokenCount": response, "totalTokenCount": prompt + response });
    let call = json!({ "functionCalls": [{ "id": "c", "name": "f", "args": {} }] });
    let turn = json!({ "modelTurn": { "parts": [{ "text": "Five" }] } });
    let at = |index: u64, text: &str| json!({ "event_type": "step.delta", "index": index, "delta": { "type": "text", "text": text } });
    let step = |delta: Value| json!({ "event_type": "step.delta", "index": 0, "delta": delta });
    check(
        Provider::Gemini,
        vec![
            Golden {
                name: "thoughts are joined, a text with a signature is not",
                chunks: vec![
                    parts(
                        json!([{ "text": "h", "thought": true }, { "text": "m", "thought": true }]),
                    ),
                    parts(json!([{ "text": "a" }])),
                    parts(json!([{ "text": "b", "thoughtSignature": "s" }])),
                    parts(json!([{ "text": "c", "thought": null }])),
                ],
                first: 1,
                output: json!({ "role": "model", "parts": [
                    { "text": "hm", "thought": true }, { "text": "a" }, { "text": "b", "thoughtSignature": "s" }, { "text": "c" }] }),
                ..Golden::default()
            },
            Golden {
                name: "live: a turn that ends with a call, and the next one",
                chunks: vec![
                    json!({ "toolCall": call, "serverContent": { "turnComplete": true }, "usageMetadata": used(100, 10) }),
                    json!({ "serverContent": turn }),
                    json!({ "serverContent": { "turnComplete": true }, "usageMetadata": used(130, 20) }),
                ],
                first: 1,
                output: json!({ "role": "model", "parts": [
                    { "functionCall": { "id": "c", "name": "f", "args": {} } }, { "text": "Five" }] }),
                usage: &[("input", 230), ("output", 30)],
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "an interaction: a picture between texts",
                chunks: vec![
                    json!({ "event_type": "interaction.created", "interaction": { "status": "in_progress" } }),
                    step(json!({ "type": "text", "text": "See" })),
                    step(json!({ "type": "image", "data": "AA" })),
                    step(json!({ "type": "text", "text": "it" })),
                    json!({ "event_type": "interaction.completed", "interaction": { "status": "completed" } }),
                ],
                first: 2,
                output: json!({ "role": "model", "content": [{ "type": "model_output", "content": [
                    { "type": "text", "text": "See" }, { "type": "image", "data": "AA" }, { "type": "text", "text": "it" }] }] }),
                reason: Some("completed"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "an interaction whose steps come at its end alone",
                chunks: vec![
                    json!({ "event_type": "interaction.completed", "interaction": { "status": "completed", "steps": [
                        { "type": "model_output", "content": [{ "type": "text", "text": "Hi" }] }] } }),
                ],
                first: 1,
                output: json!({ "role": "model", "content": "Hi" }),
                reason: Some("completed"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "an interaction whose end has less than was streamed",
                chunks: vec![
                    step(json!({ "type": "text", "text": "Hi" })),
                    json!({ "event_type": "interaction.completed", "interaction": { "status": "completed", "steps": [
                        { "type": "model_output", "content": [] }] } }),
                ],
                first: 1,
                output: json!({ "role": "model", "content": "Hi" }),
                reason: Some("completed"),
                ends: true,
                ..Golden::default()
            },
            Golden {
                name: "an interaction with steps that are far",
                chunks: vec![
                    step(json!({ "type": "text", "text": "a" })),
                    at(4095, "b"),
                    at(4096, "c"),
                ],
                first: 1,
                output: json!({ "role": "model", "content": [
                    { "type": "model_output", "content": [{ "type": "text", "text": "ac" }] },
                    { "type": "model_output", "content": [{ "type": "text", "text": "b" }] },
                ] }),
                ..Golden::default()
            },
            // Until 2026-05.
            Golden {
                name: "an interaction of contents: a call as a whole",
                chunks: vec![
                    json!({ "event_type": "content.delta", "index": 0, "delta": { "type": "function_call", "id": "c", "name": "f", "arguments": { "a": 1 } } }),
                ],
                first: 1,
                output: json!({ "role": "model", "content": [{ "type": "function_call", "id": "c", "name": "f", "arguments": { "a": 1 } }] }),
                ..Golden::default()
            },
            Golden {
                name: "an answer that is filtered, and an error",
                chunks: vec![
                    parts(json!([{ "text": "Hal" }])),
                    json!({ "candidates": [{ "finishReason": "SAFETY" }] }),
                    json!({ "error": { "code": 503, "message": "busy", "status": "UNAVAILABLE" } }),
                ],
                first: 1,
                output: json!({ "role": "model", "content": "Hal" }),
                reason: Some("SAFETY"),
                error: Some("gemini.UNAVAILABLE.503: busy"),
                ..Golden::default()
            },
        ],
    );
}
