//! Why a batch was not accepted, and what may be done next.
//! Made by exporters; turned into retries and splits by delivery.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// What delivery may do after a failed export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// The receiver or the network failed: send the same batch again later.
    Retry,
    /// The receiver works and asks for a pause (429): everything waits, nothing is wrong.
    Pause(Option<Duration>),
    /// The batch is too large: halve it.
    Split,
    /// Something in the batch is bad: find it by bisection and reject it alone.
    Reject,
    /// The receiver refuses our requests (wrong key, wrong address): keep everything, make an attempt from time to time.
    Stop,
}

/// Why a batch was not accepted, and what may be done next.
///
/// ```
/// use std::time::Duration;
/// use tracefuse_exporter::{Advice, ExportError};
///
/// let busy = ExportError::retry("503 Service Unavailable").with_retry_after(Duration::from_secs(2));
/// assert_eq!(busy.retry_after(), Some(Duration::from_secs(2)));
/// assert_eq!(ExportError::split("413 Content Too Large").advice(), Advice::Split);
/// ```
pub struct ExportError {
    advice: Advice,
    message: String,
    retry_after: Option<Duration>,
    maybe_delivered: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ExportError {
    fn new(advice: Advice, message: impl Into<String>) -> Self {
        Self {
            advice,
            message: message.into(),
            retry_after: None,
            maybe_delivered: false,
            source: None,
        }
    }

    /// The receiver or the network failed; the same batch may be accepted later.
    #[must_use]
    pub fn retry(message: impl Into<String>) -> Self {
        Self::new(Advice::Retry, message)
    }

    /// The receiver asks for a pause, of `after` if it said how long.
    #[must_use]
    pub fn pause(after: Option<Duration>, message: impl Into<String>) -> Self {
        Self {
            retry_after: after,
            ..Self::new(Advice::Pause(after), message)
        }
    }

    /// The batch is too large for the receiver.
    #[must_use]
    pub fn split(message: impl Into<String>) -> Self {
        Self::new(Advice::Split, message)
    }

    /// The receiver refuses something in the batch, without saying what.
    #[must_use]
    pub fn reject(message: impl Into<String>) -> Self {
        Self::new(Advice::Reject, message)
    }

    /// The receiver refuses our requests at all: wrong key, wrong address.
    #[must_use]
    pub fn stop(message: impl Into<String>) -> Self {
        Self::new(Advice::Stop, message)
    }

    /// Not before this long from now, as the receiver said (`Retry-After`, RFC 9110 10.2.3).
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// The whole batch had been written when it failed: it may have arrived all the same.
    #[must_use]
    pub fn with_maybe_delivered(mut self, maybe: bool) -> Self {
        self.maybe_delivered = maybe;
        self
    }

    /// What caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds to the message, after a colon, what the user can do about the error.
    ///
    /// ```
    /// use tracefuse_exporter::ExportError;
    ///
    /// let error = ExportError::retry("connection refused").with_hint("start the collector");
    /// assert_eq!(error.to_string(), "connection refused: start the collector");
    /// ```
    #[must_use]
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.message = format!("{}: {hint}", self.message);
        self
    }

    /// What delivery may do next.
    #[must_use]
    pub fn advice(&self) -> Advice {
        self.advice
    }

    /// How long the receiver asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the batch may have arrived all the same.
    #[must_use]
    pub fn maybe_delivered(&self) -> bool {
        self.maybe_delivered
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// `Display` and the causes: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::debug_error(self, f)
    }
}

impl Error for ExportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
