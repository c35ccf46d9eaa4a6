//! Streams that providers really send, beside those in the other files: interactions, live sessions, texts that are written
//! twice, parts that come out of order, services of no known language.

use serde_json::{Value, json};
use tracefuse_core::Level;

use crate::inputs::{OPENAI, said, streamed, whole};
use crate::stream_first::first;
use crate::stream_providers::{finish_reason, output, record, usage};

fn chunk(index: u64, content: &str, end: Value) -> Value {
    let mut choice = json!({ "index": index, "delta": { "content": content } });
    choice["finish_reason"] = end;
    json!({ "choices": [choice] })
}

#[test]
fn what_comes_out_of_order_is_put_in_order() {
    let span = streamed(
        &[chunk(1, "b", json!("length")), chunk(0, "a", json!("stop"))],
        |s| s.openai(),
    );
    assert_eq!(
        output(&span),
        json!([{ "content": "a" }, { "content": "b" }])
    );
    assert_eq!(
        finish_reason(&span).as_deref(),
        Some(r#"["stop","length"]"#)
    );

    let call = |index: u64, name: &str, arguments: &str| {
        json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [
        { "index": index, "id": format!("c{index}"), "function": { "name": name, "arguments": arguments } }] } }] })
    };
    let more = |index: u64, arguments: &str| {
        json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [
        { "index": index, "function": { "arguments": arguments } }] } }] })
    };
    let span = streamed(
        &[
            call(1, "g", "{"),
            call(0, "f", "{"),
            more(1, "}"),
            more(0, "}"),
        ],
        |s| s.openai(),
    );
    let names: Vec<_> = output(&span)["tool_calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| {
            (
                call["function"]["name"].clone(),
                call["function"]["arguments"].clone(),
            )
        })
        .collect();
    assert_eq!(
        names,
        [(json!("f"), json!("{}")), (json!("g"), json!("{}"))]
    );

    let candidate = |index: u64, text: &str| json!({ "candidates": [{ "index": index, "content": { "role": "model", "parts": [{ "text": text }] }, "finishReason": "STOP" }] });
    let span = streamed(&[candidate(1, "b"), candidate(0, "a")], |s| s.gemini());
    assert_eq!(
        output(&span),
        json!([{ "role": "model", "content": "a" }, { "role": "model", "content": "b" }])
    );
    // Both candidates go on, each with its own text and end.
    let piece = |index: u64, text: &str, end: Value| json!({ "candidates": [{ "index": index, "content": { "parts": [{ "text": text }] }, "finishReason": end }] });
    let span = streamed(
        &[
            piece(0, "a", Value::Null),
            piece(1, "b", Value::Null),
            piece(1, "bb", json!("MAX_TOKENS")),
            piece(0, "aa", json!("STOP")),
        ],
        |s| s.gemini(),
    );
    let texts: Vec<_> = output(&span)
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["content"].clone())
        .collect();
    assert_eq!(texts, ["aaa", "bbb"]);
    assert_eq!(
        finish_reason(&span).as_deref(),
        Some(r#"["STOP","MAX_TOKENS"]"#)
    );

    let block = |index: u64, text: &str| json!({ "type": "content_block_delta", "index": index, "delta": { "type": "text_delta", "text": text } });
    let span = streamed(&[block(1, "b"), block(0, "a")], |s| s.anthropic());
    assert_eq!(
        output(&span)["content"],
        json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }])
    );
}

#[test]
fn a_text_that_is_written_twice_is_kept_once() {
    // Together: in the words of Completions and of Chat Completions.
    let both = |text: &str, end: Value| json!({ "choices": [{ "index": 0, "text": text, "finish_reason": end, "delta": { "token_id": 358, "role": "assistant", "content": text, "tool_calls": null } }] });
    let span = streamed(
        &[
            both("He", json!(null)),
            both("llo", json!(null)),
            both("", json!("stop")),
        ],
        |s| s.openai(),
    );
    assert_eq!(
        output(&span),
        json!({ "role": "assistant", "content": "Hello" })
    );
    // DashScope: the whole text so far, or what is new alone.
    let dash = |text: &str, reasoning: &str, end: &str| json!({ "output": { "choices": [{ "message": { "role": "assistant", "content": text, "reasoning_content": reasoning }, "finish_reason": end }] }, "usage": { "input_tokens": 3, "output_tokens": 2, "total_tokens": 5 }, "request_id": "r" });
    for chunks in [
        [
            dash("", "hm", "null"),
            dash("He", "hm, yes", "null"),
            dash("Hello", "hm, yes", "stop"),
        ],
        [
            dash("", "hm", "null"),
            dash("He", ", yes", "null"),
            dash("llo", "", "stop"),
        ],
    ] {
        let span = streamed(&chunks, |s| s.openai());
        assert_eq!(
            output(&span),
            json!({ "role": "assistant", "content": "Hello", "reasoning_content": "hm, yes" })
        );
        assert_eq!(finish_reason(&span).as_deref(), Some("stop"));
        assert_eq!(usage(&span), [("input", 3), ("output", 2)]);
        assert_eq!(span.level(), None);
        let half = record(chunks.to_vec(), 2, |s| s.openai());
        assert_eq!(
            (
                output(&half)["content"].clone(),
                half.level(),
                finish_reason(&half)
            ),
            (json!("He"), Some(Level::Warning), None)
        );
    }
    let text = |text: &str, end: &str| json!({ "output": { "text": text, "finish_reason": end } });
    let span = streamed(&[text("He", "null"), text("Hello", "stop")], |s| s.openai());
    assert_eq!(output(&span)["content"], "Hello");
}

#[test]
fn streams_of_cloudflare_and_of_unknown_services_lose_nothing() {
    let chunks = [
        json!({ "response": "He", "p": "abc" }),
        json!({ "response": "llo", "p": "a" }),
        json!({ "response": "", "usage": { "prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7 } }),
    ];
    let span = streamed(&chunks, |s| s.openai());
    assert_eq!(said(&span), json!("Hello"));
    assert_eq!(usage(&span), [("input", 5), ("output", 2)]);
    let llama = [
        json!({ "content": "He", "stop": false }),
        json!({ "content": "llo", "stop": false }),
        json!({ "content": "", "stop": true, "model": "m", "tokens_predicted": 2 }),
    ];
    assert_eq!(said(&streamed(&llama, |s| s.openai())), json!("Hello"));
    let mistral = [
        json!({ "type": "message.output.delta", "content": "He" }),
        json!({ "type": "message.output.delta", "content": { "type": "text", "text": "llo" } }),
    ];
    assert_eq!(said(&streamed(&mistral, |s| s.openai())), json!("Hello"));
    let unknown = vec![
        json!({ "piece": { "id": 1, "text": "Hi" }, "all": null }),
        json!({ "piece": { "id": 2, "text": "!" }, "all": "Hi!" }),
    ];
    for span in [
        streamed(&unknown, |s| s.openai()),
        streamed(&unknown, |s| s.gemini()),
        streamed(&unknown, |s| s.cohere()),
        whole(OPENAI, &Value::from(unknown.clone())),
        whole(
            OPENAI,
            &Value::from(
                "data: ".to_owned()
                    + &unknown[0].to_string()
                    + "\n\ndata: "
                    + &unknown[1].to_string()
                    + "\n\n",
            ),
        ),
    ] {
        assert_eq!(said(&span), Value::from(unknown.clone()));
    }
    let many = vec![json!({ "token": 1 }); 5000];
    let span = streamed(&many, |s| s.openai());
    assert!(said(&span).as_array().unwrap().len() <= 256);
}

#[test]
fn interactions_are_streamed_by_steps_or_by_contents() {
    let event = |name: &str, index: u64, key: &str, value: Value| json!({ "event_type": name, "index": index, (key): value });
    let delta = |index: u64, delta: Value| event("step.delta", index, "delta", delta);
    let created = json!({ "event_type": "interaction.created", "interaction": { "id": "v1_1", "status": "in_progress", "model": "gemini-3-flash" } });
    let completed = json!({ "event_type": "interaction.completed", "interaction": { "id": "v1_1", "status": "completed",
        "usage": { "total_tokens": 346, "total_input_tokens": 11, "total_output_tokens": 90, "total_thought_tokens": 245 } } });
    let chunks = [
        created.clone(),
        event(
            "step.start",
            0,
            "step",
            json!({ "type": "thought", "signature": "", "summary": [{ "type": "text", "text": "I " }] }),
        ),
        delta(
            0,
            json!({ "type": "thought_summary", "content": { "type": "text", "text": "add" } }),
        ),
        delta(
            0,
            json!({ "type": "thought_signature", "signature": "EpoG" }),
        ),
        event(
            "step.start",
            1,
            "step",
            json!({ "type": "function_call", "id": "c", "name": "f", "arguments": {} }),
        ),
        delta(
            1,
            json!({ "type": "arguments_delta", "arguments": "{\"a\"" }),
        ),
        delta(1, json!({ "type": "arguments_delta", "arguments": ":1}" })),
        event("step.start", 2, "step", json!({ "type": "model_output" })),
        delta(2, json!({ "type": "text", "text": "He" })),
        delta(2, json!({ "type": "text", "text": "llo" })),
        completed,
    ];
    let span = streamed(&chunks, |s| s.gemini());
    assert_eq!(
        output(&span)["content"],
        json!([
            { "type": "thought", "signature": "EpoG", "summary": [{ "type": "text", "text": "I add" }] },
            { "type": "function_call", "id": "c", "name": "f", "arguments": { "a": 1 } },
            { "type": "model_output", "content": [{ "type": "text", "text": "Hello" }] },
        ])
    );
    assert_eq!(
        (span.model(), finish_reason(&span).as_deref(), span.level()),
        (Some("gemini-3-flash"), Some("completed"), None)
    );
    assert_eq!(
        usage(&span),
        [
            ("input", 11),
            ("output", 90),
            ("output_reasoning_tokens", 245)
        ]
    );
    let half = record(chunks.to_vec(), 6, |s| s.gemini());
    assert_eq!(output(&half)["content"][1]["arguments"], "{\"a\"");
    assert_eq!(half.level(), Some(Level::Warning));

    // Until 2026-05: contents, and other names of the first and the last event.
    let legacy = [
        json!({ "event_type": "interaction.start", "interaction": { "id": "v1_1", "status": "in_progress", "model": "gemini-3-flash" } }),
        event("content.start", 0, "content", json!({ "type": "text" })),
        event(
            "content.delta",
            0,
            "delta",
            json!({ "type": "text", "text": "He" }),
        ),
        event(
            "content.delta",
            0,
            "delta",
            json!({ "type": "text", "text": "llo" }),
        ),
        json!({ "event_type": "interaction.complete", "interaction": { "status": "completed" } }),
    ];
    let span = streamed(&legacy, |s| s.gemini());
    assert_eq!(
        output(&span),
        json!({ "role": "model", "content": "Hello" })
    );
    let failed = [
        created,
        delta(0, json!({ "type": "text", "text": "He" })),
        json!({ "event_type": "error", "error": { "code": "internal", "message": "boom" } }),
    ];
    let span = streamed(&failed, |s| s.gemini());
    assert_eq!(
        (said(&span)["content"].clone(), span.status_message()),
        (json!("He"), Some("gemini.internal: boom"))
    );
}

#[test]
fn a_live_session_of_gemini_is_folded() {
    let chunks = [
        json!({ "setupComplete": {} }),
        json!({ "serverContent": { "modelTurn": { "parts": [{ "text": "He" }] } } }),
        json!({ "serverContent": { "modelTurn": { "parts": [{ "text": "llo" }] } } }),
        json!({ "toolCall": { "functionCalls": [{ "id": "c", "name": "f", "args": {} }] } }),
        json!({ "serverContent": { "generationComplete": true } }),
        json!({ "serverContent": { "turnComplete": true }, "usageMetadata": { "promptTokenCount": 9, "responseTokenCount": 4, "totalTokenCount": 13 } }),
    ];
    let span = streamed(&chunks, |s| s.gemini());
    assert_eq!(
        output(&span)["parts"],
        json!([{ "text": "Hello" }, { "functionCall": { "id": "c", "name": "f", "args": {} } }])
    );
    assert_eq!(
        (usage(&span), span.level()),
        (vec![("input", 9), ("output", 4)], None)
    );
    // Each turn is billed with all that was said before it; the counts come with the end of a turn or after it
    // (https://ai.google.dev/api/live#UsageMetadata).
    let turn =
        |text: &str| json!({ "serverContent": { "modelTurn": { "parts": [{ "text": text }] } } });
    let over = json!({ "serverContent": { "turnComplete": true } });
    let used = |prompt: [u64; 2], response: u64| {
        json!({ "usageMetadata": { "promptTokenCount": prompt[0] + prompt[1], "responseTokenCount": response, "totalTokenCount": prompt[0] + prompt[1] + response,
            "promptTokensDetails": [{ "modality": "TEXT", "tokenCount": prompt[0] }, { "modality": "AUDIO", "tokenCount": prompt[1] }],
            "responseTokensDetails": [{ "modality": "AUDIO", "tokenCount": response }] } })
    };
    let mut both = over.clone();
    both["usageMetadata"] = used([40, 60], 10)["usageMetadata"].clone();
    let session = [turn("One"), both, turn("Two"), over, used([50, 160], 20)];
    let span = streamed(&session, |s| s.gemini());
    assert_eq!(output(&span)["content"], "OneTwo");
    assert_eq!(
        usage(&span),
        [
            ("input", 90),
            ("input_audio_tokens", 220),
            ("output", 0),
            ("output_audio_tokens", 30)
        ]
    );
    // A session that is dropped within a turn was cancelled.
    let half = record(session.to_vec(), 3, |s| s.gemini());
    assert_eq!(half.level(), Some(Level::Warning));
    assert_eq!(
        usage(&half).iter().map(|(_, units)| units).sum::<u64>(),
        110
    );
    let spoken = [
        json!({ "serverContent": { "outputTranscription": { "text": "Good " } } }),
        json!({ "serverContent": { "outputTranscription": { "text": "day" }, "turnComplete": true } }),
    ];
    let span = streamed(&spoken, |s| s.gemini());
    assert_eq!(output(&span)["content"], "Good day");
}

#[test]
fn what_claude_writes_into_blocks_is_kept() {
    let chunks = [
        json!({ "type": "message_start", "message": { "role": "assistant", "content": [], "model": "m", "usage": { "input_tokens": 1, "output_tokens": 1 } } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "compaction", "content": null } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "compaction_delta", "content": "The user " } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "compaction_delta", "content": "asked." } }),
        json!({ "type": "content_block_start", "index": 1, "content_block": { "type": "server_tool_use", "id": "s", "name": "web_search", "input": {} } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": "{\"query\":\"x\"}" } }),
        json!({ "type": "content_block_start", "index": 2, "content_block": { "type": "web_search_tool_result", "tool_use_id": "s", "content": [{ "type": "web_search_result", "url": "u" }] } }),
        json!({ "type": "content_block_start", "index": 3, "content_block": { "type": "redacted_thinking", "data": "EmwK" } }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "pause_turn" }, "usage": { "output_tokens": 9 }, "context_management": { "applied_edits": [] } }),
        json!({ "type": "message_stop" }),
    ];
    let span = streamed(&chunks, |s| s.anthropic());
    assert_eq!(
        output(&span)["content"],
        json!([
            { "type": "compaction", "content": "The user asked." },
            { "type": "server_tool_use", "id": "s", "name": "web_search", "input": { "query": "x" } },
            { "type": "web_search_tool_result", "tool_use_id": "s", "content": [{ "type": "web_search_result", "url": "u" }] },
            { "type": "redacted_thinking", "data": "EmwK" },
        ])
    );
    assert_eq!(
        (finish_reason(&span).as_deref(), span.level()),
        (Some("pause_turn"), None)
    );
}

#[test]
fn the_first_token_is_not_an_event_about_the_stream() {
    let event = |name: &str, key: &str, value: Value| json!({ "event_type": name, "index": 0, (key): value });
    for (chunks, at) in [
        (
            vec![
                json!({ "event_type": "interaction.created", "interaction": { "status": "in_progress" } }),
                event("step.start", "step", json!({ "type": "thought" })),
                event(
                    "step.delta",
                    "delta",
                    json!({ "type": "thought_signature", "signature": "EpoG" }),
                ),
                event("step.start", "step", json!({ "type": "model_output" })),
                event(
                    "step.delta",
                    "delta",
                    json!({ "type": "text", "text": "Hi" }),
                ),
            ],
            Some(500),
        ),
        (
            vec![event(
                "step.start",
                "step",
                json!({ "type": "function_call", "name": "f", "arguments": {} }),
            )],
            Some(100),
        ),
        (
            vec![
                json!({ "setupComplete": {} }),
                json!({ "serverContent": { "interrupted": true } }),
                json!({ "serverContent": { "modelTurn": { "parts": [{ "text": "Hi" }] } } }),
            ],
            Some(300),
        ),
        (
            vec![
                json!({ "usageMetadata": { "promptTokenCount": 1 } }),
                json!({ "candidates": [{ "finishReason": "STOP" }] }),
            ],
            None,
        ),
    ] {
        assert_eq!(first(chunks.clone(), |s| s.gemini()), at, "{chunks:?}");
    }
    for (chunks, at) in [
        (
            vec![
                json!({ "output": { "choices": [{ "message": { "role": "assistant", "content": "" }, "finish_reason": "null" }] } }),
                json!({ "output": { "choices": [{ "message": { "role": "assistant", "content": "Hi" }, "finish_reason": "stop" }] } }),
            ],
            Some(200),
        ),
        (
            vec![
                json!({ "choices": [{ "index": 0, "text": "", "delta": { "token_id": 1, "role": "assistant", "content": "" } }] }),
                json!({ "choices": [{ "index": 0, "text": "H", "delta": { "token_id": 2, "content": "H" } }] }),
            ],
            Some(200),
        ),
        (
            vec![
                json!({ "response": "", "p": "a" }),
                json!({ "response": "Hi" }),
            ],
            Some(200),
        ),
        (
            vec![
                json!({ "type": "conversation.item.input_audio_transcription.delta", "delta": "" }),
                json!({ "type": "conversation.item.input_audio_transcription.delta", "delta": "Hi" }),
            ],
            Some(200),
        ),
        (
            vec![
                json!({ "choices": [], "usage": { "prompt_tokens": 5 } }),
                json!({ "choices": null }),
            ],
            None,
        ),
    ] {
        assert_eq!(first(chunks.clone(), |s| s.openai()), at, "{chunks:?}");
    }
}
