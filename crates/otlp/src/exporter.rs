//! One batch, one request, one verdict on it, as the OTLP specification says.
//! Called by delivery; `mapping` makes the bytes, `http` sends them.

use std::fmt;

use async_trait::async_trait;
use tracefuse_exporter::record::Record;
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, Rejection};

use crate::config::{OtlpConfig, OtlpConfigError};
use crate::http::{Answer, AnswerClass, Endpoint, HttpClient, HttpRequest, Secret, sanitize};
use crate::{mapping, partial};

/// Delivers to any OpenTelemetry backend by OTLP over HTTP with protobuf.
pub struct OtlpExporter {
    client: HttpClient,
    request: HttpRequest,
    secrets: Vec<Secret>,
    gzip: bool,
}

impl OtlpExporter {
    /// An exporter for these settings.
    ///
    /// # Errors
    /// If address, headers or certificate file cannot be used.
    pub fn new(config: OtlpConfig) -> Result<Self, OtlpConfigError> {
        let endpoint = Endpoint::parse(&config.endpoint, config.http.allow_plaintext_http)
            .map_err(|error| OtlpConfigError::new(format!("the OTLP endpoint: {error}")))?;
        let mut request = HttpRequest::post(endpoint);
        for (name, value) in &config.headers {
            request = request
                .header(name, value)
                .map_err(|error| OtlpConfigError::new(error.to_string()))?;
        }
        let client = HttpClient::new(config.http)
            .map_err(|error| OtlpConfigError::new(error.to_string()))?;
        let secrets = config
            .headers
            .iter()
            .flat_map(|(_, value)| secrets(value))
            .collect();
        Ok(Self {
            client,
            request,
            secrets,
            gzip: config.gzip,
        })
    }

    fn judge(&self, answer: &Answer, batch: &Batch) -> Result<ExportReport, ExportError> {
        let status = answer.status;
        let secrets: Vec<&Secret> = self.secrets.iter().collect();
        let words = || sanitize(&answer.text(), &secrets);
        Err(match answer.class() {
            AnswerClass::Success if answer.is_html() => ExportError::retry(format!(
                "status {status} with a web page: something else than the OpenTelemetry backend answered"
            )),
            AnswerClass::Success => {
                let refused = partial::read(&answer.body);
                let rejected = usize::try_from(refused.spans)
                    .unwrap_or(usize::MAX)
                    .min(batch.len());
                let reason = sanitize(&refused.message, &secrets);
                let report = ExportReport::accepted(batch.len() - rejected);
                return Ok((0..rejected).fold(report, |report, _| {
                    report.with_rejection(Rejection::unknown(reason.clone()))
                }));
            }
            AnswerClass::RateLimited => {
                ExportError::pause(answer.retry_after, "status 429: too many requests")
            }
            AnswerClass::TooLarge => ExportError::split("status 413: the request is too large"),
            AnswerClass::Invalid => ExportError::reject(format!("status {status}: {}", words())),
            AnswerClass::Refused => ExportError::stop(format!(
                "status {status}: {} (check endpoint and headers)",
                words()
            )),
            AnswerClass::Retry => {
                let error = ExportError::retry(format!("status {status}: {}", words()))
                    .with_maybe_delivered(true);
                match answer.retry_after {
                    Some(after) => error.with_retry_after(after),
                    None => error,
                }
            }
        })
    }
}

/// What a server that repeats our headers must not bring into an error: the value, and what follows
/// its scheme (`Bearer ..`). Short values are no secrets, and struck out they would hide the server's words.
fn secrets(value: &str) -> impl Iterator<Item = Secret> {
    let credentials = value.split_once(' ').map(|(_, credentials)| credentials);
    [Some(value), credentials]
        .into_iter()
        .flatten()
        .map(str::trim)
        .filter(|secret| secret.len() >= 8)
        .map(Secret::new)
}

#[async_trait]
impl Exporter for OtlpExporter {
    fn name(&self) -> &str {
        "otlp"
    }

    fn size_hint(&self, record: &Record) -> usize {
        record
            .as_span()
            .map_or_else(|| record.size(), mapping::size_hint)
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        let capacity = batch
            .records()
            .iter()
            .map(|record| self.size_hint(record))
            .sum();
        let request = self
            .request
            .clone()
            .body(mapping::encode(batch, capacity), "application/x-protobuf");
        let request = if self.gzip { request.gzip() } else { request };
        match self.client.send(request).await {
            Ok(answer) => self.judge(&answer, batch),
            Err(error) => {
                let maybe_delivered = error.maybe_delivered();
                Err(ExportError::retry(error.to_string())
                    .with_maybe_delivered(maybe_delivered)
                    .with_source(error))
            }
        }
    }
}

impl fmt::Debug for OtlpExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpExporter")
            .field("request", &self.request)
            .field("gzip", &self.gzip)
            .finish_non_exhaustive()
    }
}
