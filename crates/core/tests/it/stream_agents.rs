//! The events of an agent's run, and what must be on the span at their end.

use serde_json::{Value, json};
use tracefuse_core::Level;

use crate::stream_providers::{output, record, usage};

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
