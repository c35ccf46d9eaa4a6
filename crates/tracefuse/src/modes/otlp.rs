//! Mode `otlp`: an OpenTelemetry backend.

use std::sync::Arc;

use tracefuse_otlp::{OtlpConfig, OtlpExporter};

use super::{Shared, http};
use crate::config::{Config, ConfigError};

pub(crate) fn exporter(_: &str, config: &Config) -> Result<Shared, ConfigError> {
    let settings = &config.otlp;
    let mut otlp = match (&settings.traces_endpoint, &settings.endpoint) {
        (Some(traces), _) => OtlpConfig::traces_endpoint(traces),
        (None, Some(base)) => OtlpConfig::new(base),
        (None, None) => OtlpConfig::default(),
    };
    otlp = otlp
        .http(http(&config.http))
        .gzip(settings.compression.unwrap_or(false));
    for (name, value) in &settings.headers {
        otlp = otlp.header(name, value);
    }
    let exporter =
        OtlpExporter::new(otlp).map_err(|error| ConfigError::because(error.to_string(), error))?;
    Ok(Arc::new(exporter))
}
