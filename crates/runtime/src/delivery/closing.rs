//! What a flush and a shutdown need of delivery: how long to continue, and the exporter's own flush and shutdown.
//! Called by `worker::run`.

use std::time::Duration;

use tokio::time::Instant;

use super::Delivery;
use crate::delivery::action::Answer;
use crate::delivery::attempt::{Call, Failure};
use crate::ledger::Notice;
use crate::log;
use crate::queue::phase::Phase;

impl Delivery {
    /// How long the receiver asked us to wait, if it did.
    fn paused(&self) -> Option<Duration> {
        let wait = self.paused_until?.saturating_duration_since(Instant::now());
        (!wait.is_zero()).then_some(wait)
    }

    /// Until when a shutdown delivers; `None` when that is over, or there is none.
    pub(crate) fn closing_until(&self) -> Option<Instant> {
        match self.queue.phase() {
            Phase::Closing(deadline) => {
                Some(self.before(deadline)).filter(|until| Instant::now() < *until)
            }
            Phase::Running | Phase::Stopped => None,
        }
    }

    /// How long a shutdown waits after its attempt number `failures` (from 0) that gave no record an outcome.
    /// `None` if another one is of no use: the receiver refuses us, it asked for a pause that does not fit, or
    /// what is left can go to disk.
    pub(crate) fn closing_wait(&self, failures: u32, until: Instant) -> Option<Duration> {
        if self.breaker.is_refused() || self.has_usable_disk() {
            return None;
        }
        let left = until.saturating_duration_since(Instant::now());
        match self.paused() {
            Some(pause) => (pause < left).then_some(pause),
            None => self.backoff.closing_delay(failures, left, fastrand::f64()),
        }
    }

    /// Lets the exporter write out what it keeps back.
    pub(crate) async fn flush_exporter(&mut self) {
        let call = Call::flush(&self.exporter, self.queue.config.attempt_timeout);
        let answer = self.answer(call).await;
        self.note_end("flush", answer);
    }

    /// Lets the exporter release what it has.
    pub(crate) async fn shutdown_exporter(&self) {
        let left = match self.queue.phase() {
            Phase::Closing(deadline) => deadline.saturating_duration_since(Instant::now()),
            Phase::Running | Phase::Stopped => Duration::ZERO,
        };
        let mut call = Call::shutdown(&self.exporter, left.max(Duration::from_millis(10)));
        let answer = call.answer().await;
        self.note_end("shutdown", answer);
    }

    /// Counts and logs a flush or shutdown of the exporter that failed: nothing of ours is lost by it, but
    /// what the exporter kept back may be.
    fn note_end(&self, call: &str, answer: Result<(), Failure>) {
        let Err(failure) = answer else { return };
        let answer = Answer::of(Err(failure));
        let error = format!("{call}: {}", answer.error.unwrap_or_default());
        self.queue.with(|state| {
            if answer.cut_off {
                state.ledger.attempt_cut_off(&error);
            } else {
                state.ledger.attempt_failed(&error);
            }
        });
        self.note(Notice::ExportFailed, |name, more| {
            log::export_failed(name, 0, &error, more);
        });
    }
}
