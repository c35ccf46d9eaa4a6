//! What a client must be told. Plain values: whoever reads files and the environment hands them in.
//! Fed by the exporters' configuration, drained by `HttpClient::new`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How a client connects and how long it waits.
#[derive(Clone, Debug)]
#[must_use]
pub struct HttpConfig {
    pub(super) timeout: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) pool_idle_timeout: Duration,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) proxy: ProxyConfig,
    pub(super) allow_plaintext_http: bool,
    pub(super) user_agent: String,
}

impl HttpConfig {
    /// The defaults, as each setter states them.
    pub fn new() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            pool_idle_timeout: Duration::from_secs(4),
            ca_file: None,
            proxy: ProxyConfig::default(),
            allow_plaintext_http: false,
            user_agent: concat!("tracefuse/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }

    /// The time one attempt may take in all: connecting, sending, and reading the whole answer.
    /// 10 seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The part of it that a new connection may take: name, address, proxy and TLS. 5 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long an unused connection is kept for the next request. 4 seconds: shorter than the 5 s
    /// after which many servers close it.
    pub fn pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.pool_idle_timeout = timeout;
        self
    }

    /// A file of PEM certificates that are trusted beside the system's. The system's are found as
    /// OpenSSL finds them, `SSL_CERT_FILE` and `SSL_CERT_DIR` included.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// The proxies to go through. None.
    pub fn proxy(mut self, proxy: ProxyConfig) -> Self {
        self.proxy = proxy;
        self
    }

    /// Lets credentials cross the network in clear text. `false`: `http` with credentials is
    /// refused for every host but this machine.
    pub fn allow_plaintext_http(mut self, allow: bool) -> Self {
        self.allow_plaintext_http = allow;
        self
    }

    /// The `User-Agent`. `tracefuse/` and the version.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// The values of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, read by somebody else; empty is none.
///
/// `https` requests go through a `CONNECT` tunnel, `http` ones are forwarded. This machine is never
/// reached through a proxy. `Debug` shows which are set, not what they are: they may hold passwords.
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct ProxyConfig {
    pub(super) http: String,
    pub(super) https: String,
    pub(super) no_proxy: String,
}

impl ProxyConfig {
    /// No proxy.
    pub fn new() -> Self {
        Self::default()
    }

    /// The proxy for `http` URLs, as in `http://user:password@proxy:3128`.
    pub fn http(mut self, url: impl Into<String>) -> Self {
        self.http = url.into();
        self
    }

    /// The proxy for `https` URLs.
    pub fn https(mut self, url: impl Into<String>) -> Self {
        self.https = url.into();
        self
    }

    /// Hosts that are reached directly: names (with all names below them), addresses and networks
    /// such as `10.0.0.0/8`, separated by commas; `*` is all.
    pub fn no_proxy(mut self, hosts: impl Into<String>) -> Self {
        self.no_proxy = hosts.into();
        self
    }
}

impl fmt::Debug for ProxyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &str| if value.is_empty() { "none" } else { "***" };
        f.debug_struct("ProxyConfig")
            .field("http", &shown(&self.http))
            .field("https", &shown(&self.https))
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

/// Why no client could be made. Names the setting and the remedy, never a secret.
#[derive(Debug)]
#[non_exhaustive]
pub enum HttpConfigError {
    /// The CA file cannot be read.
    CaFileUnreadable(PathBuf, std::io::Error),
    /// The CA file holds no certificate, or one that cannot be understood.
    CaFileInvalid(PathBuf),
    /// The proxy for the named scheme is not a URL of an `http` or `https` proxy.
    Proxy(&'static str),
    /// The user agent holds a control character or one outside ASCII.
    UserAgent,
    /// A URL that carries credentials is `http` and not this machine. Holds its origin.
    PlaintextCredentials(String),
    /// The TLS library refused its own settings.
    Tls(String),
}

impl HttpConfigError {
    pub(super) fn ca_file_unreadable(path: &Path, error: std::io::Error) -> Self {
        Self::CaFileUnreadable(path.to_owned(), error)
    }
}

impl fmt::Display for HttpConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CaFileUnreadable(path, _) => {
                write!(f, "the CA file {} cannot be read", path.display())
            }
            Self::CaFileInvalid(path) => write!(
                f,
                "the CA file {} holds no certificate that can be used: expected PEM, \
                 \"-----BEGIN CERTIFICATE-----\"",
                path.display()
            ),
            Self::Proxy(scheme) => write!(
                f,
                "the proxy for {scheme} is not valid: expected the form http://host:port; \
                 SOCKS is not supported"
            ),
            Self::UserAgent => {
                f.write_str("the user agent holds a control character or a character outside ASCII")
            }
            Self::PlaintextCredentials(origin) => f.write_str(&plaintext_message(origin)),
            Self::Tls(problem) => write!(f, "TLS cannot be set up: {problem}"),
        }
    }
}

impl std::error::Error for HttpConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::CaFileUnreadable(_, error) => Some(error),
            _ => None,
        }
    }
}

/// One wording for the refusal at construction and the one at the request.
pub(super) fn plaintext_message(origin: &str) -> String {
    format!(
        "{origin} would receive credentials in clear text: use https, \
         or set allow_plaintext_http if the network is trusted"
    )
}
