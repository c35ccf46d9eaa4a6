//! What is sent, and answers that are wrong, huge, cut or of another server.

use std::io::Read;
use std::time::Duration;

use flate2::read::GzDecoder;

use tracefuse_http::{AnswerClass, Endpoint, Headers, HttpErrorKind, HttpRequest};

use super::support::*;

#[tokio::test]
async fn a_request_says_what_it_must_and_asks_for_nothing_it_cannot_read() {
    let server = Server::answering(answer(200, "", "")).await;
    let mut headers = Headers::new();
    headers.insert("x-langfuse-ingestion-version", "4").unwrap();
    let endpoint = server.endpoint().join(&["api", "v1 traces"]).unwrap();
    let request = HttpRequest::post(endpoint)
        .headers(headers)
        .body("text/plain", "body");
    send(&client(), &request).await;

    let head = server.head(0);
    assert!(
        head.starts_with("post /api/v1%20traces http/1.1\r\n"),
        "{head}"
    );
    for line in [
        &format!("host: 127.0.0.1:{}", server.port),
        "content-type: text/plain",
        "content-length: 4",
        "x-langfuse-ingestion-version: 4",
        &format!("user-agent: tracefuse/{}", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(
            head.lines().any(|found| found == line),
            "{line} is missing in {head}"
        );
    }
    for absent in [
        "accept-encoding",
        "content-encoding",
        "transfer-encoding",
        "proxy",
    ] {
        assert!(!head.contains(absent), "{head}");
    }
}

#[tokio::test]
async fn each_method_is_sent_by_its_name() {
    let server = Server::answering(answer(200, "", "")).await;
    let client = client();
    for (request, line) in [
        (HttpRequest::get(server.endpoint()), "get / "),
        (HttpRequest::post(server.endpoint()), "post / "),
        (HttpRequest::put(server.endpoint()), "put / "),
        (HttpRequest::patch(server.endpoint()), "patch / "),
    ] {
        send(&client, &request).await;
        let head = server.head(server.requests().len() - 1);
        assert!(head.starts_with(line), "{head}");
    }
}

#[tokio::test]
async fn a_compressed_body_says_so_and_is_read_back_whole() {
    let server = Server::answering(answer(200, "", "")).await;
    let body = "a prompt, again and again. ".repeat(1000);
    let request = server.post(body.clone()).gzip(1).gzip(9);
    send(&client(), &request).await;

    let head = server.head(0);
    assert!(head.contains("content-encoding: gzip\r\n"), "{head}");
    let sent = server.requests()[0][head.len()..].to_vec();
    assert_eq!(sent.len(), request.body_bytes());
    let mut back = String::new();
    GzDecoder::new(&sent[..]).read_to_string(&mut back).unwrap();
    assert_eq!(back, body);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let evil = Server::answering(answer(200, "", "")).await;
    let location = format!("location: {}/steal?token=1\r\n", evil.url());
    for status in [301, 302, 303, 307, 308] {
        let server = Server::answering(answer(status, &location, "")).await;
        let answer = send(&client(), &server.post("batch")).await;
        assert_eq!(answer.class(), AnswerClass::Redirect);
        assert_eq!(answer.location_origin(), Some(evil.url().as_str()));
        assert_eq!(server.requests().len(), 1);
    }
    assert_eq!(evil.connections(), 0);
}

#[tokio::test]
async fn a_page_of_a_captive_portal_is_not_an_answer() {
    let page = answer(
        200,
        "content-type: text/html; charset=utf-8\r\n",
        "<html>Wi-Fi</html>",
    );
    let server = Server::answering(page).await;
    let answer = send(&client(), &server.post("batch")).await;
    assert_eq!(
        (answer.status(), answer.class()),
        (200, AnswerClass::Intercepted)
    );
}

#[tokio::test]
async fn a_wait_is_read_from_the_answer() {
    let server = Server::answering(answer(429, "retry-after: 30\r\n", "slow down\u{1b}[2J")).await;
    let answer = send(&client(), &server.post("batch")).await;
    assert_eq!(answer.class(), AnswerClass::RateLimited);
    assert_eq!(answer.retry_after(), Some(Duration::from_secs(30)));
    let expected = format!(
        r"{} answered 429 Too Many Requests: slow down\u{{1b}}[2J",
        server.url()
    );
    assert_eq!(answer.describe(&[]), expected);
}

#[tokio::test]
async fn an_answer_that_is_cut_says_its_status_and_that_it_was_cut() {
    for cut in [
        "content-length: 100\r\n\r\n0123456789",
        "transfer-encoding: chunked\r\n\r\na\r\n01234",
    ] {
        let bytes = format!("HTTP/1.1 200 OK\r\n{cut}").into_bytes();
        let server = Server::start(move |mut peer| {
            let bytes = bytes.clone();
            async move {
                peer.request().await;
                peer.write(&bytes).await;
            }
        })
        .await;
        let error = send_failing(&client(), &server.post("batch")).await;
        assert_eq!(
            (error.kind(), error.status()),
            (HttpErrorKind::Reset, Some(200))
        );
        assert!(error.maybe_delivered());
    }
}

#[tokio::test]
async fn a_head_that_is_cut_at_any_byte_is_a_reset() {
    let whole = answer(200, "content-type: application/json\r\n", "{}");
    for length in 0..whole.len() {
        let cut = whole.as_bytes()[..length].to_vec();
        let server = Server::start(move |mut peer| {
            let cut = cut.clone();
            async move {
                peer.request().await;
                peer.write(&cut).await;
            }
        })
        .await;
        let error = send_failing(&client(), &server.post("batch")).await;
        assert_eq!(
            error.kind(),
            HttpErrorKind::Reset,
            "after {length} bytes: {error:?}"
        );
        assert!(error.maybe_delivered());
    }
}

#[tokio::test]
async fn a_body_is_read_to_one_mebibyte_and_no_further() {
    let most = "x".repeat(1 << 20);
    let server = Server::answering(answer(200, "", &most)).await;
    assert_eq!(
        send(&client(), &server.post("batch")).await.body().len(),
        1 << 20
    );

    let server = Server::answering(answer(200, "", &format!("{most}x"))).await;
    let error = send_failing(&client(), &server.post("batch")).await;
    assert_eq!(
        (error.kind(), error.status()),
        (HttpErrorKind::BodyTooLarge, Some(200))
    );

    let endless = Server::start(async |mut peer| {
        peer.request().await;
        peer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
        for _ in 0..64 {
            peer.write(chunk.as_bytes()).await;
        }
        peer.hang().await;
    })
    .await;
    let error = send_failing(&client(), &endless.post("batch")).await;
    assert_eq!(error.kind(), HttpErrorKind::BodyTooLarge);
    assert_eq!(
        error.to_string(),
        format!(
            "{} answered with more than 1024 KiB, which is not read",
            endless.url()
        )
    );
}

#[tokio::test]
async fn a_bomb_of_headers_is_not_read() {
    let many = "x-header: 1\r\n".repeat(1_000);
    let long = format!("x-header: {}\r\n", "x".repeat(1 << 20));
    let rather_long = format!("x-header: {}\r\n", "x".repeat(200 << 10));
    for headers in [many, long, rather_long] {
        let server = Server::answering(answer(200, &headers, "")).await;
        let error = send_failing(&client(), &server.post("batch")).await;
        assert_eq!(error.kind(), HttpErrorKind::HeadersTooLarge, "{error:?}");
    }
}

#[tokio::test]
async fn interim_answers_without_end_run_out_of_time() {
    let server = Server::start(async |mut peer| {
        peer.request().await;
        // Ends when the client does.
        while tokio::io::AsyncWriteExt::write_all(
            &mut peer.stream,
            b"HTTP/1.1 102 Processing\r\n\r\n",
        )
        .await
        .is_ok()
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let error = send_failing(&client(), &server.post("batch").timeout(BRIEFLY)).await;
    assert_eq!(error.kind(), HttpErrorKind::Timeout);
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_named() {
    for garbage in [
        &b"SSH-2.0-OpenSSH_9.9\r\n\r\n"[..],
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let server = Server::answering(garbage).await;
        let error = send_failing(&client(), &server.post("batch")).await;
        assert_eq!(error.kind(), HttpErrorKind::Protocol, "{error:?}");
        assert_eq!(
            error.to_string(),
            format!(
                "{} did not answer in HTTP/1.1: is it an https:// address?",
                server.url()
            )
        );
    }
}

#[tokio::test]
async fn a_presigned_address_is_asked_for_with_its_query() {
    let server = Server::answering(answer(200, "", "")).await;
    let url = format!("{}/bucket/key%2F1?X-Amz-Signature=abc%3D", server.url());
    let request =
        HttpRequest::put(Endpoint::parse_presigned(&url).unwrap()).body("image/png", "png");
    send(&client(), &request).await;
    let head = server.head(0);
    assert!(
        head.starts_with("put /bucket/key%2f1?x-amz-signature=abc%3d http/1.1\r\n"),
        "{head}"
    );
}
