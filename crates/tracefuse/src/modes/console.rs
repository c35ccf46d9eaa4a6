//! Mode `print`: the terminal.

use std::sync::Arc;

use tracefuse_console::{Color, ConsoleConfig, ConsoleExporter, Format};

use super::Shared;
use crate::config::{Config, ConfigError};

pub(crate) fn exporter(_: &str, config: &Config) -> Result<Shared, ConfigError> {
    let mut console = ConsoleConfig::new();
    // The settings table admits only what these accept.
    if let Some(format) = config
        .console
        .format
        .as_deref()
        .and_then(|format| format.parse::<Format>().ok())
    {
        console = console.format(format);
    }
    if let Some(color) = config
        .console
        .color
        .as_deref()
        .and_then(|color| color.parse::<Color>().ok())
    {
        console = console.color(color);
    }
    if let Some(width) = config.console.width {
        console = console.width(width);
    }
    Ok(Arc::new(ConsoleExporter::new(console)))
}
