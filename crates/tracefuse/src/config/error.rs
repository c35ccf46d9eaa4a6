//! What is wrong with the configuration, where it came from, and what to do.
//! Made by `source` and `builder`; shown to the person who starts the application.

use std::error::Error;
use std::fmt;

/// A configuration that cannot be used. Says which setting, what is wrong with it and what is accepted;
/// never repeats a secret.
#[derive(Debug)]
#[non_exhaustive]
pub struct ConfigError {
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ConfigError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: None,
        }
    }

    pub(crate) fn because(
        message: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            message: message.into(),
            source: Some(source.into()),
        }
    }

    /// Which setting, the problem of its value, and what is accepted.
    pub(crate) fn value(name: &str, value: Option<&str>, accepted: &str) -> Self {
        match value {
            Some(value) => Self::new(format!("`{name}` is {value:?}: expected {accepted}")),
            None => Self::new(format!("`{name}`: expected {accepted}")),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
