//! Decides what the worker does next: the one place for it. Pure.
//! Called by `worker::run` before each step, with the state of the queue.

use crate::queue::ExporterQueue;
use crate::queue::phase::{Phase, View, WakeAt};

/// What the worker does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Take a batch now.
    Send,
    /// Take a batch that was parked.
    Again,
    /// Something waits, but a batch may still fill.
    Fill,
    /// Everything before this flush has its outcome: let the exporter write out what it keeps back.
    Flush(u64),
    /// Nothing is left, and the tracer is shut down.
    Close,
    Idle,
}

/// What is next for this queue. `wake_at` is when the worker is to be woken if there is nothing to do. While it works, it looks
/// again by itself, so it is only woken if the queue fills meanwhile.
pub(crate) fn next(queue: &ExporterQueue, wake_at: WakeAt) -> Next {
    queue.look(|view| {
        let next = decide(view);
        let wake_at = match next {
            Next::Idle => wake_at,
            Next::Fill => wake_at.max(WakeAt::Batch),
            _ => WakeAt::Behind,
        };
        (next, wake_at)
    })
}

fn decide(view: &View) -> Next {
    let closing = matches!(view.phase, Phase::Closing(_));
    let is_last = (closing || view.flush.is_some()) && view.waiting == 0;
    if view.phase == Phase::Stopped {
        return Next::Close;
    }
    if view.parked && (view.parked_is_due || is_last) {
        return Next::Again;
    }
    if closing {
        return if view.waiting > 0 {
            Next::Send
        } else {
            Next::Close
        };
    }
    match view.flush {
        Some(ticket) if view.is_flushed => Next::Flush(ticket),
        _ if view.waiting == 0 => Next::Idle,
        Some(_) => Next::Send,
        None if view.is_due => Next::Send,
        None => Next::Fill,
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const NOTHING: View = View {
        phase: Phase::Running,
        waiting: 0,
        is_due: false,
        parked: false,
        parked_is_due: false,
        flush: None,
        is_flushed: false,
    };

    #[test]
    fn every_view_has_its_next_step() {
        let closing = Phase::Closing(Instant::now());
        let view = |change: fn(&mut View)| {
            let mut view = NOTHING;
            change(&mut view);
            view
        };
        for (view, next) in [
            (NOTHING, Next::Idle),
            (view(|view| view.waiting = 1), Next::Fill),
            (
                view(|view| (view.waiting, view.is_due) = (9, true)),
                Next::Send,
            ),
            (view(|view| view.is_due = true), Next::Idle),
            (
                view(|view| (view.waiting, view.flush) = (1, Some(7))),
                Next::Send,
            ),
            (
                view(|view| (view.is_flushed, view.flush) = (true, Some(7))),
                Next::Flush(7),
            ),
            // Only records after the flush wait: it is done first.
            (
                view(|view| (view.waiting, view.is_flushed, view.flush) = (1, true, Some(7))),
                Next::Flush(7),
            ),
            // Something is still in flight.
            (view(|view| view.flush = Some(7)), Next::Idle),
            (view(|view| view.parked = true), Next::Idle),
            (
                view(|view| (view.parked, view.parked_is_due) = (true, true)),
                Next::Again,
            ),
            (view(|view| view.parked_is_due = true), Next::Idle),
            (
                view(|view| (view.parked, view.waiting) = (true, 1)),
                Next::Fill,
            ),
            (
                view(|view| (view.parked, view.flush) = (true, Some(7))),
                Next::Again,
            ),
            (
                view(|view| (view.parked, view.waiting, view.flush) = (true, 1, Some(7))),
                Next::Send,
            ),
            (
                view(|view| (view.phase, view.parked, view.waiting) = (Phase::Stopped, true, 1)),
                Next::Close,
            ),
            (
                View {
                    phase: closing,
                    ..NOTHING
                },
                Next::Close,
            ),
            (
                View {
                    phase: closing,
                    waiting: 1,
                    parked: true,
                    ..NOTHING
                },
                Next::Send,
            ),
            (
                View {
                    phase: closing,
                    parked: true,
                    ..NOTHING
                },
                Next::Again,
            ),
        ] {
            assert_eq!(decide(&view), next, "{view:?}");
        }
    }
}
