//! Refused calls, and calls that are tried again.

use std::sync::Arc;

use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Middleware, Next};
use serde_json::{Value, json};
use tracefuse_core::Level;
use tracefuse_core::record::SpanRecord;
use tracefuse_http_client::ModelCalls;

use crate::support::*;

fn quota() -> Value {
    json!({ "error": { "message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota" } })
}

async fn refused(answer: Answer) -> SpanRecord {
    let server = Server::start([answer]).await;
    let client = server.client(ModelCalls::new());
    let spans = recorded(async |_| {
        let request = client.post(server.chat_url());
        let request = request.bearer_auth("sk-1234567890abcdef");
        let response = request.body(question().to_string()).send().await.unwrap();
        response.bytes().await.unwrap();
    })
    .await;
    only(spans)
}

#[tokio::test]
async fn a_refusal_has_status_kind_and_message() {
    let span = refused(Answer::json(&quota()).status("429 Too Many Requests")).await;
    assert_eq!(span.level(), Some(Level::Error));
    let exception = span.exceptions().next().unwrap();
    assert_eq!(exception.kind(), "openai.insufficient_quota");
    assert_eq!(
        exception.message(),
        "429 Too Many Requests: You exceeded your current quota"
    );
    assert_eq!(
        metadata(&span, "http.response.status_code").as_deref(),
        Some("429")
    );
    assert_eq!(span.model(), Some("gpt-4o"));
    assert_eq!(json(span.input()), question()["messages"]);
    assert!(span.output().is_none() && usage(&span).is_empty());
}

#[tokio::test]
async fn a_page_of_a_proxy_is_an_error_with_its_text() {
    let html = "<html><head><title>502 Bad Gateway</title></head></html>";
    for (kind, body, says) in [
        ("text/html", html, "502 Bad Gateway"),
        (
            "text/plain",
            "upstream connect error",
            "502 Bad Gateway: upstream connect error",
        ),
        ("application/json", "", "502 Bad Gateway"),
        ("image/png", "\u{1}\u{2}", "502 Bad Gateway"),
    ] {
        let answer = Answer::new(kind, [bytes::Bytes::from(body)]);
        let span = refused(answer.status("502 Bad Gateway")).await;
        assert_eq!(span.level(), Some(Level::Error));
        let message = span.status_message().unwrap();
        assert!(message.contains(says), "{kind}: {message}");
        assert_eq!(
            metadata(&span, "http.response.status_code").as_deref(),
            Some("502")
        );
    }
}

#[tokio::test]
async fn a_key_that_an_error_quotes_is_replaced() {
    let body =
        json!({ "error": { "message": "Incorrect API key provided: sk-1234567890abcdef." } });
    let span = refused(Answer::json(&body).status("401 Unauthorized")).await;
    let message = span.status_message().unwrap();
    let says = "401 Unauthorized: Incorrect API key provided: ***.";
    assert!(message.ends_with(says), "{message}");
}

/// Tries a call again as long as it is refused, as the middleware of `reqwest-retry` does.
struct Retry;

#[async_trait::async_trait]
impl Middleware for Retry {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        loop {
            let again = request.try_clone().unwrap();
            let response = next.clone().run(again, extensions).await?;
            if response.status().is_success() {
                return Ok(response);
            }
        }
    }
}

/// Two refusals and an answer.
async fn retried() -> Server {
    let refusal = Answer::json(&quota()).status("429 Too Many Requests");
    let broken = Answer::json(&json!({})).status("500 Internal Server Error");
    Server::start([refusal, broken, Answer::json(&answer())]).await
}

#[tokio::test]
async fn each_attempt_of_a_retry_outside_is_a_generation_with_its_number() {
    let server = retried().await;
    let client = ClientBuilder::new(server.plain());
    let client = client.with(Retry).with(ModelCalls::new()).build();
    let spans = recorded(async |_| {
        for _ in 0..2 {
            let request = client.post(server.chat_url()).body(question().to_string());
            request.send().await.unwrap().bytes().await.unwrap();
        }
    })
    .await;
    let attempts: Vec<_> = spans.iter().map(|span| metadata(span, "attempt")).collect();
    let numbers = [None, Some("2".to_owned()), Some("3".to_owned()), None];
    assert_eq!(attempts, numbers, "the last call is another one");
    let levels: Vec<_> = spans.iter().map(SpanRecord::level).collect();
    assert_eq!(levels, [Some(Level::Error), Some(Level::Error), None, None]);
    let parents: Vec<_> = spans.iter().map(SpanRecord::parent_span_id).collect();
    assert!(parents.iter().all(|parent| parent == &parents[0]));
    assert_eq!(usage(&spans[2]).len(), 3);
}

#[tokio::test]
async fn a_retry_inside_is_one_generation() {
    let server = retried().await;
    let client = ClientBuilder::new(server.plain());
    let client = client.with(ModelCalls::new()).with(Retry).build();
    let spans = recorded(async |_| {
        let request = client.post(server.chat_url()).body(question().to_string());
        request.send().await.unwrap().bytes().await.unwrap();
    })
    .await;
    let span = only(spans);
    assert_eq!((span.level(), metadata(&span, "attempt")), (None, None));
}

#[tokio::test]
async fn a_retry_by_hand_below_another_span_is_a_call_of_its_own() {
    let server = retried().await;
    let client = Arc::new(server.client(ModelCalls::new()));
    let spans = recorded(async |trace| {
        for name in ["first", "second"] {
            let step = trace.span(name);
            step.run_async(async |_| {
                let request = client.post(server.chat_url()).body(question().to_string());
                request.send().await.unwrap().bytes().await.unwrap();
            })
            .await;
        }
    })
    .await;
    let calls = spans.iter().filter(|span| span.name() == "chat gpt-4o");
    let attempts: Vec<_> = calls.map(|span| metadata(span, "attempt")).collect();
    assert_eq!(attempts, [None, None]);
}

/// Keeps each refusal until the next attempt was answered, as the retries of async-openai do.
struct Keeps;

#[async_trait::async_trait]
impl Middleware for Keeps {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let mut kept = Vec::new();
        loop {
            let again = request.try_clone().unwrap();
            let response = next.clone().run(again, extensions).await?;
            if response.status().is_success() {
                return Ok(response);
            }
            kept.push(response);
        }
    }
}

#[tokio::test]
async fn a_refusal_that_is_kept_ends_when_it_arrived() {
    let server = retried().await;
    let client = ClientBuilder::new(server.plain());
    let client = client.with(Keeps).with(ModelCalls::new()).build();
    let mut spans = recorded(async |_| {
        let request = client.post(server.chat_url()).body(question().to_string());
        request.send().await.unwrap().bytes().await.unwrap();
    })
    .await;
    spans.sort_by_key(SpanRecord::start_time);
    let attempts: Vec<_> = spans.iter().map(|span| metadata(span, "attempt")).collect();
    let numbers = [None, Some("2".to_owned()), Some("3".to_owned())];
    assert_eq!(attempts, numbers);
    for pair in spans.windows(2) {
        assert!(pair[0].end_time() <= pair[1].start_time());
        let error = pair[0].exceptions().next().unwrap();
        assert!(error.time() <= pair[0].end_time());
    }
}
