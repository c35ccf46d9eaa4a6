//! What a request asks for, in whichever form its body is.
//! Filled by `request` and `form`, recorded by `call`.

use serde_json::{Value, json};

/// What a request asks for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Asked {
    pub(crate) model: Option<String>,
    pub(crate) parameters: Vec<(String, Value)>,
    pub(crate) input: Option<Value>,
    /// The response is to be streamed.
    pub(crate) stream: bool,
}

/// What is known of a body without reading it.
pub(crate) fn summary(content_type: &str, bytes: u64) -> Value {
    json!({ "content_type": content_type, "bytes": bytes })
}

/// `multipart/form-data; boundary=..` without what is after the first `;`.
pub(crate) fn media_type(content_type: &str) -> &str {
    let kind = content_type.split(';').next().unwrap_or_default();
    kind.trim()
}
