//! Request headers. Each is checked when it is set, so that a value cannot add another header.
//! Filled by configuration and exporters, read by `client`. Knows no connection.

use std::fmt;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::header_error::HeaderError;
use super::secret::Secret;

/// The headers of a request, each checked when it is set: no line break, no control character, and
/// none of the headers that belong to the client.
///
/// `Debug` shows names only. Values of headers that carry credentials are marked sensitive.
///
/// ```
/// use tracefuse_http::{Headers, Secret};
///
/// let mut headers = Headers::new();
/// headers.insert("x-tenant", "blue").unwrap();
/// headers.insert_secret("authorization", &Secret::new("Bearer abc")).unwrap();
/// assert!(headers.has_credentials());
/// ```
#[derive(Clone, Default)]
pub struct Headers(HeaderMap);

impl Headers {
    /// No headers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `name` to `value`, in place of an earlier value. If the name is that of a credential (`authorization`,
    /// `api-key`, `token`, ..), the value is marked as sensitive.
    ///
    /// # Errors
    /// When the name is no header name, belongs to the client, or the value holds a line break,
    /// another control character or anything outside ASCII. The message names the header and never
    /// its value.
    pub fn insert(&mut self, name: &str, value: &str) -> Result<(), HeaderError> {
        let credential = CREDENTIAL_WORDS.iter().any(|word| {
            name.as_bytes()
                .windows(word.len())
                .any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
        });
        self.set(name, value, credential)
    }

    /// Sets `name` to a credential: never shown, and never sent in clear text to another machine.
    ///
    /// # Errors
    /// As [`Headers::insert`].
    pub fn insert_secret(&mut self, name: &str, value: &Secret) -> Result<(), HeaderError> {
        self.set(name, value.expose(), true)
    }

    /// Whether one of the values is a credential.
    #[must_use]
    pub fn has_credentials(&self) -> bool {
        self.0.values().any(HeaderValue::is_sensitive)
    }

    /// The names that are set, in lower case, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(HeaderName::as_str)
    }

    pub(super) fn map(&self) -> &HeaderMap {
        &self.0
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    fn set(&mut self, name: &str, value: &str, credential: bool) -> Result<(), HeaderError> {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeaderError::Name)?;
        if OURS.contains(&name) {
            return Err(HeaderError::Reserved(name.as_str().to_owned()));
        }
        let mut value = value
            .parse::<HeaderValue>()
            .map_err(|_| HeaderError::Value(name.as_str().to_owned()))?;
        value.set_sensitive(credential);
        self.0.insert(name, value);
        Ok(())
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Headers ")?;
        f.debug_set()
            .entries(self.0.keys().map(HeaderName::as_str))
            .finish()
    }
}

/// Framing, hop-by-hop and negotiation headers: a configured value could split a request, or ask for an answer in a
/// form that the client does not read.
const OURS: [HeaderName; 13] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::ACCEPT_ENCODING,
    header::EXPECT,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("keep-alive"),
];

const CREDENTIAL_WORDS: [&str; 8] = [
    "authorization",
    "auth-",
    "api-key",
    "apikey",
    "token",
    "secret",
    "password",
    "cookie",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_that_could_split_a_request_is_refused_without_its_value() {
        for value in [
            "a\r\nx: CANARY",
            "a\nCANARY",
            "CANARY\r",
            "CANARY\0",
            "\u{7f}CANARY",
        ] {
            let error = Headers::new().insert("x-release", value).unwrap_err();
            assert_eq!(error, HeaderError::Value("x-release".to_owned()));
            assert!(!format!("{error} {error:?}").contains("CANARY"));
        }
        for name in ["", "a b", "a:b", "a\r\nb", "ü"] {
            assert_eq!(Headers::new().insert(name, "1"), Err(HeaderError::Name));
        }
    }

    #[test]
    fn headers_of_the_client_are_refused() {
        for name in [
            "Host",
            "content-length",
            "Transfer-Encoding",
            "Accept-Encoding",
        ] {
            let refused = Err(HeaderError::Reserved(name.to_ascii_lowercase()));
            assert_eq!(Headers::new().insert(name, "1"), refused);
        }
    }

    #[test]
    fn names_of_credentials_make_their_values_credentials() {
        for (name, expected) in [
            ("Authorization", true),
            ("X-Api-Key", true),
            ("x-honeycomb-team-token", true),
            ("cookie", true),
            ("x-langfuse-public-key", false),
            ("x-release", false),
        ] {
            let mut headers = Headers::new();
            headers.insert(name, "value").unwrap();
            assert_eq!(headers.has_credentials(), expected, "{name}");
        }
        let mut headers = Headers::new();
        headers
            .insert_secret("x-team", &Secret::new("value"))
            .unwrap();
        assert!(headers.has_credentials());
    }

    #[test]
    fn debug_shows_names_only() {
        let mut headers = Headers::new();
        headers.insert("x-release", "CANARY").unwrap();
        assert_eq!(format!("{headers:?}"), r#"Headers {"x-release"}"#);
    }

    proptest! {
        #[test]
        fn no_value_with_a_control_character_gets_in(
            before in "[ -~]{0,8}", bad in "[\\x00-\\x08\\x0a-\\x1f\\x7f]", after in "[ -~]{0,8}",
        ) {
            let value = format!("{before}{bad}{after}");
            prop_assert!(Headers::new().insert("x-a", &value).is_err());
            prop_assert!(Headers::new().insert_secret("x-a", &Secret::new(value)).is_err());
        }

        #[test]
        fn any_name_and_value_are_taken_or_refused(name in ".*", value in ".*") {
            let mut headers = Headers::new();
            if headers.insert(&name, &value).is_ok() {
                prop_assert!(!value.contains(['\r', '\n']));
            }
        }
    }
}
