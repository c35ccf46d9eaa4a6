//! What is recorded of a call that is answered at once, provider by provider.

use serde_json::{Value, json};
use tracefuse_core::ObservationType;
use tracefuse_core::record::SpanRecord;
use tracefuse_http_client::{Language, ModelCalls, Operation, Route};

use crate::support::*;

/// Sends `body` to `path` of `host` and gives what is recorded of it.
async fn call(host: &str, path: &str, body: &Value, answer: &Value) -> SpanRecord {
    let server = Server::start([Answer::json(answer)]).await;
    let ollama = Route::new(
        "ollama.internal",
        "/api/*",
        Operation::Chat,
        Language::Ollama,
    );
    let client = server.client(ModelCalls::new().route(ollama.provider("ollama")));
    let spans = recorded(async |_| {
        let request = client.post(server.url(host, path));
        let request = request.header("anthropic-version", "2023-06-01");
        let response = request.body(body.to_string()).send().await.unwrap();
        let text = response.text().await.unwrap();
        assert_eq!(text, answer.to_string(), "the bytes are untouched");
    })
    .await;
    assert_eq!(server.received()[0].body, body.to_string().as_bytes());
    only(spans)
}

#[tokio::test]
async fn a_chat_has_model_parameters_messages_and_usage() {
    let span = call(
        "api.openai.com",
        "/v1/chat/completions",
        &question(),
        &answer(),
    )
    .await;
    assert_eq!(span.name(), "chat gpt-4o");
    assert_eq!(span.observation_type(), ObservationType::Generation);
    assert_eq!(span.request_model(), Some("gpt-4o"));
    assert_eq!(span.response_model(), Some("gpt-4o-2024-08-06"));
    assert_eq!(span.provider(), Some("openai"));
    assert_eq!(parameter(&span, "temperature").as_deref(), Some("0.2"));
    assert_eq!(
        parameter(&span, "max_completion_tokens").as_deref(),
        Some("100")
    );
    assert_eq!(json(span.input()), question()["messages"]);
    assert_eq!(
        json(span.output()),
        json!({ "role": "assistant", "content": "7" })
    );
    assert_eq!(metadata(&span, "finish_reason").as_deref(), Some("stop"));
    assert_eq!(
        metadata(&span, "server.address").as_deref(),
        Some("api.openai.com")
    );
    let expected = [("input", 20), ("output", 3), ("total", 23)];
    assert_eq!(usage(&span), expected.map(|(name, n)| (name.to_owned(), n)));
    assert_eq!(span.completion_start_time(), None);
    assert_eq!(span.level(), None);
}

#[tokio::test]
async fn a_response_of_openai_has_instructions_input_and_items() {
    let body = json!({ "model": "gpt-5", "instructions": "Be brief", "input": "Hi", "reasoning": { "effort": "low" } });
    let answer = json!({
        "object": "response", "model": "gpt-5-2025-08-07", "status": "completed",
        "output": [{ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "Hello" }] }],
        "usage": { "input_tokens": 9, "output_tokens": 2, "total_tokens": 11 },
    });
    let span = call("api.openai.com", "/v1/responses", &body, &answer).await;
    assert_eq!(span.name(), "chat gpt-5");
    let expected =
        json!([{ "role": "system", "content": "Be brief" }, { "role": "user", "content": "Hi" }]);
    assert_eq!(json(span.input()), expected);
    assert!(json(span.output()).to_string().contains("Hello"));
    assert!(parameter(&span, "reasoning").unwrap().contains("low"));
    assert_eq!(usage(&span).len(), 3);
}

#[tokio::test]
async fn embeddings_are_embeddings_without_their_vectors() {
    let body =
        json!({ "model": "text-embedding-3-small", "input": ["rain", "sun"], "dimensions": 2 });
    let answer = json!({
        "object": "list", "model": "text-embedding-3-small",
        "data": [{ "object": "embedding", "index": 0, "embedding": [0.1, 0.2] }],
        "usage": { "prompt_tokens": 2, "total_tokens": 2 },
    });
    let span = call("api.openai.com", "/v1/embeddings", &body, &answer).await;
    assert_eq!(span.name(), "embeddings text-embedding-3-small");
    assert_eq!(span.observation_type(), ObservationType::Embedding);
    assert_eq!(json(span.input()), json!(["rain", "sun"]));
    assert!(span.output().is_none());
    assert_eq!(usage(&span)[0], ("input".to_owned(), 2));
    assert_eq!(parameter(&span, "dimensions").as_deref(), Some("2"));
}

#[tokio::test]
async fn a_picture_has_its_prompt_and_usage_and_no_pixels() {
    let body = json!({ "model": "gpt-image-1", "prompt": "A cat", "size": "1024x1024" });
    let answer = json!({
        "created": 1, "data": [{ "b64_json": "QUJD".repeat(50_000) }],
        "usage": { "input_tokens": 5, "output_tokens": 1000, "total_tokens": 1005 },
    });
    let span = call("api.openai.com", "/v1/images/generations", &body, &answer).await;
    assert_eq!(span.name(), "image_generation gpt-image-1");
    assert_eq!(json(span.input()), "A cat");
    assert!(
        span.output()
            .is_none_or(|output| !output.to_string().contains("QUJD"))
    );
    assert_eq!(usage(&span).last().unwrap(), &("total".to_owned(), 1005));
    assert_eq!(parameter(&span, "size").as_deref(), Some("1024x1024"));
}

#[tokio::test]
async fn anthropic_has_its_instructions_first() {
    let body = json!({
        "model": "claude-sonnet-4-5", "max_tokens": 64, "system": "Be brief",
        "messages": [{ "role": "user", "content": "Hi" }], "tools": [{ "name": "add", "input_schema": {} }],
    });
    let answer = json!({
        "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929", "stop_reason": "end_turn",
        "content": [{ "type": "text", "text": "Hello" }],
        "usage": { "input_tokens": 12, "output_tokens": 3, "cache_read_input_tokens": 100 },
    });
    for host in ["api.anthropic.com", "gateway.internal"] {
        let span = call(host, "/v1/messages", &body, &answer).await;
        assert_eq!(span.name(), "chat claude-sonnet-4-5");
        assert_eq!(span.provider(), Some("anthropic"));
        let input = json(span.input());
        assert_eq!(
            input["messages"][0],
            json!({ "role": "system", "content": "Be brief" })
        );
        assert_eq!(input["tools"][0]["name"], "add");
        assert_eq!(
            metadata(&span, "finish_reason").as_deref(),
            Some("end_turn")
        );
        let cached = usage(&span).into_iter().any(|(_, units)| units == 100);
        assert!(cached, "{:?}", usage(&span));
    }
}

#[tokio::test]
async fn gemini_names_its_model_in_the_path() {
    let body = json!({
        "contents": [{ "role": "user", "parts": [{ "text": "Hi" }] }],
        "generationConfig": { "temperature": 0.1, "maxOutputTokens": 8 },
    });
    let answer = json!({
        "candidates": [{ "content": { "role": "model", "parts": [{ "text": "Hello" }] }, "finishReason": "STOP" }],
        "modelVersion": "gemini-2.5-flash-001",
        "usageMetadata": { "promptTokenCount": 4, "candidatesTokenCount": 2, "totalTokenCount": 6 },
    });
    let path = "/v1beta/models/gemini-2.5-flash:generateContent?key=AIza-secret-key";
    let span = call("generativelanguage.googleapis.com", path, &body, &answer).await;
    assert_eq!(span.name(), "chat gemini-2.5-flash");
    assert_eq!(span.provider(), Some("gcp.gemini"));
    assert_eq!(parameter(&span, "maxOutputTokens").as_deref(), Some("8"));
    assert_eq!(usage(&span).last().unwrap(), &("total".to_owned(), 6));
    assert!(!format!("{:?}", span.attributes().collect::<Vec<_>>()).contains("AIza"));
}

#[tokio::test]
async fn ollama_is_recorded_by_a_route_of_the_user() {
    let body = json!({ "model": "llama3", "stream": false, "messages": [{ "role": "user", "content": "Hi" }], "options": { "num_ctx": 4096 } });
    let answer = json!({
        "model": "llama3", "message": { "role": "assistant", "content": "Hello" }, "done": true, "done_reason": "stop",
        "prompt_eval_count": 10, "eval_count": 4,
    });
    let span = call("ollama.internal", "/api/chat", &body, &answer).await;
    assert_eq!(
        (span.name(), span.provider()),
        ("chat llama3", Some("ollama"))
    );
    assert_eq!(parameter(&span, "num_ctx").as_deref(), Some("4096"));
    assert!(usage(&span).contains(&("output".to_owned(), 4)));
}

#[tokio::test]
async fn cohere_chat_and_ranking_are_recorded() {
    let body = json!({ "model": "command-a", "messages": [{ "role": "user", "content": "Hi" }] });
    let answer = json!({
        "message": { "role": "assistant", "content": [{ "type": "text", "text": "Hello" }] }, "finish_reason": "COMPLETE",
        "usage": { "tokens": { "input_tokens": 5, "output_tokens": 2 } },
    });
    let span = call("api.cohere.com", "/v2/chat", &body, &answer).await;
    assert_eq!(
        (span.name(), span.provider()),
        ("chat command-a", Some("cohere"))
    );
    assert!(usage(&span).contains(&("input".to_owned(), 5)));

    let body =
        json!({ "model": "rerank-v3.5", "query": "rain", "documents": ["a", "b"], "top_n": 1 });
    let answer = json!({ "results": [{ "index": 1, "relevance_score": 0.9 }], "meta": { "billed_units": { "search_units": 1 } } });
    let span = call("api.cohere.com", "/v2/rerank", &body, &answer).await;
    assert_eq!(span.observation_type(), ObservationType::Retriever);
    assert_eq!(json(span.input())["query"], "rain");
}

#[tokio::test]
async fn providers_that_speak_as_openai_does_have_their_own_names() {
    for (host, path, provider) in [
        (
            "x.openai.azure.com",
            "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
            "azure.ai.openai",
        ),
        ("openrouter.ai", "/api/v1/chat/completions", "openrouter"),
        ("api.groq.com", "/openai/v1/chat/completions", "groq"),
        ("api.mistral.ai", "/v1/chat/completions", "mistral_ai"),
        ("api.deepseek.com", "/chat/completions", "deepseek"),
        ("api.moonshot.ai", "/v1/chat/completions", "moonshot_ai"),
        ("gateway.internal", "/v1/chat/completions", "openai"),
    ] {
        let mut answer = answer();
        answer["usage"]["cost"] = json!(0.0125);
        let mut body = question();
        if host.contains("azure") {
            // The deployment in the path is the model.
            body.as_object_mut().unwrap().remove("model");
        }
        let span = call(host, path, &body, &answer).await;
        assert_eq!(span.provider(), Some(provider), "{host}");
        assert_eq!(span.name(), "chat gpt-4o", "{host}");
        let cost: f64 = span.cost().map(|(_, dollars)| dollars).sum();
        assert!(
            (cost - 0.0125).abs() < 1e-9,
            "{host}: the stated cost, {cost}"
        );
    }
}

#[tokio::test]
async fn the_cost_that_litellm_states_in_a_header_is_recorded() {
    let answer = Answer::json(&answer()).header("x-litellm-response-cost", "0.00042");
    let server = Server::start([answer]).await;
    let client = server.client(ModelCalls::new());
    let spans = recorded(async |_| {
        let request = client.post(server.url("gateway.internal", "/v1/chat/completions"));
        let response = request.body(question().to_string()).send().await.unwrap();
        response.bytes().await.unwrap();
    })
    .await;
    let cost: Vec<_> = only(spans).cost().map(|(_, dollars)| dollars).collect();
    assert_eq!(cost, [0.00042]);
}

#[tokio::test]
async fn a_transcription_has_its_model_out_of_the_form() {
    let text = json!({ "text": "Hello there", "usage": { "type": "tokens", "input_tokens": 14, "output_tokens": 3, "total_tokens": 17 } });
    let server = Server::start([Answer::json(&text)]).await;
    let client = server.client(ModelCalls::new());
    let file = reqwest::multipart::Part::bytes(vec![7; 30_000]).file_name("a.mp3");
    let form = reqwest::multipart::Form::new();
    let form = form.part("file", file.mime_str("audio/mpeg").unwrap());
    let form = form
        .text("model", "gpt-4o-transcribe")
        .text("language", "en");
    let spans = recorded(async |_| {
        let request = client.post(server.url("api.openai.com", "/v1/audio/transcriptions"));
        let response = request.multipart(form).send().await.unwrap();
        response.bytes().await.unwrap();
    })
    .await;
    let span = only(spans);
    assert_eq!(span.name(), "transcription gpt-4o-transcribe");
    assert_eq!(parameter(&span, "language").as_deref(), Some("en"));
    let received = server.received().remove(0);
    let input = json!({ "content_type": "multipart/form-data", "bytes": received.body.len() });
    assert_eq!(json(span.input()), input);
    assert_eq!(
        received.header("content-length").unwrap(),
        received.body.len().to_string()
    );
    assert_eq!(json(span.output()), "Hello there");
    assert_eq!(usage(&span).last().unwrap(), &("total".to_owned(), 17));
}

#[tokio::test]
async fn speech_is_counted_and_not_kept() {
    let sound: Vec<bytes::Bytes> = (0..20)
        .map(|_| bytes::Bytes::from(vec![0xff; 10_000]))
        .collect();
    let server = Server::start([Answer::new("audio/mpeg", sound)]).await;
    let client = server.client(ModelCalls::new());
    let body = json!({ "model": "tts-1", "input": "Hello", "voice": "alloy" });
    let spans = recorded(async |_| {
        let request = client.post(server.url("api.openai.com", "/v1/audio/speech"));
        let response = request.body(body.to_string()).send().await.unwrap();
        assert_eq!(response.bytes().await.unwrap().len(), 200_000);
    })
    .await;
    let span = only(spans);
    assert_eq!(span.name(), "audio_generation tts-1");
    assert_eq!(json(span.input()), "Hello");
    let output = json!({ "content_type": "audio/mpeg", "bytes": 200_000 });
    assert_eq!(json(span.output()), output);
    assert_eq!(parameter(&span, "voice").as_deref(), Some("alloy"));
}
