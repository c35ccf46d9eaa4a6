//! A proxy server, and the CONNECT request that opens a tunnel through it (RFC 9110 9.3.6).
//! Called by `connect` with an open stream. Which requests go through a proxy is decided in `proxy`.

use http::HeaderValue;
use hyper_util::client::proxy::matcher::Intercept;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::endpoint::Endpoint;
use super::error::{HttpError, HttpErrorKind};
use super::io::Io;

/// A proxy. Not `Debug`: it holds credentials.
pub(super) struct ProxyServer {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
    /// For `Proxy-Authorization`.
    pub(super) credentials: Option<HeaderValue>,
}

impl ProxyServer {
    pub(super) fn new(intercept: &Intercept) -> Option<Self> {
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
