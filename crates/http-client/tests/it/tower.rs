//! The layer for `tower`, around the client of hyper-util.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tower_layer::Layer as _;
use tower_service::Service as _;
use tracefuse_core::Level;
use tracefuse_http_client::{ModelCalls, RequestBody};

use crate::support::*;

type Plain = Client<hyper_util::client::legacy::connect::HttpConnector, RequestBody<Full<Bytes>>>;

fn request(url: &str) -> http::Request<Full<Bytes>> {
    let body = Full::new(Bytes::from(question().to_string()));
    http::Request::post(url)
        .header("content-type", "application/json")
        .body(body)
        .unwrap()
}

fn client(calls: &ModelCalls) -> tracefuse_http_client::Recorded<Plain> {
    calls.layer(Client::builder(TokioExecutor::new()).build_http())
}

#[tokio::test]
async fn a_call_by_hyper_is_recorded_whole_and_streamed() {
    let server = Server::start([Answer::json(&answer()), Answer::events(&chunks())]).await;
    let url = format!("http://{}/v1/chat/completions", server.address);
    let mut client = client(&ModelCalls::new().inject_to(["127.0.0.1"]));
    let expected = [
        answer().to_string().into_bytes(),
        Answer::events(&chunks()).body().to_vec(),
    ];
    let spans = recorded(async |_| {
        for bytes in &expected {
            let response = client.call(request(&url)).await.unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(&body, bytes);
        }
    })
    .await;
    assert_eq!(spans.len(), 2);
    for span in &spans {
        assert_eq!(span.name(), "chat gpt-4o");
        assert_eq!(json(span.input()), question()["messages"]);
        assert_eq!(usage(span).len(), 3);
    }
    assert!(spans[1].completion_start_time().is_some());
    let parent = server.received()[0]
        .header("traceparent")
        .unwrap()
        .to_owned();
    assert!(parent.contains(&spans[0].span_id().to_string()));
    assert_eq!(server.received()[0].body, question().to_string().as_bytes());
}

#[tokio::test]
async fn a_body_dropped_early_is_cancelled_below_tower_too() {
    let mut answer = Answer::events(&chunks());
    answer.hold = Some(Default::default()); // never
    let server = Server::start([answer]).await;
    let url = format!("http://{}/v1/chat/completions", server.address);
    let mut client = client(&ModelCalls::new());
    let spans = recorded(async |_| {
        let mut body = client.call(request(&url)).await.unwrap().into_body();
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).contains("It is") {
            let frame = body.frame().await.unwrap().unwrap();
            read.extend_from_slice(&frame.into_data().unwrap());
        }
    })
    .await;
    let span = only(spans);
    assert_eq!(span.level(), Some(Level::Warning));
    assert!(json(span.output()).to_string().contains("It is "));
}

#[tokio::test]
async fn attempts_by_tower_have_numbers() {
    let refusal = json!({ "error": { "message": "overloaded", "type": "server_error" } });
    let refusal = Answer::json(&refusal).status("503 Service Unavailable");
    let server = Server::start([refusal, Answer::json(&answer())]).await;
    let url = format!("http://{}/v1/chat/completions", server.address);
    let mut client = client(&ModelCalls::new());
    let spans = recorded(async |_| {
        // What `tower::retry` does: the same request once more.
        for _ in 0..2 {
            let response = client.call(request(&url)).await.unwrap();
            response.into_body().collect().await.unwrap();
        }
    })
    .await;
    let attempts: Vec<_> = spans.iter().map(|span| metadata(span, "attempt")).collect();
    assert_eq!(attempts, [None, Some("2".to_owned())]);
    let message = spans[0].status_message().unwrap();
    assert!(
        message.ends_with("503 Service Unavailable: overloaded"),
        "{message}"
    );
}

#[tokio::test]
async fn a_client_of_tower_that_fails_is_an_error() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "http://{}/v1/chat/completions",
        listener.local_addr().unwrap()
    );
    drop(listener);
    let mut client = client(&ModelCalls::new());
    let spans = recorded(async |_| {
        client.call(request(&url)).await.unwrap_err();
    })
    .await;
    let span = only(spans);
    assert_eq!(span.level(), Some(Level::Error));
    assert_eq!(span.exceptions().len(), 1);
}
