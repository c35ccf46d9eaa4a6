//! Mode `print`: the terminal.

use std::sync::Arc;

use tracefuse_console::ConsoleExporter;

use super::Shared;
use crate::config::{Config, ConfigError};

#[expect(clippy::unnecessary_wraps, reason = "the other modes can fail")]
pub(crate) fn exporter(_: &str, config: &Config) -> Result<Shared, ConfigError> {
    Ok(Arc::new(ConsoleExporter::new(config.console.clone())))
}
