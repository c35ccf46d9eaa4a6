//! Settings of the OTLP exporter: the backend, and names of attributes.
//! Filled by the facade or by users, checked by `transport`. Reads neither files nor the environment.

use tracefuse_http::HttpConfig;

use crate::transport::OtlpTransport;

/// Settings of an [`OtlpExporter`](crate::OtlpExporter). The default is a collector on this machine, `http://localhost:4318`.
///
/// ```
/// use tracefuse_otlp::OtlpConfig;
///
/// let config = OtlpConfig::new("https://otlp.example.com").header("x-api-key", "secret").gzip(true);
/// assert!(!format!("{config:?}").contains("secret"));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OtlpConfig {
    /// The backend: address for traces, headers, compression, HTTP.
    pub transport: OtlpTransport,
    /// Names of the attributes; OpenTelemetry's by default.
    pub conventions: Conventions,
}

/// Whose names the attributes of spans have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Conventions {
    /// OpenTelemetry's for generative AI, version 0.1.0: `gen_ai.provider.name`, `gen_ai.usage.input_tokens`.
    #[default]
    GenAi,
    /// The same, and beside them the older names of what was renamed: `gen_ai.system`, `gen_ai.usage.prompt_tokens`,
    /// `gen_ai.usage.completion_tokens`, `gen_ai.usage.cache_creation.input_tokens`, `gen_ai.workflow.name`.
    GenAiWithOlder,
    /// OpenInference's, as Arize Phoenix reads them: `llm.model_name`, `llm.token_count.prompt`.
    OpenInference,
}

impl OtlpConfig {
    /// A backend by its base address; `/v1/traces` is appended (`OTEL_EXPORTER_OTLP_ENDPOINT`).
    pub fn new(base: impl AsRef<str>) -> Self {
        Self::traces_endpoint(format!("{}/v1/traces", base.as_ref().trim_end_matches('/')))
    }

    /// A backend by its full address for traces (`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`).
    pub fn traces_endpoint(address: impl Into<String>) -> Self {
        Self {
            transport: OtlpTransport::new(address),
            conventions: Conventions::default(),
        }
    }

    /// Another backend, by its base address; `/v1/traces` is appended.
    #[must_use]
    pub fn base_url(mut self, base: impl AsRef<str>) -> Self {
        self.transport.endpoint = Self::new(base).transport.endpoint;
        self
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

    /// Whose names the attributes have.
    #[must_use]
    pub fn conventions(mut self, conventions: Conventions) -> Self {
        self.conventions = conventions;
        self
    }

    /// Timeouts, certificate authorities, proxies.
    #[must_use]
    pub fn http(mut self, http: HttpConfig) -> Self {
        self.transport.http = http;
        self
    }
}

impl Default for OtlpConfig {
    fn default() -> Self {
        Self::new("http://localhost:4318")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_address_gets_the_path_of_traces_and_a_full_one_none() {
        for (config, endpoint) in [
            (OtlpConfig::default(), "http://localhost:4318/v1/traces"),
            (OtlpConfig::new("http://a"), "http://a/v1/traces"),
            (OtlpConfig::new("http://a/b//"), "http://a/b/v1/traces"),
            (OtlpConfig::traces_endpoint("http://a/b/"), "http://a/b/"),
            (
                OtlpConfig::traces_endpoint("http://a/b").base_url("http://c/"),
                "http://c/v1/traces",
            ),
        ] {
            assert_eq!(config.transport.endpoint, endpoint);
        }
    }

    #[test]
    fn another_base_address_changes_the_address_alone() {
        let config = OtlpConfig::new("http://a")
            .header("x-api-key", "canary")
            .gzip(true)
            .conventions(Conventions::OpenInference)
            .base_url("http://b");
        let transport = &config.transport;
        let headers = [("x-api-key".to_owned(), "canary".to_owned())];
        assert_eq!(transport.headers, headers);
        assert!(transport.gzip);
        assert_eq!(config.conventions, Conventions::OpenInference);
        let shown = format!("{config:?}");
        assert!(shown.contains("x-api-key") && shown.contains("gzip: true"));
        assert!(!shown.contains("canary") && !shown.contains("http://"));
    }
}
