//! Why an address is refused: what is wrong with it, and what is expected. Repeats no part of it that may be a secret.
//! Made by `endpoint`.

use std::fmt;

/// Why a URL was refused. Says what is wrong without repeating the URL.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// Not an absolute URL.
    Malformed,
    /// No `http://` or `https://` at the beginning.
    NoScheme,
    /// A scheme other than `http` and `https`.
    Scheme,
    /// A user name or password before the host.
    Userinfo,
    /// No host, or one that is neither a name nor an address.
    Host,
    /// A port that is no number from 0 to 65535.
    Port,
    /// A query, where a base URL is expected.
    Query,
    /// A fragment.
    Fragment,
    /// A path segment that is empty, `.` or `..`.
    Segment,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "the URL is not valid: expected the form https://host[:port][/path] (http:// for a \
                 server on this machine), in ASCII and without spaces"
            }
            Self::NoScheme => {
                "the URL does not begin with http:// or https://: add https://, or add http:// for \
                 a server on this machine"
            }
            Self::Scheme => "the URL's scheme is neither http nor https",
            Self::Userinfo => {
                "the URL holds a user name or password before its host: \
                 take it out and use the settings for keys"
            }
            Self::Host => "the URL's host is neither a host name nor an IP address",
            Self::Port => "the URL's port is not a number from 0 to 65535",
            Self::Query => "the URL has a query ('?'): a base URL ends with its path",
            Self::Fragment => "the URL has a fragment ('#'): a base URL ends with its path",
            Self::Segment => "a part of the path is empty, '.' or '..'",
        })
    }
}

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for EndpointError {}
