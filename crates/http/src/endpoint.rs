//! A URL that was parsed and checked once: it holds no user name or password, and it is safe to print.
//! Made from configuration, used by requests and messages. Opens no connection and resolves no name.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::endpoint_error::EndpointError;

/// Where a request goes: `http` or `https`, a host, a port and a path.
///
/// `Display` and `Debug` show scheme, host, port and path, never a query (the signature of an
/// upload address is one), and there is no userinfo to show.
///
/// ```
/// use tracefuse_http::Endpoint;
///
/// let endpoint = Endpoint::parse("https://cloud.langfuse.com").unwrap();
/// assert!(endpoint.is_tls());
/// assert_eq!(endpoint.port(), 443);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    tls: bool,
    /// As a URL and a `Host` header write it: lower case, IPv6 in brackets, no default port.
    authority: Authority,
    port: u16,
    path: String,
    /// With its question mark, or empty.
    query: String,
}

impl Endpoint {
    /// Reads a base URL such as `https://cloud.langfuse.com` or `http://localhost:3000/langfuse/`;
    /// slashes at its end do not matter.
    ///
    /// # Errors
    /// When it is no URL, is neither `http` nor `https`, or has userinfo, a query or a fragment.
    /// The message does not repeat the URL, which may hold a password.
    pub fn parse(url: &str) -> Result<Self, EndpointError> {
        let mut endpoint = Self::parse_presigned(url)?;
        if !endpoint.query.is_empty() || url.contains('?') {
            return Err(EndpointError::Query);
        }
        endpoint
            .path
            .truncate(endpoint.path.trim_end_matches('/').len());
        Ok(endpoint)
    }

    /// Reads a whole URL that a server made, and keeps its path and query unchanged: the address of an upload, whose
    /// query is a signature.
    ///
    /// # Errors
    /// When it is no URL, is neither `http` nor `https`, or has userinfo or a fragment.
    pub fn parse_presigned(url: &str) -> Result<Self, EndpointError> {
        if url.contains('#') {
            return Err(EndpointError::Fragment);
        }
        if !url.trim().is_empty() && !url.contains("://") {
            return Err(EndpointError::NoScheme);
        }
        let uri: Uri = url.parse().map_err(|_| EndpointError::Malformed)?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) => return Err(EndpointError::Scheme),
            None => return Err(EndpointError::Malformed),
        };
        let given = uri.authority().ok_or(EndpointError::Malformed)?;
        if given.as_str().contains('@') {
            return Err(EndpointError::Userinfo);
        }
        let host = given.host().to_ascii_lowercase();
        if host.is_empty() || !(host.starts_with('[') || is_host_name(&host)) {
            return Err(EndpointError::Host);
        }
        if let Some(inner) = host.strip_prefix('[') {
            let inner = inner.strip_suffix(']').unwrap_or_default();
            inner.parse::<Ipv6Addr>().map_err(|_| EndpointError::Host)?;
        }
        let default_port = if tls { 443 } else { 80 };
        let port = match given.as_str().get(given.host().len()..) {
            None | Some("" | ":") => default_port,
            Some(_) => given.port_u16().ok_or(EndpointError::Port)?,
        };
        let authority = if port == default_port {
            host
        } else {
            format!("{host}:{port}")
        };
        Ok(Self {
            tls,
            authority: authority.parse().map_err(|_| EndpointError::Host)?,
            port,
            path: uri.path().to_owned(),
            query: uri
                .query()
                .map(|query| format!("?{query}"))
                .unwrap_or_default(),
        })
    }

    /// This endpoint with `segments` added to its path, each percent-encoded, so that nothing in a
    /// segment can become another path or a query.
    ///
    /// # Errors
    /// When a segment is empty, `.` or `..`: servers do not treat these as names.
    pub fn join(&self, segments: &[&str]) -> Result<Self, EndpointError> {
        let mut joined = self.clone();
        for segment in segments {
            if matches!(*segment, "" | "." | "..") {
                return Err(EndpointError::Segment);
            }
            if !joined.path.ends_with('/') {
                joined.path.push('/');
            }
            percent_encode(segment, &mut joined.path);
        }
        Ok(joined)
    }

    /// This endpoint with `pairs` as its query, percent-encoded.
    #[must_use]
    pub fn query(&self, pairs: &[(&str, &str)]) -> Self {
        let mut query = String::new();
        for (name, value) in pairs {
            query.push(if query.is_empty() { '?' } else { '&' });
            percent_encode(name, &mut query);
            query.push('=');
            percent_encode(value, &mut query);
        }
        Self {
            query,
            ..self.clone()
        }
    }

    /// Scheme, host and port, as in `https://cloud.langfuse.com`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme(), self.authority)
    }

    /// The host alone, IPv6 without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let host = self.authority.host();
        host.strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host)
    }

    /// The port, 80 or 443 when the URL names none.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the scheme is `https`.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Whether the text of the host names this machine: an address in 127.0.0.0/8, `::1`, an IPv4 loopback address
    /// mapped into IPv6, or `localhost` in upper or lower case.
    ///
    /// `localhost.example.com` and `127.0.0.1.nip.io` are names of other machines, and resolvers disagree about `127.1`
    /// and `2130706433`: none of them counts as loopback.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.host().parse::<IpAddr>() {
            Ok(address) => is_loopback(address),
            Err(_) => self.host() == "localhost",
        }
    }

    pub(super) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// The target in a request line to the server itself.
    pub(super) fn path_and_query(&self) -> Result<PathAndQuery, http::Error> {
        let path = if self.path.is_empty() {
            "/"
        } else {
            &self.path
        };
        Ok(PathAndQuery::try_from(format!("{path}{}", self.query))?)
    }

    /// The target in a request line to a forwarding proxy.
    pub(super) fn absolute(&self) -> Result<Uri, http::Error> {
        let scheme = if self.tls {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        };
        Uri::builder()
            .scheme(scheme)
            .authority(self.authority.clone())
            .path_and_query(self.path_and_query()?)
            .build()
    }

    fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority, self.path)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

pub(super) fn is_loopback(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => {
            v6.is_loopback() || v6.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
    }
}

fn is_host_name(host: &str) -> bool {
    host.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// What is percent-encoded: everything but the unreserved characters of RFC 3986, 2.3.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

fn percent_encode(text: &str, into: &mut String) {
    into.extend(utf8_percent_encode(text, ENCODED));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_base_url_is_read_the_same_with_and_without_its_slash() {
        for url in [
            "https://cloud.langfuse.com",
            "HTTPS://Cloud.Langfuse.com:443//",
        ] {
            let endpoint = Endpoint::parse(url).unwrap();
            assert_eq!(endpoint.to_string(), "https://cloud.langfuse.com");
            assert_eq!(
                (endpoint.host(), endpoint.port()),
                ("cloud.langfuse.com", 443)
            );
            assert_eq!(endpoint.path_and_query().unwrap().as_str(), "/");
        }
    }

    #[test]
    fn segments_are_joined_and_cannot_break_out() {
        let base = Endpoint::parse("http://[::1]:3000/langfuse/").unwrap();
        let joined = base.join(&["api", "a/b?c#d e\r\nü"]).unwrap();
        assert_eq!(
            joined.to_string(),
            "http://[::1]:3000/langfuse/api/a%2Fb%3Fc%23d%20e%0D%0A%C3%BC"
        );
        assert_eq!(
            (joined.host(), joined.origin().as_str()),
            ("::1", "http://[::1]:3000")
        );
        for segment in ["", ".", ".."] {
            assert_eq!(base.join(&["api", segment]), Err(EndpointError::Segment));
        }
    }

    #[test]
    fn a_presigned_url_keeps_its_query_and_never_shows_it() {
        let url = "https://s3.example.com/b/k%2F1?X-Amz-Signature=CANARY";
        let endpoint = Endpoint::parse_presigned(url).unwrap();
        assert_eq!(endpoint.absolute().unwrap().to_string(), url);
        assert!(!format!("{endpoint} {endpoint:?}").contains("CANARY"));
        assert_eq!(Endpoint::parse(url), Err(EndpointError::Query));
    }

    #[test]
    fn a_query_is_encoded() {
        let endpoint = Endpoint::parse("http://localhost/x")
            .unwrap()
            .query(&[("a", "1&b=2"), ("c", "")]);
        assert_eq!(
            endpoint.path_and_query().unwrap().as_str(),
            "/x?a=1%26b%3D2&c="
        );
    }

    #[test]
    fn a_url_that_cannot_be_used_is_refused_without_being_repeated() {
        for (url, expected) in [
            ("https://user:CANARY@host", EndpointError::Userinfo),
            ("https://CANARY@host/path", EndpointError::Userinfo),
            ("https://user:CAN ARY@host", EndpointError::Malformed),
            ("https://user:CANARY@", EndpointError::Malformed),
            ("cloud.langfuse.com", EndpointError::NoScheme),
            ("localhost:3000", EndpointError::NoScheme),
            ("", EndpointError::Malformed),
            ("/CANARY", EndpointError::NoScheme),
            ("ftp://CANARY", EndpointError::Scheme),
            ("https://host/#CANARY", EndpointError::Fragment),
            ("https://host/?", EndpointError::Query),
            ("https://host:99999", EndpointError::Port),
            ("https://[CANARY]/", EndpointError::Host),
            ("https://größe.example", EndpointError::Malformed),
            ("https://host\r\nx: CANARY", EndpointError::Malformed),
        ] {
            let error = Endpoint::parse(url).unwrap_err();
            assert!(!error.to_string().contains("CANARY"), "{url}: {error}");
            // `http::Uri` may call a broken host malformed; either way it is refused.
            assert!(
                error == expected || error == EndpointError::Malformed,
                "{url}: {error:?}"
            );
        }
        assert_eq!(
            Endpoint::parse("https://u:p@host"),
            Err(EndpointError::Userinfo)
        );
    }

    #[test]
    fn only_the_spellings_of_this_machine_are_loopback() {
        for host in [
            "127.0.0.1",
            "127.8.9.10",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "localhost",
            "LOCALHOST",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "localhost:3000",
            "127.0.0.1:80",
        ] {
            assert!(
                Endpoint::parse(&format!("http://{host}"))
                    .unwrap()
                    .is_loopback(),
                "{host}"
            );
        }
        for host in [
            "localhost.evil.com",
            "127.0.0.1.nip.io",
            "localhost.",
            "notlocalhost",
            "localhost-",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "0.0.0.0",
            "[::]",
            "10.0.0.1",
            "[::ffff:10.0.0.1]",
            "[::127.0.0.1]",
            "169.254.1.1",
            "128.0.0.1",
            "localhost.localdomain",
        ] {
            assert!(
                !Endpoint::parse(&format!("http://{host}"))
                    .unwrap()
                    .is_loopback(),
                "{host}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_userinfo_never_passes(url in ".*", user in "[a-z]{1,8}") {
            let _ = Endpoint::parse(&url);
            let with_user = format!("https://{user}@{url}");
            prop_assert!(Endpoint::parse(&with_user).is_err());
        }

        #[test]
        fn any_segment_stays_one_segment(segment in ".+") {
            let base = Endpoint::parse("https://host/base").unwrap();
            if let Ok(joined) = base.join(&[&segment]) {
                prop_assert_eq!(joined.path.matches('/').count(), 2);
                prop_assert!(joined.path_and_query().unwrap().query().is_none());
            }
        }
    }
}
