//! Settings of metrics that cannot be used. Made by the builder.

use std::error::Error;
use std::fmt;

/// A setting that cannot be used. Says which one and why, and repeats no credential.
pub struct MetricsError(String);

impl MetricsError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(format!("metrics: {}", message.into()))
    }
}

impl fmt::Display for MetricsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for MetricsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for MetricsError {}
