//! The worker's loop: `next` decides what to do, `delivery` does it; then the loop waits. It continues after a panic.
//! Run by `worker` on its thread, by tests on paused time. Knows no thread.

use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;
use tracefuse_exporter::record::SpareMemory;

use crate::contain::{contained, panic_text};
use crate::delivery::Delivery;
use crate::delivery::wait::wait;
use crate::queue::buffers::Watch;
use crate::queue::phase::{Phase, WakeAt};
use crate::worker::next::{Next, next};

/// The wait after a panic, so that a panic at every step does not use a whole processor.
const AFTER_PANIC: Duration = Duration::from_millis(100);
/// After a batch the worker pauses this many times for this long, and looks again after each pause, before it waits to be woken: where
/// records come fast, no full batch wakes it. A wake-up takes the caller some 20 microseconds, and one in 1,000 spans would need it.
const PAUSES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(2);
/// After this many panics during a shutdown, delivery stops.
const MAX_CLOSING_PANICS: u32 = 3;

/// Delivers until the queue is closed. After a panic the records in flight are lost, which is counted and logged; the loop
/// continues with the rest.
pub(crate) async fn run(mut delivery: Delivery) {
    let queue = delivery.queue.clone();
    let mut closing_panics = 0;
    while let Err(panic) = guarded(turns(&mut delivery)).await {
        delivery.recover(&panic);
        closing_panics += u32::from(queue.phase() != Phase::Running);
        if closing_panics >= MAX_CLOSING_PANICS {
            break;
        }
        wait(&queue, pending::<()>(), Some(Instant::now() + AFTER_PANIC)).await;
    }
    // Before a caller learns that shutdown is done: the next tracer may open the same directory.
    let _ = contained(|| delivery.release_disk());
    queue.stop();
    // This drops the exporter, whose `Drop` may panic.
    let _ = contained(|| drop(delivery));
    SpareMemory::free();
}

/// Drives `work`; a panic in it becomes an error.
async fn guarded(work: impl Future<Output = ()>) -> Result<(), String> {
    let mut work = pin!(work);
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
            Ok(Poll::Pending) => Poll::Pending,
            Err(panic) => Poll::Ready(Err(panic_text(panic))),
        },
    )
    .await
}

async fn turns(delivery: &mut Delivery) {
    let queue = delivery.queue.clone();
    // Since when a record waits. A batch is sent when it is full, or when this is `flush_interval` ago.
    let mut waiting_since: Option<Instant> = None;
    // After work there is usually more of it soon: the worker looks again by itself after a while, so that
    // threads that record need not wake it.
    let mut watching = false;
    // Pauses that are left after the last batch.
    let mut pauses = 0;
    loop {
        if queue.phase() != Phase::Running {
            return close(delivery).await;
        }
        delivery.tend();
        let wake_at = match (pauses, watching) {
            (0, true) => WakeAt::Batch,
            (0, false) => WakeAt::Record,
            _ => WakeAt::Behind,
        };
        let step = next(&queue, wake_at);
        if !matches!(step, Next::Fill | Next::Idle) {
            waiting_since = None;
            watching = true;
        }
        if let Some(watch) = &mut delivery.watch {
            if watching || matches!(step, Next::Fill) {
                watch.begin();
            } else if watch.end() {
                // Spans were buffered between `next` and here: look again.
                continue;
            }
        }
        match step {
            // The shutdown began within this turn.
            Next::Close => return close(delivery).await,
            Next::Flush(ticket) => {
                if flush(delivery).await {
                    queue.flushed(ticket);
                }
            }
            Next::Send => {
                deliver(delivery, false).await;
                // After each batch of the queue one of the disk: those must not wait until the queue is empty.
                send_stored(delivery).await;
                pauses = PAUSES;
            }
            Next::Again => deliver(delivery, true).await,
            Next::Idle | Next::Fill => {
                let fill = matches!(step, Next::Fill);
                let due = (fill || watching).then(|| {
                    let since = *waiting_since.get_or_insert_with(Instant::now);
                    since + queue.config.flush_interval
                });
                if due.is_some_and(|due| due <= Instant::now()) {
                    waiting_since = None;
                    let drained = delivery.watch.as_ref().is_some_and(Watch::drain);
                    watching = fill || drained;
                    // All records that wait now are sent, also if the buffers brought more than one batch.
                    for _ in 0..queue.batches() {
                        deliver(delivery, false).await;
                        if queue.phase() != Phase::Running || delivery.blocked().is_some() {
                            break;
                        }
                    }
                } else if !send_stored(delivery).await {
                    if due.is_none() && pauses == 0 {
                        // Nothing was recorded for a while.
                        SpareMemory::free();
                    }
                    let pause = (pauses > 0).then(|| Instant::now() + PAUSE);
                    pauses = pauses.saturating_sub(1);
                    idle(delivery, due.into_iter().chain(pause).min()).await;
                }
            }
        }
    }
}

/// Sends a batch from disk if there is one and it may be sent. Returns whether one was sent.
async fn send_stored(delivery: &mut Delivery) -> bool {
    let free = delivery.has_stored() && delivery.blocked().is_none();
    if free {
        delivery.send_stored().await;
    }
    free
}

/// Waits for news, or until something is due.
async fn idle(delivery: &Delivery, due: Option<Instant>) {
    let free = delivery
        .blocked()
        .filter(|_| delivery.has_stored())
        .map(|wait| Instant::now() + wait);
    let again = delivery.queue.parked_until();
    let until = [due, delivery.disk_due(), free, again];
    let until = until.into_iter().flatten().min();
    wait(&delivery.queue, pending::<()>(), until).await;
}

async fn deliver(delivery: &mut Delivery, again: bool) {
    if let Some(blocked) = delivery.blocked() {
        let queue = delivery.queue.clone();
        queue.give_up_flush();
        wait(&queue, pending::<()>(), Some(Instant::now() + blocked)).await;
    } else if again {
        delivery.again().await;
    } else {
        delivery.send().await;
    }
}

/// Everything in memory has its outcome: delivers what is on disk, and lets the exporter write out what
/// it keeps back. `false` if shutdown begins before that is done.
async fn flush(delivery: &mut Delivery) -> bool {
    for _ in 0..delivery.seal() {
        if delivery.queue.phase() != Phase::Running {
            return false;
        }
        if !send_stored(delivery).await {
            break;
        }
    }
    delivery.flush_exporter().await;
    true
}

/// Delivers what is left, writes the rest to disk, and shuts the exporter down.
async fn close(delivery: &mut Delivery) {
    delivery.retry_disk();
    delivery.seal();
    deliver_rest(delivery).await;
    delivery.save();
    if delivery.has_broken_disk() {
        // The disk did not take it: the rest of the time is for the receiver.
        deliver_rest(delivery).await;
        delivery.save();
    }
    delivery.shutdown_exporter().await;
}

/// Delivers until the shutdown's deadline: the time is used, also past `max_retries` and while the breaker is
/// open, one attempt at a time. This is not done for what can wait on disk, nor for a receiver
/// that refuses our requests, which would take longer than seconds to be fixed.
async fn deliver_rest(delivery: &mut Delivery) {
    let queue = delivery.queue.clone();
    let mut failures = 0;
    while let Some(until) = delivery.closing_until() {
        let before = outstanding(delivery);
        match next(&queue, WakeAt::Record) {
            Next::Send => delivery.send().await,
            Next::Again => delivery.again().await,
            _ if delivery.has_stored() => delivery.send_stored().await,
            _ => break,
        }
        if outstanding(delivery) < before {
            failures = 0;
            continue;
        }
        let Some(pause) = delivery.closing_wait(failures, until) else {
            break;
        };
        failures += 1;
        let over = Instant::now() + pause;
        // A longer deadline wakes it, too: the wait continues.
        while Instant::now() < over && queue.phase() != Phase::Stopped {
            wait(&queue, pending::<()>(), Some(over)).await;
        }
    }
}

/// Records without an outcome, on disk or not.
fn outstanding(delivery: &Delivery) -> u64 {
    let stats = delivery.queue.stats();
    stats.pending() + stats.spooled
}
