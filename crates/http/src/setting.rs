//! A setting that cannot be used. Made by the exporters of this repository, of which each checks its own settings;
//! knows no setting by name.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::config_error::HttpConfigError;

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

    /// Refuses a time outside of its range. The message names both.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tracefuse_http::{SettingError, TIMEOUT_RANGE};
    ///
    /// let error = SettingError::check_time("timeout", Duration::ZERO, &TIMEOUT_RANGE).unwrap_err();
    /// assert_eq!(error.to_string(), "`timeout` is 0 s: expected a time from 0.001 s to 3600 s");
    /// ```
    ///
    /// # Errors
    /// If the time is outside of the range.
    pub fn check_time(
        setting: &'static str,
        time: Duration,
        range: &RangeInclusive<Duration>,
    ) -> Result<(), Self> {
        if range.contains(&time) {
            return Ok(());
        }
        let [time, low, high] = [time, *range.start(), *range.end()].map(|time| time.as_secs_f64());
        let message = format!("`{setting}` is {time} s: expected a time from {low} s to {high} s");
        Err(Self::new(setting, message))
    }

    /// Refuses a number outside of its range. The message names both.
    ///
    /// ```
    /// use tracefuse_http::SettingError;
    ///
    /// let error = SettingError::check_number("max_bytes", 0, &(1..=1024)).unwrap_err();
    /// assert_eq!(error.to_string(), "`max_bytes` is 0: expected a whole number from 1 to 1024");
    /// ```
    ///
    /// # Errors
    /// If the number is outside of the range.
    pub fn check_number<T: PartialOrd + fmt::Display + Copy>(
        setting: &'static str,
        number: T,
        range: &RangeInclusive<T>,
    ) -> Result<(), Self> {
        if range.contains(&number) {
            return Ok(());
        }
        let (low, high) = (range.start(), range.end());
        let message =
            format!("`{setting}` is {number}: expected a whole number from {low} to {high}");
        Err(Self::new(setting, message))
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
