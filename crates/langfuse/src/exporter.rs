//! One batch, one request, one verdict on it.
//! Called by delivery; `mapping` makes the bytes, `tracefuse_otlp::http` sends them.

use std::fmt;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tracefuse_exporter::record::Record;
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter};
use tracefuse_otlp::http::{
    Answer, AnswerClass, Endpoint, HttpClient, HttpRequest, Secret, sanitize,
};

use crate::attributes::SDK_NAME;
use crate::config::{LangfuseConfig, LangfuseConfigError};
use crate::{mapping, size};

/// Delivers to a Langfuse server by OTLP, as one complete span each, sent once.
pub struct LangfuseExporter {
    client: HttpClient,
    /// Address and headers of every request.
    request: HttpRequest,
    /// What a server that repeats our request must not bring into an error: the key, and the header's form of both keys.
    secrets: [Secret; 2],
    gzip: bool,
}

impl LangfuseExporter {
    /// An exporter for these settings.
    ///
    /// # Errors
    /// If keys, address or certificate file cannot be used.
    pub fn new(config: LangfuseConfig) -> Result<Self, LangfuseConfigError> {
        config.check()?;
        let address = Endpoint::parse(&config.base_url, config.http.allow_plaintext_http)
            .and_then(|base| base.join(&config.export_path))
            .map_err(|error| LangfuseConfigError::new(format!("`LANGFUSE_BASE_URL`: {error}")))?;
        let request = HttpRequest::post(address)
            .basic_auth(&config.public_key, &config.secret_key)
            .and_then(|request| request.header("x-langfuse-ingestion-version", "4"))
            .and_then(|request| request.header("x-langfuse-sdk-name", SDK_NAME))
            .and_then(|request| request.header("x-langfuse-sdk-version", env!("CARGO_PKG_VERSION")))
            .and_then(|request| request.header("x-langfuse-public-key", &config.public_key))
            .map_err(|error| LangfuseConfigError::new(error.to_string()))?;
        let client = HttpClient::new(config.http)
            .map_err(|error| LangfuseConfigError::new(error.to_string()))?;
        let token = STANDARD.encode(format!(
            "{}:{}",
            config.public_key,
            config.secret_key.expose()
        ));
        Ok(Self {
            client,
            request,
            secrets: [config.secret_key, Secret::new(token)],
            gzip: config.gzip,
        })
    }

    fn judge(&self, answer: &Answer, records: usize) -> Result<ExportReport, ExportError> {
        let status = answer.status;
        let words = || sanitize(&answer.text(), &self.secrets.each_ref());
        Err(match answer.class() {
            AnswerClass::Success if answer.is_html() => ExportError::retry(format!(
                "status {status} with a web page: something between here and Langfuse, such as a proxy or a login page, answered in its place"
            )),
            // The body is the server's queue job and means nothing to us (`docs/langfuse.md` 2.2).
            AnswerClass::Success => return Ok(ExportReport::accepted(records)),
            AnswerClass::RateLimited => ExportError::pause(
                answer.retry_after,
                "status 429: the rate limit of the plan is reached",
            ),
            AnswerClass::TooLarge => ExportError::split("status 413: the request is too large"),
            AnswerClass::Invalid => ExportError::reject(format!("status {status}: {}", words())),
            AnswerClass::Refused => {
                ExportError::stop(format!("status {status}: {} ({})", words(), remedy(answer)))
            }
            _ => {
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

/// What to do about a server that does not want us.
fn remedy(answer: &Answer) -> String {
    match (answer.status, &answer.location_origin) {
        (401, _) => "check LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY, and that LANGFUSE_BASE_URL is the region of the project".into(),
        (403, _) => "the keys lack the right, or ingestion is suspended for the project".into(),
        (404 | 405, _) => "is LANGFUSE_BASE_URL a Langfuse server, version 3.22 or later?".into(),
        (407, _) => "a proxy on the way wants credentials: give them in its address".into(),
        (300..=399, Some(origin)) => format!("redirects are not followed; should LANGFUSE_BASE_URL be {origin}?"),
        _ => "check LANGFUSE_BASE_URL".into(),
    }
}

#[async_trait]
impl Exporter for LangfuseExporter {
    fn name(&self) -> &str {
        "langfuse"
    }

    fn size_hint(&self, record: &Record) -> usize {
        record.as_span().map_or_else(|| record.size(), size::hint)
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        let capacity = batch
            .records()
            .iter()
            .map(|record| self.size_hint(record))
            .sum();
        let body = mapping::encode(batch, capacity);
        let request = self.request.clone().body(body, "application/x-protobuf");
        let request = if self.gzip { request.gzip() } else { request };
        match self.client.send(request).await {
            Ok(answer) => self.judge(&answer, batch.len()),
            Err(error) => {
                let maybe_delivered = error.maybe_delivered();
                Err(ExportError::retry(error.to_string())
                    .with_maybe_delivered(maybe_delivered)
                    .with_source(error))
            }
        }
    }
}

impl fmt::Debug for LangfuseExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LangfuseExporter")
            .field("request", &self.request)
            .field("gzip", &self.gzip)
            .finish_non_exhaustive()
    }
}
