//! The application sees the same with the layer as without: address, headers, errors, size.

use std::time::Duration;

use reqwest::{Client, Response};
use reqwest_middleware::ClientBuilder;
use tracefuse_http_client::ModelCalls;

use crate::support::*;

/// A client without and one with the layer.
async fn both(
    answer: Answer,
    configure: impl Fn(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    look: impl AsyncFn(reqwest_middleware::Result<Response>) -> String,
) {
    let server = Server::start([answer]).await;
    let client = || configure(Client::builder().no_proxy()).build().unwrap();
    let url = format!("http://{}/v1/chat/completions?x=1", server.address);
    let mut seen = Vec::new();
    for builder in [
        ClientBuilder::new(client()),
        ClientBuilder::new(client()).with(ModelCalls::new()),
    ] {
        let client = builder.build();
        let spans = recorded(async |_| {
            let request = client.post(&url).body(question().to_string());
            seen.push(look(request.send().await).await);
        })
        .await;
        assert_eq!(spans.len(), seen.len() - 1, "recorded with the layer only");
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn address_status_headers_and_size_are_the_same() {
    let answer = Answer::json(&answer())
        .header("x-request-id", "r1")
        .header("set-cookie", "a=b");
    both(
        answer,
        |client| client,
        async |response| {
            let response = response.unwrap();
            let head = format!(
                "{} {:?} {:?} {:?} {:?} {:?}",
                response.url(),
                response.status(),
                response.version(),
                response.headers(),
                response.content_length(),
                response.remote_addr(),
            );
            format!("{head} {}", response.text().await.unwrap())
        },
    )
    .await;
}

#[tokio::test]
async fn a_broken_body_is_the_same_error() {
    let mut answer = Answer::json(&answer());
    answer.breaks = true;
    both(
        answer,
        |client| client,
        async |response| {
            let error = response.unwrap().bytes().await.unwrap_err();
            format!(
                "{} {} {} {}",
                error.is_body(),
                error.is_decode(),
                error.is_timeout(),
                error.is_connect()
            )
        },
    )
    .await;
}

#[tokio::test]
async fn a_timeout_of_the_body_is_still_a_timeout() {
    let mut answer = Answer::events(&chunks());
    answer.hold = Some(Default::default()); // never
    let short = |client: reqwest::ClientBuilder| client.read_timeout(Duration::from_secs(2));
    both(answer, short, async |response| {
        let error = response.unwrap().bytes().await.unwrap_err();
        format!(
            "{} {} {}",
            error.is_timeout(),
            error.is_body(),
            error.is_decode()
        )
    })
    .await;
}

#[tokio::test]
async fn error_for_status_works_as_before() {
    let answer = Answer::json(&serde_json::json!({})).status("429 Too Many Requests");
    both(
        answer,
        |client| client,
        async |response| {
            let error = response.unwrap().error_for_status().unwrap_err();
            format!("{:?} {}", error.status(), error.url().unwrap())
        },
    )
    .await;
}

#[tokio::test]
async fn a_get_is_not_touched() {
    let server = Server::start([Answer::json(&answer())]).await;
    let client = server.client(ModelCalls::new());
    let spans = recorded(async |_| {
        client
            .get(server.chat_url())
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
    })
    .await;
    assert!(spans.is_empty());
}
