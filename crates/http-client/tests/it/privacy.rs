//! What leaves the process: `traceparent` to hosts that are named alone, and no key to any record.

use serde_json::json;
use tracefuse_core::Tracer;
use tracefuse_core::testing::Recorder;
use tracefuse_http_client::ModelCalls;

use crate::support::*;

/// The headers that a request to `host` has, and the ids of its trace's root and of the span that was recorded of it.
async fn sent(calls: ModelCalls, host: &str, path: &str) -> (Received, Vec<String>) {
    let server = Server::start([Answer::json(&answer())]).await;
    let client = server.client(calls);
    let (tracer, recorder) = tracer();
    let trace = tracer.trace("request").user_id("ada");
    trace
        .run_async(async |_| {
            let request = client
                .post(server.url(host, path))
                .body(question().to_string());
            request.send().await.unwrap().bytes().await.unwrap();
        })
        .await;
    let ids = recorder
        .spans()
        .iter()
        .map(|span| span.span_id().to_string())
        .collect();
    (server.received().remove(0), ids)
}

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn no_host_gets_the_trace_unless_it_is_named() {
    for host in ["api.openai.com", "gateway.internal"] {
        let (request, _) = sent(ModelCalls::new(), host, CHAT).await;
        assert_eq!(
            (request.header("traceparent"), request.header("baggage")),
            (None, None)
        );
    }
    let calls = ModelCalls::new()
        .inject_to(["*.internal"])
        .inject_baggage_to(["*.internal"]);
    let (request, _) = sent(calls, "api.openai.com", CHAT).await;
    assert_eq!(
        (request.header("traceparent"), request.header("baggage")),
        (None, None)
    );
}

#[tokio::test]
async fn a_named_host_gets_the_generation_as_its_parent() {
    let calls = ModelCalls::new().inject_to(["gateway.internal"]);
    let (request, ids) = sent(calls, "gateway.internal", CHAT).await;
    let parent = request.header("traceparent").unwrap();
    assert_eq!(
        parent.split('-').nth(2),
        Some(&*ids[0]),
        "the generation, not the root"
    );
    assert_eq!(request.header("baggage"), None);
}

#[tokio::test]
async fn a_service_that_calls_no_model_gets_the_current_span() {
    let calls = ModelCalls::new().inject_baggage_to(["gateway.internal:*"]);
    let (request, ids) = sent(calls, "gateway.internal", "/orders").await;
    assert_eq!(ids.len(), 1, "the root alone is recorded");
    let parent = request.header("traceparent").unwrap();
    assert_eq!(parent.split('-').nth(2), Some(&*ids[0]));
    assert!(request.header("baggage").unwrap().contains("ada"));
}

#[tokio::test]
async fn a_traceparent_of_the_application_stays() {
    let server = Server::start([Answer::json(&answer())]).await;
    let client = server.client(ModelCalls::new().inject_to(["*"]));
    let own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    recorded(async |_| {
        let request = client.post(server.chat_url()).header("traceparent", own);
        request.body(question().to_string()).send().await.unwrap();
    })
    .await;
    assert_eq!(server.received()[0].header("traceparent"), Some(own));
}

#[tokio::test]
async fn no_key_is_recorded_wherever_it_is_sent() {
    const KEY: &str = "canary-key-0123456789";
    let echo = json!({ "error": { "message": format!("bad key {KEY}"), "type": KEY } });
    let refusal = Answer::json(&echo).status("401 Unauthorized");
    let server = Server::start([refusal, Answer::json(&answer())]).await;
    let client = server.client(ModelCalls::new());
    let spans = recorded(async |_| {
        for _ in 0..2 {
            let url = format!("{}?key={KEY}&api_key={KEY}", server.chat_url());
            let mut url: reqwest::Url = url.parse().unwrap();
            url.set_password(Some(KEY)).unwrap();
            let request = client.post(url).bearer_auth(KEY).header("x-api-key", KEY);
            let request = request.header("api-key", KEY).header("x-goog-api-key", KEY);
            let request = request.body(question().to_string()).send();
            request.await.unwrap().bytes().await.unwrap();
        }
    })
    .await;
    assert_eq!(spans.len(), 2);
    for span in spans {
        let all = format!(
            "{:?} {}",
            span.attributes().collect::<Vec<_>>(),
            span.name()
        );
        assert!(!all.contains(KEY), "{all}");
        let exceptions = span
            .exceptions()
            .map(|e| format!("{} {}", e.kind(), e.message()));
        for text in exceptions {
            assert!(!text.contains(KEY), "{text}");
        }
    }
}

#[tokio::test]
async fn without_content_capture_model_and_usage_are_recorded_alone() {
    let recorder = Recorder::new();
    let tracer = Tracer::builder(recorder.clone())
        .capture_content(false)
        .build();
    let server = Server::start([Answer::json(&answer()), Answer::events(&chunks())]).await;
    let client = server.client(ModelCalls::new());
    let trace = tracer.trace("request");
    trace
        .run_async(async |_| {
            for _ in 0..2 {
                let request = client.post(server.chat_url()).body(question().to_string());
                request.send().await.unwrap().bytes().await.unwrap();
            }
        })
        .await;
    let spans = recorder.spans();
    assert_eq!(spans.len(), 3);
    for span in &spans[..2] {
        assert!(span.input().is_none() && span.output().is_none());
        assert_eq!(span.request_model(), Some("gpt-4o"));
        assert_eq!(usage(span).len(), 3);
        assert_eq!(parameter(span, "temperature").as_deref(), Some("0.2"));
    }
}
