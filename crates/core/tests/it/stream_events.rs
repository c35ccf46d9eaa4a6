//! Streams of events: Responses, transcriptions, Anthropic, Gemini; text instead of JSON.

use futures::executor::block_on;
use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use tracefuse_core::stream::{Every, Observed};
use tracefuse_core::{Level, ObserveStream as _};

use crate::stream_providers::{Chunks, finish_reason, output, record, usage};
use crate::support::tracer;

pub(crate) fn text_delta(index: u64, delta: &str) -> Value {
    json!({ "type": "response.output_text.delta", "output_index": index, "content_index": 0, "delta": delta })
}

pub(crate) fn message(text: &str) -> Value {
    json!({ "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
        "content": [{ "type": "output_text", "text": text, "annotations": [] }] })
}

#[test]
fn what_was_streamed_is_kept_whatever_the_last_event_says() {
    let done = json!({ "type": "response.output_item.done", "output_index": 0, "item": message("Hi there") });
    for last in [
        json!({ "type": "response.completed", "response": { "model": "gpt-5", "status": "completed", "output": [] } }),
        json!({ "type": "response.completed", "response": { "model": "gpt-5", "status": "completed", "output": null } }),
        json!({ "type": "response.completed", "response": { "model": "gpt-5", "status": "completed" } }),
        json!({ "type": "response.completed", "response": { "model": "gpt-5", "status": "completed", "output": [message("")] } }),
        json!({ "type": "response.completed", "response": { "model": "gpt-5", "status": "completed", "output": [
            { "type": "message", "id": "other", "content": [] }] } }),
    ] {
        let chunks = vec![
            json!({ "type": "response.created", "response": { "model": "gpt-5", "status": "in_progress", "output": [] } }),
            text_delta(0, "Hi "),
            text_delta(0, "there"),
            done.clone(),
            last.clone(),
            last.clone(),
        ];
        let span = record(chunks, 99, |s| s.openai());
        assert_eq!(output(&span)["content"][0]["text"], "Hi there", "{last}");
        assert_eq!(finish_reason(&span).as_deref(), Some("completed"));
        assert_eq!((span.model(), span.level()), (Some("gpt-5"), None));
    }
    // Without the item: the deltas alone.
    let chunks = vec![
        text_delta(0, "Hi"),
        json!({ "type": "response.completed", "response": { "status": "completed", "output": [] } }),
    ];
    assert_eq!(output(&record(chunks, 99, |s| s.openai()))["content"], "Hi");
    // The last event has more than what was streamed.
    let more = json!({ "type": "function_call", "id": "fc_1", "name": "f", "arguments": "{}" });
    let chunks = vec![
        text_delta(0, "Hi"),
        json!({ "type": "response.completed", "response": { "status": "completed", "output": [message("Hi"), more] } }),
    ];
    let items = output(&record(chunks, 99, |s| s.openai()));
    assert_eq!(
        (&items[0]["content"][0]["text"], &items[1]),
        (&json!("Hi"), &more)
    );
}

#[test]
fn an_error_event_of_any_shape_is_an_error() {
    for (event, message) in [
        (
            json!({ "type": "error", "error": { "type": "too_many_requests", "message": "Too Many Requests" } }),
            "openai.too_many_requests: Too Many Requests",
        ),
        (
            json!({ "type": "error", "code": "server_error", "message": "Try again", "param": null }),
            "openai.server_error: Try again",
        ),
        (
            json!({ "type": "response.failed", "response": { "status": "failed", "error": { "code": "server_error", "message": "m" }, "output": [] } }),
            "openai.server_error: m",
        ),
        (
            json!({ "error": { "message": "m", "code": 503 } }),
            "openai.503: m",
        ),
    ] {
        let span = record(vec![text_delta(0, "Hal"), event], 99, |s| s.openai());
        assert_eq!(output(&span)["content"], "Hal");
        assert_eq!(
            (span.level(), span.status_message()),
            (Some(Level::Error), Some(message))
        );
    }
    let incomplete = json!({ "type": "response.incomplete", "response": { "status": "incomplete",
        "incomplete_details": { "reason": "max_output_tokens" }, "error": null, "output": [] } });
    let span = record(vec![text_delta(0, "Hal"), incomplete], 99, |s| s.openai());
    assert_eq!(output(&span)["content"], "Hal");
    assert_eq!(
        (span.level(), finish_reason(&span).as_deref()),
        (None, Some("max_output_tokens"))
    );
}

#[test]
fn a_picture_that_is_not_done_is_kept() {
    let item = json!({ "type": "image_generation_call", "id": "i", "status": "in_progress" });
    let chunks = vec![
        json!({ "type": "response.output_item.added", "output_index": 0, "item": item }),
        json!({ "type": "response.image_generation_call.partial_image", "item_id": "i", "output_index": 0, "partial_image_b64": "AAAA" }),
    ];
    let span = record(chunks, 2, |s| s.openai());
    let shown = span.output().map(|output| output.to_string());
    assert!(shown.is_some_and(|shown| shown.contains("AAAA")));
}

#[test]
fn calls_whose_arguments_come_in_turns_stay_apart() {
    let added = |at: u64| {
        let item =
            json!({ "type": "function_call", "id": at.to_string(), "name": "f", "arguments": "" });
        json!({ "type": "response.output_item.added", "output_index": at, "item": item })
    };
    let delta = |at: u64, piece: &str| json!({ "type": "response.function_call_arguments.delta", "item_id": at.to_string(), "output_index": at, "delta": piece });
    let starts = [added(0), added(1), delta(0, "{\"a\""), delta(1, "{\"b\"")];
    let chunks = [
        starts,
        [delta(0, ":0}"), delta(1, ":1}"), json!({}), json!({})],
    ]
    .concat();
    let items = output(&record(chunks, 99, |s| s.openai()));
    assert_eq!(items[0]["arguments"], "{\"a\":0}");
    assert_eq!(items[1]["arguments"], "{\"b\":1}");
}

#[test]
fn a_dropped_response_keeps_calls_refusals_and_reasoning() {
    for (event, key, item) in [
        (
            "response.function_call_arguments.delta",
            "arguments",
            json!({ "type": "function_call", "name": "weather", "call_id": "c" }),
        ),
        (
            "response.custom_tool_call_input.delta",
            "input",
            json!({ "type": "custom_tool_call", "name": "shell" }),
        ),
        (
            "response.mcp_call_arguments.delta",
            "arguments",
            json!({ "type": "mcp_call", "name": "ask" }),
        ),
        (
            "response.code_interpreter_call_code.delta",
            "code",
            json!({ "type": "code_interpreter_call" }),
        ),
    ] {
        for added in [true, false] {
            let mut chunks = vec![
                json!({ "type": event, "item_id": "i", "output_index": 1, "delta": "{\"ci" }),
                json!({ "type": event, "item_id": "i", "output_index": 1, "delta": "ty" }),
                // An item of another index that is done takes nothing away.
                json!({ "type": "response.output_item.done", "output_index": 0, "item": message("first") }),
            ];
            if added {
                let mut item = item.clone();
                item["id"] = json!("i");
                item[key] = json!("");
                chunks.insert(0, json!({ "type": "response.output_item.added", "output_index": 1, "item": item }));
            }
            let span = record(chunks.clone(), chunks.len(), |s| s.openai());
            let items = output(&span);
            assert_eq!(items[0]["content"][0]["text"], "first", "{event}");
            assert_eq!(items[1][key], "{\"city", "{event}");
            assert_eq!(items[1]["type"], item["type"], "{event}");
            if added {
                assert_eq!(items[1]["name"], item["name"]);
            }
            assert_eq!(span.level(), Some(Level::Warning));
        }
    }
    let refusal = json!({ "type": "response.refusal.delta", "output_index": 0, "content_index": 0, "delta": "I can't" });
    let span = record(vec![refusal], 1, |s| s.openai());
    assert_eq!(
        output(&span)["content"][0],
        json!({ "type": "refusal", "refusal": "I can't" })
    );

    let chunks = vec![
        json!({ "type": "response.output_item.added", "output_index": 0, "item": { "type": "reasoning", "id": "rs", "summary": [] } }),
        json!({ "type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 0, "part": { "type": "summary_text", "text": "" } }),
        json!({ "type": "response.reasoning_summary_text.delta", "item_id": "rs", "output_index": 0, "summary_index": 0, "delta": "I add" }),
        json!({ "type": "response.reasoning_summary_text.delta", "item_id": "rs", "output_index": 0, "summary_index": 1, "delta": "Then" }),
    ];
    let span = record(chunks, 4, |s| s.openai());
    assert_eq!(
        output(&span)["summary"],
        json!([{ "type": "summary_text", "text": "I add" }, { "type": "summary_text", "text": "Then" }])
    );
    let thought = json!({ "type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "hm" });
    let span = record(vec![thought], 1, |s| s.openai());
    assert_eq!(output(&span)["content"][0]["text"], "hm");
    assert_eq!(span.level(), Some(Level::Warning));
}

#[test]
fn transcriptions_and_pictures_have_streams_too() {
    let done = json!({ "type": "transcript.text.done", "text": "I see skies",
        "usage": { "type": "tokens", "input_tokens": 14, "output_tokens": 3, "total_tokens": 17,
            "input_token_details": { "text_tokens": 0, "audio_tokens": 14 } } });
    let delta = |text: &str| json!({ "type": "transcript.text.delta", "delta": text });
    let span = record(vec![delta("I see"), delta(" skies"), done], 99, |s| {
        s.openai()
    });
    assert_eq!(span.output().unwrap().to_string(), "I see skies");
    assert_eq!(span.usage().map(|(_, n)| n).max(), Some(17));
    assert_eq!(span.level(), None);
    assert!(span.completion_start_time().is_some());

    let half = record(vec![delta("I see")], 1, |s| s.openai());
    assert_eq!(half.output().unwrap().to_string(), "I see");
    assert_eq!(half.level(), Some(Level::Warning));
    let segment = json!({ "type": "transcript.text.segment", "text": "I see", "speaker": "A" });
    let half = record(vec![segment], 1, |s| s.openai());
    assert_eq!(half.output().unwrap().to_string(), "I see");

    let partial = json!({ "type": "image_generation.partial_image", "b64_json": "AAAA", "partial_image_index": 0 });
    let completed = json!({ "type": "image_generation.completed", "b64_json": "BBBB",
        "usage": { "input_tokens": 50, "output_tokens": 50, "total_tokens": 100 } });
    let span = record(vec![partial, completed], 2, |s| s.openai());
    assert_eq!(span.usage().last(), Some(("total", 100)));
    assert_eq!(span.level(), None, "dropped after the last picture");
}

#[test]
fn counts_of_the_end_that_are_zero_do_not_replace_the_start() {
    let chunks = vec![
        json!({ "type": "message_start", "message": { "role": "assistant", "content": [], "model": "claude-sonnet-4-5",
            "usage": { "input_tokens": 3602, "cache_read_input_tokens": 500, "output_tokens": 1 } } }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" },
            "usage": { "input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 878 } }),
    ];
    let span = record(chunks, 99, |s| s.anthropic());
    let sum: u64 = usage(&span).iter().map(|(_, count)| count).sum();
    assert_eq!(sum, 3602 + 500 + 878);
    assert!(usage(&span).contains(&("input", 3602)));
}

#[test]
fn anthropic_events_without_their_start_are_kept() {
    let chunks = vec![
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "thinking_delta", "thinking": "hm" } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": "{\"a\":1}" } }),
        json!({ "type": "content_block_delta", "delta": { "type": "input_json_delta", "partial_json": "" } }),
        json!({ "type": "stream_event", "event": { "type": "content_block_delta", "index": 2, "delta": { "type": "text_delta", "text": "Hi" } } }),
        json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } }),
        json!({ "type": "message_start", "message": { "content": [], "model": "" } }),
    ];
    let span = record(chunks, 99, |s| s.anthropic());
    assert_eq!(
        output(&span)["content"],
        json!([
            { "type": "thinking", "thinking": "hm" },
            { "type": "tool_use", "input": { "a": 1 } },
            { "type": "text", "text": "Hi" },
        ])
    );
    assert_eq!(
        span.status_message(),
        Some("anthropic.overloaded_error: Overloaded")
    );
}

#[test]
fn gemini_in_an_array_wrapped_and_with_an_error() {
    let chunk = |text: &str| json!({ "candidates": [{ "content": { "role": "model", "parts": [{ "text": text }] } }], "modelVersion": "gemini-2.5-flash" });
    let end = json!({ "candidates": [{ "content": {}, "finishReason": "STOP" }], "modelVersion": "",
        "usageMetadata": { "promptTokenCount": 4, "candidatesTokenCount": 2, "totalTokenCount": 6 } });
    let array = json!([chunk("Bon"), chunk("jour"), end]);
    let wrapped = vec![
        json!({ "response": chunk("Bon") }),
        json!({ "response": chunk("jour") }),
        json!({ "response": end }),
    ];
    let pieces = vec![
        chunk("Bon"),
        chunk("jour"),
        end,
        json!({ "candidates": [], "usageMetadata": { "promptTokenCount": 0 } }),
    ];
    for chunks in [vec![array.clone()], wrapped, pieces] {
        let span = record(chunks, 99, |s| s.gemini());
        assert_eq!(
            output(&span),
            json!({ "role": "model", "content": "Bonjour" })
        );
        assert_eq!(usage(&span), [("input", 4), ("output", 2)]);
        assert_eq!(
            (span.model(), finish_reason(&span).as_deref()),
            (Some("gemini-2.5-flash"), Some("STOP"))
        );
    }
    // The whole body, as a value and as text.
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    for (name, body) in [("value", array.clone()), ("text", json!(array.to_string()))] {
        trace.generation(name).run(|span| span.record_gemini(&body));
        let span = kept.named(name);
        assert_eq!(
            output(&span),
            json!({ "role": "model", "content": "Bonjour" })
        );
        assert_eq!(usage(&span), [("input", 4), ("output", 2)]);
    }
    let error = json!([{ "error": { "code": 503, "message": "busy", "status": "UNAVAILABLE" } }]);
    let span = record(vec![chunk("Bon"), error], 99, |s| s.gemini());
    assert_eq!(output(&span)["content"], "Bon");
    assert_eq!(span.status_message(), Some("gemini.UNAVAILABLE.503: busy"));
}

/// Items of text, however they are cut.
fn read_text(items: Vec<String>) -> (String, Option<Level>) {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let span = trace.generation("answer").start();
    let mut items = stream::iter(items).observed(span).openai();
    block_on(async { while items.next().await.is_some() {} });
    drop(items);
    let span = kept.only();
    (
        span.output().map(|o| o.to_string()).unwrap_or_default(),
        span.level(),
    )
}

#[test]
fn server_sent_events_are_read_from_lines_pieces_and_bodies() {
    let body = ": OPENROUTER PROCESSING\n\nevent: message\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}}]}\n\n\
        data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"}}]}\n\ndata: [DONE]\n\n";
    let answer = (r#"{"content":"Hello"}"#.to_owned(), None);
    assert_eq!(read_text(vec![body.to_owned()]), answer);
    assert_eq!(read_text(body.lines().map(str::to_owned).collect()), answer);
    assert_eq!(read_text(body.chars().map(String::from).collect()), answer);

    let (tracer, kept, _) = tracer();
    tracer.trace("root").run(|trace| {
        trace
            .generation("body")
            .run(|span| span.record_openai(body))
    });
    assert_eq!(output(&kept.named("body"))["content"], "Hello");

    let error = "data: {\"error\":{\"message\":\"busy\",\"code\":503}}\n\n";
    assert_eq!(
        read_text(vec![error.to_owned()]),
        (String::new(), Some(Level::Error))
    );
    let page = "<html><title>502 Bad Gateway</title></html>";
    assert_eq!(
        read_text(vec![page.to_owned()]),
        (page.to_owned(), Some(Level::Error))
    );
    assert_eq!(
        read_text(vec!["no healthy upstream".to_owned()]),
        ("no healthy upstream".to_owned(), None)
    );
}

#[test]
fn done_is_the_end_of_a_stream_that_is_dropped() {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let lines = stream::iter([
        "data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}",
        "data: [DONE]",
    ]);
    let lines = lines
        .chain(stream::pending())
        .observed(trace.generation("answer").start())
        .openai();
    assert_eq!(block_on(lines.take(2).count()), 2);
    assert_eq!(kept.only().level(), None);
}

#[test]
fn a_reason_to_stop_ends_an_anthropic_message() {
    let start =
        json!({ "type": "message_start", "message": { "content": [], "stop_reason": null } });
    let text = json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "Hi" } });
    let stop =
        |reason: Value| json!({ "type": "message_delta", "delta": { "stop_reason": reason } });
    let whole = json!({ "type": "message", "content": [{ "type": "text", "text": "Hi" }], "stop_reason": "end_turn" });
    for (rest, level) in [
        (vec![stop(json!("end_turn"))], None),
        (vec![stop(json!("end_turn")), stop(json!("end_turn"))], None),
        (vec![stop(json!("end_turn")), stop(Value::Null)], None),
        (vec![stop(Value::Null)], Some(Level::Warning)),
        (vec![whole.clone()], None),
        (vec![whole.clone(), whole], None),
    ] {
        let chunks = [vec![start.clone(), text.clone()], rest.clone()].concat();
        let span = record(chunks.clone(), chunks.len(), |s| s.anthropic());
        assert_eq!(span.level(), level, "{rest:?}");
    }
}

#[test]
fn a_fold_of_chunks_goes_to_other_threads() {
    fn is_send<T: Send>(_: &T) {}
    let chunks: Observed<Chunks, Every> =
        stream::iter(vec![json!(1)]).observed(tracefuse_core::Span::noop());
    is_send(&chunks.openai());
}
