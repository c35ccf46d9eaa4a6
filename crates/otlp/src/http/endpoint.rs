//! Where requests go: an address that was checked once, so that what exists may be used and shown.
//! Made from configuration by exporters; read by `client`.

use std::fmt;
use std::net::IpAddr;

use http::Uri;

/// A checked address: http or https, with a host, without credentials; plain http only where that is safe or allowed.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    uri: Uri,
}

impl Endpoint {
    /// Checks an address.
    ///
    /// # Errors
    /// If it is not an http or https address with a host, carries credentials, or is plain http beyond
    /// loopback without leave.
    pub fn parse(address: &str, allow_plaintext_http: bool) -> Result<Self, EndpointError> {
        let address = address.trim();
        if address.is_empty() {
            return Err(EndpointError::new(
                "the address is empty: expected one such as https://cloud.langfuse.com",
            ));
        }
        let uri: Uri = address.parse().map_err(|_| {
            EndpointError::new(
                "the address is not a URL: expected one such as https://cloud.langfuse.com",
            )
        })?;
        let Some(authority) = uri.authority() else {
            return Err(EndpointError::new(
                "the address has no host: expected one such as https://cloud.langfuse.com",
            ));
        };
        if authority.as_str().contains('@') {
            // Not repeated: what stands before the @ is a password.
            return Err(EndpointError::new(
                "the address contains credentials (user:password@): give keys in their own settings",
            ));
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if allow_plaintext_http || is_loopback(authority.host()) => {}
            Some("http") => {
                return Err(EndpointError::new(format!(
                    "http://{} would send credentials unencrypted: use https, or set `allow_plaintext_http` if the network is trusted",
                    authority.host()
                )));
            }
            _ => {
                return Err(EndpointError::new(
                    "the address must begin with https:// (or http:// for loopback)",
                ));
            }
        }
        Ok(Self { uri })
    }

    /// The address with these path segments appended.
    ///
    /// # Errors
    /// If the path has characters that cannot stand in one.
    pub fn join(&self, path: &str) -> Result<Self, EndpointError> {
        let base = self.uri.path().trim_end_matches('/');
        let joined = format!("{base}/{}", path.trim_start_matches('/'));
        let mut parts = self.uri.clone().into_parts();
        let invalid =
            || EndpointError::new("the path contains characters that cannot stand in a URL");
        parts.path_and_query = Some(joined.parse().map_err(|_| invalid())?);
        Ok(Self {
            uri: Uri::from_parts(parts).map_err(|_| invalid())?,
        })
    }

    /// Scheme, host and port: what may be shown.
    #[must_use]
    pub fn origin(&self) -> String {
        origin(&self.uri).unwrap_or_default()
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.uri
    }
}

/// Scheme, host and port of an address, without credentials.
pub(crate) fn origin(uri: &Uri) -> Option<String> {
    let authority = uri.authority()?;
    let port = authority
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    Some(format!(
        "{}://{}{port}",
        uri.scheme_str()?,
        authority.host()
    ))
}

/// Names are not looked up: only what cannot be anything else counts.
fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
        Err(_) => bare.eq_ignore_ascii_case("localhost"),
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.uri.path())
    }
}

/// An address that cannot be used; says why and what to do, without repeating credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointError(String);

impl EndpointError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for EndpointError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_http_goes_to_loopback_only() {
        for host in [
            "localhost",
            "LOCALHOST",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "localhost:3000",
        ] {
            assert!(
                Endpoint::parse(&format!("http://{host}"), false).is_ok(),
                "{host}"
            );
        }
        for host in [
            "localhost.evil.com",
            "127.0.0.1.nip.io",
            "2130706433",
            "0x7f.1",
            "10.0.0.1",
            "[::2]",
            "[::ffff:10.0.0.1]",
            "langfuse",
            "localhost.",
            "0.0.0.0",
        ] {
            let refused = Endpoint::parse(&format!("http://{host}"), false)
                .unwrap_err()
                .to_string();
            assert!(
                refused.contains("unencrypted") || refused.contains("not a URL"),
                "{host}: {refused}"
            );
            assert!(
                Endpoint::parse(&format!("https://{host}"), false).is_ok() || host.contains("::"),
                "{host}"
            );
        }
        assert!(Endpoint::parse("http://10.0.0.1:3000", true).is_ok());
    }

    #[test]
    fn what_is_not_an_address_is_refused_and_credentials_are_not_repeated() {
        for address in [
            "",
            "cloud.langfuse.com",
            "ftp://host",
            "https://",
            "/path",
            "https://a b",
        ] {
            assert!(Endpoint::parse(address, true).is_err(), "{address}");
        }
        let refused = Endpoint::parse("https://user:canary@host", true)
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("credentials") && !refused.contains("canary"),
            "{refused}"
        );
    }

    #[test]
    fn paths_are_joined_by_segments() {
        for base in ["https://host/base", "https://host/base/"] {
            let endpoint = Endpoint::parse(base, false)
                .unwrap()
                .join("/api/public/otel/v1/traces")
                .unwrap();
            assert_eq!(
                format!("{endpoint:?}"),
                "https://host/base/api/public/otel/v1/traces"
            );
            assert_eq!(endpoint.origin(), "https://host");
        }
        assert!(
            Endpoint::parse("https://host", false)
                .unwrap()
                .join("a b")
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), path in any::<String>()) {
            if let Ok(endpoint) = Endpoint::parse(&text, true) {
                let _ = endpoint.join(&path);
            }
        }
    }
}
