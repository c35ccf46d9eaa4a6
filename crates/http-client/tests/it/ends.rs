//! How a call ends that is not received to its end.

use std::time::Duration;

use serde_json::json;
use tracefuse_core::Level;
use tracefuse_http_client::ModelCalls;

use crate::support::*;

#[tokio::test]
async fn a_body_dropped_early_is_cancelled_with_what_had_arrived() {
    let mut answer = Answer::events(&chunks());
    answer.hold = Some(Default::default()); // never
    let server = Server::start([answer]).await;
    let client = server.client(ModelCalls::new());
    let spans = recorded(async |_| {
        let request = client.post(server.chat_url()).body(question().to_string());
        let mut response = request.send().await.unwrap();
        let mut read = String::new();
        while !read.contains("It is") {
            let chunk = response.chunk().await.unwrap().unwrap();
            read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    })
    .await;
    let span = only(spans);
    assert_eq!(span.level(), Some(Level::Warning));
    assert!(
        span.status_message().unwrap().starts_with("cancelled"),
        "{:?}",
        span.status_message()
    );
    assert!(json(span.output()).to_string().contains("It is "));
    assert_eq!(span.name(), "chat gpt-4o");
    assert!(span.completion_start_time().is_some());
}

#[tokio::test]
async fn a_reader_that_stops_after_the_last_event_has_not_cancelled() {
    let server = Server::start([Answer::events(&chunks())]).await;
    let client = server.client(ModelCalls::new());
    let spans = recorded(async |_| {
        let request = client.post(server.chat_url()).body(question().to_string());
        let mut response = request.send().await.unwrap();
        let mut read = String::new();
        while !read.contains("[DONE]") {
            let chunk = response.chunk().await.unwrap().unwrap();
            read.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    })
    .await;
    let span = only(spans);
    assert_eq!((span.level(), span.status_message()), (None, None));
    assert_eq!(usage(&span).len(), 3);
}

#[tokio::test]
async fn a_body_that_is_never_read_is_cancelled() {
    let server = Server::start([Answer::json(&answer())]).await;
    let client = server.client(ModelCalls::new());
    let spans = recorded(async |_| {
        let request = client.post(server.chat_url()).body(question().to_string());
        drop(request.send().await.unwrap());
    })
    .await;
    let span = only(spans);
    assert_eq!(span.level(), Some(Level::Warning));
    assert!(span.output().is_none());
}

#[tokio::test]
async fn a_call_dropped_before_its_response_is_cancelled() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "http://{}/v1/chat/completions",
        listener.local_addr().unwrap()
    );
    let server = Server::start([]).await;
    let client = server.client(ModelCalls::new());
    let spans = recorded(async |_| {
        let request = client.post(url).body(question().to_string());
        let never = tokio::time::timeout(Duration::from_millis(50), request.send());
        never.await.unwrap_err();
    })
    .await;
    let span = only(spans);
    assert_eq!(span.level(), Some(Level::Warning));
    assert!(
        span.status_message()
            .unwrap()
            .contains("before the response")
    );
    assert_eq!(json(span.input()), question()["messages"]);
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_body_is_an_error() {
    let mut answer = Answer::events(&chunks());
    answer.breaks = true;
    let server = Server::start([answer]).await;
    let client = server.client(ModelCalls::new());
    let spans = recorded(async |_| {
        let request = client.post(server.chat_url()).body(question().to_string());
        request.send().await.unwrap().bytes().await.unwrap_err();
    })
    .await;
    let span = only(spans);
    assert_eq!(span.level(), Some(Level::Error));
    assert!(json(span.output()).to_string().contains("It is 7"));
    assert_eq!(span.exceptions().len(), 1);
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_an_error_without_the_query() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let server = Server::start([]).await;
    let client = server.client(ModelCalls::new());
    let path = "v1beta/models/gemini:generateContent?key=AIza-secret-key";
    let spans = recorded(async |_| {
        let request = client.post(format!("http://{address}/{path}"));
        let body = json!({ "contents": [] }).to_string();
        request.body(body).send().await.unwrap_err();
    })
    .await;
    let span = only(spans);
    let message = span.status_message().unwrap().to_owned();
    assert_eq!(span.level(), Some(Level::Error));
    assert!(
        message.contains("/v1beta/models/gemini:generateContent"),
        "{message}"
    );
    assert!(!format!("{:?}", span.attributes().collect::<Vec<_>>()).contains("AIza"));
    assert_eq!(span.name(), "chat gemini");
}
