//! What can go wrong between a tracer and its server, one scene each, and tracers that run into it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use mock_langfuse::{Action, How, MockLangfuse, Scenario, Tls};
use tracefuse::{LangfuseConfig, config::TracerConfig};
use tracefuse_http::ProxyConfig;

pub(crate) const PUBLIC: &str = "pk-lf-0000-1111-2222";
pub(crate) const SECRET: &str = "sk-lf-CANARY-0123456789";
pub(crate) const PASSWORD: &str = "CANARY-of-the-proxy-98765";

/// A server that fails in some way, and how it is reached.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) config: LangfuseConfig,
    pub(crate) server: Option<MockLangfuse>,
}

impl Scene {
    fn of(name: &'static str, server: mock_langfuse::Builder) -> Self {
        let server = server.keys(PUBLIC, SECRET).start().unwrap();
        Self {
            name,
            config: reach(&server.url()),
            server: Some(server),
        }
    }

    /// Reached without a server of ours.
    fn at(name: &'static str, config: LangfuseConfig) -> Self {
        Self {
            name,
            config,
            server: None,
        }
    }
}

fn reach(url: &str) -> LangfuseConfig {
    LangfuseConfig::new(PUBLIC, SECRET)
        .base_url(url)
        .timeout(Duration::from_millis(500))
}

/// All that a server could repeat of what we sent it.
fn echo() -> String {
    use base64::Engine as _;
    let token = base64::engine::general_purpose::STANDARD.encode(format!("{PUBLIC}:{SECRET}"));
    format!("you sent authorization: Basic {token}, and the key is {SECRET}, I repeat {SECRET}")
}

pub(crate) fn all() -> Vec<Scene> {
    let answers =
        |action: Action| MockLangfuse::builder().scenario(Scenario::new().forever(action));
    let said = |status| answers(Action::status(status).body(&echo()));
    let elsewhere = format!("https://{SECRET}@evil.example/{SECRET}?key={SECRET}");
    let tls = |tls| MockLangfuse::builder().tls(tls);
    vec![
        Scene::of("200", MockLangfuse::builder()),
        Scene::of("400", said(400)),
        Scene::of("401", said(401)),
        Scene::of("403", said(403)),
        Scene::of("404", said(404)),
        Scene::of("413", said(413)),
        Scene::of("415", said(415)),
        Scene::of("429", said(429)),
        Scene::of("500", said(500)),
        Scene::of("503", said(503)),
        Scene::of(
            "redirect",
            answers(Action::status(307).header("location", &elsewhere)),
        ),
        Scene::of(
            "header_bomb",
            answers(Action::status(200).body("header_bomb")),
        ),
        Scene::of("garbage", answers(Action::status(500).body("garbage"))),
        Scene::of("html", answers(Action::status(200).body("html"))),
        Scene::of("cut", answers(said_action().cut(10, How::Rst))),
        Scene::of("closed", answers(Action::accept_then(How::Fin))),
        Scene::of("read_in_part", answers(Action::read_then(100, How::Rst))),
        Scene::of("silent", answers(Action::accept_then(How::Silent))),
        Scene::of("tls_signs_itself", tls(Tls::SelfSigned)),
        Scene::of("tls_expired", tls(Tls::Expired)),
        Scene::of("tls_of_another_host", tls(Tls::WrongHost)),
        Scene::of("tls_of_an_unknown_issuer", tls(Tls::Good)),
        Scene::of("tls_but_plain_http", tls(Tls::PlainHttp)),
        Scene::of("tls_hangs", tls(Tls::Hang)),
        Scene::at("nothing_listens", reach("http://127.0.0.1:9")),
        Scene::at(
            "no_such_host",
            reach(&format!("https://{}.invalid", "x".repeat(64))),
        ),
        Scene::at(
            "proxy_refuses_to_forward",
            reach("http://langfuse.invalid")
                .allow_plaintext_http(true)
                .proxy(ProxyConfig::new().http(proxy())),
        ),
        Scene::at(
            "proxy_refuses_a_tunnel",
            reach("https://langfuse.invalid").proxy(ProxyConfig::new().https(proxy())),
        ),
        Scene::at(
            "proxy_dead",
            reach("https://langfuse.invalid")
                .proxy(ProxyConfig::new().https(format!("http://user:{PASSWORD}@127.0.0.1:9"))),
        ),
    ]
}

fn said_action() -> Action {
    Action::status(500).body(&echo())
}

/// The address of a proxy that answers 407 and repeats all that it received.
fn proxy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read_exact(&mut byte).is_err() {
                    break;
                }
                head.push(byte[0]);
            }
            let start = format!(
                "HTTP/1.1 407 {PASSWORD}\r\nx-echo: {PASSWORD}\r\ncontent-length: {}\r\n\r\n",
                head.len()
            );
            // The client may have gone.
            let _ = stream.write_all(&[start.as_bytes(), &head].concat());
        }
    });
    format!("http://user:{PASSWORD}@127.0.0.1:{port}")
}

/// A few tries in little time, and the disk for what does not get through.
pub(crate) fn quick(config: &mut TracerConfig, spool: &Path) {
    config.delivery.flush_interval = Duration::from_millis(10);
    config.delivery.max_retries = 1;
    config.delivery.circuit_breaker_threshold = 2;
    config.delivery.circuit_breaker_reset = Duration::from_millis(50);
    config.spool_dir = Some(spool.to_owned());
}

/// Every file below a directory, its path and its bytes.
pub(crate) fn files(dir: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_string_lossy().into_owned().into_bytes();
            if path.is_dir() {
                found.push(name);
                open.push(path);
            } else {
                // Delivered and removed in between is as good.
                let bytes = std::fs::read(&path).unwrap_or_default();
                found.push([name, bytes].concat());
            }
        }
    }
    found
}
