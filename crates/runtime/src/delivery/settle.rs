//! What became of a batch, as numbers, health and log lines.
//! Called by the rest of `delivery` after each answer.

use std::mem::discriminant;

use tokio::time::Instant;
use tracefuse_core::{DropReason, Health, RejectReason};
use tracefuse_exporter::ExportReport;

use super::{Delivery, Store};
use crate::delivery::action::Judged;
use crate::delivery::attempt;
use crate::delivery::breaker::{Change, Outcome};
use crate::ledger::{Notice, log};
use crate::queue::State;
use crate::queue::envelope::{Queued, bytes_of};

/// Batches that have to be taken before a larger one is tried again.
const PROOF: u32 = 50;

impl Delivery {
    pub(super) fn accept(&mut self, part: &[Queued], report: &ExportReport, place: Store) {
        let rejected = report.rejected.len().min(part.len());
        if let Some(first) = report.rejected.first() {
            self.note(Notice::Rejected, |name, more| {
                log::rejected(name, rejected, &first.reason, more)
            });
        }
        self.settle(part, place, |state, records| {
            let rejected = rejected.min(records);
            state.ledger.exported(records - rejected);
            if rejected > 0 {
                state.ledger.rejected(RejectReason::Invalid, rejected);
            }
        });
        self.queue.succeeded();
        self.taken += 1;
        if self.taken >= PROOF {
            self.taken = 0;
            let more = self.learned_bytes / 10;
            self.learned_bytes = (self.learned_bytes + more).min(self.queue.config.max_batch_bytes);
        }
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
        self.settle(part, place, |state, records| {
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
        self.settle(part, place, |state, records| {
            state.ledger.dropped(reason, records);
            state.ledger.maybe_delivered(maybe);
        });
    }

    /// Gives records their outcome, wherever they are accounted for.
    pub(super) fn settle(
        &self,
        part: &[Queued],
        place: Store,
        outcome: impl FnOnce(&mut State, usize),
    ) {
        match (&self.disk, place) {
            (Some(disk), Store::Disk) => disk.outcome(part.len(), outcome),
            _ => self.queue.settle(part.len(), bytes_of(part), |state| {
                outcome(state, part.len());
            }),
        }
    }

    pub(super) fn tell(&self, change: Option<Change>, spans: usize, judged: &Judged) {
        let retry_in = self.breaker.retry_in(Instant::now()).unwrap_or_default();
        let before = self.queue.with(|state| {
            let before = discriminant(&state.health);
            if let Some(error) = &judged.error {
                state.ledger.attempt_failed(error);
            }
            if !matches!(state.health, Health::Stopped) {
                state.health = match (
                    judged.outcome,
                    self.breaker.is_refused(),
                    retry_in.is_zero(),
                ) {
                    (_, true, _) => Health::Refused { retry_in },
                    (_, _, false) => Health::Open { retry_in },
                    (Outcome::Failed, ..) => Health::Degraded,
                    (Outcome::Alive, ..) => Health::Healthy,
                    _ => state.health,
                };
            }
            before
        });
        if let Some(on_health) = &self.on_health {
            let stats = self.queue.stats();
            if discriminant(&stats.health) != before {
                attempt::call(|| on_health(&stats));
            }
        }
        let error = judged.error.as_deref().unwrap_or_default();
        match change {
            Some(Change::Opened) => log::breaker_opened(&self.queue.name, error, retry_in),
            Some(Change::Refused) => log::refused(&self.queue.name, error, retry_in),
            Some(Change::Closed) => log::breaker_closed(&self.queue.name),
            None if judged.outcome == Outcome::Failed => {
                self.note(Notice::ExportFailed, |name, more| {
                    log::export_failed(name, spans, error, more)
                });
            }
            None => {}
        }
    }

    pub(super) fn note(&self, notice: Notice, line: impl FnOnce(&str, u64)) {
        if let Some(suppressed) = self.queue.with(|state| state.notices.admit(notice)) {
            line(&self.queue.name, suppressed);
        }
    }
}
