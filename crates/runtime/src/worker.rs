//! The thread that delivers to one exporter, and its own current-thread runtime. The home of threads.
//! Started by `pipeline`; takes from `lane`, hands to `delivery`. The loop knows no thread, so tests drive it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracefuse_core::{Report, ReportFuture};

use crate::attempt;
use crate::delivery::Delivery;
use crate::lane::{Next, Phase};

/// Starts the thread. It ends when its lane is closed, and is never joined: an exporter that blocks
/// it for ever must not block anybody else.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that starts threads and builds the runtime"
)]
pub(crate) fn start(delivery: impl FnOnce() -> Delivery + Send + 'static) -> io::Result<()> {
    // Built here so that a failure reaches whoever configures the tracer.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()?;
    std::thread::Builder::new()
        .name("tracefuse-export".into())
        .spawn(move || {
            tracefuse_core::bridge::suppress_thread();
            runtime.block_on(async { run(delivery()).await });
            // Not a plain drop: that would wait for a name look-up that hangs.
            runtime.shutdown_background();
        })?;
    Ok(())
}

/// Runs a blocking wait on a thread of its own, for callers that may not block theirs. The wait has a
/// deadline, so the thread ends; it is worth its 50 microseconds that no executor is needed.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that starts threads"
)]
pub(crate) fn wait_elsewhere(wait: impl FnOnce() -> Report + Send + 'static) -> ReportFuture {
    let (answer, answered) = tokio::sync::oneshot::channel();
    let (wait, retry) = {
        let wait = Arc::new(std::sync::Mutex::new(Some(wait)));
        (wait.clone(), wait)
    };
    let take =
        |wait: &std::sync::Mutex<Option<_>>| wait.lock().ok().and_then(|mut wait| wait.take());
    let spawned = std::thread::Builder::new()
        .name("tracefuse-wait".into())
        .spawn(move || {
            if let Some(wait) = take(&wait) {
                // Nobody listens any more if the future was dropped.
                let _ = answer.send(wait());
            }
        });
    if spawned.is_err() {
        // Without a thread to wait on, waiting here is better than not at all.
        let report = take(&retry).map(|wait| wait()).unwrap_or_default();
        return Box::pin(async { report });
    }
    Box::pin(async { answered.await.unwrap_or_default() })
}

/// Delivers until the lane is closed.
pub(crate) async fn run(mut delivery: Delivery) {
    let lane = delivery.lane.clone();
    // Since when something waits; a batch goes out when it fills or when this is old enough.
    let mut waiting_since: Option<Instant> = None;
    loop {
        let next = lane.next();
        if !matches!(next, Next::Fill) {
            waiting_since = None;
        }
        match next {
            Next::Close => break,
            Next::Idle => lane.wake.notified().await,
            Next::Flush(ticket) => {
                // A failure of the exporter's own flush is told by its next batch; nothing here is lost by it.
                let _ = attempt::flush(&delivery.exporter, lane.config.attempt_timeout).await;
                lane.flushed(ticket);
            }
            Next::Fill => {
                let since = *waiting_since.get_or_insert_with(Instant::now);
                let due = since + lane.config.flush_interval;
                if tokio::time::timeout_at(due, lane.wake.notified())
                    .await
                    .is_err()
                {
                    waiting_since = None;
                    deliver(&mut delivery, false).await;
                }
            }
            Next::Send => deliver(&mut delivery, false).await,
            Next::Again => deliver(&mut delivery, true).await,
        }
        if let Phase::Closing(deadline) = lane.phase() {
            close(&mut delivery, deadline).await;
            break;
        }
    }
    lane.stop();
}

async fn deliver(delivery: &mut Delivery, again: bool) {
    if let Some(wait) = delivery.blocked() {
        let lane = delivery.lane.clone();
        lane.give_up_flush();
        // Over early if there is news, such as a shutdown.
        let _ = tokio::time::timeout(wait, lane.wake.notified()).await;
        return;
    }
    if again {
        delivery.again().await
    } else {
        delivery.send().await
    }
}

/// Delivers what is left as long as it goes through and there is time, then lets the exporter go.
async fn close(delivery: &mut Delivery, deadline: Instant) {
    let lane = delivery.lane.clone();
    while Instant::now() < deadline {
        let before = lane.stats().pending();
        match lane.next() {
            Next::Send => delivery.send().await,
            Next::Again => delivery.again().await,
            _ => break,
        }
        if lane.stats().pending() < before {
            continue;
        }
        // Held back once more: this was the last attempt, unless the receiver asked for a pause that fits.
        match delivery.paused() {
            Some(wait) if Instant::now() + wait < deadline => tokio::time::sleep(wait).await,
            _ => break,
        }
    }
    let left = deadline
        .saturating_duration_since(Instant::now())
        .max(Duration::from_millis(10));
    let _ = attempt::shutdown(&delivery.exporter, left).await;
}
