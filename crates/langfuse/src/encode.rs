//! The bodies of requests to a Langfuse server, without sending them. [`LangfuseExporter`](crate::LangfuseExporter) sends
//! the same. For programs that bring records to a server by other means, as `tracefuse import` does.

use tracefuse_exporter::record::{Resource, ScoreRecord, SpanRecord};

use crate::{mapping, score as scores};

/// The body of `POST /api/public/otel/v1/traces`: OTLP in protobuf, with Langfuse's attributes. Media stay in the inputs and
/// outputs, as data URIs.
///
/// ```
/// use tracefuse_exporter::record::Resource;
///
/// let body = tracefuse_langfuse::encode::spans(&Resource::default(), &[]);
/// assert!(!body.is_empty()); // a resource without spans
/// ```
pub fn spans(resource: &Resource, spans: &[SpanRecord]) -> Vec<u8> {
    mapping::encode(resource, spans.iter())
}

/// The body of `POST /api/public/scores`: a JSON object.
///
/// # Errors
/// No server can take the score, such as one that is not a number; says why.
pub fn score(resource: &Resource, score: &ScoreRecord) -> Result<String, String> {
    scores::body(score, resource)
}
