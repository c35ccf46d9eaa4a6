//! The result of a batch that a receiver took: how many records it accepted, and which it refused.
//! Made by exporters; counted by delivery.

/// The result of each record of a batch that was taken as a whole.
///
/// ```
/// use tracefuse_exporter::{ExportReport, Rejection};
///
/// let report = ExportReport::accepted(99).with_rejection(Rejection::at(3, "no name"));
/// assert_eq!((report.accepted, report.rejected.len()), (99, 1));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportReport {
    /// Records the receiver took. Those of the batch that are neither here nor in `rejected` count as rejected.
    pub accepted: usize,
    /// Records it refused, one by one.
    pub rejected: Vec<Rejection>,
}

impl ExportReport {
    /// All of `accepted` records were taken.
    #[must_use]
    pub fn accepted(accepted: usize) -> Self {
        Self {
            accepted,
            rejected: Vec::new(),
        }
    }

    /// Adds a record that was refused.
    #[must_use]
    pub fn with_rejection(mut self, rejection: Rejection) -> Self {
        self.rejected.push(rejection);
        self
    }
}

/// A record the receiver refused.
///
/// ```
/// use tracefuse_exporter::Rejection;
///
/// assert_eq!(Rejection::at(3, "no name").index, Some(3));
/// assert_eq!(Rejection::unknown("one of them is too large").index, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rejection {
    /// Its position in the batch; `None` if the receiver only said how many.
    pub index: Option<usize>,
    /// What the receiver said.
    pub reason: String,
}

impl Rejection {
    /// The record at `index` was refused for `reason`.
    #[must_use]
    pub fn at(index: usize, reason: impl Into<String>) -> Self {
        Self {
            index: Some(index),
            reason: reason.into(),
        }
    }

    /// Some record was refused for `reason`.
    #[must_use]
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self {
            index: None,
            reason: reason.into(),
        }
    }
}
