//! The providers' documented streams, and what must be on the span at their end.

use futures::executor::block_on;
use futures::stream::{self, Stream, StreamExt as _};
use serde_json::{Value, json};
use tracefuse_core::record::SpanRecord;
use tracefuse_core::stream::{Every, Observed};
use tracefuse_core::{Level, ObserveStream as _};

use crate::support::tracer;

pub(crate) type Chunks = stream::Iter<std::vec::IntoIter<Value>>;

/// Reads `read` of the chunks, then drops the stream.
pub(crate) fn record<S: Stream + Unpin>(
    chunks: Vec<Value>,
    read: usize,
    fold: impl FnOnce(Observed<Chunks, Every>) -> S,
) -> SpanRecord {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let span = trace.generation("answer").start();
    let mut chunks = fold(stream::iter(chunks).observed(span));
    block_on(async {
        for _ in 0..read {
            chunks.next().await;
        }
    });
    drop(chunks);
    kept.only()
}

pub(crate) fn output(span: &SpanRecord) -> Value {
    span.output().map_or(Value::Null, |output| {
        serde_json::from_str(&output.to_string()).unwrap()
    })
}

pub(crate) fn finish_reason(span: &SpanRecord) -> Option<String> {
    span.metadata()
        .find(|(key, _)| *key == "finish_reason")
        .map(|(_, value)| value.to_string())
}

pub(crate) fn usage(span: &SpanRecord) -> Vec<(&str, u64)> {
    span.usage().filter(|(name, _)| *name != "total").collect()
}

fn openai_chunk(delta: Value, finish_reason: Value) -> Value {
    let mut choice = json!({ "index": 0, "logprobs": null });
    choice["delta"] = delta;
    choice["finish_reason"] = finish_reason;
    let mut chunk = json!({ "id": "chatcmpl-123", "model": "gpt-4o-mini", "usage": null });
    chunk["choices"] = Value::Array(vec![choice]);
    chunk
}

fn openai_usage() -> Value {
    json!({
        "id": "chatcmpl-123", "object": "chat.completion.chunk", "model": "gpt-4o-mini", "choices": [],
        "usage": {
            "prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27,
            "prompt_tokens_details": { "cached_tokens": 8 }
        }
    })
}

#[test]
fn openai_text() {
    let chunks = vec![
        openai_chunk(
            json!({ "role": "assistant", "content": "", "refusal": null }),
            json!(null),
        ),
        openai_chunk(json!({ "content": "Hel" }), json!(null)),
        openai_chunk(json!({ "content": "lo" }), json!(null)),
        openai_chunk(json!({}), json!("stop")),
        openai_usage(),
    ];
    let whole = record(chunks.clone(), 9, |s| s.openai());
    assert_eq!(whole.model(), Some("gpt-4o-mini"));
    assert_eq!(
        output(&whole),
        json!({ "role": "assistant", "content": "Hello" })
    );
    assert_eq!(finish_reason(&whole).as_deref(), Some("stop"));
    assert_eq!(
        usage(&whole),
        [("input", 12), ("input_cached_tokens", 8), ("output", 7)]
    );
    assert_eq!(whole.level(), None);

    let half = record(chunks.clone(), 2, |s| s.openai());
    assert_eq!(
        output(&half),
        json!({ "role": "assistant", "content": "Hel" })
    );
    assert_eq!((half.level(), usage(&half)), (Some(Level::Warning), vec![]));

    let unread = record(chunks, 4, |s| s.openai());
    assert_eq!(
        unread.level(),
        None,
        "the answer is whole without its usage"
    );
}

#[test]
fn openai_tool_calls() {
    let call = |call: Value| openai_chunk(json!({ "tool_calls": [call] }), json!(null));
    let chunks = vec![
        openai_chunk(json!({ "role": "assistant", "content": null }), json!(null)),
        call(
            json!({ "index": 0, "id": "call_a", "type": "function", "function": { "name": "weather", "arguments": "" } }),
        ),
        call(json!({ "index": 0, "function": { "arguments": "{\"city\":" } })),
        call(
            json!({ "index": 1, "id": "call_b", "type": "function", "function": { "name": "time", "arguments": "{}" } }),
        ),
        call(json!({ "index": 0, "function": { "arguments": "\"Lyon\"}" } })),
        openai_chunk(json!({}), json!("tool_calls")),
    ];
    let span = record(chunks, 9, |s| s.openai());
    assert_eq!(
        output(&span),
        json!({
            "role": "assistant",
            "tool_calls": [
                { "id": "call_a", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":\"Lyon\"}" } },
                { "id": "call_b", "type": "function", "function": { "name": "time", "arguments": "{}" } },
            ]
        })
    );
    assert_eq!(finish_reason(&span).as_deref(), Some("tool_calls"));

    // Some providers send whole calls, all at index 0 or at none.
    let chunks = vec![
        call(json!({ "index": 0, "id": "a", "function": { "name": "f", "arguments": "{}" } })),
        call(json!({ "index": 0, "id": "b", "function": { "name": "g", "arguments": "{}" } })),
        call(json!({ "id": "c", "function": { "name": "h", "arguments": "{}" } })),
    ];
    let span = record(chunks, 9, |s| s.openai());
    assert_eq!(output(&span)["tool_calls"].as_array().unwrap().len(), 3);
}

#[test]
fn openai_responses() {
    let item = json!({
        "type": "message", "role": "assistant", "status": "completed",
        "content": [{ "type": "output_text", "text": "Hi there" }]
    });
    let chunks = vec![
        json!({ "type": "response.created", "response": { "model": "gpt-4.1", "status": "in_progress", "output": [], "usage": null } }),
        json!({ "type": "response.output_text.delta", "output_index": 0, "delta": "Hi" }),
        json!({ "type": "response.output_text.delta", "output_index": 0, "delta": " there" }),
        json!({ "type": "response.output_item.done", "output_index": 0, "item": item }),
        json!({ "type": "response.completed", "response": {
            "model": "gpt-4.1", "status": "completed", "output": [item],
            "usage": { "input_tokens": 37, "output_tokens": 11, "total_tokens": 48 }
        } }),
    ];
    let whole = record(chunks.clone(), 9, |s| s.openai());
    assert_eq!((output(&whole), whole.level()), (item.clone(), None));
    assert_eq!(usage(&whole), [("input", 37), ("output", 11)]);
    assert_eq!(finish_reason(&whole).as_deref(), Some("completed"));

    let half = record(chunks.clone(), 2, |s| s.openai());
    assert_eq!(output(&half)["content"], json!("Hi"));
    assert_eq!(
        (half.model(), half.level()),
        (Some("gpt-4.1"), Some(Level::Warning))
    );
    assert_eq!(output(&record(chunks, 4, |s| s.openai())), item);

    let failed = vec![
        json!({ "type": "error", "code": "server_error", "message": "Try again", "param": null }),
    ];
    let failed = record(failed, 9, |s| s.openai());
    assert_eq!(
        failed.status_message(),
        Some("openai.server_error: Try again")
    );
}

#[test]
fn anthropic_events() {
    let chunks = vec![
        json!({ "type": "message_start", "message": {
            "id": "msg_014p7gG3wDgGV9EUtLvnow3U", "type": "message", "role": "assistant",
            "model": "claude-sonnet-4-5", "stop_sequence": null, "content": [], "stop_reason": null,
            "usage": { "input_tokens": 472, "cache_read_input_tokens": 100, "output_tokens": 2 }
        } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "ping" }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "Okay" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": ", let's see" } }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "content_block_start", "index": 1, "content_block": {
            "type": "tool_use", "id": "toolu_01T1x", "name": "get_weather", "input": {} } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": "" } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": "{\"location\":" } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": " \"Lyon\"}" } }),
        json!({ "type": "content_block_stop", "index": 1 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "tool_use", "stop_sequence": null },
            "usage": { "output_tokens": 89 } }),
        json!({ "type": "message_stop" }),
    ];
    let whole = record(chunks.clone(), 99, |s| s.anthropic());
    assert_eq!(whole.model(), Some("claude-sonnet-4-5"));
    assert_eq!(
        output(&whole),
        json!({ "role": "assistant", "content": [
            { "type": "text", "text": "Okay, let's see" },
            { "type": "tool_use", "id": "toolu_01T1x", "name": "get_weather", "input": { "location": "Lyon" } },
        ] })
    );
    assert_eq!(
        usage(&whole),
        [
            ("input", 472),
            ("cache_read_input_tokens", 100),
            ("output", 89)
        ]
    );
    assert_eq!(
        (finish_reason(&whole).as_deref(), whole.level()),
        (Some("tool_use"), None)
    );

    let half = record(chunks.clone(), 4, |s| s.anthropic());
    assert_eq!(
        output(&half),
        json!({ "role": "assistant", "content": "Okay" })
    );
    assert_eq!(half.level(), Some(Level::Warning));
    let half = record(chunks, 9, |s| s.anthropic());
    assert_eq!(
        output(&half)["content"][1]["input"],
        json!("{\"location\":")
    );

    let failed = json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } });
    let failed = record(vec![failed], 9, |s| s.anthropic());
    assert_eq!(failed.level(), Some(Level::Error));
    assert_eq!(
        failed.status_message(),
        Some("anthropic.overloaded_error: Overloaded")
    );
}

#[test]
fn anthropic_thinking() {
    let chunks = vec![
        json!({ "type": "message_start", "message": { "role": "assistant", "content": [], "usage": { "input_tokens": 1 } } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "thinking", "thinking": "" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "thinking_delta", "thinking": "27 * 4" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "thinking_delta", "thinking": "53" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "signature_delta", "signature": "EqQB" } }),
        json!({ "type": "content_block_start", "index": 1, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "text_delta", "text": "12231" } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "citations_delta", "citation": { "url": "u" } } }),
    ];
    let span = record(chunks, 99, |s| s.anthropic());
    assert_eq!(
        output(&span)["content"],
        json!([
            { "type": "thinking", "thinking": "27 * 453", "signature": "EqQB" },
            { "type": "text", "text": "12231", "citations": [{ "url": "u" }] },
        ])
    );
}

#[test]
fn gemini_chunks() {
    let chunk = |parts: Value, candidates: u64, finish: Value| {
        json!({
            "candidates": [{ "content": { "parts": parts, "role": "model" }, "finishReason": finish, "index": 0 }],
            "usageMetadata": {
                "promptTokenCount": 10, "candidatesTokenCount": candidates, "thoughtsTokenCount": 5,
                "totalTokenCount": 15 + candidates
            },
            "modelVersion": "gemini-2.5-flash"
        })
    };
    let chunks = vec![
        chunk(json!([{ "text": "Hmm", "thought": true }]), 1, json!(null)),
        chunk(json!([{ "text": "Good " }]), 2, json!(null)),
        chunk(json!([{ "text": "morning" }]), 3, json!(null)),
        chunk(
            json!([{ "functionCall": { "name": "f", "args": {} } }]),
            8,
            json!("STOP"),
        ),
    ];
    let whole = record(chunks, 9, |s| s.gemini());
    assert_eq!(whole.model(), Some("gemini-2.5-flash"));
    assert_eq!(
        output(&whole),
        json!({ "role": "model", "parts": [
            { "text": "Hmm", "thought": true },
            { "text": "Good morning" },
            { "functionCall": { "name": "f", "args": {} } },
        ] })
    );
    assert_eq!(
        usage(&whole),
        [("input", 10), ("output", 8), ("output_reasoning_tokens", 5)]
    );
    assert_eq!(
        (finish_reason(&whole).as_deref(), whole.level()),
        (Some("STOP"), None)
    );

    let text = vec![
        chunk(json!([{ "text": "Bon" }]), 1, json!(null)),
        chunk(json!([{ "text": "jour" }]), 2, json!(null)),
    ];
    let half = record(text, 2, |s| s.gemini());
    assert_eq!(
        output(&half),
        json!({ "role": "model", "content": "Bonjour" })
    );
    assert_eq!(half.level(), Some(Level::Warning));
}

#[test]
fn nonsense_says_nothing() {
    let nonsense = vec![
        json!(null),
        json!([1]),
        json!("[DONE]"),
        json!({ "choices": 3, "candidates": [{}], "type": 7 }),
        json!({ "type": "content_block_delta", "index": 9, "delta": {} }),
        json!({ "type": "message_delta", "delta": 1, "usage": 2 }),
        json!({ "choices": [{ "index": 1e300, "delta": [] }, null] }),
    ];
    for span in [
        record(nonsense.clone(), 99, |s| s.openai()),
        record(nonsense.clone(), 99, |s| s.anthropic()),
        record(nonsense, 99, |s| s.gemini()),
    ] {
        assert_eq!((span.model(), finish_reason(&span)), (None, None));
        assert_eq!(usage(&span), []);
    }
}

/// A realtime session in which the model answers twice: each response is billed, and its input has the earlier ones.
fn realtime_session() -> Vec<Value> {
    let response = |id: &str, text: &str, input: u64, cached: u64, output: u64| {
        let item = json!({ "id": format!("item_{id}"), "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": text }] });
        let usage = json!({
            "total_tokens": input + output, "input_tokens": input, "output_tokens": output,
            "input_token_details": { "text_tokens": input, "audio_tokens": 0, "cached_tokens": cached, "cached_tokens_details": { "text_tokens": cached, "audio_tokens": 0 } },
            "output_token_details": { "text_tokens": output, "audio_tokens": 0 },
        });
        vec![
            json!({ "type": "response.created", "response": { "id": id, "object": "realtime.response", "status": "in_progress", "output": [], "usage": null } }),
            json!({ "type": "response.output_item.added", "response_id": id, "output_index": 0, "item": { "id": format!("item_{id}"), "type": "message", "role": "assistant", "content": [] } }),
            json!({ "type": "response.output_text.delta", "response_id": id, "item_id": format!("item_{id}"), "output_index": 0, "content_index": 0, "delta": text }),
            json!({ "type": "response.output_item.done", "response_id": id, "output_index": 0, "item": item }),
            json!({ "type": "response.done", "response": { "id": id, "status": "completed", "output": [item], "usage": usage } }),
        ]
    };
    let mut events = vec![
        json!({ "type": "session.created", "session": { "id": "sess_1", "type": "realtime", "model": "gpt-realtime" } }),
    ];
    events.extend(response("resp_1", "It rains.", 100, 0, 20));
    events.push(json!({ "type": "conversation.item.added", "item": { "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "And tomorrow?" }] } }));
    events.extend(response("resp_2", "Sun.", 140, 64, 5));
    events
}

#[test]
fn each_response_of_a_realtime_session_is_kept_and_counted() {
    let events = realtime_session();
    let all = record(events.clone(), events.len(), |s| s.openai());
    assert_eq!(all.level(), None, "both have ended");
    let texts: Vec<_> = output(&all)
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["content"].clone())
        .collect();
    let text = |text: &str| json!([{ "type": "output_text", "text": text }]);
    assert_eq!(texts, [text("It rains."), text("Sun.")]);
    let sum: u64 = usage(&all).iter().map(|(_, units)| units).sum();
    assert_eq!(sum, 100 + 20 + 140 + 5);
    let cached: u64 = usage(&all)
        .iter()
        .filter(|(name, _)| name.contains("cached"))
        .map(|(_, units)| units)
        .sum();
    assert_eq!(cached, 64);

    // In the middle of the second answer the first one is still there, and the stream is not whole.
    let half = record(events, 10, |s| s.openai());
    assert_eq!(half.level(), Some(Level::Warning));
    assert!(output(&half).to_string().contains("It rains."));
    assert!(output(&half).to_string().contains("Sun."));
    let sum: u64 = usage(&half).iter().map(|(_, units)| units).sum();
    assert_eq!(sum, 120);
}

#[test]
fn a_response_whose_id_changes_is_one_response() {
    // As a gateway rewrites ids.
    let item = json!({ "id": "msg_1", "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "Hi" }] });
    let events = vec![
        json!({ "type": "response.created", "response": { "id": "resp_a", "status": "in_progress", "output": [] } }),
        json!({ "type": "response.in_progress", "response": { "id": "resp_b", "status": "in_progress", "output": [] } }),
        json!({ "type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0, "delta": "Hi" }),
        json!({ "type": "response.completed", "response": { "id": "resp_c", "status": "completed", "model": "gpt-5", "output": [&item],
            "usage": { "input_tokens": 9, "output_tokens": 1, "total_tokens": 10 } } }),
    ];
    let span = record(events, 99, |s| s.openai());
    assert_eq!(output(&span), item);
    assert_eq!(usage(&span), [("input", 9), ("output", 1)]);
}

/// Each chunk of Gemini states what was counted so far; thoughts come before the answer, and what its tools read is stated
/// when they have run (<https://ai.google.dev/api/generate-content#UsageMetadata>).
#[test]
fn counts_of_gemini_that_grow_are_counted_once() {
    let chunk = |part: Value, usage: Value, end: Value| {
        json!({ "candidates": [{ "index": 0, "content": { "role": "model", "parts": [part] }, "finishReason": end }],
            "usageMetadata": usage, "modelVersion": "gemini-3-pro" })
    };
    let chunks = vec![
        chunk(
            json!({ "text": "hm", "thought": true }),
            json!({ "promptTokenCount": 40, "thoughtsTokenCount": 12, "totalTokenCount": 52 }),
            Value::Null,
        ),
        chunk(
            json!({ "text": "hm", "thought": true }),
            json!({ "promptTokenCount": 40, "thoughtsTokenCount": 30, "toolUsePromptTokenCount": 100, "totalTokenCount": 170 }),
            Value::Null,
        ),
        chunk(
            json!({ "text": "It " }),
            json!({ "promptTokenCount": 40, "candidatesTokenCount": 2, "thoughtsTokenCount": 30, "toolUsePromptTokenCount": 180, "totalTokenCount": 252 }),
            Value::Null,
        ),
        chunk(
            json!({ "text": "rains." }),
            json!({ "promptTokenCount": 40, "candidatesTokenCount": 4, "thoughtsTokenCount": 30, "toolUsePromptTokenCount": 180, "totalTokenCount": 254,
                "toolUsePromptTokensDetails": [{ "modality": "TEXT", "tokenCount": 180 }] }),
            json!("STOP"),
        ),
    ];
    for read in 1..=chunks.len() {
        let total = chunks[read - 1]["usageMetadata"]["totalTokenCount"].as_u64();
        let span = record(chunks.clone(), read, |s| s.gemini());
        let sum: u64 = usage(&span).iter().map(|(_, units)| units).sum();
        assert_eq!(Some(sum), total, "after {read} chunks");
    }
    let span = record(chunks, 4, |s| s.gemini());
    assert_eq!(
        usage(&span),
        [
            ("input", 220),
            ("output", 4),
            ("output_reasoning_tokens", 30)
        ]
    );
    assert_eq!(span.level(), None);
}
