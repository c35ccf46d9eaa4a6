//! Settings that cannot be used. Made by `transport`.

use std::fmt;

/// Settings that cannot be used. Says which setting and why, and repeats no credential.
#[non_exhaustive]
pub struct OtlpConfigError {
    setting: &'static str,
    message: String,
}

impl OtlpConfigError {
    pub(crate) fn new(setting: &'static str, message: impl Into<String>) -> Self {
        Self {
            setting,
            message: message.into(),
        }
    }

    /// The setting that cannot be used: `endpoint`, `headers`, or one of [`HttpConfigError::setting`].
    ///
    /// [`HttpConfigError::setting`]: tracefuse_http::HttpConfigError::setting
    #[must_use]
    pub fn setting(&self) -> &'static str {
        self.setting
    }
}

impl fmt::Display for OtlpConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for OtlpConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for OtlpConfigError {}
