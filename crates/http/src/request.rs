//! A request to a server. Made by exporters, sent by `client`, as often as needed: sending
//! a request does not use it up, and a second attempt is the same bytes as the first.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};

use super::compress::gzip;
use super::endpoint::Endpoint;
use super::headers::Headers;
use super::ranges::TIMEOUT_RANGE;

/// One request. `Clone` shares the body.
///
/// `Debug` shows method, endpoint, header names and the body's length.
///
/// ```
/// use tracefuse_http::{Endpoint, HttpRequest};
///
/// let endpoint = Endpoint::parse("http://localhost:4318/v1/traces").unwrap();
/// let request = HttpRequest::post(endpoint).body("application/x-protobuf", vec![0; 4]);
/// assert_eq!(request.body_bytes(), 4);
/// ```
#[derive(Clone)]
#[must_use = "a request does nothing until a client sends it"]
pub struct HttpRequest {
    pub(super) method: Method,
    pub(super) endpoint: Endpoint,
    pub(super) headers: Headers,
    pub(super) content_type: Option<&'static str>,
    pub(super) gzipped: bool,
    pub(super) body: Bytes,
    pub(super) timeout: Option<Duration>,
    pub(super) max_answer_bytes: usize,
}

impl HttpRequest {
    /// `GET`.
    pub fn get(endpoint: Endpoint) -> Self {
        Self::new(Method::GET, endpoint)
    }

    /// `POST`.
    pub fn post(endpoint: Endpoint) -> Self {
        Self::new(Method::POST, endpoint)
    }

    /// `PUT`.
    pub fn put(endpoint: Endpoint) -> Self {
        Self::new(Method::PUT, endpoint)
    }

    /// `PATCH`.
    pub fn patch(endpoint: Endpoint) -> Self {
        Self::new(Method::PATCH, endpoint)
    }

    fn new(method: Method, endpoint: Endpoint) -> Self {
        Self {
            method,
            endpoint,
            headers: Headers::new(),
            content_type: None,
            gzipped: false,
            body: Bytes::new(),
            timeout: None,
            max_answer_bytes: ANSWER_BYTES,
        }
    }

    /// Adds `headers`, in place of earlier ones of the same name.
    pub fn headers(mut self, headers: Headers) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Sets the body, not compressed, and its content type. A `content-type` among the headers wins.
    pub fn body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.content_type = Some(content_type);
        self.body = body.into();
        self.gzipped = false;
        self
    }

    /// Compresses the body now, at `level` 1 (fast) to 9 (small), once for all attempts. A body
    /// under 1 KiB, one that would not shrink and one that is compressed already stay as they are.
    pub fn gzip(mut self, level: u32) -> Self {
        if !self.gzipped
            && self.body.len() >= WORTH_COMPRESSING_BYTES
            && let Some(compressed) = gzip(&self.body, level)
        {
            self.body = compressed;
            self.gzipped = true;
        }
        self
    }

    /// The time this request's attempt may take, in place of the client's. A time outside of
    /// [`TIMEOUT_RANGE`](crate::TIMEOUT_RANGE) is replaced by the nearest one in it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout.clamp(*TIMEOUT_RANGE.start(), *TIMEOUT_RANGE.end()));
        self
    }

    /// The most bytes that are read of the answer's body; 1 MiB by default. A larger answer is
    /// [`HttpErrorKind::BodyTooLarge`](crate::HttpErrorKind::BodyTooLarge).
    pub fn max_answer_bytes(mut self, bytes: usize) -> Self {
        self.max_answer_bytes = bytes;
        self
    }

    /// The bytes the body has on the wire.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.body.len()
    }

    /// Where it goes.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(super) fn header_map(&self) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.headers.map().len() + 6);
        if let Some(content_type) = self.content_type
            && let Ok(value) = HeaderValue::from_str(content_type)
        {
            map.insert(CONTENT_TYPE, value);
        }
        if self.gzipped {
            map.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        for (name, value) in self.headers.map() {
            map.insert(name, value.clone());
        }
        map
    }
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpRequest")
            .field("method", &self.method)
            .field("endpoint", &self.endpoint)
            .field("headers", &self.headers)
            .field("gzipped", &self.gzipped)
            .field("body_bytes", &self.body.len())
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// What is read of an answer's body, unless the request says otherwise.
const ANSWER_BYTES: usize = 1024 * 1024;

/// Under a packet's size compression saves nothing but costs both sides.
const WORTH_COMPRESSING_BYTES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_becomes_the_nearest_in_its_range() {
        let endpoint = Endpoint::parse("https://example.com").unwrap();
        for (given, used) in [
            (Duration::ZERO, Duration::from_millis(1)),
            (Duration::from_secs(7), Duration::from_secs(7)),
            (Duration::MAX, Duration::from_secs(3600)),
        ] {
            let request = HttpRequest::get(endpoint.clone()).timeout(given);
            assert_eq!(request.timeout, Some(used));
        }
    }
}
