//! Why a header is refused. Names the header, never its value.
//! Made by `headers`; part of the errors of configuration.

use std::fmt;

/// Why a header was refused. Names the header, never its value.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// The name is not a valid header name. It is not repeated: it may be a secret in the wrong place.
    Name,
    /// The client sets this header itself.
    Reserved(String),
    /// The value of this header holds a line break, another control character or anything outside
    /// ASCII.
    Value(String),
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str(
                "a header's name is not valid: expected letters, digits and dashes, and no spaces",
            ),
            Self::Reserved(name) => write!(f, "the header {name} is set by the client itself"),
            Self::Value(name) => write!(
                f,
                "the value of the header {name} holds a line break, another control character or a \
                 character outside ASCII"
            ),
        }
    }
}

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for HeaderError {}
