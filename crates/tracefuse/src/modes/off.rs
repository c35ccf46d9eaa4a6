//! Replaces an exporter whose cargo feature is off: returns an error that names the feature.

use super::Shared;
use crate::config::{Config, ConfigError};

pub(crate) fn exporter(feature: &str, _: &Config) -> Result<Shared, ConfigError> {
    Err(ConfigError::new(format!(
        "`TRACING_MODE` asks for a mode that is not compiled in: enable the cargo feature `{feature}` of tracefuse"
    )))
}
