//! What is recorded of a streamed answer, and that its bytes are the same, each as soon as it arrives.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tracefuse_core::record::SpanRecord;
use tracefuse_http_client::{Language, ModelCalls, Operation, Route};

use crate::support::*;

/// Sends `body`, reads the stream and gives what is recorded of it.
async fn streamed(host: &str, path: &str, body: &Value, answer: Answer) -> SpanRecord {
    let expected = answer.body();
    let server = Server::start([answer]).await;
    let ollama = Route::new(
        "ollama.internal",
        "/api/*",
        Operation::Chat,
        Language::Ollama,
    );
    let client = server.client(ModelCalls::new().route(ollama));
    let spans = recorded(async |_| {
        let request = client.post(server.url(host, path)).body(body.to_string());
        let response = request.send().await.unwrap();
        let chunks: Vec<Bytes> = response.bytes_stream().map(Result::unwrap).collect().await;
        assert_eq!(
            Bytes::from(chunks.concat()),
            expected,
            "the bytes are untouched"
        );
    })
    .await;
    only(spans)
}

fn asked() -> Value {
    let mut body = question();
    body["stream"] = json!(true);
    body
}

#[tokio::test]
async fn a_streamed_chat_has_output_usage_and_first_token() {
    let answer = Answer::events(&chunks());
    let span = streamed("api.openai.com", "/v1/chat/completions", &asked(), answer).await;
    assert_eq!(span.name(), "chat gpt-4o");
    assert_eq!(span.response_model(), Some("gpt-4o-2024-08-06"));
    let message = json!({ "role": "assistant", "content": "It is 7 \u{1f600} ß." });
    assert_eq!(json(span.output()), message);
    assert_eq!(usage(&span).last().unwrap(), &("total".to_owned(), 23));
    assert_eq!(metadata(&span, "finish_reason").as_deref(), Some("stop"));
    let first = span.completion_start_time().unwrap();
    assert!(span.start_time() <= first && first <= span.end_time());
    assert_eq!((span.level(), parameter(&span, "stream")), (None, None));
}

#[tokio::test]
async fn where_chunks_are_cut_makes_no_difference() {
    let whole = Answer::events(&chunks()).body();
    for size in [1, 3, 7, 64, 10_000] {
        let pieces = whole.chunks(size).map(Bytes::copy_from_slice);
        let answer = Answer::new("text/event-stream; charset=utf-8", pieces);
        let span = streamed("api.openai.com", "/v1/chat/completions", &asked(), answer).await;
        let message = json!({ "role": "assistant", "content": "It is 7 \u{1f600} ß." });
        assert_eq!(json(span.output()), message, "{size}");
        assert_eq!(usage(&span).len(), 3, "{size}");
    }
}

#[tokio::test]
async fn a_stream_of_anthropic_is_put_together() {
    let answer = Answer::events(&[
        json!({ "type": "message_start", "message": { "role": "assistant", "model": "claude-sonnet-4-5", "content": [], "usage": { "input_tokens": 12, "output_tokens": 1 } } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "Hello" } }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": { "output_tokens": 3 } }),
        json!({ "type": "message_stop" }),
    ]);
    let body =
        json!({ "model": "claude-sonnet-4-5", "max_tokens": 9, "stream": true, "messages": [] });
    let span = streamed("api.anthropic.com", "/v1/messages", &body, answer).await;
    assert!(json(span.output()).to_string().contains("Hello"));
    assert!(usage(&span).contains(&("output".to_owned(), 3)));
    assert!(span.completion_start_time().is_some());
}

#[tokio::test]
async fn gemini_streams_events_or_one_array() {
    let part = |text: &str| json!({ "candidates": [{ "content": { "role": "model", "parts": [{ "text": text }] } }] });
    let end = json!({
        "candidates": [{ "content": { "parts": [{ "text": "." }] }, "finishReason": "STOP" }],
        "usageMetadata": { "promptTokenCount": 4, "candidatesTokenCount": 2, "totalTokenCount": 6 },
    });
    let all = [part("Hel"), part("lo"), end];
    let array = format!("[{}\n,\r\n{},\n{}]", all[0], all[1], all[2]);
    let pieces: Vec<Bytes> = array
        .as_bytes()
        .chunks(11)
        .map(Bytes::copy_from_slice)
        .collect();
    for (query, answer) in [
        ("?alt=sse", Answer::events(&all)),
        ("", Answer::new("application/json; charset=UTF-8", pieces)),
    ] {
        let path = format!("/v1beta/models/gemini-2.5-flash:streamGenerateContent{query}");
        let body = json!({ "contents": [{ "parts": [{ "text": "Hi" }] }] });
        let span = streamed("generativelanguage.googleapis.com", &path, &body, answer).await;
        assert!(
            json(span.output()).to_string().contains("Hello."),
            "{query}"
        );
        assert_eq!(usage(&span).last().unwrap(), &("total".to_owned(), 6));
        assert!(span.completion_start_time().is_some());
    }
}

#[tokio::test]
async fn ollama_streams_lines() {
    let lines = [
        json!({ "model": "llama3", "message": { "role": "assistant", "content": "Hel" }, "done": false }),
        json!({ "model": "llama3", "message": { "role": "assistant", "content": "lo" }, "done": false }),
        json!({ "model": "llama3", "message": { "role": "assistant", "content": "" }, "done": true, "done_reason": "stop", "prompt_eval_count": 10, "eval_count": 4 }),
    ];
    let lines = lines.map(|line| Bytes::from(format!("{line}\n")));
    let body = json!({ "model": "llama3", "messages": [{ "role": "user", "content": "Hi" }] });
    let answer = Answer::new("application/x-ndjson", lines);
    let span = streamed("ollama.internal", "/api/chat", &body, answer).await;
    assert!(json(span.output()).to_string().contains("Hello"));
    assert!(usage(&span).contains(&("output".to_owned(), 4)));
}

#[tokio::test]
async fn a_stream_with_a_wrong_content_type_is_read_as_it_was_asked_for() {
    let events = Answer::events(&chunks());
    let answer = Answer::new("text/plain", events.chunks);
    let span = streamed("gateway.internal", "/v1/chat/completions", &asked(), answer).await;
    assert_eq!(usage(&span).len(), 3);
}

#[tokio::test]
async fn a_chunk_is_given_out_before_the_next_one_arrives() {
    let hold = Arc::new(Notify::new());
    let mut answer = Answer::events(&chunks());
    answer.hold = Some(hold.clone());
    let server = Server::start([answer]).await;
    let client = server.client(ModelCalls::new());
    let spans = recorded(async |_| {
        let request = client.post(server.chat_url()).body(asked().to_string());
        let mut response = request.send().await.unwrap();
        let mut read = String::new();
        // The server waits before its last chunk until the others are here.
        while !read.contains("usage") {
            let chunk = response.chunk().await.unwrap().unwrap();
            read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        hold.notify_one();
        while response.chunk().await.unwrap().is_some() {}
    })
    .await;
    assert_eq!(usage(&only(spans)).len(), 3);
}

#[tokio::test]
async fn an_error_within_a_stream_is_an_error() {
    let mut events = chunks();
    events.truncate(3);
    events
        .push(json!({ "error": { "message": "The server had an error", "type": "server_error" } }));
    let answer = Answer::events(&events);
    let span = streamed("api.openai.com", "/v1/chat/completions", &asked(), answer).await;
    assert_eq!(span.level(), Some(tracefuse_core::Level::Error));
    assert!(
        span.status_message()
            .unwrap()
            .contains("The server had an error")
    );
    assert!(json(span.output()).to_string().contains("It is 7"));
}
