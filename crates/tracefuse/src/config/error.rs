//! What is wrong with the configuration, where it came from, and what to do.
//! Made by `layers` and `builder`; shown to the person who starts the application.

use std::error::Error;
use std::fmt;

use tracefuse_exporter::plain_text;

/// A configuration that cannot be used. Says which setting, what is wrong with it and what is accepted, and never
/// repeats a secret. The message is safe to print: control characters in it are escaped.
#[non_exhaustive]
pub struct ConfigError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ConfigError {
    pub(crate) fn new(message: impl AsRef<str>) -> Self {
        Self {
            message: plain_text(message.as_ref()).into_owned(),
            source: None,
        }
    }

    /// An error with its cause, which `message` does not repeat.
    pub(crate) fn because(
        message: impl AsRef<str>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(message)
        }
    }

    /// Which setting, as `origin` names it, the problem of its value, and what is accepted.
    pub(crate) fn value(origin: &str, value: Option<&str>, accepted: &str) -> Self {
        match value {
            Some(value) => Self::new(format!("{origin} is {value:?}: expected {accepted}")),
            None => Self::new(format!("{origin} cannot be used: expected {accepted}")),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// `Display` and the cause: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tracefuse_exporter::debug_error(self, f)
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_said_once_however_it_is_printed() {
        let cause = || std::io::Error::other("permission denied");
        let error = ConfigError::because("`tracefuse.toml` cannot be read", cause());
        assert_eq!(error.to_string(), "`tracefuse.toml` cannot be read");
        assert_eq!(
            format!("{error:?}"),
            "`tracefuse.toml` cannot be read: permission denied"
        );
        let shown = format!("{:?}", anyhow::Error::from(error));
        assert_eq!(shown.matches("permission denied").count(), 1, "{shown}");
        assert_eq!(shown.matches("cannot be read").count(), 1, "{shown}");
    }

    #[test]
    fn control_characters_of_a_value_are_escaped() {
        let error = ConfigError::new("the directory /tmp/\u{1b}[31mx\n cannot be used");
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(['\u{1b}', '\n']), "{shown:?}");
    }
}
