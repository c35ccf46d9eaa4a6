//! Which proxy a request goes through, and the CONNECT request that opens a tunnel through it.
//! Called by `client` and by `connect` with an open stream. Reads no environment.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::config::{HttpConfigError, ProxyConfig};
use super::endpoint::Endpoint;
use super::error::{HttpError, HttpErrorKind};
use super::io::Io;

#[derive(Debug)]
pub(super) struct Proxies(Matcher);

impl Proxies {
    pub(super) fn new(config: &ProxyConfig) -> Result<Self, HttpConfigError> {
        config.check()?;
        Ok(Self(
            Matcher::builder()
                .http(config.http.trim().to_owned())
                .https(config.https.trim().to_owned())
                .no(config.no_proxy.clone())
                .build(),
        ))
    }

    /// How `endpoint` is reached. A loopback address is never reached through a proxy: there it would name the proxy's
    /// machine, and credentials that may go to loopback in clear text may not go to a proxy.
    pub(super) fn route(&self, endpoint: &Endpoint) -> Route {
        if endpoint.is_loopback() {
            return Route::Direct;
        }
        let server = endpoint
            .absolute()
            .ok()
            .and_then(|uri| self.0.intercept(&uri))
            .and_then(|intercept| ProxyServer::new(&intercept));
        match server {
            None => Route::Direct,
            Some(server) if endpoint.is_tls() => Route::Tunnel(server),
            Some(server) => Route::Forward(server),
        }
    }
}

/// How a request reaches its server.
pub(super) enum Route {
    Direct,
    /// The proxy reads the request and forwards it.
    Forward(ProxyServer),
    /// The proxy forwards encrypted bytes and cannot read the request.
    Tunnel(ProxyServer),
}

/// A proxy. Not `Debug`: it holds credentials.
pub(super) struct ProxyServer {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
    /// For `Proxy-Authorization`.
    pub(super) credentials: Option<HeaderValue>,
}

impl ProxyServer {
    fn new(intercept: &Intercept) -> Option<Self> {
        let uri = intercept.uri();
        let tls = uri.scheme_str() == Some("https");
        let host = uri.host()?.trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if tls { 443 } else { 80 });
        Some(Self {
            host,
            port,
            tls,
            credentials: intercept.basic_auth().cloned(),
        })
    }

    /// The name of the proxy in messages.
    pub(super) fn at(&self) -> String {
        format!("the proxy {}:{}", self.host, self.port)
    }

    /// Asks for a tunnel to `endpoint`'s server. Afterwards `stream` is connected to that server.
    pub(super) async fn tunnel(
        &self,
        stream: &mut Box<dyn Io>,
        endpoint: &Endpoint,
    ) -> Result<(), HttpError> {
        let broken = |error| {
            let message = format!(
                "{} ended the connection before it opened a tunnel",
                self.at()
            );
            HttpError::new(HttpErrorKind::Proxy, message).caused_by(error)
        };
        stream
            .write_all(&self.connect_request(endpoint))
            .await
            .map_err(broken)?;
        stream.flush().await.map_err(broken)?;

        let mut head = Vec::with_capacity(512);
        // In TLS the client sends first, so the server behind the tunnel has sent nothing after the head.
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= HEAD_LIMIT_BYTES {
                let message = format!(
                    "{} answered with more than {HEAD_LIMIT_BYTES} bytes",
                    self.at()
                );
                return Err(HttpError::new(HttpErrorKind::Proxy, message));
            }
            head.push(stream.read_u8().await.map_err(broken)?);
        }
        match status_of(&head) {
            Some(200..=299) => Ok(()),
            Some(407) => Err(self.credentials_refused()),
            Some(status) => {
                let message = format!(
                    "{} answered {status} when asked for a tunnel to {}",
                    self.at(),
                    endpoint.origin()
                );
                Err(HttpError::new(HttpErrorKind::Proxy, message))
            }
            None => {
                let message = format!("{} did not answer as an HTTP proxy does", self.at());
                Err(HttpError::new(HttpErrorKind::Proxy, message))
            }
        }
    }

    /// The error for status 407, of a tunnel or of a forwarded request.
    pub(super) fn credentials_refused(&self) -> HttpError {
        let problem = if self.credentials.is_some() {
            "does not take the user name and password in its URL (407)"
        } else {
            "asks for a user name and password (407): put them into its URL"
        };
        HttpError::new(HttpErrorKind::Proxy, format!("{} {problem}", self.at()))
    }

    fn connect_request(&self, endpoint: &Endpoint) -> Vec<u8> {
        let host = endpoint.host();
        let port = endpoint.port();
        let authority = if host.contains(':') {
            format!("[{host}]:{port}")
        } else {
            format!("{host}:{port}")
        };
        let mut request =
            format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
        if let Some(credentials) = &self.credentials {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(credentials.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        request
    }
}

impl ProxyConfig {
    /// Whether both addresses are those of an HTTP proxy.
    pub(super) fn check(&self) -> Result<(), HttpConfigError> {
        check("http", &self.http)?;
        check("https", &self.https)
    }

    /// Whether `url` is the address of a proxy that a client can use: `http://` or `https://`, or no scheme. SOCKS is
    /// not supported. An empty text means no proxy and is accepted.
    #[must_use]
    pub fn accepts(url: &str) -> bool {
        check("http", url).is_ok()
    }
}

/// `Matcher` ignores an address that it does not understand; the request would then go without the proxy.
fn check(scheme: &'static str, url: &str) -> Result<(), HttpConfigError> {
    let url = url.trim();
    if url.is_empty() {
        return Ok(());
    }
    let matcher = Matcher::builder().http(url.to_owned()).build();
    let probe = Uri::from_static("http://host.invalid/");
    let intercept = matcher
        .intercept(&probe)
        .ok_or(HttpConfigError::Proxy(scheme))?;
    match intercept.uri().scheme_str() {
        Some("http" | "https") => Ok(()),
        _ => Err(HttpConfigError::Proxy(scheme)),
    }
}

/// The status of `HTTP/1.x NNN ..`.
fn status_of(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let status = line
        .strip_prefix("HTTP/1.")?
        .get(1..)?
        .strip_prefix(' ')?
        .get(..3)?;
    status
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| status.parse().ok())
        .flatten()
}

const HEAD_LIMIT_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn route(config: &ProxyConfig, url: &str) -> String {
        match Proxies::new(config)
            .unwrap()
            .route(&Endpoint::parse(url).unwrap())
        {
            Route::Direct => "direct".to_owned(),
            Route::Forward(server) => format!("forward {}", server.at()),
            Route::Tunnel(server) => format!("tunnel {}", server.at()),
        }
    }

    #[test]
    fn each_scheme_takes_its_own_proxy_and_this_machine_none() {
        let config = ProxyConfig::new()
            .http("http://plain:3128")
            .https("secure")
            .no_proxy("inner.example, 10.0.0.0/8, [::5], ::6");
        for (url, expected) in [
            ("http://a.example", "forward the proxy plain:3128"),
            ("https://a.example", "tunnel the proxy secure:80"),
            ("https://inner.example", "direct"),
            ("https://x.INNER.example:8443", "direct"),
            ("https://notinner.example", "tunnel the proxy secure:80"),
            ("http://10.1.2.3", "direct"),
            ("http://[::6]", "direct"),
            ("http://11.1.2.3", "forward the proxy plain:3128"),
            ("http://localhost:3000", "direct"),
            ("http://127.0.0.1", "direct"),
            ("http://[::1]", "direct"),
        ] {
            assert_eq!(route(&config, url), expected, "{url}");
        }
        assert_eq!(route(&ProxyConfig::new(), "https://a.example"), "direct");
        assert_eq!(route(&config.no_proxy("*"), "https://a.example"), "direct");
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_refused_without_being_repeated() {
        for url in [
            "socks5://user:CANARY@proxy",
            "ftp://CANARY",
            "http://CA NARY",
            "://CANARY",
        ] {
            for config in [ProxyConfig::new().http(url), ProxyConfig::new().https(url)] {
                assert!(!format!("{config:?}").contains("CANARY"));
                let error = Proxies::new(&config).unwrap_err();
                assert!(!format!("{error} {error:?}").contains("CANARY"));
            }
        }
    }

    #[test]
    fn a_status_line_is_read_strictly() {
        for (head, expected) in [
            ("HTTP/1.1 200 OK\r\n\r\n", Some(200)),
            ("HTTP/1.0 407\r\n\r\n", Some(407)),
            ("HTTP/1.1 +20 OK\r\n\r\n", None),
            ("HTTP/2 200\r\n\r\n", None),
            ("SSH-2.0\r\n\r\n", None),
            ("\r\n\r\n", None),
        ] {
            assert_eq!(status_of(head.as_bytes()), expected, "{head:?}");
        }
    }
}
