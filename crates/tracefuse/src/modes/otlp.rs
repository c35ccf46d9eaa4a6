//! Mode `otlp`: an OpenTelemetry backend.

use std::sync::Arc;

use tracefuse_otlp::{Conventions, OtlpConfig, OtlpExporter};

use super::{Shared, http};
use crate::config::{Config, ConfigError};

pub(crate) fn exporter(_: &str, config: &Config) -> Result<Shared, ConfigError> {
    let settings = &config.otlp;
    // Other programs' variable as well as ours, so it is no error as long as nobody asks for OTLP.
    if let Some(protocol) = settings.protocol.as_deref()
        && protocol != "http/protobuf"
    {
        return Err(ConfigError::value(
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            Some(protocol),
            "`http/protobuf`, by default at port 4318 of a collector",
        ));
    }
    let mut otlp = match (&settings.traces_endpoint, &settings.endpoint) {
        (Some(traces), _) => OtlpConfig::traces_endpoint(traces),
        (None, Some(base)) => OtlpConfig::new(base),
        (None, None) => OtlpConfig::default(),
    };
    let mut http = http(&config.http);
    if let Some(timeout) = settings.timeout {
        http = http.timeout(timeout);
    }
    otlp = otlp.http(http).gzip(settings.compression.unwrap_or(false));
    otlp = otlp.conventions(match settings.conventions.as_deref() {
        Some("openinference") => Conventions::OpenInference,
        Some("gen_ai/dup") => Conventions::GenAiWithOlder,
        _ => Conventions::GenAi,
    });
    for (name, value) in &settings.headers {
        otlp = otlp.header(name, value);
    }
    let exporter =
        OtlpExporter::new(otlp).map_err(|error| ConfigError::because(error.to_string(), error))?;
    Ok(Arc::new(exporter))
}
