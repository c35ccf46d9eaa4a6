//! Large, compressed and odd bodies: bounded and summarised, and passed on as they are.

use bytes::Bytes;
use serde_json::{Value, json};
use tracefuse_core::record::SpanRecord;
use tracefuse_http_client::ModelCalls;

use crate::inputs::frame;
use crate::support::*;

async fn call(calls: ModelCalls, path: &str, body: Vec<u8>, answer: Answer) -> SpanRecord {
    call_of(calls, ("api.openai.com", path), body, answer).await
}

async fn call_of(
    calls: ModelCalls,
    (host, path): (&str, &str),
    body: Vec<u8>,
    answer: Answer,
) -> SpanRecord {
    let expected = answer.body();
    let server = Server::start([answer]).await;
    let client = server.client(calls);
    let spans = recorded(async |_| {
        let request = client.post(server.url(host, path));
        let response = request.body(body.clone()).send().await.unwrap();
        assert_eq!(response.bytes().await.unwrap(), expected);
    })
    .await;
    assert_eq!(server.received()[0].body, body);
    only(spans)
}

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn bodies_over_the_limit_have_model_usage_and_size() {
    let mut body = question();
    body["messages"][0]["content"] = Value::from("word ".repeat(100_000));
    let mut answer = answer();
    answer["choices"][0]["message"]["content"] = Value::from("word ".repeat(100_000));
    let (sent, received) = (body.to_string().len(), answer.to_string().len());
    let calls = ModelCalls::new().max_body(10_000);
    let span = call(calls, CHAT, body.to_string().into(), Answer::json(&answer)).await;
    let kept = |bytes: usize| json!({ "content_type": "application/json", "bytes": bytes });
    assert_eq!(json(span.input()), kept(sent));
    assert_eq!(json(span.output()), kept(received));
    assert_eq!(span.request_model(), Some("gpt-4o"));
    assert_eq!(usage(&span).last().unwrap(), &("total".to_owned(), 23));
    assert!(span.size() < 10_000);
}

#[tokio::test]
async fn embeddings_of_any_size_have_their_usage() {
    let vector: Vec<f64> = (0..20_000).map(|n| f64::from(n) / 7.0).collect();
    let answer = json!({
        "object": "list", "data": [{ "object": "embedding", "index": 0, "embedding": vector }],
        "model": "text-embedding-3-small", "usage": { "prompt_tokens": 8, "total_tokens": 8 },
    });
    let body = json!({ "model": "text-embedding-3-small", "input": "rain" });
    let span = call(
        ModelCalls::new(),
        "/v1/embeddings",
        body.to_string().into(),
        Answer::json(&answer),
    )
    .await;
    assert_eq!(usage(&span)[0], ("input".to_owned(), 8));
    assert!(span.output().is_none() && span.size() < 2_000);
}

#[tokio::test]
async fn a_stream_over_the_limit_has_its_usage() {
    let word = json!({ "choices": [{ "index": 0, "delta": { "content": "word " } }] });
    let mut events = vec![word; 2_000];
    events.extend(chunks().split_off(4));
    let body = question().to_string().into_bytes();
    let calls = ModelCalls::new().max_body(20_000);
    let span = call(calls, CHAT, body, Answer::events(&events)).await;
    assert_eq!(usage(&span).last().unwrap(), &("total".to_owned(), 23));
    assert_eq!(metadata(&span, "finish_reason").as_deref(), Some("stop"));
    assert!(span.output().unwrap().to_string().len() < 20_000);
    assert_eq!(span.level(), None, "its end was seen");
}

#[tokio::test]
async fn a_stream_of_frames_over_the_limit_has_its_usage() {
    use base64::Engine as _;
    let invoked = |chunk: Value| {
        let bytes = base64::engine::general_purpose::STANDARD.encode(chunk.to_string());
        frame(":event-type", "chunk", &json!({ "bytes": bytes }))
    };
    let word = json!({ "generation": "word ", "prompt_token_count": null, "generation_token_count": 1, "stop_reason": null });
    let mut frames = vec![invoked(word); 2_000];
    frames.push(invoked(json!({ "generation": "", "stop_reason": "stop",
        "amazon-bedrock-invocationMetrics": { "inputTokenCount": 17, "outputTokenCount": 2000 } })));
    let calls = ModelCalls::new().max_body(20_000);
    let target = (
        "bedrock-runtime.us-east-1.amazonaws.com",
        "/model/meta.llama3/invoke-with-response-stream",
    );
    let answer = Answer::new(
        "application/vnd.amazon.eventstream",
        [Bytes::from(frames.concat())],
    );
    let span = call_of(calls, target, br#"{"prompt":"Hi"}"#.to_vec(), answer).await;
    assert!(
        usage(&span).contains(&("output".to_owned(), 2000)),
        "{:?}",
        usage(&span)
    );
    assert_eq!(metadata(&span, "finish_reason").as_deref(), Some("stop"));
    assert!(span.output().unwrap().to_string().len() < 20_000);
    assert_eq!(span.level(), None, "its end was seen");
}

#[tokio::test]
async fn a_compressed_body_is_passed_on_and_counted() {
    let bytes = Bytes::from_static(&[0x1f, 0x8b, 0x08, 0, 1, 2, 3, 4, 5, 6]);
    let answer = Answer::new("application/json", [bytes]).header("content-encoding", "gzip");
    let span = call(
        ModelCalls::new(),
        CHAT,
        question().to_string().into(),
        answer,
    )
    .await;
    assert_eq!(
        metadata(&span, "http.response.content_encoding").as_deref(),
        Some("gzip")
    );
    assert_eq!(
        json(span.output()),
        json!({ "content_type": "application/json", "bytes": 10 })
    );
    assert!(span.exceptions().len() == 0 && span.level().is_none());
}

#[tokio::test]
async fn bodies_that_are_no_json_change_nothing() {
    let odd = vec![0xff, 0xfe, b'{', 0];
    let answer = Answer::new("application/json", [Bytes::from_static(b"{\"model\":")]);
    let span = call(ModelCalls::new(), CHAT, odd, answer).await;
    assert_eq!(span.name(), "chat");
    assert_eq!(
        json(span.input()),
        json!({ "content_type": "application/json", "bytes": 4 })
    );
    let answer = Answer::new("text/plain", [Bytes::from_static(b"a plain text")]);
    let span = call(
        ModelCalls::new(),
        CHAT,
        question().to_string().into(),
        answer,
    )
    .await;
    assert_eq!(json(span.output()), "a plain text");
}

#[tokio::test]
async fn a_streamed_request_is_read_as_it_is_sent() {
    let server = Server::start([Answer::json(&answer())]).await;
    let client = server.client(ModelCalls::new());
    let text = question().to_string();
    let pieces: Vec<Result<Bytes, std::io::Error>> = text
        .as_bytes()
        .chunks(9)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    let spans = recorded(async |_| {
        let body = reqwest::Body::wrap_stream(futures::stream::iter(pieces));
        let request = client.post(server.chat_url()).body(body);
        request.send().await.unwrap().bytes().await.unwrap();
    })
    .await;
    let span = only(spans);
    assert_eq!(span.name(), "chat gpt-4o");
    assert_eq!(json(span.input()), question()["messages"]);
}
