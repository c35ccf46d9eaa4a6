//! Settings of the export by OTLP: the backend, interval, temporality.
//! Filled by applications, checked by `push`. Plain values.

use std::time::Duration;

use tracefuse_otlp::{HttpConfig, OtlpTransport};

/// Settings of the export of metrics. The default is a collector on this machine, `http://localhost:4318`, once a minute.
///
/// ```
/// use std::time::Duration;
/// use tracefuse_metrics::OtlpMetricsConfig;
///
/// let config = OtlpMetricsConfig::new("https://otlp.example.com")
///     .header("x-api-key", "secret")
///     .interval(Duration::from_secs(30));
/// assert!(!format!("{config:?}").contains("secret"));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OtlpMetricsConfig {
    /// The backend: address for metrics, headers, compression, HTTP.
    pub transport: OtlpTransport,
    /// Time between two exports; 60 s by default, as the specification has it; 100 ms to 1 h.
    pub interval: Duration,
    /// Whether an export has what was counted since the last one (delta temporality); no by default: it has what was
    /// counted since the process began (cumulative temporality).
    pub delta: bool,
}

impl OtlpMetricsConfig {
    /// A backend by its base address; `/v1/metrics` is appended (`OTEL_EXPORTER_OTLP_ENDPOINT`).
    pub fn new(base: impl AsRef<str>) -> Self {
        let base = base.as_ref().trim_end_matches('/');
        Self::metrics_endpoint(format!("{base}/v1/metrics"))
    }

    /// A backend by its full address for metrics (`OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`).
    pub fn metrics_endpoint(address: impl Into<String>) -> Self {
        Self {
            transport: OtlpTransport::new(address),
            interval: Duration::from_secs(60),
            delta: false,
        }
    }

    /// Adds a header to every request.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.transport = self.transport.header(name, value);
        self
    }

    /// Whether requests are compressed with gzip.
    #[must_use]
    pub fn gzip(mut self, gzip: bool) -> Self {
        self.transport.gzip = gzip;
        self
    }

    /// Time between two exports: 100 ms to 1 h.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Whether an export has what was counted since the last one that was taken, as Datadog and Dynatrace want it.
    #[must_use]
    pub fn delta(mut self, delta: bool) -> Self {
        self.delta = delta;
        self
    }

    /// Timeouts, certificate authorities, proxies.
    #[must_use]
    pub fn http(mut self, http: HttpConfig) -> Self {
        self.transport.http = http;
        self
    }
}

impl Default for OtlpMetricsConfig {
    fn default() -> Self {
        Self::new("http://localhost:4318")
    }
}
