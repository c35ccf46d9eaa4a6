//! A request: checked headers and a body that can be sent again byte for byte.
//! Built by exporters; sent by `client`.

use std::fmt;
use std::io::Write as _;

use base64::Engine as _;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::endpoint::Endpoint;
use super::secret::Secret;

/// One request. Cheap to clone: clones share the body.
#[derive(Clone)]
#[must_use = "a request is sent by `HttpClient::send`"]
pub struct HttpRequest {
    pub(crate) method: Method,
    pub(crate) endpoint: Endpoint,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl HttpRequest {
    fn new(method: Method, endpoint: Endpoint) -> Self {
        Self {
            method,
            endpoint,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// A GET.
    pub fn get(endpoint: Endpoint) -> Self {
        Self::new(Method::GET, endpoint)
    }

    /// A POST.
    pub fn post(endpoint: Endpoint) -> Self {
        Self::new(Method::POST, endpoint)
    }

    /// A PUT.
    pub fn put(endpoint: Endpoint) -> Self {
        Self::new(Method::PUT, endpoint)
    }

    /// A PATCH.
    pub fn patch(endpoint: Endpoint) -> Self {
        Self::new(Method::PATCH, endpoint)
    }

    /// Sets a header.
    ///
    /// # Errors
    /// If name or value have characters that cannot stand in a header, such as a line break.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, HeaderError> {
        let error = |part| HeaderError {
            name: name.to_owned(),
            part,
        };
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| error("name"))?;
        self.headers.insert(
            parsed,
            HeaderValue::from_str(value).map_err(|_| error("value"))?,
        );
        Ok(self)
    }

    /// Sets Basic authorization (RFC 7617), marked so that no log of ours or of the client's shows it.
    ///
    /// # Errors
    /// Never in practice: base64 text always fits a header.
    pub fn basic_auth(mut self, user: &str, password: &Secret) -> Result<Self, HeaderError> {
        let text = base64::engine::general_purpose::STANDARD
            .encode(format!("{user}:{}", password.expose()));
        let value = HeaderValue::from_str(&format!("Basic {text}"));
        let mut value = value.map_err(|_| HeaderError {
            name: "authorization".into(),
            part: "value",
        })?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>, content_type: &'static str) -> Self {
        self.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = body.into();
        self
    }

    /// Compresses the body now, with gzip's fastest level: on a service's machine CPU is dearer than bandwidth.
    pub fn gzip(mut self) -> Self {
        let mut encoder = flate2::write::GzEncoder::new(
            Vec::with_capacity(self.body.len() / 4),
            flate2::Compression::fast(),
        );
        // Writing to memory does not fail; if it did, the plain body would still be right.
        if encoder.write_all(&self.body).is_ok()
            && let Ok(compressed) = encoder.finish()
        {
            self.body = compressed.into();
            self.headers
                .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        self
    }
}

/// Method and address only: headers hold credentials, the body prompts.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "HttpRequest({} {:?}, {} bytes)",
            self.method,
            self.endpoint,
            self.body.len()
        )
    }
}

/// A header that cannot be sent. Names it and does not repeat its value.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeaderError {
    name: String,
    part: &'static str,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, part } = self;
        write!(
            f,
            "the {part} of header {name:?} has characters that cannot stand in a header, such as a line break"
        )
    }
}

impl std::error::Error for HeaderError {}
