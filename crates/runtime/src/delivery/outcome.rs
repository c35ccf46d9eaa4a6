//! What became of a batch, as numbers, health and log lines.
//! Called by the rest of `delivery` after each answer.

use std::mem::discriminant;

use tokio::time::Instant;
use tracefuse_core::{DropReason, Health, RejectReason};
use tracefuse_exporter::ExportReport;

use super::{Delivery, Place};
use crate::attempt;
use crate::breaker::{Change, Outcome};
use crate::item::{Item, bytes_of};
use crate::judge::Judged;
use crate::lane::State;
use crate::ledger::{Notice, say};

/// Batches that have to be taken before a larger one is tried again.
const PROOF: u32 = 50;

impl Delivery {
    pub(super) fn accept(&mut self, part: &[Item], report: &ExportReport, place: Place) {
        let rejected = report.rejected.len().min(part.len());
        if let Some(first) = report.rejected.first() {
            self.note(Notice::Rejected, |name, more| {
                say::rejected(name, rejected, &first.reason, more)
            });
        }
        self.settle(part, place, |state, records| {
            let rejected = rejected.min(records);
            state.ledger.exported(records - rejected);
            if rejected > 0 {
                state.ledger.rejected(RejectReason::Invalid, rejected);
            }
        });
        self.lane.succeeded();
        self.taken += 1;
        if self.taken >= PROOF {
            self.taken = 0;
            let more = self.learned_bytes / 10;
            self.learned_bytes = (self.learned_bytes + more).min(self.lane.config.max_batch_bytes);
        }
    }

    pub(super) fn reject(&self, part: &[Item], reason: RejectReason, message: &str, place: Place) {
        self.note(Notice::Rejected, |name, more| {
            say::rejected(name, part.len(), message, more)
        });
        self.settle(part, place, |state, records| {
            state.ledger.rejected(reason, records)
        });
    }

    pub(super) fn give_up(&self, part: &[Item], reason: DropReason, place: Place) {
        if part.is_empty() {
            return;
        }
        let maybe = part.iter().filter(|item| item.maybe_delivered).count();
        self.note(Notice::GivenUp, |name, more| {
            say::given_up(name, part.len(), reason, more)
        });
        self.settle(part, place, |state, records| {
            state.ledger.dropped(reason, records);
            state.ledger.maybe_delivered(maybe);
        });
    }

    /// Gives records their outcome, wherever they are accounted for.
    pub(super) fn settle(
        &self,
        part: &[Item],
        place: Place,
        outcome: impl FnOnce(&mut State, usize),
    ) {
        match (&self.disk, place) {
            (Some(disk), Place::Disk) => disk.outcome(part.len(), outcome),
            _ => self.lane.settle(part.len(), bytes_of(part), |state| {
                outcome(state, part.len());
            }),
        }
    }

    pub(super) fn tell(&self, change: Option<Change>, spans: usize, judged: &Judged) {
        let retry_in = self.breaker.retry_in(Instant::now()).unwrap_or_default();
        let before = self.lane.with(|state| {
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
            let stats = self.lane.stats();
            if discriminant(&stats.health) != before {
                attempt::call(|| on_health(&stats));
            }
        }
        let error = judged.error.as_deref().unwrap_or_default();
        match change {
            Some(Change::Opened) => say::breaker_opened(&self.lane.name, error, retry_in),
            Some(Change::Refused) => say::refused(&self.lane.name, error, retry_in),
            Some(Change::Closed) => say::breaker_closed(&self.lane.name),
            None if judged.outcome == Outcome::Failed => {
                self.note(Notice::ExportFailed, |name, more| {
                    say::export_failed(name, spans, error, more)
                });
            }
            None => {}
        }
    }

    pub(super) fn note(&self, notice: Notice, line: impl FnOnce(&str, u64)) {
        if let Some(suppressed) = self.lane.with(|state| state.notices.admit(notice)) {
            line(&self.lane.name, suppressed);
        }
    }
}
