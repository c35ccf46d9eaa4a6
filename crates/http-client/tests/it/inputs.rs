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
pub(crate) fn frame(kind: &str, name: &str, payload: &Value) -> Vec<u8> {
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

/// A frame of InvokeModelWithResponseStream: a chunk in the language of the model's maker, in base64.
fn invoked(chunk: &Value) -> Vec<u8> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.encode(chunk.to_string());
    frame(
        ":event-type",
        "chunk",
        &json!({ "bytes": bytes, "p": "abcdefgh" }),
    )
}

#[tokio::test]
async fn models_of_bedrock_are_streamed_without_converse() {
    let metrics = json!({ "inputTokenCount": 17, "outputTokenCount": 3, "invocationLatency": 640, "firstByteLatency": 90 });
    let llama = |piece: &str, count: u64, end: Value| json!({ "generation": piece, "prompt_token_count": null, "generation_token_count": count, "stop_reason": end });
    let mut end = llama("", 3, json!("stop"));
    end["amazon-bedrock-invocationMetrics"] = metrics.clone();
    let of_llama = vec![
        llama("se", 1, Value::Null),
        llama("ven", 2, Value::Null),
        end,
    ];
    let of_claude = vec![
        json!({ "type": "message_start", "message": { "role": "assistant", "model": "claude-haiku-4-5", "content": [], "usage": { "input_tokens": 17, "output_tokens": 1 } } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "seven" } }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "stop" }, "usage": { "output_tokens": 3 } }),
        json!({ "type": "message_stop", "amazon-bedrock-invocationMetrics": metrics }),
    ];
    let titan = |piece: &str, count: Value, end: Value| json!({ "outputText": piece, "index": 0, "totalOutputTextTokenCount": count, "completionReason": end, "inputTextTokenCount": 17 });
    let of_titan = vec![
        titan("se", Value::Null, Value::Null),
        titan("ven", json!(3), json!("stop")),
    ];
    for (model, chunks, text) in [
        ("meta.llama3-8b-instruct-v1:0", of_llama, json!("seven")),
        (
            "us.anthropic.claude-haiku-4-5-v1:0",
            of_claude,
            json!({ "role": "assistant", "content": "seven" }),
        ),
        ("amazon.titan-text-express-v1", of_titan, json!("seven")),
    ] {
        let bytes: Vec<u8> = chunks.iter().flat_map(invoked).collect();
        for size in [7, 100_000] {
            let pieces: Vec<Bytes> = bytes.chunks(size).map(Bytes::copy_from_slice).collect();
            let answer = Answer::new("application/vnd.amazon.eventstream", pieces);
            let path = format!(
                "/model/{}/invoke-with-response-stream",
                model.replace(':', "%3A")
            );
            let asked = json!({ "prompt": "2+5?", "max_gen_len": 100 });
            let span = call(BEDROCK, &path, &asked, answer).await;
            assert_eq!(span.name(), format!("chat {model}"));
            assert_eq!(span.provider(), Some("aws.bedrock"));
            let output = span.output().unwrap().to_string();
            let output = serde_json::from_str(&output).unwrap_or(Value::String(output));
            assert_eq!(output, text, "{model}");
            let counts = usage(&span);
            assert!(counts.contains(&("input".to_owned(), 17)), "{counts:?}");
            assert!(counts.contains(&("output".to_owned(), 3)), "{counts:?}");
            assert_eq!(metadata(&span, "finish_reason").as_deref(), Some("stop"));
            assert_eq!(span.level(), None);
            assert!(span.completion_start_time().is_some());
        }
    }
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
