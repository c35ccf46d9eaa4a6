//! Refuses a setting outside of its range, with an error that names the setting, its value and the range.
//! Called by the checks of `PipelineConfig` and of tail sampling.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// A value that a range bounds: how a message shows it and its unit.
pub(crate) trait Bounded: PartialOrd + Copy {
    const WHAT: &'static str;
    fn shown(self) -> String;
}

impl Bounded for usize {
    const WHAT: &'static str = "a whole number";
    fn shown(self) -> String {
        self.to_string()
    }
}

impl Bounded for u32 {
    const WHAT: &'static str = "a whole number";
    fn shown(self) -> String {
        self.to_string()
    }
}

impl Bounded for Duration {
    const WHAT: &'static str = "a time";
    fn shown(self) -> String {
        format!("{} s", self.as_secs_f64())
    }
}

/// Refuses a value outside of its range.
pub(crate) fn check<T: Bounded>(
    setting: &'static str,
    value: T,
    range: &std::ops::RangeInclusive<T>,
) -> Result<(), PipelineConfigError> {
    if range.contains(&value) {
        return Ok(());
    }
    let (what, value) = (T::WHAT, value.shown());
    let (low, high) = (range.start().shown(), range.end().shown());
    let expected = format!("{what} from {low} to {high}");
    Err(PipelineConfigError::new(setting, &value, &expected))
}

/// A setting outside of its range. Says which, its value and the range.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PipelineConfigError {
    setting: &'static str,
    message: String,
}

impl PipelineConfigError {
    pub(crate) fn new(setting: &'static str, value: &str, expected: &str) -> Self {
        Self {
            setting,
            message: format!("`{setting}` is {value}: expected {expected}"),
        }
    }

    /// The name of the setting, such as `batch_size`.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        self.setting
    }
}

impl fmt::Display for PipelineConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for PipelineConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for PipelineConfigError {}
