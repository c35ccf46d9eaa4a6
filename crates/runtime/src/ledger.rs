//! Accounting: every record has exactly one outcome, counted where it happens; and how often a log line may repeat.
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
    /// Losses that the report of a flush has counted.
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

    /// An attempt that we ended ourselves because the shutdown's time was over. An error that the receiver
    /// gave before is the cause, and is kept.
    pub(crate) fn attempt_cut_off(&mut self, error: &str) {
        self.failed_attempts += 1;
        if self.last_error.is_none() {
            self.last_error = Some(plain_text(error).into_owned());
        }
    }

    pub(crate) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    pub(crate) fn lost(&self) -> u64 {
        self.rejected.values().sum::<u64>() + self.dropped.values().sum::<u64>()
    }

    /// Losses since the report of the last flush; the next one starts from here.
    pub(crate) fn report_losses(&mut self) -> u64 {
        let lost = self.unreported_losses();
        self.reported = self.lost();
        lost
    }

    /// Losses since the report of the last flush. For the report of a shutdown: all its callers get the same.
    pub(crate) fn unreported_losses(&self) -> u64 {
        self.lost().saturating_sub(self.reported)
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

/// The kinds of log lines; one line of each kind is written per minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Notice {
    QueueFull,
    ExportFailed,
    ExporterPanicked,
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

/// Limits log lines: many failures of one kind give one line per minute.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    last: BTreeMap<Notice, (Instant, u64)>,
}

impl Notices {
    /// Whether a line of this kind may be written now, and how many were suppressed since the last.
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

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_line_of_one_kind_repeats_once_a_minute() {
        let mut notices = Notices::default();
        assert_eq!(notices.admit(Notice::QueueFull), Some(0));
        assert_eq!(notices.admit(Notice::Rejected), Some(0), "another kind");
        for _ in 0..3 {
            assert_eq!(notices.admit(Notice::QueueFull), None);
        }
        tokio::time::advance(QUIET - Duration::from_millis(1)).await;
        assert_eq!(notices.admit(Notice::QueueFull), None);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(notices.admit(Notice::QueueFull), Some(4));
        assert_eq!(notices.admit(Notice::QueueFull), None);
    }

    #[test]
    fn each_number_is_shown_where_it_belongs() {
        let mut ledger = Ledger {
            recorded: 90,
            recovered: 4,
            ..Ledger::default()
        };
        for records in [1, 2] {
            ledger.exported(10 * records);
            ledger.rejected(RejectReason::Invalid, 2 * records);
            ledger.dropped(DropReason::MaxAge, 3 * records);
            ledger.maybe_delivered(4 * records);
            ledger.masking_failed(5 * records as u64);
        }
        ledger.rejected(RejectReason::Unauthorized, 1);
        ledger.dropped(DropReason::CircuitOpen, 1);
        ledger.attempt_failed("503\nforged");
        let stats = ledger.stats("name", 21, 22, 23, 24, Health::Degraded);
        assert_eq!((&*stats.name, stats.health), ("name", Health::Degraded));
        assert_eq!(
            (stats.recorded, stats.recovered, stats.exported),
            (90, 4, 30)
        );
        let rejected = [(RejectReason::Invalid, 6), (RejectReason::Unauthorized, 1)];
        assert_eq!(stats.rejected, BTreeMap::from(rejected));
        let dropped = [(DropReason::MaxAge, 9), (DropReason::CircuitOpen, 1)];
        assert_eq!(stats.dropped, BTreeMap::from(dropped));
        assert_eq!((stats.maybe_delivered, stats.masking_failures), (12, 15));
        assert_eq!(
            (
                stats.queued,
                stats.in_flight,
                stats.spooled,
                stats.queued_bytes
            ),
            (21, 22, 23, 24)
        );
        assert_eq!(stats.failed_attempts, 1);
        let error = stats.last_error.unwrap();
        assert!(error.starts_with("503") && !error.contains('\n'), "{error}");
        assert_eq!(ledger.lost(), 17);
    }

    #[test]
    fn the_report_of_a_shutdown_counts_since_the_last_flush() {
        let mut ledger = Ledger::default();
        ledger.dropped(DropReason::MaxAge, 2);
        assert_eq!((ledger.report_losses(), ledger.report_losses()), (2, 0));
        ledger.rejected(RejectReason::Invalid, 3);
        assert_eq!(
            (ledger.unreported_losses(), ledger.unreported_losses()),
            (3, 3)
        );
    }

    #[test]
    fn what_we_cut_off_hides_no_cause() {
        let mut ledger = Ledger::default();
        ledger.attempt_cut_off("cut off");
        assert_eq!(ledger.last_error(), Some("cut off"));
        ledger.attempt_failed("503");
        ledger.attempt_cut_off("cut off again");
        assert_eq!(
            (ledger.last_error(), ledger.failed_attempts),
            (Some("503"), 3)
        );
    }
}
