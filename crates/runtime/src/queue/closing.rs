//! How callers and the worker agree on a flush, a shutdown, and the end of the worker.
//! Called by `pipeline` on callers' threads and by `worker`. Must not log while the queue is locked.

use std::time::Duration;

use tokio::time::Instant;
use tracefuse_core::{DropReason, Health, RejectReason};

use super::{ExporterQueue, State, Ticket};
use crate::log;
use crate::queue::phase::Phase;

impl ExporterQueue {
    pub(crate) fn flushed(&self, ticket: u64) {
        let mut state = self.lock();
        state.flush_done = state.flush_done.max(ticket);
        drop(state);
        self.done.notify_all();
    }

    /// Ends the wait for a flush that cannot be done now: its report says what has no outcome yet.
    pub(crate) fn give_up_flush(&self) {
        let mut state = self.lock();
        if state.flush_asked == state.flush_done {
            return;
        }
        state.flush_done = state.flush_asked;
        drop(state);
        self.done.notify_all();
    }

    /// Requests a flush of all records taken so far. The ticket is for `wait_flushed`.
    pub(crate) fn ask_flush(&self) -> Ticket {
        let mut state = self.lock();
        state.flush_asked += 1;
        state.flush_upto = state.ledger.recorded;
        let ticket = Ticket {
            number: state.flush_asked,
            upto: state.flush_upto,
        };
        drop(state);
        self.wake.notify_one();
        ticket
    }

    /// Waits for a flush. Returns whether every record before it has its outcome.
    pub(crate) fn wait_flushed(&self, ticket: Ticket, within: Duration) -> bool {
        self.wait(within, |state| {
            state.flush_done >= ticket.number || state.phase == Phase::Stopped
        });
        self.lock()
            .oldest_open()
            .is_none_or(|oldest| oldest > ticket.upto)
    }

    /// Makes the worker deliver what it can within this time, and stop. If it is called again, the longest time counts.
    pub(crate) fn ask_close(&self, within: Duration) {
        let mut state = self.lock();
        // Bounded: a caller may pass Duration::MAX.
        let year = Duration::from_secs(365 * 24 * 3600);
        let deadline = Instant::now() + within.min(year);
        state.phase = match state.phase {
            Phase::Running => Phase::Closing(deadline),
            Phase::Closing(earlier) => Phase::Closing(earlier.max(deadline)),
            Phase::Stopped => Phase::Stopped,
        };
        self.note_room(&mut state);
        drop(state);
        self.wake.notify_one();
        self.room.notify_all();
    }

    /// Waits for the worker to stop, and for the log line of what was lost: the program may end next. Returns whether it
    /// stopped.
    pub(crate) fn wait_stopped(&self, within: Duration) -> bool {
        self.wait(within, |state| state.is_end_logged);
        self.phase() == Phase::Stopped
    }

    /// Ends the shutdown: every record that is left gets its last outcome. Does nothing the second time.
    pub(crate) fn stop(&self) {
        self.end(DropReason::ShutdownDeadline);
    }

    /// [`stop`](Self::stop), if the longest time that a caller of shutdown allowed is over. The worker is blocked by its
    /// exporter, and is not waited for.
    pub(crate) fn stop_if_late(&self) {
        if let Phase::Closing(deadline) = self.phase()
            && Instant::now() >= deadline
        {
            self.stop();
        }
    }

    /// The thread that delivers has ended. Does nothing after a shutdown.
    pub(crate) fn worker_ended(&self) {
        self.end(DropReason::DeliveryFailed);
    }

    /// Delivery panicked: the records in flight are lost, and may have arrived. Returns their number.
    pub(crate) fn lose_in_flight(&self, error: &str) -> usize {
        let mut state = self.lock();
        let lost = std::mem::take(&mut state.in_flight);
        state.in_flight_bytes = 0;
        state.in_flight_from = None;
        state.ledger.attempt_failed(error);
        if lost > 0 {
            state.ledger.dropped(DropReason::DeliveryFailed, lost);
            state.ledger.maybe_delivered(lost);
        }
        self.note_room(&mut state);
        drop(state);
        self.room.notify_all();
        lost
    }

    fn end(&self, reason: DropReason) {
        let mut state = self.lock();
        if state.phase == Phase::Stopped {
            return;
        }
        state.phase = Phase::Stopped;
        let refused = matches!(state.health, Health::Refused { .. });
        let left = std::mem::take(&mut state.queue);
        let parked = std::mem::take(&mut state.parked);
        let in_flight = std::mem::take(&mut state.in_flight);
        state.in_flight_bytes = 0;
        state.health = Health::Stopped;
        let lost = left.len()
            + parked
                .iter()
                .map(|parked| parked.items.len())
                .sum::<usize>()
            + in_flight;
        let died = reason == DropReason::DeliveryFailed;
        state.died = died;
        if died {
            state
                .ledger
                .attempt_failed("the thread that delivers has ended");
        }
        if lost > 0 && refused && !died {
            state.ledger.rejected(RejectReason::Unauthorized, lost);
        } else if lost > 0 {
            state.ledger.dropped(reason, lost);
            // An attempt that failed or was cut off may have been received.
            let waiting = left
                .returned()
                .chain(parked.iter().flat_map(|parked| &parked.items));
            let maybe = waiting.filter(|item| item.maybe_delivered).count();
            state.ledger.maybe_delivered(in_flight + maybe);
        }
        let error = state.ledger.last_error().map(str::to_owned);
        self.note_room(&mut state);
        drop(state);
        self.done.notify_all();
        self.room.notify_all();
        self.wake.notify_one();
        drop((left, parked));
        // Without the lock: a log subscriber may call this crate.
        if died {
            log::delivery_ended(&self.name, lost);
        } else if lost > 0 {
            log::shutdown_loss(&self.name, lost, error.as_deref());
        }
        self.lock().is_end_logged = true;
        self.done.notify_all();
    }

    fn wait(&self, within: Duration, done: impl Fn(&State) -> bool) {
        // If the time is over, the caller reads the state itself.
        let _ = self
            .done
            .wait_timeout_while(self.lock(), within, |state| !done(state));
    }
}
