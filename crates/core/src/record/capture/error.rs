//! Why a value could not be captured. Used by `capture` and its JSON writer.

use std::fmt;

use serde::ser;

use super::super::guard::text_of;

/// Why a value could not be captured.
#[derive(Debug)]
pub(crate) enum CaptureError {
    /// The message of the user's `Serialize`.
    Refused(String),
    /// It is larger than [`MAX_BYTES`](super::json::MAX_BYTES). What was written before is kept.
    Cut,
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused(message) => message,
            Self::Cut => "the value is too large",
        })
    }
}

impl std::error::Error for CaptureError {}

impl ser::Error for CaptureError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Refused(text_of(&message))
    }
}
