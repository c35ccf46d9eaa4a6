//! A request of OTLP, whichever encoding it came in.
//! Made by `protobuf` and `json`, read by `span`.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tracefuse_semconv::Value;

pub(crate) type Attributes = Vec<(String, Value<'static>)>;

/// The spans of one resource and scope.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) resource: BTreeMap<String, Json>,
    pub(crate) scope: Option<String>,
    pub(crate) scope_version: Option<String>,
    pub(crate) scope_attributes: BTreeMap<String, Json>,
    pub(crate) spans: Vec<WireSpan>,
    /// Why spans are left out that cannot be read.
    pub(crate) unread: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct WireSpan {
    /// Lower-case hex, or what a sender wrote in its place.
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) parent_id: Option<String>,
    pub(crate) name: String,
    /// Nanoseconds since 1970; `None` where they are not given.
    pub(crate) start_ns: Option<i64>,
    pub(crate) end_ns: Option<i64>,
    pub(crate) attributes: Attributes,
    pub(crate) events: Vec<WireEvent>,
    pub(crate) links: Vec<Json>,
    /// 1 is ok, 2 an error.
    pub(crate) status: i64,
    pub(crate) status_message: String,
    /// What a Langfuse server does otherwise.
    pub(crate) notes: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct WireEvent {
    pub(crate) name: String,
    pub(crate) time_ns: i64,
    pub(crate) attributes: Attributes,
}

/// Attributes as JSON, by name.
pub(crate) fn as_json(attributes: Attributes) -> BTreeMap<String, Json> {
    let attributes = attributes.into_iter();
    attributes
        .map(|(name, value)| (name, serde_json::to_value(value).unwrap_or_default()))
        .collect()
}

/// Lower-case hex; empty for an id of zeros, which is none.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    if bytes.iter().all(|byte| *byte == 0) {
        return String::new();
    }
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
