//! Calls as providers answer them beside the usual: Bedrock and its event stream, interactions, ranking.

use bytes::Bytes;
use serde_json::{Value, json};
use tracefuse_core::record::SpanRecord;
use tracefuse_core::{Level, ObservationType};
use tracefuse_http_client::ModelCalls;

use crate::support::*;

/// Sends `body` to `path` of `host`; the answer is read to its end.
async fn call(host: &str, path: &str, body: &Value, answer: Answer) -> SpanRecord {
    let sent = answer.body();
    let server = Server::start([answer]).await;
    let client = server.client(ModelCalls::new());
    let spans = recorded(async |_| {
        let request = client.post(server.url(host, path)).body(body.to_string());
        let bytes = request.send().await.unwrap().bytes().await.unwrap();
        assert_eq!(bytes, sent, "the bytes are untouched");
    })
    .await;
    only(spans)
}

/// An event of Bedrock as it is on the wire.
fn frame(kind: &str, name: &str, payload: &Value) -> Vec<u8> {
    let payload = payload.to_string();
    let mut headers = Vec::new();
    for (key, value) in [(kind, name), (":content-type", "application/json")] {
        headers.push(key.len() as u8);
        headers.extend_from_slice(key.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&(value.len() as u16).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let total = 16 + headers.len() + payload.len();
    let lengths = [
        (total as u32).to_be_bytes(),
        (headers.len() as u32).to_be_bytes(),
    ];
    [
        lengths.as_flattened(),
        &[0; 4],
        &headers,
        payload.as_bytes(),
        &[0; 4],
    ]
    .concat()
}

const BEDROCK: &str = "bedrock-runtime.us-east-1.amazonaws.com";

fn question_of_bedrock() -> Value {
    json!({
        "messages": [{ "role": "user", "content": [{ "text": "2+5?" }] }],
        "system": [{ "text": "Be brief" }],
        "inferenceConfig": { "maxTokens": 100, "temperature": 0.5 },
    })
}

#[tokio::test]
async fn a_converse_call_of_bedrock_is_a_generation() {
    let answer = json!({
        "output": { "message": { "role": "assistant", "content": [{ "text": "7" }] } }, "stopReason": "end_turn",
        "usage": { "inputTokens": 17, "outputTokens": 3, "totalTokens": 20 }, "metrics": { "latencyMs": 5 },
    });
    let path = "/model/us.anthropic.claude-sonnet-4-5-v1%3A0/converse";
    let span = call(BEDROCK, path, &question_of_bedrock(), Answer::json(&answer)).await;
    assert_eq!(span.name(), "chat us.anthropic.claude-sonnet-4-5-v1:0");
    assert_eq!(span.provider(), Some("aws.bedrock"));
    assert_eq!(parameter(&span, "maxTokens").as_deref(), Some("100"));
    assert_eq!(json(span.input())[0]["role"], "system");
    assert_eq!(
        json(span.output()),
        json!({ "role": "assistant", "content": "7" })
    );
    assert_eq!(
        metadata(&span, "finish_reason").as_deref(),
        Some("end_turn")
    );
    assert_eq!(usage(&span).len(), 3);
}

#[tokio::test]
async fn the_event_stream_of_bedrock_is_put_together() {
    let event = |name: &str, payload: Value| frame(":event-type", name, &payload);
    let events = [
        event("messageStart", json!({ "role": "assistant" })),
        event(
            "contentBlockDelta",
            json!({ "contentBlockIndex": 0, "delta": { "text": "se" } }),
        ),
        event(
            "contentBlockDelta",
            json!({ "contentBlockIndex": 0, "delta": { "text": "ven" } }),
        ),
        event("messageStop", json!({ "stopReason": "end_turn" })),
        event(
            "metadata",
            json!({ "usage": { "inputTokens": 17, "outputTokens": 3, "totalTokens": 20 } }),
        ),
    ];
    let stream = |bytes: Vec<u8>, size: usize| {
        let chunks: Vec<Bytes> = bytes.chunks(size).map(Bytes::copy_from_slice).collect();
        Answer::new("application/vnd.amazon.eventstream", chunks)
    };
    let path = "/model/amazon.nova-lite-v1:0/converse-stream";
    for size in [7, 100_000] {
        let answer = stream(events.concat(), size);
        let span = call(BEDROCK, path, &question_of_bedrock(), answer).await;
        assert_eq!(
            json(span.output()),
            json!({ "role": "assistant", "content": "seven" })
        );
        assert_eq!(usage(&span).last().unwrap(), &("total".to_owned(), 20));
        assert_eq!(span.level(), None);
        assert!(span.completion_start_time().is_some());
    }
    let failed = [
        events[1].clone(),
        frame(
            ":exception-type",
            "modelStreamErrorException",
            &json!({ "message": "boom" }),
        ),
    ];
    let span = call(
        BEDROCK,
        path,
        &question_of_bedrock(),
        stream(failed.concat(), 50),
    )
    .await;
    assert_eq!(json(span.output())["content"], "se");
    assert_eq!(
        (span.level(), span.status_message()),
        (
            Some(Level::Error),
            Some("bedrock.modelStreamErrorException: boom")
        )
    );
}

#[tokio::test]
async fn an_interaction_of_gemini_is_a_generation() {
    let usage_of = json!({ "total_tokens": 346, "total_input_tokens": 11, "total_output_tokens": 90, "total_thought_tokens": 245 });
    let events = [
        json!({ "event_type": "interaction.created", "interaction": { "id": "v1_1", "status": "in_progress", "model": "gemini-3-flash" } }),
        json!({ "event_type": "step.start", "index": 0, "step": { "type": "model_output" } }),
        json!({ "event_type": "step.delta", "index": 0, "delta": { "type": "text", "text": "seven" } }),
        json!({ "event_type": "interaction.completed", "interaction": { "status": "completed", "usage": usage_of } }),
    ];
    let body = json!({ "model": "gemini-3-flash", "input": "2+5?", "stream": true, "generation_config": { "temperature": 0.5 } });
    let host = "generativelanguage.googleapis.com";
    let span = call(host, "/v1beta/interactions", &body, Answer::events(&events)).await;
    assert_eq!(span.name(), "chat gemini-3-flash");
    assert_eq!(json(span.input()), json!("2+5?"));
    assert_eq!(
        json(span.output()),
        json!({ "role": "model", "content": "seven" })
    );
    assert_eq!(parameter(&span, "temperature").as_deref(), Some("0.5"));
    assert_eq!(usage(&span).last().unwrap(), &("total".to_owned(), 346));
}

#[tokio::test]
async fn a_ranking_in_openais_language_has_its_order() {
    let results = json!([{ "index": 1, "relevance_score": 0.9 }]);
    let answer =
        json!({ "model": "jina-reranker-v2", "usage": { "total_tokens": 15 }, "results": results });
    let body = json!({ "model": "jina-reranker-v2", "query": "tea", "documents": ["a", "b"] });
    let span = call("api.jina.ai", "/v1/rerank", &body, Answer::json(&answer)).await;
    assert_eq!(span.observation_type(), ObservationType::Retriever);
    assert_eq!(json(span.input())["query"], "tea");
    assert_eq!(json(span.output()), results);
    assert_eq!(usage(&span)[0], ("input".to_owned(), 15));
}
