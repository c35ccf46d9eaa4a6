//! Settings of the HTTP client: timeouts, certificate authorities, proxies. Plain values.
//! Filled by the exporters' configuration, read by `HttpClient::new`. Reads neither files nor the environment.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracefuse_exporter::{debug_error, plain_text};

/// How a client connects and how long it waits.
///
/// ```
/// use std::time::Duration;
/// use tracefuse_http::{HttpConfig, ProxyConfig};
///
/// let proxy = ProxyConfig::new().https("http://proxy.example:3128").no_proxy("localhost,.internal");
/// let config = HttpConfig::new().timeout(Duration::from_secs(30)).proxy(proxy);
/// assert!(config.check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[must_use]
pub struct HttpConfig {
    /// The longest one attempt may take: connecting, sending, and reading the whole answer; 10 s by default.
    pub timeout: Duration,
    /// The part of it that a new connection may take: name, address, proxy and TLS; 5 s by default.
    pub connect_timeout: Duration,
    /// How long an unused connection is kept for the next request; 4 s by default, at most 1 h, 0 for no connection.
    pub pool_idle_timeout: Duration,
    /// A file of PEM certificates that are trusted in addition to the system's; none by default.
    pub ca_file: Option<PathBuf>,
    /// The proxies; none by default.
    pub proxy: ProxyConfig,
    /// Whether credentials may cross the network in clear text; no by default.
    pub allow_plaintext_http: bool,
    /// The `User-Agent`; `tracefuse/` and the version by default.
    pub user_agent: String,
}

/// The range of [`HttpConfig::timeout`] and [`HttpConfig::connect_timeout`]: 1 ms to 1 h. An attempt without a limit would
/// stop delivery.
pub const TIMEOUT_RANGE: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_secs(60 * 60);

/// The range of [`HttpConfig::pool_idle_timeout`]: 0 to 1 h. With 0 no connection is kept.
pub const POOL_IDLE_RANGE: std::ops::RangeInclusive<Duration> =
    Duration::ZERO..=Duration::from_secs(60 * 60);

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

    /// The longest one attempt may take: connecting, sending, and reading the whole answer; 10 s by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The part of it that a new connection may take: name, address, proxy and TLS; 5 s by default.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long an unused connection is kept for the next request; 4 s by default, which is shorter than the 5 s after
    /// which many servers close it.
    pub fn pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.pool_idle_timeout = timeout;
        self
    }

    /// A file of PEM certificates that are trusted in addition to the system's. The system's are found as
    /// OpenSSL finds them, `SSL_CERT_FILE` and `SSL_CERT_DIR` included.
    pub fn ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.ca_file = Some(path.into());
        self
    }

    /// The proxies; none by default.
    pub fn proxy(mut self, proxy: ProxyConfig) -> Self {
        self.proxy = proxy;
        self
    }

    /// Whether credentials may cross the network in clear text; no by default: a request with credentials by `http` is
    /// refused for every host except this machine.
    pub fn allow_plaintext_http(mut self, allow: bool) -> Self {
        self.allow_plaintext_http = allow;
        self
    }

    /// The `User-Agent`; `tracefuse/` and the version by default.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Whether the values can be used, without opening a file.
    ///
    /// # Errors
    /// [`HttpConfigError::Timeout`] or [`HttpConfigError::ConnectTimeout`] if the timeout is outside of [`TIMEOUT_RANGE`],
    /// [`HttpConfigError::PoolIdleTimeout`] if that one is outside of [`POOL_IDLE_RANGE`], [`HttpConfigError::Proxy`] if a proxy
    /// is not the address of an HTTP proxy.
    pub fn check(&self) -> Result<(), HttpConfigError> {
        if !TIMEOUT_RANGE.contains(&self.timeout) {
            return Err(HttpConfigError::Timeout(self.timeout));
        }
        if !TIMEOUT_RANGE.contains(&self.connect_timeout) {
            return Err(HttpConfigError::ConnectTimeout(self.connect_timeout));
        }
        if !POOL_IDLE_RANGE.contains(&self.pool_idle_timeout) {
            return Err(HttpConfigError::PoolIdleTimeout(self.pool_idle_timeout));
        }
        self.proxy.check()
    }
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// The proxies of a client, in the form of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`; an empty text means none.
///
/// `https` requests go through a `CONNECT` tunnel, `http` requests are forwarded by the proxy. Loopback addresses are
/// never reached through a proxy. `Debug` shows which proxies are set and not their addresses, which may hold passwords.
///
/// ```
/// use tracefuse_http::ProxyConfig;
///
/// let proxy = ProxyConfig::new().https("http://proxy.internal:3128").no_proxy("localhost,.internal");
/// assert_eq!(proxy.https, "http://proxy.internal:3128");
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct ProxyConfig {
    /// The proxy for `http` URLs.
    pub http: String,
    /// The proxy for `https` URLs.
    pub https: String,
    /// Hosts that are reached without a proxy, separated by commas.
    pub no_proxy: String,
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
    /// The timeout is outside of [`TIMEOUT_RANGE`].
    Timeout(Duration),
    /// The timeout for a new connection is outside of [`TIMEOUT_RANGE`].
    ConnectTimeout(Duration),
    /// Unused connections are kept for more than 1 h.
    PoolIdleTimeout(Duration),
}

impl HttpConfigError {
    /// The setting that cannot be used, by its key in `tracefuse.toml`, such as `ca_file`.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        match self {
            Self::CaFileUnreadable(..) | Self::CaFileInvalid(_) => "ca_file",
            Self::Proxy("http") => "http_proxy",
            Self::Proxy(_) => "https_proxy",
            Self::Timeout(_) => "timeout",
            Self::ConnectTimeout(_) => "connect_timeout",
            Self::PoolIdleTimeout(_) => "pool_idle_timeout",
            Self::PlaintextCredentials(_) => "base_url",
            Self::UserAgent | Self::Tls(_) => "http",
        }
    }

    pub(super) fn ca_file_unreadable(path: &Path, error: std::io::Error) -> Self {
        Self::CaFileUnreadable(path.to_owned(), error)
    }
}

impl fmt::Display for HttpConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CaFileUnreadable(path, _) => {
                write!(f, "the CA file {} cannot be read", shown(path))
            }
            Self::CaFileInvalid(path) => write!(
                f,
                "the CA file {} holds no certificate that can be used: expected PEM, \
                 \"-----BEGIN CERTIFICATE-----\"",
                shown(path)
            ),
            Self::Proxy(scheme) => write!(
                f,
                "the proxy for {scheme} cannot be used: expected the form http://host:port; \
                 SOCKS is not supported"
            ),
            Self::UserAgent => {
                f.write_str("the user agent holds a control character or a character outside ASCII")
            }
            Self::PlaintextCredentials(origin) => f.write_str(&plaintext_message(origin)),
            Self::Tls(problem) => write!(f, "TLS cannot be set up: {problem}"),
            Self::Timeout(time) => out_of_range(f, "the timeout", *time, &TIMEOUT_RANGE),
            Self::ConnectTimeout(time) => {
                out_of_range(f, "the timeout for connecting", *time, &TIMEOUT_RANGE)
            }
            Self::PoolIdleTimeout(time) => out_of_range(
                f,
                "the time for which connections are kept",
                *time,
                &POOL_IDLE_RANGE,
            ),
        }
    }
}

fn out_of_range(
    f: &mut fmt::Formatter<'_>,
    what: &str,
    time: Duration,
    range: &std::ops::RangeInclusive<Duration>,
) -> fmt::Result {
    let [time, low] = [time, *range.start()].map(|time| time.as_secs_f64());
    let high = range.end().as_secs();
    write!(f, "{what} is {time} s: expected {low} to {high} s")
}

/// A path as a message shows it: characters that could forge a line or move the cursor are escaped.
fn shown(path: &Path) -> String {
    plain_text(&path.display().to_string()).into_owned()
}

/// `Display` and the cause: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for HttpConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        debug_error(self, f)
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

/// The text of the refusal at construction and of the one at the request.
pub(super) fn plaintext_message(origin: &str) -> String {
    format!(
        "{origin} would receive credentials in clear text: use https, or set \
         `TRACEFUSE_ALLOW_PLAINTEXT_HTTP=true` (in code `allow_plaintext_http(true)`) if the network is trusted"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HttpClient;

    #[test]
    fn times_out_of_range_are_refused_where_the_client_is_made() {
        let config = HttpConfig::new;
        for (config, setting, words) in [
            (
                config().timeout(Duration::ZERO),
                "timeout",
                "the timeout is 0 s: expected 0.001 to 3600 s",
            ),
            (
                config().timeout(Duration::MAX),
                "timeout",
                "expected 0.001 to 3600 s",
            ),
            (
                config().connect_timeout(Duration::ZERO),
                "connect_timeout",
                "for connecting is 0 s",
            ),
            (
                config().connect_timeout(Duration::MAX),
                "connect_timeout",
                "expected 0.001 to 3600 s",
            ),
            (
                config().pool_idle_timeout(Duration::MAX),
                "pool_idle_timeout",
                "expected 0 to 3600 s",
            ),
        ] {
            let error = HttpClient::new(&config).err().unwrap();
            assert_eq!(error.setting(), setting);
            assert!(error.to_string().contains(words), "{error}");
        }
        assert!(HttpClient::new(&config().pool_idle_timeout(Duration::ZERO)).is_ok());
    }
}
