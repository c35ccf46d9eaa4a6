//! Mode `langfuse`: a Langfuse server.

use std::sync::Arc;

use tracefuse_langfuse::{LangfuseConfig, LangfuseExporter, MediaMode};

use super::{Shared, http};
use crate::config::{Config, ConfigError};

pub(crate) fn exporter(_: &str, config: &Config) -> Result<Shared, ConfigError> {
    let settings = &config.langfuse;
    let missing: Vec<&str> = [
        ("LANGFUSE_PUBLIC_KEY", &settings.public_key),
        ("LANGFUSE_SECRET_KEY", &settings.secret_key),
    ]
    .into_iter()
    .filter_map(|(name, value)| value.is_none().then_some(name))
    .collect();
    let (Some(public), Some(secret)) = (&settings.public_key, &settings.secret_key) else {
        return Err(ConfigError::new(format!(
            "mode `langfuse` needs keys: {} set. Set `LANGFUSE_PUBLIC_KEY` and `LANGFUSE_SECRET_KEY` (in the environment or in .env), \
             or choose a mode that needs none: `TRACING_MODE=print` shows traces in the terminal, `TRACING_MODE=none` records nothing",
            match missing.as_slice() {
                [one] => format!("`{one}` is not"),
                _ => "neither is".to_owned(),
            }
        )));
    };
    let mut langfuse = LangfuseConfig::new(public, secret).http(http(&config.http));
    if let Some(url) = &settings.base_url {
        langfuse = langfuse.base_url(url);
    }
    if let Some(path) = &settings.export_path {
        langfuse = langfuse.export_path(path);
    }
    if let Some(gzip) = settings.compression {
        langfuse = langfuse.gzip(gzip);
    }
    langfuse = match settings.media.as_deref() {
        Some("strip") => langfuse.media(MediaMode::Strip),
        Some("keep") => langfuse.media(MediaMode::Keep),
        _ => langfuse,
    };
    let exporter = LangfuseExporter::new(langfuse)
        .map_err(|error| ConfigError::because(error.to_string(), error))?;
    Ok(Arc::new(exporter))
}
