//! Why a span was lost: dropped on our side, or rejected by a receiver.
//! Counted by delivery where it happens; read in `ExporterStats`.

use std::fmt;

/// Why a finished span was dropped. Every loss has one of these names and is counted in spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DropReason {
    /// The queue held its configured number of records.
    QueueFullCount,
    /// The queue held its configured number of bytes.
    QueueFullBytes,
    /// The circuit breaker was open and there was no room to keep it.
    CircuitOpen,
    /// All retries were used up.
    RetriesExhausted,
    /// It waited longer than its configured age.
    MaxAge,
    /// Time was up at shutdown.
    ShutdownDeadline,
    /// The exporter panicked at every attempt to send it.
    ExporterPanic,
    /// Delivery itself failed while it had the span: something panicked on its thread, or the thread ended.
    DeliveryFailed,
    /// It was recorded after the tracer was shut down.
    AfterShutdown,
    /// The spool had no room for it.
    SpoolFull,
    /// The spool's file was damaged or removed.
    SpoolCorrupt,
}

impl DropReason {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::QueueFullCount,
        Self::QueueFullBytes,
        Self::CircuitOpen,
        Self::RetriesExhausted,
        Self::MaxAge,
        Self::ShutdownDeadline,
        Self::ExporterPanic,
        Self::DeliveryFailed,
        Self::AfterShutdown,
        Self::SpoolFull,
        Self::SpoolCorrupt,
    ];

    /// Its name in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFullCount => "queue_full_count",
            Self::QueueFullBytes => "queue_full_bytes",
            Self::CircuitOpen => "circuit_open",
            Self::RetriesExhausted => "retries_exhausted",
            Self::MaxAge => "max_age",
            Self::ShutdownDeadline => "shutdown_deadline",
            Self::ExporterPanic => "exporter_panic",
            Self::DeliveryFailed => "delivery_failed",
            Self::AfterShutdown => "after_shutdown",
            Self::SpoolFull => "spool_full",
            Self::SpoolCorrupt => "spool_corrupt",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a receiver did not take a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RejectReason {
    /// It refused this very span.
    Invalid,
    /// It refuses our requests: wrong key, suspended project, wrong address.
    Unauthorized,
    /// The span is too large even after it was shortened.
    TooLarge,
}

impl RejectReason {
    /// Its name in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unauthorized => "unauthorized",
            Self::TooLarge => "too_large",
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
