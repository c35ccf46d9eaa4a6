//! The long part of an observation, which is not in its row: read for one observation at a time.
//! Written by `take`, kept compressed by `store`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Input, output and everything else that is long.
///
/// Texts are as they were sent: JSON is JSON text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Bodies {
    /// What went in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// What came out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Metadata by key; a text that is JSON is shown as the value that it contains.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Value>,
    /// Parameters of the model call, such as `temperature`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Value>,
    /// Events of the span, by time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<SpanEvent>,
    /// Errors that were recorded, by time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<SpanError>,
    /// Spans that this one links to, as `{trace_id, span_id, ..attributes}`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Value>,
    /// Attributes of the resource, and the scope under `otel.scope.name` and `otel.scope.version`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub resource: BTreeMap<String, Value>,
}

/// Something that happened during a span.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SpanEvent {
    /// What it is called.
    pub name: String,
    /// Nanoseconds since 1970.
    pub time_ns: i64,
    /// Its attributes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, Value>,
}

/// An error that was recorded on a span.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SpanError {
    /// The type of the error.
    pub kind: String,
    /// Its message.
    pub message: String,
    /// What caused it, one cause a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<String>,
    /// The stack trace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stacktrace: Option<String>,
    /// Nanoseconds since 1970.
    pub time_ns: i64,
}

impl Bodies {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.input.is_none()
            && self.output.is_none()
            && self.metadata.is_empty()
            && self.parameters.is_empty()
            && self.events.is_empty()
            && self.errors.is_empty()
            && self.links.is_empty()
    }
}
