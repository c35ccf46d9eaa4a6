//! Accounting: every record has exactly one outcome, counted where it happens. And the log lines about it.
//! Kept by `queue` under its lock, so that the numbers add up at every instant; read through `Stats`.

use std::collections::BTreeMap;

use tokio::time::{Duration, Instant};
use tracefuse_core::{DropReason, ExporterStats, Health, RejectReason};
use tracefuse_exporter::plain_text;

/// Outcomes of one exporter's records. What has none yet is counted by the queue itself.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) recorded: u64,
    /// Of those, taken over from a process before this one.
    pub(crate) recovered: u64,
    exported: u64,
    rejected: BTreeMap<RejectReason, u64>,
    dropped: BTreeMap<DropReason, u64>,
    maybe_delivered: u64,
    masking_failures: u64,
    failed_attempts: u64,
    last_error: Option<String>,
    /// Losses that some report has told of.
    reported: u64,
}

impl Ledger {
    pub(crate) fn exported(&mut self, records: usize) {
        self.exported += records as u64;
    }

    pub(crate) fn rejected(&mut self, reason: RejectReason, records: usize) {
        *self.rejected.entry(reason).or_default() += records as u64;
    }

    pub(crate) fn dropped(&mut self, reason: DropReason, records: usize) {
        *self.dropped.entry(reason).or_default() += records as u64;
    }

    pub(crate) fn maybe_delivered(&mut self, records: usize) {
        self.maybe_delivered += records as u64;
    }

    pub(crate) fn masking_failed(&mut self, values: u64) {
        self.masking_failures += values;
    }

    pub(crate) fn attempt_failed(&mut self, error: &str) {
        self.failed_attempts += 1;
        self.last_error = Some(plain_text(error).into_owned());
    }

    pub(crate) fn lost(&self) -> u64 {
        self.rejected.values().sum::<u64>() + self.dropped.values().sum::<u64>()
    }

    /// Losses since the last report; the next report starts from here.
    pub(crate) fn report_losses(&mut self) -> u64 {
        let lost = self.lost();
        lost - std::mem::replace(&mut self.reported, lost)
    }

    pub(crate) fn stats(
        &self,
        name: &str,
        queued: usize,
        in_flight: usize,
        spooled: usize,
        bytes: usize,
        health: Health,
    ) -> ExporterStats {
        let mut stats = ExporterStats::default();
        stats.name = name.to_owned();
        stats.recorded = self.recorded;
        stats.exported = self.exported;
        stats.rejected = self.rejected.clone();
        stats.dropped = self.dropped.clone();
        stats.queued = queued as u64;
        stats.in_flight = in_flight as u64;
        stats.spooled = spooled as u64;
        stats.recovered = self.recovered;
        stats.maybe_delivered = self.maybe_delivered;
        stats.masking_failures = self.masking_failures;
        stats.queued_bytes = bytes as u64;
        stats.failed_attempts = self.failed_attempts;
        stats.health = health;
        stats.last_error = self.last_error.clone();
        stats
    }
}

/// What may be said, one line per kind and minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Notice {
    QueueFull,
    ExportFailed,
    Rejected,
    MaskingFailed,
    Held,
    GivenUp,
    #[cfg(feature = "spool")]
    SpoolFailed,
    #[cfg(feature = "spool")]
    SpoolLost,
}

/// How often a line of one kind may repeat.
const QUIET: Duration = Duration::from_secs(60);

/// Keeps a storm of failures from becoming a storm of lines.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    last: BTreeMap<Notice, (Instant, u64)>,
}

impl Notices {
    /// Whether a line of this kind may be written now, and how many were kept back since the last.
    pub(crate) fn admit(&mut self, notice: Notice) -> Option<u64> {
        let now = Instant::now();
        match self.last.get_mut(&notice) {
            Some((at, suppressed)) if now.duration_since(*at) < QUIET => {
                *suppressed += 1;
                None
            }
            Some(entry) => {
                let suppressed = entry.1;
                *entry = (now, 0);
                Some(suppressed)
            }
            None => {
                self.last.insert(notice, (now, 0));
                Some(0)
            }
        }
    }
}

/// The lines themselves: what happened, to what, what to do. Never a payload, and no text of others that
/// could forge a line: names and errors come through `plain_text`.
pub(crate) mod log {
    use super::{DropReason, Duration, plain_text};

    const MORE: &str = "more of the same were not logged";

    pub(crate) fn queue_full(exporter: &str, reason: DropReason, suppressed: u64) {
        tracing::warn!(
            target: "tracefuse", exporter, %reason, suppressed,
            "spans are dropped: the queue is full. Raise `max_queue_size` or `max_queue_bytes`, or sample ({MORE})"
        );
    }

    pub(crate) fn export_failed(exporter: &str, spans: usize, error: &str, suppressed: u64) {
        tracing::warn!(target: "tracefuse", exporter, spans, error = &*plain_text(error), suppressed, "an export failed ({MORE})");
    }

    pub(crate) fn breaker_opened(exporter: &str, error: &str, retry_in: Duration) {
        tracing::warn!(
            target: "tracefuse", exporter, error = &*plain_text(error), retry_in_s = retry_in.as_secs(),
            "the circuit breaker opened: spans are held in memory until the receiver answers again"
        );
    }

    pub(crate) fn breaker_closed(exporter: &str) {
        tracing::info!(target: "tracefuse", exporter, "the receiver answers again: the circuit breaker closed");
    }

    pub(crate) fn refused(exporter: &str, error: &str, retry_in: Duration) {
        tracing::error!(
            target: "tracefuse", exporter, error = &*plain_text(error), retry_in_s = retry_in.as_secs(),
            "the receiver refuses us: spans are held in memory, one attempt a minute looks whether it was mended"
        );
    }

    pub(crate) fn rejected(exporter: &str, spans: usize, error: &str, suppressed: u64) {
        tracing::error!(target: "tracefuse", exporter, spans, error = &*plain_text(error), suppressed, "spans were rejected ({MORE})");
    }

    pub(crate) fn outside_trace(span: &str) {
        tracing::warn!(
            target: "tracefuse", span = &*plain_text(span),
            "a span was started where no trace is current, and is not recorded: begin a trace, take the current span into \
             the task or thread (`in_current_span`), or call `set_global` for `#[observe]`. Further ones are counted in \
             `stats().outside_trace`"
        );
    }

    pub(crate) fn leak(leak: &tracefuse_core::Leak) {
        match leak {
            tracefuse_core::Leak::Long { name, age } => tracing::warn!(
                target: "tracefuse", trace = &*plain_text(name), open_s = age.as_secs(),
                "a trace is open for long: is a handle of it kept somewhere? It is delivered when the last one is dropped"
            ),
            tracefuse_core::Leak::Many { open } => tracing::warn!(
                target: "tracefuse", open,
                "many spans are open at once: are handles kept somewhere? Each takes memory until it ends"
            ),
            _ => {}
        }
    }

    pub(crate) fn masking_failed(exporter: &str, values: u64, suppressed: u64) {
        tracing::error!(
            target: "tracefuse", exporter, values, suppressed,
            "the masker panicked: the values it was shown are exported as `<masking failed>` ({MORE})"
        );
    }

    pub(crate) fn released_early(traces: u64, suppressed: u64) {
        tracing::warn!(
            target: "tracefuse", traces, suppressed,
            "traces are kept without waiting for their end: too much is held, or for too long. Raise the bounds of `TailSampling`, or end traces sooner ({MORE})"
        );
    }

    pub(crate) fn given_up(exporter: &str, spans: usize, reason: DropReason, suppressed: u64) {
        tracing::error!(
            target: "tracefuse", exporter, spans, %reason, suppressed,
            "spans were given up after every try the settings allow ({MORE})"
        );
    }

    #[cfg(feature = "spool")]
    pub(crate) fn recovered(exporter: &str, found: &crate::spool::Recovered) {
        tracing::info!(
            target: "tracefuse", exporter, spans = found.frames, files = found.files,
            corrupt_files = found.corrupt_files,
            "spans of an earlier process were found in the spool and will be delivered"
        );
    }

    #[cfg(feature = "spool")]
    pub(crate) fn spool_failed(exporter: &str, error: &crate::spool::SpoolError, suppressed: u64) {
        tracing::warn!(
            target: "tracefuse", exporter, error = &*plain_text(&error.to_string()), suppressed,
            "the spool does not work: spans stay in memory, the disk is tried again in 30 s ({MORE})"
        );
    }

    #[cfg(feature = "spool")]
    pub(crate) fn spool_lost(exporter: &str, spans: usize, damaged: usize, suppressed: u64) {
        tracing::error!(
            target: "tracefuse", exporter, spans, damaged, suppressed,
            "spans were lost from the spool: it is full, they were too old, or a file was damaged ({MORE})"
        );
    }

    pub(crate) fn shutdown_loss(exporter: &str, spans: u64) {
        tracing::error!(
            target: "tracefuse", exporter, spans,
            "time was up at shutdown: spans are lost. Raise `shutdown_timeout`, or look why the receiver is slow"
        );
    }
}
