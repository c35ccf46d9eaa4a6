//! Sends a batch in one request and says what the answer means, by the rules of the OTLP specification.
//! Called by delivery. `mapping` encodes the spans, `tracefuse-http` sends the request.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tracefuse_exporter::record::Record;
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, Rejection};

use crate::config::{Conventions, OtlpConfig, OtlpConfigError};
use crate::verdict::{compression_refused, refusal, unanswered};
use crate::{mapping, partial, size};
use tracefuse_http::{
    Answer, AnswerClass, Endpoint, Headers, HttpClient, HttpRequest, Secret, sanitize_server_text,
};

/// The fastest level: on a service's machine CPU costs more than bandwidth.
const GZIP_LEVEL: u32 = 1;

/// What is reserved for a span beside its own bytes: names of attributes and what it has of its trace.
const SPAN_BYTES: usize = 320;

/// Delivers to any OpenTelemetry backend by OTLP over HTTP with protobuf.
pub struct OtlpExporter {
    client: HttpClient,
    request: HttpRequest,
    secrets: Vec<Secret>,
    conventions: Conventions,
    /// Whether requests are compressed. Switched off when the receiver refuses it.
    gzip: AtomicBool,
}

impl OtlpExporter {
    /// An exporter for these settings.
    ///
    /// # Errors
    /// If address, headers or certificate file cannot be used.
    pub fn new(config: OtlpConfig) -> Result<Self, OtlpConfigError> {
        let wrong = OtlpConfigError::new;
        let checked = config.http.check();
        checked.map_err(|error| wrong(error.setting(), error.to_string()))?;
        // An address for traces is used as it is, a slash at its end included; with a query it is refused.
        let parse = match config.endpoint.contains('?') {
            true => Endpoint::parse,
            false => Endpoint::parse_presigned,
        };
        let endpoint = parse(&config.endpoint)
            .map_err(|error| wrong("endpoint", format!("the OTLP endpoint: {error}")))?;
        let mut headers = Headers::new();
        for (name, value) in &config.headers {
            // Most headers are credentials, under any name.
            let inserted = headers.insert_secret(name, &Secret::new(value.clone()));
            inserted.map_err(|error| wrong("headers", error.to_string()))?;
        }
        let with_headers = !config.headers.is_empty();
        let client = HttpClient::new(&config.http)
            .map_err(|error| wrong(error.setting(), format!("{error:?}")))?;
        if with_headers {
            let checked = client.check_credentials_for(&endpoint);
            checked.map_err(|error| wrong("endpoint", format!("the OTLP endpoint: {error}")))?;
        }
        let request = HttpRequest::post(endpoint).headers(headers);
        let secrets = config
            .headers
            .into_iter()
            .flat_map(|(_, value)| secrets(&value))
            .collect();
        Ok(Self {
            client,
            request,
            secrets,
            conventions: config.conventions,
            gzip: AtomicBool::new(config.gzip),
        })
    }

    fn judge(&self, answer: &Answer, batch: &Batch) -> Result<ExportReport, ExportError> {
        let secrets: Vec<&Secret> = self.secrets.iter().collect();
        if answer.class() != AnswerClass::Success {
            if let Some(error) = compression_refused(answer, &self.gzip) {
                return Err(error);
            }
            return Err(refusal(answer, &secrets, "check endpoint and headers"));
        }
        let refused = partial::read(answer.body());
        let spans = batch.spans().count();
        let rejected = usize::try_from(refused.spans)
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

/// Texts of a header's value that are removed from what a server answers, in case it repeats our headers: the value, and
/// what follows its scheme (`Bearer ..`). Short values are no secrets, and removing them would make the answer unreadable.
fn secrets(value: &str) -> Vec<Secret> {
    let credentials = value.split_once(' ').map(|(_, credentials)| credentials);
    [Some(value), credentials]
        .into_iter()
        .flatten()
        .map(str::trim)
        .filter(|secret| secret.len() >= 8)
        .map(Secret::new)
        .collect()
}

#[async_trait]
impl Exporter for OtlpExporter {
    fn name(&self) -> &str {
        "otlp"
    }

    fn destination(&self) -> Option<String> {
        Some(self.request.endpoint().to_string())
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
        let capacity = batch
            .records()
            .iter()
            .map(|record| record.size() + SPAN_BYTES)
            .sum();
        let body = mapping::encode(batch, self.conventions, capacity);
        let request = self.request.clone().body("application/x-protobuf", body);
        let request = if self.gzip.load(Ordering::Relaxed) {
            request.gzip(GZIP_LEVEL)
        } else {
            request
        };
        match self.client.send(&request).await {
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
            .field("endpoint", self.request.endpoint())
            .field("conventions", &self.conventions)
            .field("gzip", &self.gzip)
            .finish_non_exhaustive()
    }
}
