//! Streams of Chat Completions as providers really send them: tool calls, reasoning, ends of every kind.

use serde_json::{Value, json};
use tracefuse_core::{Level, ObserveStream as _};

use crate::stream_providers::{finish_reason, output, record, usage};
use crate::support::tracer;

fn chunk(delta: Value) -> Value {
    let mut choice = json!({ "index": 0, "finish_reason": null });
    choice["delta"] = delta;
    json!({ "choices": [choice] })
}

fn calls(pieces: Vec<Value>) -> Value {
    let chunks: Vec<_> = pieces
        .into_iter()
        .map(|piece| chunk(json!({ "tool_calls": [piece] })))
        .collect();
    let mut calls = output(&record(chunks, 99, |s| s.openai()))["tool_calls"].take();
    for call in calls.as_array_mut().unwrap() {
        let call = call.as_object_mut().unwrap();
        call.retain(|key, value| key == "function" || value != "");
    }
    calls
}

fn function(name: &str, arguments: &str) -> Value {
    json!({ "function": { "name": name, "arguments": arguments } })
}

#[test]
fn an_empty_model_at_the_end_changes_nothing() {
    let chunks = vec![
        json!({ "model": "", "choices": [], "prompt_filter_results": [{ "prompt_index": 0 }] }),
        json!({ "model": "gpt-4o-2024-08-06", "choices": [{ "index": 0, "delta": { "content": "Hi" } }] }),
        json!({ "model": "", "choices": [{ "index": 0, "finish_reason": "stop", "content_filter_offsets": {} }] }),
        json!({ "model": null, "choices": [] }),
    ];
    let span = record(chunks, 99, |s| s.openai());
    assert_eq!(span.model(), Some("gpt-4o-2024-08-06"));
    assert_eq!(output(&span)["content"], "Hi");
    assert_eq!(
        (finish_reason(&span).as_deref(), span.level()),
        (Some("stop"), None)
    );
}

#[test]
fn an_empty_model_at_the_start_of_claude_changes_nothing() {
    let (tracer, kept, _) = tracer();
    let start = json!({ "type": "message_start", "message": { "role": "assistant", "content": [], "model": "",
        "usage": { "input_tokens": 1 } } });
    let text = json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "Hi" } });
    tracer.trace("root").run(|trace| {
        let span = trace.generation("streamed").model("asked").start();
        let chunks = futures::stream::iter(vec![start.clone(), text]).observed(span);
        let read = futures::StreamExt::count(chunks.anthropic());
        assert_eq!(futures::executor::block_on(read), 2);
        let whole = trace.generation("whole").model("asked");
        whole.run(|span| span.record_anthropic(&start));
    });
    for name in ["streamed", "whole"] {
        let span = kept.named(name);
        assert_eq!(
            (span.model(), span.response_model()),
            (Some("asked"), None),
            "{name}"
        );
    }
}

#[test]
fn two_calls_at_one_index_stay_two() {
    let two = json!([
        function("weather", "{\"city\":\"Lyon\"}"),
        function("time", "{}")
    ]);
    let whole = |extra: Value, name: &str, arguments: &str| {
        let mut call = function(name, arguments);
        call.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        call
    };
    // Empty ids, no ids, no index, an empty id and no index.
    for place in [
        json!({ "index": 0, "id": "" }),
        json!({ "index": 0 }),
        json!({}),
        json!({ "id": "" }),
        json!({ "index": null, "id": null }),
    ] {
        let pieces = vec![
            whole(place.clone(), "weather", "{\"city\":\"Lyon\"}"),
            whole(place.clone(), "time", "{}"),
        ];
        assert_eq!(calls(pieces), two, "{place}");
    }
    // The same tool twice.
    let same = calls(vec![
        whole(json!({ "index": 0, "id": "" }), "f", "{\"a\":1}"),
        whole(json!({ "index": 0, "id": "" }), "f", "{\"a\":2}"),
    ]);
    assert_eq!(
        same,
        json!([function("f", "{\"a\":1}"), function("f", "{\"a\":2}")])
    );
    // In pieces: the second begins with its name.
    let pieces = calls(vec![
        whole(json!({ "index": 0, "id": "" }), "weather", ""),
        json!({ "index": 0, "function": { "arguments": "{\"city\":" } }),
        json!({ "index": 0, "id": "", "function": { "name": "", "arguments": "\"Lyon\"}" } }),
        whole(json!({ "index": 0, "id": "" }), "time", ""),
        json!({ "index": 0, "function": { "name": null, "arguments": "{}" } }),
    ]);
    assert_eq!(pieces, two);
}

/// As the SDKs of OpenAI join every text of a delta (<https://github.com/openai/openai-python>, `accumulate_delta`).
#[test]
fn a_name_that_comes_in_pieces_is_one_name() {
    let piece = |name: &str, arguments: &str| json!({ "index": 0, "function": { "name": name, "arguments": arguments } });
    let mut first = piece("get_", "");
    first["id"] = json!("a");
    let chunks = [first, piece("weather", ""), piece("", "{}")];
    let chunks = chunks.map(|piece| chunk(json!({ "tool_calls": [piece] })));
    let span = record(chunks.to_vec(), 99, |s| s.openai());
    assert_eq!(
        output(&span)["tool_calls"],
        json!([{ "id": "a", "function": { "name": "get_weather", "arguments": "{}" } }])
    );
}

#[test]
fn an_id_that_is_repeated_is_one_call() {
    let with_id = |id: &str, name: &str, arguments: &str| {
        let mut call = function(name, arguments);
        call["id"] = json!(id);
        call["index"] = json!(0);
        call
    };
    let expected = |id: &str, arguments: &str| {
        let mut call = function("f", arguments);
        call["id"] = json!(id);
        call
    };
    // Id and name in each piece.
    let pieces = calls(vec![
        with_id("a", "f", "{\"x\""),
        with_id("a", "f", ":1"),
        with_id("a", "f", "}"),
    ]);
    assert_eq!(pieces, json!([expected("a", "{\"x\":1}")]));
    // The whole call again at the end.
    let pieces = calls(vec![
        with_id("a", "f", "{\"x\":1}"),
        with_id("a", "f", "{\"x\":1}"),
    ]);
    assert_eq!(pieces, json!([expected("a", "{\"x\":1}")]));
    // Two ids at one index, by turns.
    let pieces = calls(vec![
        with_id("a", "f", "{\"x\""),
        with_id("b", "f", "{\"y\""),
        with_id("a", "", ":1}"),
        with_id("b", "", ":2}"),
    ]);
    assert_eq!(
        pieces,
        json!([expected("a", "{\"x\":1}"), expected("b", "{\"y\":2}")])
    );
    // Two calls that share an id.
    let pieces = calls(vec![
        with_id("a", "f", "{\"x\":1}"),
        with_id("a", "f", "{\"x\":2}"),
    ]);
    assert_eq!(
        pieces,
        json!([expected("a", "{\"x\":1}"), expected("a", "{\"x\":2}")])
    );
}

#[test]
fn arguments_without_an_index_go_to_the_last_call() {
    let pieces = calls(vec![
        json!({ "id": "a", "function": { "name": "f", "arguments": "{\"x\"" } }),
        json!({ "function": { "arguments": ":1}" } }),
        json!({ "id": "b", "function": { "name": "g", "arguments": { "whole": true } } }),
    ]);
    assert_eq!(
        pieces,
        json!([
            { "id": "a", "function": { "name": "f", "arguments": "{\"x\":1}" } },
            { "id": "b", "function": { "name": "g", "arguments": { "whole": true } } },
        ])
    );
}

#[test]
fn whole_fields_of_reasoning_details_are_not_joined() {
    let detail = |text: &str| {
        chunk(
            json!({ "role": "assistant", "content": "", "reasoning": text, "reasoning_details": [
            { "type": "reasoning.text", "text": text, "format": "anthropic-claude-v1", "index": 0 } ] }),
        )
    };
    let chunks = vec![
        detail("Let "),
        detail("me "),
        detail("see"),
        chunk(json!({ "reasoning_details": [
            { "type": "reasoning.text", "signature": "EqQB", "format": "anthropic-claude-v1", "index": 0 } ] })),
        chunk(json!({ "reasoning_details": [
            { "type": "reasoning.encrypted", "data": "AA==", "id": "rs_1", "format": "x", "index": 0 },
            { "type": "reasoning.encrypted", "data": "BB==", "id": "rs_1", "format": "x", "index": 0 } ] })),
        chunk(json!({ "content": "42" })),
    ];
    let message = output(&record(chunks, 99, |s| s.openai()));
    assert_eq!(message["reasoning"], "Let me see");
    assert_eq!(
        message["reasoning_details"],
        json!([
            { "type": "reasoning.text", "text": "Let me see", "signature": "EqQB", "format": "anthropic-claude-v1", "index": 0 },
            { "type": "reasoning.encrypted", "data": "AA==", "id": "rs_1", "format": "x", "index": 0 },
            { "type": "reasoning.encrypted", "data": "BB==", "id": "rs_1", "format": "x", "index": 0 },
        ])
    );
    assert_eq!(
        (&message["content"], &message["role"]),
        (&json!("42"), &json!("assistant"))
    );

    let summary = |text: &str| {
        chunk(json!({ "reasoning_details": [
            { "type": "reasoning.summary", "summary": text, "format": "openai-responses-v1", "index": 0 } ] }))
    };
    let message = output(&record(vec![summary("I "), summary("add")], 99, |s| {
        s.openai()
    }));
    assert_eq!(message["reasoning_details"][0]["summary"], "I add");
    assert_eq!(message["reasoning_details"].as_array().unwrap().len(), 1);
}

#[test]
fn thinking_in_a_list_and_text_after_it_are_both_kept() {
    let thinking = |text: &str| {
        chunk(
            json!({ "content": [{ "type": "thinking", "thinking": [{ "type": "text", "text": text }] }] }),
        )
    };
    let chunks = vec![
        chunk(json!({ "role": "assistant", "content": "" })),
        thinking("27 "),
        thinking("times 4"),
        chunk(json!({ "content": "10" })),
        chunk(json!({ "content": "8" })),
    ];
    let parts = json!([
        { "type": "thinking", "thinking": [{ "type": "text", "text": "27 times 4" }] },
        { "type": "text", "text": "108" },
    ]);
    let whole = output(&record(chunks.clone(), 99, |s| s.openai()));
    assert_eq!(whole, json!({ "role": "assistant", "content": parts }));
    let half = record(chunks, 2, |s| s.openai());
    assert_eq!(output(&half)["content"][0]["thinking"][0]["text"], "27 ");
    assert_eq!(half.level(), Some(Level::Warning));

    // A text first, a list after it, a text part, another kind of part.
    let chunks = vec![
        chunk(json!({ "content": "See" })),
        chunk(
            json!({ "content": [{ "type": "text", "text": " here" }, { "type": "reference", "reference_ids": [1] }] }),
        ),
        chunk(json!({ "content": "." })),
    ];
    assert_eq!(
        output(&record(chunks, 99, |s| s.openai()))["content"],
        json!([
            { "type": "text", "text": "See here" },
            { "type": "reference", "reference_ids": [1] },
            { "type": "text", "text": "." },
        ])
    );
}

#[test]
fn reasoning_and_refusal_are_kept_when_the_stream_is_dropped() {
    for key in ["reasoning_content", "reasoning", "refusal", "thinking"] {
        let chunks = vec![
            chunk(json!({ (key): "I " })),
            chunk(json!({ (key): "can" })),
        ];
        let span = record(chunks, 2, |s| s.openai());
        assert_eq!(output(&span)[key], "I can");
        assert_eq!(span.level(), Some(Level::Warning));
    }
    let cut = vec![chunk(json!({ "tool_calls": [
        { "index": 0, "id": "a", "function": { "name": "f", "arguments": "{\"ci" } }] }))];
    let span = record(cut, 1, |s| s.openai());
    assert_eq!(
        output(&span)["tool_calls"][0]["function"]["arguments"],
        "{\"ci"
    );
    assert_eq!(span.level(), Some(Level::Warning));
}

#[test]
fn two_choices_by_turns() {
    let choice = |index: u64, text: &str, end: Value| json!({ "choices": [{ "index": index, "delta": { "content": text }, "finish_reason": end }] });
    let chunks = vec![
        choice(0, "a", json!(null)),
        choice(1, "x", json!(null)),
        choice(0, "b", json!("stop")),
        choice(1, "y", json!(null)),
        choice(1, "z", json!("length")),
    ];
    let span = record(chunks.clone(), 99, |s| s.openai());
    assert_eq!(
        output(&span),
        json!([{ "content": "ab" }, { "content": "xyz" }])
    );
    assert_eq!(
        finish_reason(&span).as_deref(),
        Some(r#"["stop","length"]"#)
    );
    let half = record(chunks, 3, |s| s.openai());
    assert_eq!(
        half.level(),
        Some(Level::Warning),
        "one of the two is not at its end"
    );
}

#[test]
fn an_error_in_the_middle_keeps_what_was_streamed() {
    for error in [
        json!({ "error": { "message": "Provider disconnected", "code": 502 } }),
        json!({ "error": { "message": "Provider disconnected", "code": 502 }, "choices": [{ "index": 0, "delta": { "content": "" }, "finish_reason": "error" }] }),
        json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "error", "error": { "message": "Provider disconnected", "code": 502 } }] }),
    ] {
        let chunks = vec![
            chunk(json!({ "role": "assistant", "content": "Hal" })),
            error,
            // Nothing more is lost or said after it.
            json!({ "choices": [], "usage": { "prompt_tokens": 3, "completion_tokens": 1 } }),
        ];
        let span = record(chunks, 99, |s| s.openai());
        assert_eq!(output(&span)["content"], "Hal");
        assert_eq!(
            (span.level(), span.status_message()),
            (
                Some(Level::Error),
                Some("openai.502: Provider disconnected")
            )
        );
        assert_eq!(usage(&span), [("input", 3), ("output", 1)]);
        assert_eq!(span.exceptions().len(), 1);
    }
}

#[test]
fn an_end_that_repeats_the_message_doubles_nothing() {
    let chunks = vec![
        chunk(json!({ "role": "assistant", "content": "Hel" })),
        chunk(json!({ "content": "lo" })),
        json!({ "choices": [{ "index": 0, "message": { "role": "assistant", "content": "Hello" }, "finish_reason": "stop" }] }),
        json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }),
    ];
    let span = record(chunks, 99, |s| s.openai());
    assert_eq!(
        output(&span),
        json!({ "role": "assistant", "content": "Hello" })
    );
    assert_eq!(finish_reason(&span).as_deref(), Some("stop"));
    // A body that comes at once, in a stream that was asked for.
    let whole = json!({ "object": "chat.completion", "model": "m", "choices": [{ "index": 0, "message": { "role": "assistant", "content": "Hi" }, "finish_reason": "stop" }] });
    let span = record(vec![whole], 99, |s| s.openai());
    assert_eq!(output(&span)["content"], "Hi");
}

#[test]
fn pictures_annotations_and_sound_are_kept() {
    let picture = |url: &str| json!({ "type": "image_url", "image_url": { "url": url } });
    let chunks = vec![
        chunk(json!({ "images": [picture("u1")] })),
        chunk(json!({ "images": [picture("u1"), picture("u2")], "annotations": [{ "url": "a" }] })),
        chunk(json!({ "audio": { "id": "x", "transcript": "Good " } })),
        chunk(json!({ "audio": { "id": "x", "transcript": "day", "expires_at": 1 } })),
    ];
    let message = output(&record(chunks, 99, |s| s.openai()));
    assert_eq!(message["images"], json!([picture("u1"), picture("u2")]));
    assert_eq!(message["annotations"], json!([{ "url": "a" }]));
    assert_eq!(
        message["audio"],
        json!({ "id": "x", "transcript": "Good day", "expires_at": 1 })
    );
}

#[test]
fn completions_and_their_old_calls() {
    let text = |text: &str| json!({ "object": "text_completion", "choices": [{ "index": 0, "text": text, "finish_reason": null }] });
    let span = record(vec![text("to "), text("be")], 99, |s| s.openai());
    assert_eq!(span.output().unwrap().to_string(), "to be");
    // Some servers give each choice an empty delta as well.
    let with_delta = |piece: &str| {
        let mut chunk = text(piece);
        chunk["choices"][0]["delta"] = json!({});
        chunk
    };
    let span = record(vec![with_delta("to "), with_delta("be")], 99, |s| {
        s.openai()
    });
    assert_eq!(span.output().unwrap().to_string(), "to be");
    let chunks = vec![
        chunk(json!({ "function_call": { "name": "f", "arguments": "" } })),
        chunk(json!({ "function_call": { "arguments": "{\"a\"" } })),
        chunk(json!({ "function_call": { "arguments": ":1}" } })),
    ];
    assert_eq!(
        output(&record(chunks, 99, |s| s.openai()))["function_call"],
        json!({ "name": "f", "arguments": "{\"a\":1}" })
    );
}
