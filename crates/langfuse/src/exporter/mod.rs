//! Sends a batch: its spans in one OTLP request, its scores to the scores endpoint. Says what each answer means.
//! Called by delivery. `mapping` encodes the spans, `scores` sends the scores, `tracefuse_http` sends the requests.

mod scores;

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tracefuse_exporter::record::Record;
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter};
use tracefuse_http::{
    Answer, AnswerClass, Endpoint, HeaderError, Headers, HttpClient, HttpRequest, Secret,
    SettingError,
};
use tracefuse_otlp::verdict::{compression_refused, refusal, unanswered};

use crate::attributes::SDK_NAME;
use crate::config::LangfuseConfig;
use crate::media::{MediaMode, TakeOut, Target, Uploads};
use crate::{mapping, size};

/// The fastest level: on a service's machine CPU costs more than bandwidth.
const GZIP_LEVEL: u32 = 1;

/// For spans over this size, the size is computed without their media. For smaller spans that would cost more than it gains.
const LARGE: usize = 256 * 1024;

/// Delivers to a Langfuse server by OTLP. Each span is sent once, when it is complete.
pub struct LangfuseExporter {
    client: HttpClient,
    /// Address and headers of the requests with spans, and of those with scores.
    request: HttpRequest,
    scores: HttpRequest,
    media: MediaMode,
    uploads: Uploads,
    /// Texts that are removed from what a server answers, in case it repeats our request: the secret key, and
    /// both keys as the header has them.
    secrets: [Secret; 2],
    /// Address and public key, which together name the project.
    destination: String,
    /// Whether requests are compressed. Switched off when the receiver refuses it.
    gzip: AtomicBool,
    /// Set when an answer showed that the server takes one score per request and no list.
    one_by_one: AtomicBool,
}

impl LangfuseExporter {
    /// An exporter for these settings.
    ///
    /// # Errors
    /// If keys, address or certificate file cannot be used.
    pub fn new(config: LangfuseConfig) -> Result<Self, SettingError> {
        config.check()?;
        let wrong = |setting, words: &str, error: &dyn std::error::Error| {
            SettingError::new(setting, format!("{words}{error}"))
        };
        let path: Vec<&str> = config
            .export_path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        let base = Endpoint::parse(&config.base_url)
            .map_err(|error| wrong("base_url", "the base URL cannot be used: ", &error))?;
        let address = base
            .join(&path)
            .map_err(|error| wrong("export_path", "the export path cannot be used: ", &error))?;
        let scores = base
            .join(&["api", "public", "scores"])
            .map_err(|error| wrong("base_url", "the base URL cannot be used: ", &error))?;
        let client = HttpClient::new(&config.http)?;
        client.check_credentials_for(&address)?;
        let basic = basic(&config);
        let headers = headers(&config, &basic).map_err(|error| wrong("public_key", "", &error))?;
        let destination = format!("{address} {}", config.public_key);
        let request = HttpRequest::post(address).headers(headers.clone());
        let scores = HttpRequest::post(scores).headers(headers.clone());
        let secrets = [config.secret_key, basic];
        let uploads = Uploads::new(Target {
            client: client.clone(),
            base,
            headers,
            secrets: secrets.clone(),
        });
        Ok(Self {
            media: config.media,
            uploads,
            destination,
            client,
            request,
            scores,
            secrets,
            gzip: AtomicBool::new(config.gzip),
            one_by_one: AtomicBool::new(false),
        })
    }

    async fn send_spans(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        let mut take_out = TakeOut::new(self.media, self.uploads.room());
        let spans: Vec<_> = batch.spans().map(|span| take_out.of(span)).collect();
        let body = mapping::encode(batch.resource(), spans.iter().map(|span| &**span));
        let request = self.request.clone().body("application/x-protobuf", body);
        let request = if self.gzip.load(Ordering::Relaxed) {
            request.gzip(GZIP_LEVEL)
        } else {
            request
        };
        match self.client.send(&request).await {
            Ok(answer) => {
                let report = self.judge(&answer, batch.spans().count())?;
                // Only after the spans were accepted: a batch that is sent again finds its media again.
                self.uploads.push(take_out.found);
                Ok(report)
            }
            Err(error) => Err(unanswered(error)),
        }
    }

    fn judge(&self, answer: &Answer, records: usize) -> Result<ExportReport, ExportError> {
        // The body is the server's queue job; it is not read (`docs/langfuse.md` 2.2).
        if answer.class() == AnswerClass::Success {
            return Ok(ExportReport::accepted(records));
        }
        if let Some(error) = compression_refused(answer, &self.gzip) {
            return Err(error);
        }
        Err(refusal(
            answer,
            &self.secrets.each_ref(),
            remedy(answer.status()),
        ))
    }
}

/// Both keys, encoded as the header has them.
pub(crate) fn basic(config: &LangfuseConfig) -> Secret {
    let keys = format!("{}:{}", config.public_key, config.secret_key.expose());
    Secret::new(STANDARD.encode(keys))
}

pub(crate) fn headers(config: &LangfuseConfig, basic: &Secret) -> Result<Headers, HeaderError> {
    let mut headers = Headers::new();
    let authorization = Secret::new(format!("Basic {}", basic.expose()));
    headers.insert_secret("authorization", &authorization)?;
    headers.insert("x-langfuse-ingestion-version", "4")?;
    headers.insert("x-langfuse-sdk-name", SDK_NAME)?;
    headers.insert("x-langfuse-sdk-version", env!("CARGO_PKG_VERSION"))?;
    headers.insert("x-langfuse-public-key", &config.public_key)?;
    Ok(headers)
}

/// What to do about a server that refuses everything.
fn remedy(status: u16) -> &'static str {
    match status {
        401 => {
            "check LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY, and that LANGFUSE_BASE_URL is the region of the project"
        }
        403 => "the keys lack the right, or ingestion is suspended for the project",
        400 | 404 | 405 | 422 => "is LANGFUSE_BASE_URL a Langfuse server, version 3.22 or later?",
        407 => "a proxy on the way requires credentials: give them in its address",
        _ => "check LANGFUSE_BASE_URL",
    }
}

#[async_trait]
impl Exporter for LangfuseExporter {
    fn name(&self) -> &str {
        "langfuse"
    }

    fn destination(&self) -> Option<String> {
        Some(self.destination.clone())
    }

    fn size_hint(&self, record: &Record) -> usize {
        let Some(span) = record.as_span() else {
            return record.size();
        };
        let size = size::hint(span);
        if size <= LARGE {
            return size;
        }
        match TakeOut::new(self.media, self.uploads.room()).of(span) {
            Cow::Borrowed(_) => size,
            Cow::Owned(without) => size::hint(&without),
        }
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        let mut report = ExportReport::default();
        // Scores first: if the spans fail and the batch is sent again, a score that arrives twice is stored once.
        self.send_scores(batch, &mut report).await?;
        if batch.spans().next().is_some() {
            let spans = self.send_spans(batch).await?;
            report.accepted += spans.accepted;
            report.rejected.extend(spans.rejected);
        }
        Ok(report)
    }

    /// Waits for the uploads of media, which run concurrently with the delivery of spans.
    async fn flush(&self) -> Result<(), ExportError> {
        self.uploads.finish().await;
        Ok(())
    }

    async fn shutdown(&self) -> Result<(), ExportError> {
        self.uploads.finish().await;
        Ok(())
    }
}

impl fmt::Debug for LangfuseExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LangfuseExporter")
            .field("endpoint", self.request.endpoint())
            .field("gzip", &self.gzip)
            .finish_non_exhaustive()
    }
}
