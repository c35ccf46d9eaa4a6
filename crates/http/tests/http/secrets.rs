//! Credentials: where they may go, and that nothing ever shows them.

use std::error::Error;
use std::fmt::Debug;

use tracefuse_http::{
    Endpoint, Headers, HttpClient, HttpConfig, HttpConfigError, HttpErrorKind, HttpRequest,
    ProxyConfig, Secret,
};

use super::support::*;

const CANARY: &str = "CANARY-7f3a";

fn with_credentials(endpoint: Endpoint) -> HttpRequest {
    let mut headers = Headers::new();
    headers
        .insert_secret("authorization", &Secret::new(format!("Basic {CANARY}")))
        .unwrap();
    HttpRequest::post(endpoint)
        .headers(headers)
        .body("text/plain", format!("body {CANARY}"))
}

#[tokio::test]
async fn credentials_do_not_leave_this_machine_in_clear_text() {
    let client = client();
    for host in [
        "cloud.langfuse.com",
        "localhost.evil.com",
        "127.0.0.1.nip.io",
        "2130706433",
        "127.1",
        "0x7f.0.0.1",
        "0.0.0.0",
        "[::ffff:10.0.0.1]",
        "[::]",
        "10.0.0.1",
        "localhost.",
    ] {
        let endpoint = Endpoint::parse(&format!("http://{host}/x")).unwrap();
        let error = send_failing(&client, &with_credentials(endpoint.clone())).await;
        assert_eq!(error.kind(), HttpErrorKind::PlaintextCredentials, "{host}");
        assert!(!error.maybe_delivered());
        let expected = format!(
            "http://{host} would receive credentials in clear text: use https, or set \
             `TRACEFUSE_ALLOW_PLAINTEXT_HTTP=true` (in code `allow_plaintext_http(true)`) if the network is trusted"
        );
        assert_eq!(error.to_string(), expected);
        let early = client.check_credentials_for(&endpoint).unwrap_err();
        assert!(
            matches!(early, HttpConfigError::PlaintextCredentials(_)),
            "{host}"
        );
    }
}

#[tokio::test]
async fn credentials_go_to_this_machine_over_https_and_where_it_was_allowed() {
    let client = client();
    let allowing = client_with(&HttpConfig::new().allow_plaintext_http(true));
    for host in [
        "localhost",
        "LOCALHOST:3000",
        "127.0.0.1",
        "127.255.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ] {
        let endpoint = Endpoint::parse(&format!("http://{host}")).unwrap();
        assert!(client.check_credentials_for(&endpoint).is_ok(), "{host}");
    }
    let far = Endpoint::parse("http://10.0.0.1").unwrap();
    assert!(allowing.check_credentials_for(&far).is_ok());
    let safe = Endpoint::parse("https://10.0.0.1").unwrap();
    assert!(client.check_credentials_for(&safe).is_ok());

    let server = Server::answering(answer(200, "", "")).await;
    send(&client, &with_credentials(server.endpoint())).await;
    assert!(
        server
            .head(0)
            .contains(&format!("authorization: basic {}", CANARY.to_lowercase()))
    );
}

#[tokio::test]
async fn nothing_that_can_be_printed_shows_a_secret() {
    let mut printed = Vec::new();
    let secret = Secret::new(CANARY);
    show(&mut printed, &secret);
    printed.push(secret.to_string());

    let proxy = Server::answering(answer(407, "", CANARY)).await;
    let config = HttpConfig::new()
        .allow_plaintext_http(true)
        .proxy(ProxyConfig::new().http(format!("http://user:{CANARY}@127.0.0.1:{}", proxy.port)));
    show(&mut printed, &config);
    let client = client_with(&config);
    let far = with_credentials(Endpoint::parse("http://langfuse.invalid").unwrap());
    show(&mut printed, &far);
    show_error(&mut printed, &send_failing(&client, &far).await);
    show(&mut printed, &client);

    let signed = format!("http://127.0.0.1:{}/x?signature={CANARY}", proxy.port);
    let signed = with_credentials(Endpoint::parse_presigned(&signed).unwrap());
    show(&mut printed, &signed);
    show(&mut printed, &send(&client, &signed).await);
    printed.push(send(&client, &signed).await.describe(&[&secret]));

    for broken in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n",
        "not http\r\n\r\n",
    ] {
        let server = Server::start(move |mut peer| async move {
            peer.request().await;
            peer.write(broken.as_bytes()).await;
        })
        .await;
        let request = with_credentials(server.endpoint());
        show_error(&mut printed, &send_failing(&client, &request).await);
    }

    let user_agent = HttpConfig::new().user_agent(format!("{CANARY}\r\n"));
    show_error(&mut printed, &HttpClient::new(&user_agent).unwrap_err());
    let userinfo = Endpoint::parse(&format!("https://user:{CANARY}@host")).unwrap_err();
    show_error(&mut printed, &userinfo);
    let header = Headers::new()
        .insert("x-key", &format!("{CANARY}\n"))
        .unwrap_err();
    show_error(&mut printed, &header);

    let encoded = "dXNlcjpDQU5BUlktN2YzYQ"; // user:CANARY-7f3a
    for line in printed {
        assert!(!line.contains(CANARY) && !line.contains(encoded), "{line}");
    }
}

fn show(printed: &mut Vec<String>, value: &impl Debug) {
    printed.push(format!("{value:?} {value:#?}"));
}

fn show_error(printed: &mut Vec<String>, error: &impl Error) {
    show(printed, error);
    printed.push(error.to_string());
    let mut source = error.source();
    while let Some(error) = source {
        printed.push(format!("{error} {error:?}"));
        source = error.source();
    }
}
