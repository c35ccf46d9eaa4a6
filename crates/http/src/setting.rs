//! A setting that cannot be used. Made by the exporters of this repository, of which each checks its own settings;
//! knows no setting by name.

use std::fmt;

use crate::config::HttpConfigError;

/// A setting that cannot be used: which one, why, and what to do. Repeats no credential.
///
/// ```
/// use tracefuse_http::SettingError;
///
/// let error = SettingError::new("endpoint", "the endpoint is empty: expected an address such as https://otlp.example.com");
/// assert_eq!(error.setting(), "endpoint");
/// assert_eq!(format!("{error:?}"), error.to_string());
/// ```
#[non_exhaustive]
pub struct SettingError {
    setting: &'static str,
    message: String,
}

impl SettingError {
    /// An error of the setting with this name.
    pub fn new(setting: &'static str, message: impl Into<String>) -> Self {
        Self {
            setting,
            message: message.into(),
        }
    }

    /// The setting that cannot be used: a field of the exporter's configuration, such as `base_url` or `endpoint`, or one
    /// of [`HttpConfigError::setting`].
    #[must_use]
    pub fn setting(&self) -> &'static str {
        self.setting
    }
}

/// The message has the cause, too.
impl From<HttpConfigError> for SettingError {
    fn from(error: HttpConfigError) -> Self {
        Self::new(error.setting(), format!("{error:?}"))
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for SettingError {}
