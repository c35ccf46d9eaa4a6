//! From a configured mode to its exporter. A mode whose cargo feature is off is an error that names the feature.
//! Called by `builder`.

use std::sync::Arc;

use tracefuse_exporter::Exporter;

use crate::config::{Config, ConfigError, Mode};

#[cfg(feature = "console")]
mod console;
#[cfg(feature = "langfuse")]
mod langfuse;
#[cfg(feature = "otlp")]
mod otlp;

#[cfg(not(all(feature = "console", feature = "langfuse", feature = "otlp")))]
mod off;
#[cfg(not(feature = "console"))]
use off as console;
#[cfg(not(feature = "langfuse"))]
use off as langfuse;
#[cfg(not(feature = "otlp"))]
use off as otlp;

#[cfg(any(feature = "langfuse", feature = "otlp"))]
mod http;
#[cfg(any(feature = "langfuse", feature = "otlp"))]
use http::http;

pub(crate) type Shared = Arc<dyn Exporter>;

pub(crate) fn exporter(mode: Mode, config: &Config) -> Result<Option<Shared>, ConfigError> {
    match mode {
        Mode::Langfuse => langfuse::exporter("langfuse", config).map(Some),
        Mode::Print => console::exporter("console", config).map(Some),
        Mode::Otlp => otlp::exporter("otlp", config).map(Some),
        Mode::None => Ok(None),
    }
}

/// Checks an environment's name by Langfuse's rule: what the server does not like silently becomes `default` there.
#[cfg(feature = "langfuse")]
pub(crate) fn check_environment(name: &str) -> Result<(), ConfigError> {
    tracefuse_langfuse::check_environment(name).map_err(|error| {
        ConfigError::because(format!("`LANGFUSE_TRACING_ENVIRONMENT`: {error}"), error)
    })
}

#[cfg(not(feature = "langfuse"))]
pub(crate) fn check_environment(_: &str) -> Result<(), ConfigError> {
    Ok(())
}
