//! The outcome of a batch, as numbers, health and log lines.
//! Called by the rest of `delivery` after each answer.

use std::mem::discriminant;
use std::time::Duration;

use tokio::time::Instant;
use tracefuse_core::{DropReason, Health, RejectReason};
use tracefuse_exporter::ExportReport;

use super::{Delivery, Store};
use crate::contain::contained;
use crate::delivery::action::Answer;
use crate::delivery::breaker::{Change, Outcome};
use crate::ledger::Notice;
use crate::log;
use crate::queue::State;
use crate::queue::envelope::{Envelope, Queued, bytes_of};

/// Batches that have to be taken before a larger one is tried again.
const PROOF: u32 = 50;
/// A batch that is accepted within this time may be followed by one of twice as many records. A receiver that takes longer may
/// not accept twice as many before the attempt times out; they would be sent again, and arrive twice.
const GROW_WITHIN: Duration = Duration::from_millis(500);

impl Delivery {
    /// Counts what the report says. Records that it names neither as accepted nor as rejected were not exported.
    pub(super) fn accept(&mut self, part: &[Envelope], report: &ExportReport, place: Store) {
        let accepted = report
            .accepted
            .min(part.len().saturating_sub(report.rejected.len()));
        let rejected = part.len() - accepted;
        if rejected > 0 {
            let silent = format!("the exporter accepted {accepted} of {} records", part.len());
            let first = report.rejected.first();
            let reason = first.map_or(silent.as_str(), |first| &first.reason);
            self.note(Notice::Rejected, |name, more| {
                log::rejected(name, rejected, reason, more);
            });
        }
        let bytes = part.iter().map(|meta| meta.bytes).sum();
        self.settle((part.len(), bytes), place, |state, records| {
            let rejected = rejected.min(records);
            state.ledger.exported(records - rejected);
            if rejected > 0 {
                state.ledger.rejected(RejectReason::Invalid, rejected);
            }
        });
        self.queue.succeeded();
        if let Some(disk) = &mut self.disk {
            disk.succeeded();
        }
        self.taken += 1;
        if self.taken >= PROOF {
            self.taken = 0;
            let more = self.learned_bytes / 10;
            self.learned_bytes = (self.learned_bytes + more).min(self.queue.config.max_batch_bytes);
        }
    }

    /// How many records the next batch may have if a backlog waits: twice as many after one that was accepted within
    /// [`GROW_WITHIN`], half as many after one that was accepted later, and `batch_size` after one that was not accepted.
    pub(super) fn adapt_batch_size(&mut self, accepted: bool, took: Duration) {
        let config = &self.queue.config;
        let next = match accepted {
            true if took <= GROW_WITHIN => self
                .backlog_records
                .saturating_mul(2)
                .min(config.max_batch_size),
            true => self.backlog_records / 2,
            false => config.batch_size,
        };
        self.backlog_records = next.max(config.batch_size);
    }

    pub(super) fn reject(
        &self,
        part: &[Queued],
        reason: RejectReason,
        message: &str,
        place: Store,
    ) {
        self.note(Notice::Rejected, |name, more| {
            log::rejected(name, part.len(), message, more)
        });
        let sum = (part.len(), bytes_of(part));
        self.settle(sum, place, |state, records| {
            state.ledger.rejected(reason, records)
        });
    }

    pub(super) fn give_up(&self, part: &[Queued], reason: DropReason, place: Store) {
        if part.is_empty() {
            return;
        }
        let maybe = part.iter().filter(|item| item.maybe_delivered).count();
        self.note(Notice::GivenUp, |name, more| {
            log::given_up(name, part.len(), reason, more)
        });
        let sum = (part.len(), bytes_of(part));
        self.settle(sum, place, |state, records| {
            state.ledger.dropped(reason, records);
            state.ledger.maybe_delivered(maybe);
        });
    }

    /// Gives records their outcome, in memory or on disk. `sum` is how many there are, and their bytes.
    pub(super) fn settle(
        &self,
        sum: (usize, usize),
        place: Store,
        outcome: impl FnOnce(&mut State, usize),
    ) {
        match (&self.disk, place) {
            (Some(disk), Store::Disk) => disk.outcome(sum.0, outcome),
            _ => self
                .queue
                .settle(sum.0, sum.1, |state| outcome(state, sum.0)),
        }
    }

    /// Writes an answer into the numbers and the health, and logs what it changes.
    pub(super) fn tell(&self, change: Option<Change>, spans: usize, answer: &Answer) {
        let retry_in = self.breaker.retry_in(Instant::now()).unwrap_or_default();
        if let Some(error) = &answer.error {
            self.queue.with(|state| {
                if answer.cut_off {
                    state.ledger.attempt_cut_off(error);
                } else {
                    state.ledger.attempt_failed(error);
                }
            });
        }
        let is_refused = self.breaker.is_refused();
        self.tell_health(match (answer.outcome, is_refused, retry_in.is_zero()) {
            (_, true, _) => Some(Health::Refused { retry_in }),
            (_, _, false) => Some(Health::Open { retry_in }),
            (Outcome::Failed, ..) => Some(Health::Degraded),
            (Outcome::Alive, ..) => Some(Health::Healthy),
            _ => None,
        });
        let error = answer.error.as_deref().unwrap_or_default();
        match change {
            Some(Change::Opened) => log::breaker_opened(&self.queue.name, error, retry_in),
            Some(Change::Refused) => log::refused(&self.queue.name, error, retry_in),
            Some(Change::Closed) => log::breaker_closed(&self.queue.name),
            None if answer.outcome == Outcome::Failed => {
                self.note(Notice::ExportFailed, |name, more| {
                    log::export_failed(name, spans, error, more);
                });
            }
            None => {}
        }
    }

    /// Sets the health, if there is a new one, and calls back if its kind has changed.
    pub(super) fn tell_health(&self, health: Option<Health>) {
        let before = self.queue.with(|state| {
            let before = discriminant(&state.health);
            if let Some(health) = health
                && !matches!(state.health, Health::Stopped)
            {
                state.health = health;
            }
            before
        });
        if let Some(on_health) = &self.on_health {
            let stats = self.queue.stats();
            if discriminant(&stats.health) != before
                && let Err(panic) = contained(|| on_health(&stats))
            {
                self.note(Notice::ExporterPanicked, |name, more| {
                    log::exporter_panicked(name, "on_health_change", &panic, more);
                });
            }
        }
    }

    pub(super) fn note(&self, notice: Notice, line: impl FnOnce(&str, u64)) {
        if let Some(suppressed) = self.queue.with(|state| state.notices.admit(notice)) {
            line(&self.queue.name, suppressed);
        }
    }
}
