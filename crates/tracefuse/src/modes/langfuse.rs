//! Mode `langfuse`: a Langfuse server.

use std::sync::Arc;

use tracefuse_langfuse::{LangfuseExporter, SettingError};

use super::Shared;
use crate::config::{Config, ConfigError};

pub(crate) fn exporter(_: &str, config: &Config) -> Result<Shared, ConfigError> {
    let keys = [
        ("LANGFUSE_PUBLIC_KEY", config.langfuse.public_key.is_empty()),
        (
            "LANGFUSE_SECRET_KEY",
            config.langfuse.secret_key.expose().is_empty(),
        ),
    ];
    let missing: Vec<&str> = keys
        .iter()
        .filter_map(|(name, is_empty)| is_empty.then_some(*name))
        .collect();
    let missing = match missing.as_slice() {
        [] => None,
        [one] => Some(format!("`{one}` is not set")),
        _ => Some("neither is set".to_owned()),
    };
    if let Some(missing) = missing {
        return Err(ConfigError::new(format!(
            "mode `langfuse` needs keys: {missing}. Set `LANGFUSE_PUBLIC_KEY` and `LANGFUSE_SECRET_KEY` (in the environment or in .env), \
             or choose a mode that needs none: `TRACING_MODE=print` shows traces in the terminal, `TRACING_MODE=none` records nothing"
        )));
    }
    let exporter = LangfuseExporter::new(config.langfuse.clone());
    Ok(Arc::new(exporter.map_err(|error| named(config, &error))?))
}

/// The error with the name of the variable or key that the value came from.
pub(crate) fn named(config: &Config, error: &SettingError) -> ConfigError {
    let own = ["langfuse", error.setting()].join(".");
    match config.origin(&[&own, error.setting()]) {
        Some(origin) => ConfigError::new(format!("{origin}: {error}")),
        None => ConfigError::new(error.to_string()),
    }
}
