//! Which proxy a request goes through. How a tunnel is opened through it is in `tunnel`.
//! Called by `client`. Reads no environment.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

use super::config_error::HttpConfigError;
use super::endpoint::Endpoint;
use super::proxy_config::ProxyConfig;
use super::tunnel::ProxyServer;

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
}
