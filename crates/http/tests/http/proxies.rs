//! Through a proxy, around it, and what a proxy can do wrong.

use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;

use tracefuse_http::{Endpoint, HttpClient, HttpConfig, HttpErrorKind, HttpRequest, ProxyConfig};

use super::support::*;
use super::trust::{Authority, tls_server};

const CREDENTIALS: &str = "proxy-authorization: basic dxnlcjpwyxnz"; // user:pass, in lower case

/// Opens every tunnel to `port` on this machine, whatever name was asked for.
async fn tunnel_to(port: u16) -> Server {
    Server::start(move |mut peer| async move {
        if peer.request().await.is_none() {
            return;
        }
        let mut target = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        peer.write(b"HTTP/1.1 200 Connection established\r\nvia: a proxy\r\n\r\n")
            .await;
        let _ = copy_bidirectional(&mut peer.stream, &mut target).await;
    })
    .await
}

fn through(proxy: &Server, config: HttpConfig) -> HttpClient {
    let url = format!("http://user:pass@127.0.0.1:{}", proxy.port);
    client_with(
        &config.proxy(
            ProxyConfig::new()
                .http(&url)
                .https(&url)
                .no_proxy("direct.invalid"),
        ),
    )
}

fn post(url: &str) -> HttpRequest {
    HttpRequest::post(Endpoint::parse(url).unwrap()).body("text/plain", "batch")
}

#[tokio::test]
async fn an_https_request_goes_through_a_tunnel_and_is_verified_at_its_end() {
    let authority = Authority::new();
    let server = tls_server(authority.issue("langfuse.invalid", 2020, 2999)).await;
    let proxy = tunnel_to(server.port).await;
    let client = through(&proxy, authority.config());
    for _ in 0..2 {
        assert_eq!(
            send(&client, &post("https://langfuse.invalid"))
                .await
                .body(),
            "trusted"
        );
    }

    let head = proxy.head(0);
    assert!(
        head.starts_with("connect langfuse.invalid:443 http/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains(CREDENTIALS), "{head}");
    assert_eq!((proxy.connections(), server.connections()), (1, 1));
    assert!(
        !server.head(0).contains("proxy"),
        "the server sees nothing of the proxy"
    );
    assert!(server.head(0).starts_with("post / http/1.1\r\n"));
}

#[tokio::test]
async fn an_http_request_is_forwarded_whole() {
    let proxy = Server::answering(answer(200, "", "forwarded")).await;
    let client = through(&proxy, HttpConfig::new());
    assert_eq!(
        send(&client, &post("http://collector.invalid:4318/v1"))
            .await
            .body(),
        "forwarded"
    );
    let head = proxy.head(0);
    assert!(
        head.starts_with("post http://collector.invalid:4318/v1 http/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("host: collector.invalid:4318\r\n"), "{head}");
    assert!(head.contains(CREDENTIALS), "{head}");
}

#[tokio::test]
async fn a_proxy_that_does_not_take_the_credentials_is_named_without_them() {
    let proxy = Server::answering(answer(407, "proxy-authenticate: Basic\r\n", "no")).await;
    let named = format!("the proxy 127.0.0.1:{}", proxy.port);
    let client = through(&proxy, HttpConfig::new());
    for url in ["http://langfuse.invalid", "https://langfuse.invalid"] {
        let error = send_failing(&client, &post(url)).await;
        assert_eq!(error.kind(), HttpErrorKind::Proxy, "{error:?}");
        let expected = format!("{named} does not take the user name and password in its URL (407)");
        assert_eq!(error.to_string(), expected);
    }
    let bare = format!("127.0.0.1:{}", proxy.port);
    let client = client_with(&HttpConfig::new().proxy(ProxyConfig::new().https(bare)));
    let error = send_failing(&client, &post("https://langfuse.invalid")).await;
    assert_eq!(
        error.to_string(),
        format!("{named} asks for a user name and password (407): put them into its URL")
    );
}

#[tokio::test]
async fn a_proxy_that_refuses_breaks_or_babbles_is_a_proxy_error() {
    for (said, expected) in [
        (
            answer(503, "", ""),
            "answered 503 when asked for a tunnel to https://langfuse.invalid",
        ),
        (
            "SSH-2.0\r\n\r\n".to_owned(),
            "did not answer as an HTTP proxy does",
        ),
        (
            "HTTP/1.1 200 OK\r\nx: ".to_owned(),
            "ended the connection before it opened a tunnel",
        ),
        ("x".repeat(100_000), "answered with more than 8192 bytes"),
    ] {
        let said = said.into_bytes();
        let proxy = Server::start(move |mut peer| {
            let said = said.clone();
            async move {
                peer.request().await;
                peer.write(&said).await;
            }
        })
        .await;
        let client = through(&proxy, HttpConfig::new());
        let error = send_failing(&client, &post("https://langfuse.invalid")).await;
        assert_eq!(error.kind(), HttpErrorKind::Proxy, "{error:?}");
        assert_eq!(
            error.to_string(),
            format!("the proxy 127.0.0.1:{} {expected}", proxy.port)
        );
    }
}

#[tokio::test]
async fn a_proxy_that_is_dead_or_silent_is_named() {
    let proxy = Server::start(Peer::hang).await;
    let client = through(&proxy, HttpConfig::new().connect_timeout(BRIEFLY));
    let error = send_failing(&client, &post("https://langfuse.invalid")).await;
    assert_eq!(error.kind(), HttpErrorKind::Timeout);
    assert!(
        error.to_string().ends_with("gave up waiting for the proxy"),
        "{error}"
    );

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let config = ProxyConfig::new().https(format!("http://{address}"));
    let client = client_with(&HttpConfig::new().proxy(config));
    let error = send_failing(&client, &post("https://langfuse.invalid")).await;
    assert_eq!(error.kind(), HttpErrorKind::Connect);
    let expected = format!("nothing listens at the proxy {address} (connection refused)");
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn hosts_named_in_no_proxy_and_this_machine_are_reached_directly() {
    let proxy = Server::answering(answer(200, "", "")).await;
    let client = through(&proxy, HttpConfig::new());
    let around = Endpoint::parse(&format!("http://{}", unresolvable())).unwrap();
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let config = ProxyConfig::new()
        .http(url)
        .no_proxy("other.example, invalid");
    let direct = client_with(&HttpConfig::new().proxy(config));
    let error = send_failing(&direct, &HttpRequest::get(around)).await;
    assert_eq!(error.kind(), HttpErrorKind::Dns);

    let server = Server::answering(answer(200, "", "direct")).await;
    assert_eq!(send(&client, &server.post("batch")).await.body(), "direct");
    assert_eq!(proxy.connections(), 0);
}
