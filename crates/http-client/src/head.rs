//! The head of a request: method, address and headers, without its body.
//! Made by `reqwest` and `tower`; read by `model_calls`.

use http::{HeaderMap, Method, header};

use crate::asked::media_type;
use crate::target::Target;

/// The head of a request.
pub(crate) struct Head<'a> {
    pub(crate) method: &'a Method,
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    /// User and password of the address.
    pub(crate) user: [&'a str; 2],
    pub(crate) headers: &'a HeaderMap,
}

impl Head<'_> {
    pub(crate) fn target(&self) -> Target<'_> {
        Target {
            host: self.host,
            port: self.port,
            path: self.path,
            headers: self.headers,
        }
    }
}

/// The type of a body that can be read; empty if it is compressed.
pub(crate) fn content_type(headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if text(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return String::new();
    }
    let kind = text(header::CONTENT_TYPE).unwrap_or("application/json");
    match media_type(kind) {
        // Its boundary is not needed.
        "" => "application/json".to_owned(),
        kind => kind.to_ascii_lowercase(),
    }
}
