//! Mode `otlp`: an OpenTelemetry backend.

use std::sync::Arc;

use tracefuse_otlp::OtlpExporter;

use super::Shared;
use crate::config::{Config, ConfigError};

pub(crate) fn exporter(_: &str, config: &Config) -> Result<Shared, ConfigError> {
    // Other programs read this variable as well, so it is an error only if OTLP is asked for.
    let protocol = config.otlp_protocol.as_str();
    if !matches!(protocol, "" | "http/protobuf") {
        return Err(ConfigError::value(
            config
                .origin(&["otlp.protocol"])
                .unwrap_or("the OTLP protocol"),
            Some(protocol),
            "`http/protobuf`, by default at port 4318 of a collector",
        ));
    }
    let exporter = OtlpExporter::new(config.otlp.clone()).map_err(|error| {
        let own = match error.setting() {
            "endpoint" => ["otlp.traces_endpoint", "otlp.endpoint"],
            "ca_file" => ["otlp.ca_file", "ca_file"],
            "timeout" => ["otlp.timeout_ms", "timeout"],
            "headers" => ["otlp.headers", ""],
            other => [other, ""],
        };
        match config.origin(&own) {
            Some(origin) => ConfigError::new(format!("{origin}: {error}")),
            None => ConfigError::new(error.to_string()),
        }
    })?;
    Ok(Arc::new(exporter))
}
