//! Settings of the HTTP client: timeouts, certificate authorities, connections. Plain values.
//! Filled by the exporters' configuration, read by `HttpClient::new`. Reads neither files nor the environment.

use std::path::PathBuf;
use std::time::Duration;

use super::config_error::HttpConfigError;
use super::proxy_config::ProxyConfig;
use super::ranges::{POOL_IDLE_RANGE, TIMEOUT_RANGE};

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
