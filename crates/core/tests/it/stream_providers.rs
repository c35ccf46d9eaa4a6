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

/// What `claude -p --output-format stream-json --verbose` prints: a turn with a tool, and the answer
/// (<https://code.claude.com/docs/en/headless>, `SDKMessage` of the Agent SDK).
fn agent(in_pieces: bool) -> Vec<Value> {
    let usage = |input: u64, read: u64, write: u64, output: u64| {
        json!({ "input_tokens": input, "cache_read_input_tokens": read, "cache_creation_input_tokens": write,
        "cache_creation": { "ephemeral_5m_input_tokens": write, "ephemeral_1h_input_tokens": 0 }, "output_tokens": output, "service_tier": "standard" })
    };
    let of_agent = |mut event: Value| {
        event["session_id"] = json!("s-1");
        event["parent_tool_use_id"] = Value::Null;
        event
    };
    let turn = |id: &str, blocks: &[Value], start: Value, end: Value, reason: &str| {
        let message = |content: Value| json!({ "id": id, "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929", "content": content, "stop_reason": null, "usage": start });
        let mut events = Vec::new();
        let stream = |events: &mut Vec<Value>, event: Value| {
            if in_pieces {
                events.push(of_agent(json!({ "type": "stream_event", "event": event })));
            }
        };
        stream(
            &mut events,
            json!({ "type": "message_start", "message": message(json!([])) }),
        );
        for (index, block) in blocks.iter().enumerate() {
            let (empty, delta) = match block["type"].as_str().unwrap() {
                "text" => (
                    json!({ "type": "text", "text": "" }),
                    json!({ "type": "text_delta", "text": block["text"] }),
                ),
                _ => (
                    json!({ "type": "tool_use", "id": block["id"], "name": block["name"], "input": {} }),
                    json!({ "type": "input_json_delta", "partial_json": block["input"].to_string() }),
                ),
            };
            stream(
                &mut events,
                json!({ "type": "content_block_start", "index": index, "content_block": empty }),
            );
            stream(
                &mut events,
                json!({ "type": "content_block_delta", "index": index, "delta": delta }),
            );
            // A message is said once for each of its blocks.
            events.push(of_agent(
                json!({ "type": "assistant", "message": message(json!([block])) }),
            ));
            stream(
                &mut events,
                json!({ "type": "content_block_stop", "index": index }),
            );
        }
        stream(
            &mut events,
            json!({ "type": "message_delta", "delta": { "stop_reason": reason }, "usage": end }),
        );
        stream(&mut events, json!({ "type": "message_stop" }));
        events
    };
    let mut events = vec![
        json!({ "type": "system", "subtype": "init", "session_id": "s-1", "model": "claude-sonnet-4-5-20250929", "tools": ["Bash"], "apiKeySource": "none" }),
    ];
    let call = json!({ "type": "tool_use", "id": "toolu_1", "name": "Bash", "input": { "command": "date" } });
    let say = json!({ "type": "text", "text": "I look." });
    events.extend(turn(
        "msg_1",
        &[say, call],
        usage(3, 0, 5000, 2),
        json!({ "output_tokens": 60 }),
        "tool_use",
    ));
    events.push(of_agent(json!({ "type": "user", "message": { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "toolu_1", "content": "Fri" }] } })));
    events.extend(turn(
        "msg_2",
        &[json!({ "type": "text", "text": "Friday." })],
        usage(5, 5000, 120, 1),
        json!({ "output_tokens": 8 }),
        "end_turn",
    ));
    events
}

fn agents_result() -> Value {
    json!({ "type": "result", "subtype": "success", "is_error": false, "duration_ms": 4100, "duration_api_ms": 3900, "num_turns": 2, "result": "Friday.",
        "session_id": "s-1", "total_cost_usd": 0.0213, "usage": { "input_tokens": 8, "cache_creation_input_tokens": 5120, "cache_read_input_tokens": 5000, "output_tokens": 68,
        "server_tool_use": { "web_search_requests": 0 }, "service_tier": "standard" },
        "modelUsage": { "claude-sonnet-4-5-20250929": { "inputTokens": 8, "outputTokens": 68, "cacheReadInputTokens": 5000, "cacheCreationInputTokens": 5120, "webSearchRequests": 0, "costUSD": 0.0213 } },
        "permission_denials": [] })
}

#[test]
fn the_events_of_claude_code_are_one_answer() {
    let content = json!([
        { "type": "text", "text": "I look." },
        { "type": "tool_use", "id": "toolu_1", "name": "Bash", "input": { "command": "date" } },
        { "type": "text", "text": "Friday." },
    ]);
    for in_pieces in [false, true] {
        let mut events = agent(in_pieces);
        let read = events.len();
        let span = record(events.clone(), read, |s| s.anthropic());
        assert_eq!(output(&span)["content"], content, "{in_pieces}");
        // Each message of the model is billed. Without pieces, output is counted as far as it was when it was said.
        let total: u64 = usage(&span).iter().map(|(_, units)| units).sum();
        let output_tokens = if in_pieces { 68 } else { 3 };
        assert_eq!(total, 8 + 5120 + 5000 + output_tokens, "{in_pieces}");

        events.push(agents_result());
        for events in [events.clone(), vec![Value::Array(events)]] {
            let read = events.len();
            let span = record(events, read, |s| s.anthropic());
            assert_eq!(output(&span)["content"], content, "{in_pieces}");
            assert_eq!(span.model(), Some("claude-sonnet-4-5-20250929"));
            let counts = [
                ("input", 8),
                ("cache_read_input_tokens", 5000),
                ("cache_creation_input_tokens", 5120),
                ("output", 68),
            ];
            assert_eq!(usage(&span), counts, "{in_pieces}");
            assert_eq!(span.cost().collect::<Vec<_>>(), [("total", 0.0213)]);
            assert_eq!(span.level(), None);
        }
    }
}

#[test]
fn a_run_of_claude_code_that_fails_is_an_error_and_keeps_what_was_said() {
    let mut events = agent(false);
    events.push(json!({ "type": "result", "subtype": "error_max_turns", "is_error": true, "num_turns": 2, "total_cost_usd": 0.02, "usage": { "input_tokens": 8, "output_tokens": 60 } }));
    let span = record(events, 99, |s| s.anthropic());
    assert_eq!(span.level(), Some(Level::Error));
    assert!(span.status_message().unwrap().contains("error_max_turns"));
    assert_eq!(output(&span)["content"][2]["text"], "Friday.");
    assert_eq!(usage(&span), [("input", 8), ("output", 60)]);

    // Words of the agent itself have no model, and an answer without messages is the result's.
    let events = vec![
        json!({ "type": "system", "subtype": "init", "model": "claude-sonnet-4-5-20250929" }),
        json!({ "type": "assistant", "message": { "id": "m", "model": "<synthetic>", "role": "assistant", "content": [{ "type": "text", "text": "Prompt is too long" }], "usage": { "input_tokens": 0, "output_tokens": 0 } } }),
    ];
    let span = record(events, 99, |s| s.anthropic());
    assert_eq!(span.model(), Some("claude-sonnet-4-5-20250929"));
    let only_result = vec![
        json!({ "type": "result", "subtype": "success", "is_error": false, "result": "42", "usage": { "input_tokens": 1, "output_tokens": 1 } }),
    ];
    assert_eq!(
        output(&record(only_result, 1, |s| s.anthropic())),
        json!({ "role": "assistant", "content": "42" })
    );
}
