//! Keeping connections, losing them, and running out of time.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::{Notify, oneshot};

use tracefuse_http::{Endpoint, HttpConfig, HttpErrorKind, HttpRequest};

use super::support::*;

#[tokio::test]
async fn requests_one_after_the_other_share_a_connection() {
    let server = Server::answering(answer(200, "", "ok")).await;
    let client = client();
    for _ in 0..5 {
        assert_eq!(
            send(&client.clone(), &server.post("batch")).await.status(),
            200
        );
    }
    assert_eq!((server.connections(), server.requests().len()), (1, 5));
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_is_not_used() {
    let server = Server::start(async |mut peer| {
        peer.request().await;
        peer.write(answer(200, "connection: close\r\n", "").as_bytes())
            .await;
    })
    .await;
    let client = client();
    for _ in 0..3 {
        assert_eq!(send(&client, &server.post("batch")).await.status(), 200);
    }
    assert_eq!((server.connections(), server.requests().len()), (3, 3));
}

#[tokio::test]
async fn a_kept_connection_that_dies_under_a_request_costs_one_silent_retry() {
    let server = Server::start(async |mut peer| {
        peer.request().await;
        peer.write(answer(200, "", "").as_bytes()).await;
        peer.request().await;
    })
    .await;
    let client = client();
    send(&client, &server.post("first")).await;
    let answer = send(&client, &server.post(vec![7; 100_000])).await;

    assert_eq!(answer.status(), 200);
    let requests = server.requests();
    assert_eq!((server.connections(), requests.len()), (2, 3));
    assert_eq!(
        requests[1], requests[2],
        "the second attempt is the same bytes"
    );
}

#[tokio::test]
async fn a_new_connection_that_dies_under_a_request_is_an_error_at_once() {
    let server = Server::start(async |mut peer| {
        peer.request().await;
    })
    .await;
    let error = send_failing(&client(), &server.post("batch")).await;
    assert_eq!(error.kind(), HttpErrorKind::Reset);
    assert!(error.maybe_delivered());
    assert_eq!(error.status(), None);
    assert_eq!(server.connections(), 1);
    assert_eq!(
        error.to_string(),
        format!(
            "{} ended the connection before its answer was whole",
            server.url()
        )
    );
}

#[tokio::test]
async fn a_connection_that_is_not_used_is_closed() {
    let closed = Arc::new(Notify::new());
    let seen = Arc::clone(&closed);
    let server = Server::start(move |mut peer| {
        let seen = Arc::clone(&seen);
        async move {
            peer.request().await;
            peer.write(answer(200, "", "").as_bytes()).await;
            peer.drain().await;
            seen.notify_one();
        }
    })
    .await;
    let client = client_with(&HttpConfig::new().pool_idle_timeout(Duration::from_millis(20)));
    send(&client, &server.post("batch")).await;
    closed.notified().await;
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn without_an_idle_time_no_connection_is_kept() {
    let server = Server::answering(answer(200, "", "")).await;
    let client = client_with(&HttpConfig::new().pool_idle_timeout(Duration::ZERO));
    send(&client, &server.post("batch")).await;
    send(&client, &server.post("batch")).await;
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_server_that_stays_silent_costs_the_time_of_one_attempt() {
    let server = Server::start(async |mut peer| {
        peer.request().await;
        peer.hang().await;
    })
    .await;
    for request in [server.post("batch"), HttpRequest::get(server.endpoint())] {
        let error = send_failing(&client(), &request.timeout(BRIEFLY)).await;
        assert_eq!(error.kind(), HttpErrorKind::Timeout);
        assert!(error.maybe_delivered());
        let expected = format!(
            "{} took more than 300ms: gave up waiting for the answer",
            server.url()
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn a_body_that_the_server_does_not_read_is_certainly_not_delivered() {
    let server = Server::start(async |mut peer| {
        peer.head().await;
        peer.hang().await;
    })
    .await;
    let request = server.post(vec![0; BODY_BYTES]).timeout(BRIEFLY);
    let error = send_failing(&client(), &request).await;
    assert_eq!(error.kind(), HttpErrorKind::Timeout);
    assert!(!error.maybe_delivered());
    assert!(
        error.to_string().ends_with("gave up sending the request"),
        "{error}"
    );
}

/// The server takes the head, says `early`, and reads the rest only when the client is done.
async fn check_nothing_more_is_sent(early: &'static str) {
    let client_done = Arc::new(Notify::new());
    let (server_done, rest) = oneshot::channel();
    let (done, server_done) = (Arc::clone(&client_done), Mutex::new(Some(server_done)));
    let server = Server::start(move |mut peer| {
        let (done, server_done) = (Arc::clone(&done), server_done.lock().unwrap().take());
        async move {
            peer.head().await;
            peer.write(early.as_bytes()).await;
            done.notified().await;
            server_done.unwrap().send(peer.drain().await).unwrap();
        }
    })
    .await;
    let request = server.post(vec![0; BODY_BYTES]).timeout(BRIEFLY);
    assert_eq!(client().send(&request).await.is_ok(), !early.is_empty());
    client_done.notify_one();
    assert!(rest.await.unwrap() < BODY_BYTES);
}

#[tokio::test]
async fn an_attempt_that_was_given_up_sends_nothing_more() {
    check_nothing_more_is_sent("").await;
}

#[tokio::test]
async fn an_attempt_that_was_answered_early_sends_nothing_more() {
    check_nothing_more_is_sent("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n").await;
}

/// More than the buffers of two sockets hold.
const BODY_BYTES: usize = 32 << 20;

#[tokio::test]
async fn a_reset_in_the_middle_of_a_body_is_a_reset_and_not_delivered() {
    let server = Server::start_with(
        async |mut peer| {
            peer.head().await;
        },
        async |stream| {
            stream.set_zero_linger().unwrap();
            Some(Box::new(stream) as Box<dyn Stream>)
        },
    )
    .await;
    let error = send_failing(&client(), &server.post(vec![0; BODY_BYTES])).await;
    assert_eq!(error.kind(), HttpErrorKind::Reset);
    assert!(!error.maybe_delivered());
}

#[tokio::test]
async fn an_answer_that_comes_while_the_body_is_being_sent_is_heard() {
    let server = Server::start(async |mut peer| {
        peer.head().await;
        peer.write(answer(413, "", "too much").as_bytes()).await;
        peer.hang().await;
    })
    .await;
    let client = client();
    for connections in 1..=2 {
        let answer = send(&client, &server.post(vec![0; BODY_BYTES])).await;
        assert_eq!(answer.status(), 413);
        assert_eq!(
            server.connections(),
            connections,
            "the connection is not used again"
        );
    }
}

#[tokio::test]
async fn a_port_where_nothing_listens_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let endpoint = Endpoint::parse(&format!("http://{address}")).unwrap();
    let error = send_failing(&client(), &HttpRequest::get(endpoint)).await;
    assert_eq!(error.kind(), HttpErrorKind::Connect);
    assert!(!error.maybe_delivered());
    let expected = format!("nothing listens at {address} (connection refused)");
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_name_that_cannot_be_resolved_is_named() {
    let endpoint = Endpoint::parse(&format!("https://{}", unresolvable())).unwrap();
    let error = send_failing(&client(), &HttpRequest::get(endpoint)).await;
    assert_eq!(error.kind(), HttpErrorKind::Dns);
    let expected = format!(
        "the name {} cannot be resolved: is it spelled right?",
        unresolvable()
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_dropped_request_ends_its_connection() {
    let closed = Arc::new(Notify::new());
    let seen = Arc::clone(&closed);
    let server = Server::start(move |mut peer| {
        let seen = Arc::clone(&seen);
        async move {
            peer.request().await;
            peer.drain().await;
            seen.notify_one();
        }
    })
    .await;
    let request = server.post("batch");
    let sending = tokio::spawn(async move { client().send(&request).await.map(drop) });
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    sending.abort();
    closed.notified().await;
    assert!(sending.await.unwrap_err().is_cancelled());
}

#[test]
fn a_connection_is_not_shared_with_a_runtime_that_would_wait_for_another() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&connections);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            seen.fetch_add(1, Ordering::Relaxed);
            std::thread::spawn(move || {
                // A request without a body fits one read.
                while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {
                    stream.write_all(answer(200, "", "").as_bytes()).unwrap();
                }
            });
        }
    });

    let client = client();
    let request = HttpRequest::get(Endpoint::parse(&endpoint).unwrap());
    let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    for runtime in [&first, &second, &first, &second] {
        assert_eq!(runtime.block_on(send(&client, &request)).status(), 200);
    }
    assert_eq!(connections.load(Ordering::Relaxed), 2);
}
