//! The proxies of a client, in the form of `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. Plain values.
//! Part of `HttpConfig`; read by `proxy`, which decides the route of a request.

use std::fmt;

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
