//! How answers arrive: text with several lines for an event, any end of a line, numbers that JSON has not; calls in pieces.

use serde_json::{Value, json};

use crate::inputs::{OPENAI, said, streamed, whole};
use crate::stream_providers::{finish_reason, output, record, usage};

/// Python's `json` writes numbers that JSON has not, such as the logarithm of a probability of zero
/// (<https://docs.python.org/3/library/json.html#infinite-and-nan-number-values>).
#[test]
fn a_body_with_numbers_that_are_not_finite_is_read() {
    let body = r#"{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"not NaN"},
        "logprobs":{"content":[{"token":"a","logprob":-Infinity,"p":NaN}]},"finish_reason":"stop"}],
        "usage":{"prompt_tokens":10,"completion_tokens":1e400,"total_tokens":15}}"#;
    let streamed = format!("data: {}\n\ndata: [DONE]\n\n", body.replace('\n', " "));
    for text in [body.to_owned(), streamed] {
        let span = whole(OPENAI, &Value::from(text));
        assert_eq!(
            said(&span),
            json!({ "role": "assistant", "content": "not NaN" })
        );
        assert_eq!(usage(&span), [("input", 10), ("output", 5)]);
        assert_eq!(span.level(), None);
    }
}

/// <https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling>: `streamFunctionCallArguments`.
#[test]
fn arguments_of_gemini_that_come_in_pieces_are_one_call() {
    let part = |part: Value, end: Value| json!({ "candidates": [{ "index": 0, "content": { "role": "model", "parts": [part] }, "finishReason": end }] });
    let piece =
        |pieces: Value| json!({ "functionCall": { "partialArgs": pieces, "willContinue": true } });
    let null = || Value::Null;
    let chunks = [
        part(
            json!({ "functionCall": { "name": "weather", "willContinue": true } }),
            null(),
        ),
        part(
            piece(json!([{ "jsonPath": "$.city", "stringValue": "New ", "willContinue": true }])),
            null(),
        ),
        part(
            piece(
                json!([{ "jsonPath": "$.city", "stringValue": "Delhi" }, { "jsonPath": "$.days[0]", "numberValue": 2 }]),
            ),
            null(),
        ),
        part(json!({ "functionCall": {} }), null()),
        part(
            json!({ "functionCall": { "name": "time", "args": { "zone": "IST" } } }),
            json!("STOP"),
        ),
    ];
    let weather = json!({ "functionCall": { "name": "weather", "args": { "city": "New Delhi", "days": [2] } } });
    let time = json!({ "functionCall": { "name": "time", "args": { "zone": "IST" } } });
    let span = streamed(&chunks, |s| s.gemini());
    assert_eq!(output(&span)["parts"], json!([weather, time]));
    let half = record(chunks.to_vec(), 2, |s| s.gemini());
    assert_eq!(
        output(&half)["parts"][0]["functionCall"]["args"],
        json!({ "city": "New " })
    );
    let array = whole(
        |span, answer| span.record_gemini(answer),
        &Value::from(chunks.to_vec()),
    );
    assert_eq!(output(&array)["parts"], json!([weather, time]));
}

#[test]
fn chunks_with_a_type_and_events_over_several_lines_are_read() {
    let typed = |mut chunk: Value| {
        chunk["type"] = json!("chat.completion.chunk");
        chunk
    };
    let chunks = [
        typed(json!({ "choices": [{ "index": 0, "delta": { "content": "He" } }] })),
        typed(
            json!({ "choices": [{ "index": 0, "delta": { "content": "llo" }, "finish_reason": "stop" }] }),
        ),
    ];
    let span = streamed(&chunks, |s| s.openai());
    assert_eq!(output(&span)["content"], "Hello");
    // Server-sent events may have several lines of data, and lines may end with a carriage return alone.
    for end in ["\n", "\r\n", "\r"] {
        let events = chunks.iter().map(|chunk| {
            let lines = serde_json::to_string_pretty(chunk).unwrap();
            let lines: Vec<String> = lines.lines().map(|line| format!("data: {line}")).collect();
            format!("event: chunk{end}{}{end}{end}", lines.join(end))
        });
        let body = events.collect::<String>() + "data: [DONE]" + end + end;
        let span = whole(OPENAI, &Value::from(body));
        assert_eq!(output(&span)["content"], "Hello", "{end:?}");
        assert_eq!(finish_reason(&span).as_deref(), Some("stop"));
    }
}

/// <https://docs.mistral.ai/agents/agents_and_conversations>: `function.call.delta` of a conversation.
#[test]
fn calls_in_a_conversation_of_mistral_are_kept() {
    let piece = |arguments: &str| json!({ "type": "function.call.delta", "output_index": 0, "id": "fc_1", "name": "add", "tool_call_id": "c1", "arguments": arguments });
    let chunks = [
        json!({ "type": "conversation.response.started", "conversation_id": "conv_1" }),
        piece("{\"a\""),
        piece(":1}"),
        json!({ "type": "conversation.response.done", "usage": { "prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "connector_tokens": null } }),
    ];
    let call = json!({ "type": "function_call", "id": "fc_1", "call_id": "c1", "name": "add", "arguments": "{\"a\":1}" });
    let span = streamed(&chunks, |s| s.openai());
    assert_eq!(said(&span), call);
    assert_eq!(usage(&span), [("input", 5), ("output", 2)]);
    let half = record(chunks.to_vec(), 2, |s| s.openai());
    assert_eq!(said(&half)["arguments"], "{\"a\"");
}

/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolResultBlockDelta.html>
#[test]
fn the_result_of_a_tool_that_bedrock_ran_is_kept() {
    let delta = |pieces: Value| json!({ "contentBlockDelta": { "contentBlockIndex": 0, "delta": { "toolResult": pieces } } });
    let chunks = [
        json!({ "contentBlockStart": { "contentBlockIndex": 0, "start": { "toolResult": { "toolUseId": "t", "status": "success" } } } }),
        delta(json!([{ "text": "fo" }])),
        delta(json!([{ "text": "und" }, { "json": { "n": 1 } }])),
        json!({ "messageStop": { "stopReason": "end_turn" } }),
    ];
    let span = streamed(&chunks, |s| s.bedrock());
    assert_eq!(
        output(&span)["content"],
        json!([{ "toolResult": { "toolUseId": "t", "status": "success", "content": [{ "text": "found" }, { "json": { "n": 1 } }] } }])
    );
}
