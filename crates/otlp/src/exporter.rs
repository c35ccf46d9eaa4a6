//! Sends a batch in one request and says what the answer means, by the rules of the OTLP specification.
//! Called by delivery. `mapping` encodes the spans, `transport` sends the request.

use std::fmt;

use async_trait::async_trait;
use tracefuse_exporter::record::Record;
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, Rejection};
use tracefuse_http::{Answer, AnswerClass, SettingError, sanitize_server_text};

use crate::config::{Conventions, OtlpConfig};
use crate::partial::partial_success;
use crate::transport::OtlpSender;
use crate::verdict::{refusal, unanswered};
use crate::{mapping, size};

/// What is reserved for a span beside its own bytes: names of attributes and what it has of its trace.
const SPAN_BYTES: usize = 320;

/// Delivers to any OpenTelemetry backend by OTLP over HTTP with protobuf.
pub struct OtlpExporter {
    sender: OtlpSender,
    conventions: Conventions,
}

impl OtlpExporter {
    /// An exporter for these settings.
    ///
    /// # Errors
    /// If address, headers or certificate file cannot be used.
    pub fn new(config: OtlpConfig) -> Result<Self, SettingError> {
        Ok(Self {
            sender: OtlpSender::new(config.transport)?,
            conventions: config.conventions,
        })
    }

    fn judge(&self, answer: &Answer, batch: &Batch) -> Result<ExportReport, ExportError> {
        let secrets = self.sender.secrets();
        if answer.class() != AnswerClass::Success {
            if let Some(error) = self.sender.compression_refused(answer) {
                return Err(error);
            }
            return Err(refusal(answer, &secrets, "check endpoint and headers"));
        }
        let refused = partial_success(answer.body());
        let spans = batch.spans().count();
        let rejected = usize::try_from(refused.rejected)
            .unwrap_or(usize::MAX)
            .min(spans);
        let reason = sanitize_server_text(&refused.message, &secrets);
        let report = ExportReport::accepted(spans - rejected);
        Ok((0..rejected).fold(report, |report, _| {
            report.with_rejection(Rejection::unknown(reason.clone()))
        }))
    }
}

/// Adds a rejection for each score of the batch: OTLP has no scores.
fn no_scores(report: ExportReport, batch: &Batch) -> ExportReport {
    let scores = batch.records().iter().enumerate();
    scores
        .filter(|(_, record)| record.as_score().is_some())
        .fold(report, |report, (index, _)| {
            let reason = "OTLP has no scores: send them to a Langfuse server";
            report.with_rejection(Rejection::at(index, reason))
        })
}

/// About how many bytes a batch has encoded.
fn expected(batch: &Batch) -> usize {
    let records = batch.records().iter();
    records.map(|record| record.size() + SPAN_BYTES).sum()
}

#[async_trait]
impl Exporter for OtlpExporter {
    fn name(&self) -> &str {
        "otlp"
    }

    fn destination(&self) -> Option<String> {
        Some(self.sender.endpoint().to_string())
    }

    fn size_hint(&self, record: &Record) -> usize {
        record.as_span().map_or_else(
            || record.size(),
            |span| size::size_hint(span, self.conventions),
        )
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        // Delivery sends scores apart from spans.
        if batch.scores().next().is_some() && batch.spans().next().is_none() {
            return Ok(no_scores(ExportReport::default(), batch));
        }
        let body = mapping::encode(batch, self.conventions, expected(batch));
        match self.sender.send(body).await {
            Ok(answer) => self
                .judge(&answer, batch)
                .map(|report| no_scores(report, batch)),
            Err(error) => Err(unanswered(error)),
        }
    }
}

impl fmt::Debug for OtlpExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpExporter")
            .field("sender", &self.sender)
            .field("conventions", &self.conventions)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tracefuse_core::testing::Recorder;
    use tracefuse_exporter::record::Resource;

    use super::*;

    #[test]
    fn the_expected_size_of_a_batch_is_near_its_size() {
        for (spans, input) in [(1, 0), (20, 0), (20, 2_000)] {
            let recorder = Recorder::new();
            let tracer = recorder.tracer();
            for _ in 0..spans {
                let trace = tracer.trace("root").user_id("u").input("x".repeat(input));
                trace.run(|_| {});
            }
            let batch = Batch::new(Arc::new(Resource::default()), recorder.take());
            let expected = expected(&batch);
            let size = mapping::encode(&batch, Conventions::default(), expected).len();
            assert!(
                expected >= size / 2 && expected <= size * 3,
                "{expected} {size}"
            );
        }
    }
}
