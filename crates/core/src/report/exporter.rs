//! The numbers of one exporter, and the state of its delivery.
//! Filled by delivery; part of `Stats`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{DropReason, RejectReason};

/// The state of delivery to one exporter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// The last attempt succeeded, or there was none.
    #[default]
    Healthy,
    /// The last attempt failed; it will be tried again.
    Degraded,
    /// The circuit breaker is open.
    Open {
        /// Until the next probe.
        retry_in: Duration,
    },
    /// The receiver refuses our requests; a probe checks from time to time whether it accepts them again.
    Refused {
        /// Until the next probe.
        retry_in: Duration,
    },
    /// It was shut down, or its thread ended: then [`ExporterStats::last_error`] says why.
    Stopped,
}

/// Results of the spans that were given to one exporter.
///
/// `recorded == exported + rejected + dropped + queued + in_flight + spooled` at every moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExporterStats {
    /// The exporter's name.
    pub name: String,
    /// Spans given to it, those recovered included.
    pub recorded: u64,
    /// Of those, how many an earlier process had left in the spool.
    pub recovered: u64,
    /// Spans the receiver took.
    pub exported: u64,
    /// Spans the receiver refused, by reason.
    pub rejected: BTreeMap<RejectReason, u64>,
    /// Spans lost on our side, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
    /// Spans waiting in memory.
    pub queued: u64,
    /// Spans that the queue in memory can hold; it is bounded by bytes as well.
    pub queue_capacity: u64,
    /// Spans in an attempt right now.
    pub in_flight: u64,
    /// Spans waiting on disk.
    pub spooled: u64,
    /// Of the dropped, how many may have arrived all the same: their bytes had been sent.
    pub maybe_delivered: u64,
    /// Values exported as `<masking failed>`, because the masker panicked on them.
    pub masking_failures: u64,
    /// Bytes of the records in memory, those in flight included.
    pub queued_bytes: u64,
    /// Attempts that failed so far.
    pub failed_attempts: u64,
    /// The state of delivery.
    pub health: Health,
    /// What the last failed attempt said.
    pub last_error: Option<String>,
}

impl ExporterStats {
    /// All that the receiver refused.
    #[must_use]
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// All that was lost on our side.
    #[must_use]
    pub fn dropped_total(&self) -> u64 {
        self.dropped.values().sum()
    }

    /// Spans that have no outcome yet: queued or in flight.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.queued + self.in_flight
    }

    /// Whether the numbers add up.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.recorded
            == self.exported
                + self.rejected_total()
                + self.dropped_total()
                + self.pending()
                + self.spooled
    }
}
