//! How a receiver of OTLP is reached: the settings, the client that is made from them, and one attempt.
//! Used by `exporter` for traces and by `tracefuse-metrics` for metrics. Knows neither spans nor metrics.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use tracefuse_exporter::ExportError;
use tracefuse_http::{
    Answer, Endpoint, Headers, HttpClient, HttpConfig, HttpError, HttpRequest, Secret, SettingError,
};

use crate::verdict;

/// The fastest level: on a service's machine CPU costs more than bandwidth.
const GZIP_LEVEL: u32 = 1;

/// How a receiver of OTLP is reached: address, headers, compression, and the settings of HTTP.
///
/// ```
/// use tracefuse_otlp::OtlpTransport;
///
/// let transport = OtlpTransport::new("https://otlp.example.com/v1/traces").header("x-api-key", "secret").gzip(true);
/// assert!(!format!("{transport:?}").contains("secret"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct OtlpTransport {
    /// Full address for one signal, such as `http://localhost:4318/v1/traces`.
    pub endpoint: String,
    /// Headers of every request, by name.
    pub headers: Vec<(String, String)>,
    /// Whether requests are compressed with gzip; no by default, as the specification has it.
    pub gzip: bool,
    /// Timeouts, certificate authorities, proxies.
    pub http: HttpConfig,
}

impl OtlpTransport {
    /// A receiver by its full address for one signal.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            headers: Vec::new(),
            gzip: false,
            http: HttpConfig::default(),
        }
    }

    /// Adds a header to every request.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Whether requests are compressed with gzip.
    #[must_use]
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.gzip = gzip;
        self
    }

    /// Timeouts, certificate authorities, proxies.
    #[must_use]
    pub fn http(mut self, http: HttpConfig) -> Self {
        self.http = http;
        self
    }
}

impl fmt::Debug for OtlpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses and header values often contain credentials.
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| &**name).collect();
        f.debug_struct("OtlpTransport")
            .field("headers", &names)
            .field("gzip", &self.gzip)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

/// Sends request bodies to one receiver. Made from an [`OtlpTransport`]; retries nothing.
pub struct OtlpSender {
    client: HttpClient,
    request: HttpRequest,
    secrets: Vec<Secret>,
    /// Whether requests are compressed. Switched off when the receiver refuses it.
    gzip: AtomicBool,
}

impl OtlpSender {
    /// A client for these settings. No connection is opened.
    ///
    /// # Errors
    /// If address, headers or certificate file cannot be used, or the headers would cross the network in clear text.
    pub fn new(transport: OtlpTransport) -> Result<Self, SettingError> {
        let wrong = SettingError::new;
        transport.http.check()?;
        // A full address is used as it is, a slash at its end included; with a query it is refused.
        let parse = match transport.endpoint.contains('?') {
            true => Endpoint::parse,
            false => Endpoint::parse_presigned,
        };
        let endpoint = parse(&transport.endpoint)
            .map_err(|error| wrong("endpoint", format!("the OTLP endpoint: {error}")))?;
        let mut headers = Headers::new();
        for (name, value) in &transport.headers {
            // Most headers are credentials, under any name.
            let inserted = headers.insert_secret(name, &Secret::new(value.clone()));
            inserted.map_err(|error| wrong("headers", error.to_string()))?;
        }
        let client = HttpClient::new(&transport.http)?;
        if !transport.headers.is_empty() {
            let checked = client.check_credentials_for(&endpoint);
            checked.map_err(|error| wrong("endpoint", format!("the OTLP endpoint: {error}")))?;
        }
        let values = transport.headers.into_iter();
        Ok(Self {
            client,
            request: HttpRequest::post(endpoint).headers(headers),
            secrets: values.flat_map(|(_, value)| secrets(&value)).collect(),
            gzip: AtomicBool::new(transport.gzip),
        })
    }

    /// The address.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        self.request.endpoint()
    }

    /// Sends a body in protobuf, once.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn send(&self, body: Vec<u8>) -> Result<Answer, HttpError> {
        let request = self.request.clone().body("application/x-protobuf", body);
        let request = match self.gzip.load(Ordering::Relaxed) {
            true => request.gzip(GZIP_LEVEL),
            false => request,
        };
        self.client.send(&request).await
    }

    /// Texts of header values that are removed from what a receiver answers, in case it repeats them.
    #[must_use]
    pub fn secrets(&self) -> Vec<&Secret> {
        self.secrets.iter().collect()
    }

    /// The error for an answer that refuses a compressed body (415); later bodies are sent without compression. `None` if the
    /// answer says something else.
    #[must_use]
    pub fn compression_refused(&self, answer: &Answer) -> Option<ExportError> {
        verdict::compression_refused(answer, &self.gzip)
    }
}

impl fmt::Debug for OtlpSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpSender")
            .field("endpoint", self.endpoint())
            .field("gzip", &self.gzip)
            .finish_non_exhaustive()
    }
}

/// The secrets in the value of a header: the value, and what follows its scheme (`Bearer ..`). Short values are no secrets,
/// and removing them would make the answer unreadable.
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
