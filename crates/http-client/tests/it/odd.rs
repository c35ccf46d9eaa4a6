//! Bodies and answers as no provider should send them: what is read of them, and that each byte passes.

use bytes::Bytes;
use serde_json::{Value, json};
use tracefuse_core::Level;
use tracefuse_core::record::SpanRecord;
use tracefuse_http_client::ModelCalls;

use crate::support::*;

/// Sends a chat that asks for a stream and reads the answer, whose bytes must be the same.
async fn answered(answer: Answer, streams: bool) -> SpanRecord {
    let expected = answer.body();
    let server = Server::start([answer]).await;
    let client = server.client(ModelCalls::new());
    let mut body = question();
    if streams {
        body["stream"] = json!(true);
    }
    let spans = recorded(async |_| {
        let request = client.post(server.chat_url()).body(body.to_string());
        let read = request.send().await.unwrap().bytes().await.unwrap();
        assert_eq!(read, expected, "the bytes are untouched");
    })
    .await;
    only(spans)
}

fn said() -> Value {
    json!({ "role": "assistant", "content": "It is 7 \u{1f600} ß." })
}

/// The events of an answer, written by `write`.
fn events(write: impl Fn(&Value) -> String) -> Bytes {
    chunks().iter().map(write).collect::<String>().into()
}

#[tokio::test]
async fn lines_of_events_may_end_in_each_way_that_the_standard_allows() {
    let plain = |end: &str| events(|event| format!("data: {event}{end}{end}"));
    let texts = [
        plain("\n"),
        plain("\r\n"),
        plain("\r"),
        events(|event| format!("data:{event}\n\n")),
        events(|event| format!(": comment\nevent: message\nid: 1\nretry: 5\ndata: {event}\n\n")),
        [Bytes::from_static(b"\xef\xbb\xbf"), plain("\n")]
            .concat()
            .into(),
        [
            Bytes::from_static(b"\n\n: ping\n\n"),
            plain("\n"),
            Bytes::from_static(b"data: [DONE]"),
        ]
        .concat()
        .into(),
    ];
    for text in texts {
        for size in [1, 1000, 100_000] {
            let pieces = text.chunks(size).map(Bytes::copy_from_slice);
            let span = answered(Answer::new("text/event-stream", pieces), true).await;
            assert_eq!(json(span.output()), said(), "{:?}", &text[..40]);
            assert_eq!(usage(&span).len(), 3, "{:?}", &text[..40]);
        }
    }
}

#[tokio::test]
async fn an_event_of_megabytes_is_one_event() {
    let long = "x".repeat(700_000);
    let event = json!({ "id": "c", "object": "chat.completion.chunk", "model": "m",
        "choices": [{ "index": 0, "delta": { "content": long }, "finish_reason": "stop" }] });
    let text = Bytes::from(format!("data: {event}\n\ndata: [DONE]\n\n"));
    let pieces = text.chunks(10_000).map(Bytes::copy_from_slice);
    let span = answered(Answer::new("text/event-stream", pieces), true).await;
    assert!(span.output().unwrap().to_string().len() > 600_000);
    assert_eq!(span.level(), None);
}

#[tokio::test]
async fn a_stream_that_says_it_is_json_is_read_as_a_stream() {
    let text = events(|event| format!("data: {event}\n\n"));
    for kind in ["application/json", "application/json; charset=utf-8"] {
        let span = answered(Answer::new(kind, [text.clone()]), true).await;
        assert_eq!(json(span.output()), said(), "{kind}");
        assert_eq!(usage(&span).len(), 3, "{kind}");
    }
    // A gateway that cannot stream answers with one object.
    for kind in ["application/json", "text/event-stream", ""] {
        let answer = Answer::new(kind, [Bytes::from(answer().to_string())]);
        let span = answered(answer, true).await;
        assert_eq!(usage(&span).len(), 3, "{kind:?}");
        assert!(json(span.output()).to_string().contains('7'), "{kind:?}");
    }
}

#[tokio::test]
async fn answers_without_meaning_are_kept_or_counted() {
    let none = answered(Answer::new("", []).status("204 No Content"), false).await;
    assert_eq!((none.level(), none.output()), (None, None));
    for (kind, body) in [
        ("application/json", &b"{\"a\":"[..]),
        ("application/json", b"null"),
        ("application/json", b"[]"),
        ("application/json", b"\xff\xfe\x00"),
        ("application/json", b"\"text\""),
        (
            "text/event-stream",
            b"data: {\"a\":\n\ndata: 5\n\ndata: null\n\ndata: []\n\n",
        ),
        ("text/event-stream", b"\xff\xfe\x00\n\n"),
        ("text/event-stream", b""),
        ("image/png", b"\x89PNG"),
        ("nonsense", b"x"),
        ("application/x-ndjson", b"{\"a\":1}\n{\"b\""),
    ] {
        for streams in [false, true] {
            let answer = Answer::new(kind, [Bytes::from_static(body)]);
            let span = answered(answer, streams).await;
            assert_eq!(span.name(), "chat gpt-4o", "{kind} {body:?}");
            assert_ne!(span.level(), Some(Level::Error), "{kind} {body:?}");
        }
    }
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let answer = Answer::new("application/json", [Bytes::from(deep)]);
    assert_ne!(answered(answer, false).await.level(), Some(Level::Error));
}

#[tokio::test]
async fn a_request_that_is_nested_deeply_is_recorded() {
    let server = Server::start([Answer::json(&answer())]).await;
    let client = server.client(ModelCalls::new());
    let deep = "[".repeat(5000) + &"]".repeat(5000);
    let body = format!(r#"{{"model": "gpt-4o", "temperature": 1, "messages": {deep}}}"#);
    let spans = recorded(async |_| {
        let request = client.post(server.chat_url()).body(body.clone());
        request.send().await.unwrap().bytes().await.unwrap();
    })
    .await;
    let span = only(spans);
    assert_eq!(span.name(), "chat gpt-4o");
    assert_eq!(json(span.input())["bytes"], body.len());
    assert_eq!(server.received()[0].body, body.as_bytes());
}

#[tokio::test]
async fn a_key_in_the_address_of_gemini_is_nowhere() {
    const KEY: &str = "AIza%2Bcanary/0123456789";
    let plain = "AIza+canary/0123456789";
    let echo = json!({ "error": { "code": 400, "status": "INVALID_ARGUMENT", "message": format!("API key {plain} is not valid") } });
    let answers = [
        Answer::json(&echo).status("400 Bad Request"),
        Answer::json(&json!({ "candidates": [] })),
        Answer::new("text/html", [Bytes::from(format!("no {plain}, {KEY}"))])
            .status("502 Bad Gateway"),
    ];
    let server = Server::start(answers).await;
    let client = server.client(ModelCalls::new());
    let path = format!("/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse&key={KEY}");
    let url = server.url("generativelanguage.googleapis.com", &path);
    let spans = recorded(async |_| {
        for _ in 0..3 {
            let request = client.post(&url).body(r#"{"contents":[]}"#);
            request.send().await.unwrap().bytes().await.unwrap();
        }
    })
    .await;
    assert_eq!(spans.len(), 3);
    for span in spans {
        let exceptions = span
            .exceptions()
            .map(|e| format!("{} {}", e.kind(), e.message()));
        let all = format!(
            "{:?} {} {}",
            span.attributes().collect::<Vec<_>>(),
            span.name(),
            exceptions.collect::<String>()
        );
        assert!(!all.contains("canary"), "{all}");
    }
}
