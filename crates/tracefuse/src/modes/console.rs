//! Mode `print`: the terminal.

use std::sync::Arc;

use tracefuse_console::ConsoleExporter;

use super::Shared;
use crate::config::{Config, ConfigError};

#[expect(clippy::unnecessary_wraps, reason = "the other modes can fail")]
pub(crate) fn exporter(_: &str, config: &Config) -> Result<Shared, ConfigError> {
    Ok(Arc::new(ConsoleExporter::new(config.console.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_of_the_console_reaches_it() {
        let toml = "[console]\nformat = 'compact'\ncolor = 'never'\nwidth = 72\nstream = 'stderr'\ntext = 'full'\n\
                    fold = false\nlive = true\n";
        let dotenv = "TRACEFUSE_CONSOLE_FORMAT=compact\nTRACEFUSE_CONSOLE_COLOR=never\nTRACEFUSE_CONSOLE_WIDTH=72\n\
                      TRACEFUSE_CONSOLE_STREAM=stderr\nTRACEFUSE_CONSOLE_TEXT=full\nTRACEFUSE_CONSOLE_FOLD=false\n\
                      TRACEFUSE_CONSOLE_LIVE=true\n";
        for (toml, dotenv) in [(toml, ""), ("", dotenv)] {
            let config = Config::from_files(toml, dotenv).unwrap();
            let shown = format!("{:?}", config.console);
            for part in [
                "format: Compact",
                "width: Some(72)",
                "color: Never",
                "stream: Stderr",
                "text: Full",
                "fold: false",
                "live: true",
            ] {
                assert!(shown.contains(part), "{part} is not in {shown}");
            }
        }
        let toml = "mode = 'print'\n[console]\ntext = 'all'\n";
        let none = Config::from_files(toml, "").unwrap_err();
        assert!(
            none.to_string().contains("`full`, `line` or `none`"),
            "{none}"
        );
    }
}
