//! Mode `print`: the terminal.
//! Called by `modes`; reads settings, writes nothing.

use std::str::FromStr;
use std::sync::Arc;

use tracefuse_console::{ConsoleConfig, ConsoleExporter};

use super::Shared;
use crate::config::{Config, ConfigError, ConsoleSettings};

pub(crate) fn exporter(_: &str, config: &Config) -> Result<Shared, ConfigError> {
    Ok(Arc::new(ConsoleExporter::new(console(&config.console))))
}

fn console(settings: &ConsoleSettings) -> ConsoleConfig {
    let mut console = ConsoleConfig::new();
    choose(&mut console.format, settings.format.as_deref());
    choose(&mut console.color, settings.color.as_deref());
    choose(&mut console.stream, settings.stream.as_deref());
    choose(&mut console.text, settings.text.as_deref());
    console.width = settings.width.or(console.width);
    console.fold = settings.fold.unwrap_or(console.fold);
    console.live = settings.live.unwrap_or(console.live);
    console
}

/// The settings table accepts only names that the choice has.
fn choose<T: FromStr>(choice: &mut T, name: Option<&str>) {
    if let Some(chosen) = name.and_then(|name| name.parse().ok()) {
        *choice = chosen;
    }
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
            let shown = format!("{:?}", console(&config.console));
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
        let none = Config::from_files("[console]\ntext = 'all'\n", "").unwrap_err();
        assert!(
            none.to_string().contains("`full`, `line` or `none`"),
            "{none}"
        );
    }
}
