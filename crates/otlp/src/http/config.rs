//! Settings of the client. Filled by exporters' configurations; the process environment is not read here.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of an [`HttpClient`](super::HttpClient).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpConfig {
    /// Limit of one attempt: connecting, sending, and reading the answer. 10 s by default.
    pub timeout: Duration,
    /// Limit of connecting, within the attempt's. 5 s by default.
    pub connect_timeout: Duration,
    /// PEM file of certificate authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Proxies.
    pub proxy: ProxyConfig,
    /// Whether requests may go over plain http beyond loopback, credentials and all. No by default.
    pub allow_plaintext_http: bool,
    /// What the client calls itself.
    pub user_agent: String,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            ca_file: None,
            proxy: ProxyConfig::default(),
            allow_plaintext_http: false,
            user_agent: concat!("tracefuse/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// Proxies, as the variables of the same names have them. `Debug` does not show them: they may carry a password.
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProxyConfig {
    /// Proxy for http addresses.
    pub http: Option<String>,
    /// Proxy for https addresses, reached by CONNECT.
    pub https: Option<String>,
    /// Hosts reached without a proxy, with commas.
    pub no_proxy: Option<String>,
}

impl ProxyConfig {
    /// These proxies.
    #[must_use]
    pub fn new(http: Option<String>, https: Option<String>, no_proxy: Option<String>) -> Self {
        Self {
            http,
            https,
            no_proxy,
        }
    }
}

impl fmt::Debug for ProxyConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |proxy: &Option<String>| proxy.as_ref().map(|_| "***");
        f.debug_struct("ProxyConfig")
            .field("http", &shown(&self.http))
            .field("https", &shown(&self.https))
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

/// Settings that cannot be used; says what to do.
#[derive(Debug)]
#[non_exhaustive]
pub struct HttpConfigError {
    message: String,
    source: Option<std::io::Error>,
}

impl HttpConfigError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn because(message: impl Into<String>, source: std::io::Error) -> Self {
        Self {
            message: message.into(),
            source: Some(source),
        }
    }
}

impl fmt::Display for HttpConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for HttpConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
