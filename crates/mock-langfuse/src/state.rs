//! What all parts of a running server share: its settings, its store and its scenario.
//! Made by `handle`; `server`, `router`, `faults` and the endpoints read and write it.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use crate::action::Action;
use crate::answers::Incoming;
use crate::cut::How;
use crate::scenario::Scenario;
use crate::store::Store;

/// The version that it says it has, unless a scenario says another one.
pub(crate) const VERSION: &str = "4.16.0";
/// From this version on, scores are taken as a list.
const LISTS_OF_SCORES: (u32, u32) = (4, 59);

/// What the server does with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    /// Connections are refused.
    Paused,
    Stopped,
}

pub(crate) struct Shared {
    pub(crate) public_key: String,
    pub(crate) secret_key: String,
    /// Whether it is reached by https.
    pub(crate) tls: bool,
    pub(crate) max_inflated: usize,
    pub(crate) max_body: usize,
    /// Ids of the score configurations of its project.
    pub(crate) score_configs: Vec<String>,
    pub(crate) store: Mutex<Store>,
    pub(crate) changed: Condvar,
    pub(crate) scenario: Mutex<Scenario>,
    /// Name or id of the span that makes the request of this connection a 400.
    pub(crate) bad_span: Mutex<Option<String>>,
    /// The phase that the server's thread has reached.
    pub(crate) phase: Mutex<Phase>,
    pub(crate) phase_changed: Condvar,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    pub(crate) fn note(&self, request: &Incoming, inflated: Bytes, status: u16) {
        self.lock().note(request, inflated, status);
        self.changed.notify_all();
    }

    pub(crate) fn note_phase(&self, phase: Phase) {
        *lock(&self.phase) = phase;
        self.phase_changed.notify_all();
    }

    /// Waits until the server's thread has reached the phase, for at most `within`; whether it has.
    pub(crate) fn wait_for_phase(&self, phase: Phase, within: Duration) -> bool {
        let reached = lock(&self.phase);
        let waited =
            (self.phase_changed).wait_timeout_while(reached, within, |reached| *reached != phase);
        *waited.unwrap_or_else(PoisonError::into_inner).0 == phase
    }

    pub(crate) fn version(&self) -> String {
        let version = lock(&self.scenario).server_version.clone();
        version.unwrap_or_else(|| VERSION.into())
    }

    /// Whether `POST /api/public/scores` takes a list.
    pub(crate) fn takes_lists_of_scores(&self) -> bool {
        let version = self.version();
        let mut numbers = version.split('.').map(|part| part.parse().unwrap_or(0));
        let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        version >= LISTS_OF_SCORES
    }

    pub(crate) fn bad_span(&self) -> Option<String> {
        lock(&self.bad_span).clone()
    }

    pub(crate) fn set_bad_span(&self, bad_span: Option<String>) {
        *lock(&self.bad_span) = bad_span;
    }

    /// The action for the next connection, while the scenario has one; the random part is decided here.
    pub(crate) fn next_action(&self) -> Option<Action> {
        let mut scenario = lock(&self.scenario);
        if scenario.steps.iter().all(|step| step.times == 0) {
            self.set_bad_span(None);
            return None;
        }
        let action = scenario.next();
        if action.fail_percent == 0 || scenario.percent() >= action.fail_percent {
            return Some(action);
        }
        Some(match scenario.percent() % 5 {
            0 => Action::status(500),
            1 => Action::status(503).stored(),
            2 => Action::status(429).header("retry-after", "0"),
            3 => Action::accept_then(How::Rst),
            _ => Action::good().cut(0, How::Rst),
        })
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
