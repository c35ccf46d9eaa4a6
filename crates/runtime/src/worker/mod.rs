//! The thread that delivers to one exporter, and its own current-thread runtime. The home of threads.
//! Started by `pipeline`; takes from `queue`, hands to `delivery`. The loop knows no thread, so tests drive it.

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracefuse_core::{Report, ReportFuture};

use crate::delivery::Delivery;
use crate::delivery::attempt;
use crate::queue::buffers::Watch;
use crate::queue::phase::{Next, Phase};

/// Starts the thread. It ends when its queue is closed, and is never joined: an exporter that blocks
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
pub(crate) fn wait_on_thread(wait: impl FnOnce() -> Report + Send + 'static) -> ReportFuture {
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

/// Runs a future on a thread and a runtime of its own, for callers that may have no reactor.
///
/// # Errors
/// If the thread or its runtime cannot be started.
#[doc(hidden)]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that starts threads and builds the runtime"
)]
pub fn spawn_on_thread<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> io::Result<BlockingTask<T>> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()?;
    std::thread::Builder::new()
        .name("tracefuse-ask".into())
        .spawn(move || {
            // Nobody listens any more if the future was dropped.
            let _ = answer.send(runtime.block_on(work));
            runtime.shutdown_background();
        })?;
    Ok(BlockingTask(answered))
}

/// What comes back from [`spawn_on_thread`]: to be awaited on any executor, or waited for.
#[doc(hidden)]
#[derive(Debug)]
pub struct BlockingTask<T>(tokio::sync::oneshot::Receiver<T>);

impl<T> BlockingTask<T> {
    /// Blocks the thread until it is there. Not tokio's own blocking wait, which refuses inside a runtime.
    ///
    /// # Errors
    /// If the work panicked.
    pub fn recv(self) -> Result<T, std::sync::mpsc::RecvError> {
        struct Unpark(std::thread::Thread);
        impl std::task::Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Arc::new(Unpark(std::thread::current())).into();
        let mut cx = std::task::Context::from_waker(&waker);
        let mut answered = std::pin::pin!(self.0);
        loop {
            match answered.as_mut().poll(&mut cx) {
                std::task::Poll::Ready(answer) => {
                    return answer.map_err(|_| std::sync::mpsc::RecvError);
                }
                std::task::Poll::Pending => std::thread::park(),
            }
        }
    }
}

impl<T> Future for BlockingTask<T> {
    type Output = Option<T>;

    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<T>> {
        std::pin::Pin::new(&mut self.0).poll(cx).map(Result::ok)
    }
}

/// Delivers until the queue is closed.
pub(crate) async fn run(mut delivery: Delivery) {
    let queue = delivery.queue.clone();
    // Since when something waits; a batch goes out when it fills or when this is old enough.
    let mut waiting_since: Option<Instant> = None;
    // After work there is more of it soon, as a rule: it is looked for once more after a while, which
    // spares those who record the waking of a worker that sleeps.
    let mut watching = false;
    loop {
        if let Phase::Closing(deadline) = queue.phase() {
            close(&mut delivery, deadline).await;
            break;
        }
        delivery.tend();
        let next = queue.next(watching);
        if !matches!(next, Next::Fill | Next::Idle) {
            waiting_since = None;
            watching = true;
        }
        if let Some(watch) = &mut delivery.watch {
            if watching || matches!(next, Next::Fill) {
                watch.begin();
            } else if watch.end() {
                // Laid there before anybody could know that this worker goes to sleep.
                continue;
            }
        }
        match next {
            Next::Close => break,
            Next::Flush(ticket) => {
                if flush(&mut delivery).await {
                    queue.flushed(ticket);
                }
            }
            Next::Send => {
                deliver(&mut delivery, false).await;
                // Turn by turn: what is on disk must not wait for ever for a quiet moment.
                send_stored(&mut delivery).await;
            }
            Next::Again => deliver(&mut delivery, true).await,
            Next::Idle | Next::Fill => {
                let fill = matches!(next, Next::Fill);
                let due = (fill || watching).then(|| {
                    let since = *waiting_since.get_or_insert_with(Instant::now);
                    since + queue.config.flush_interval
                });
                if due.is_some_and(|due| due <= Instant::now()) {
                    waiting_since = None;
                    let swept = delivery.watch.as_ref().is_some_and(Watch::drain);
                    watching = fill || swept;
                    // All that waits now has waited long enough, also where buffers made it more than a batch.
                    for _ in 0..queue.batches() {
                        deliver(&mut delivery, false).await;
                        if queue.phase() != Phase::Running || delivery.blocked().is_some() {
                            break;
                        }
                    }
                } else if !send_stored(&mut delivery).await {
                    wait(&delivery, due).await;
                }
            }
        }
    }
    // Before anybody is told that it is done: the next tracer may open the same directory.
    delivery.release_disk();
    queue.stop();
}

/// Sends a batch from disk if there is one and the way is free.
async fn send_stored(delivery: &mut Delivery) -> bool {
    let free = delivery.has_stored() && delivery.blocked().is_none();
    if free {
        delivery.send_stored().await;
    }
    free
}

/// Waits for news, or for what has to be done without.
async fn wait(delivery: &Delivery, due: Option<Instant>) {
    let free = delivery
        .blocked()
        .filter(|_| delivery.has_stored())
        .map(|wait| Instant::now() + wait);
    let again = delivery.queue.parked_until();
    let until = [due, delivery.disk_due(), free, again];
    let until = until.into_iter().flatten().min();
    let news = delivery.queue.wake.notified();
    match until {
        // Either way the caller looks again.
        Some(until) => drop(tokio::time::timeout_at(until, news).await),
        None => news.await,
    }
}

async fn deliver(delivery: &mut Delivery, again: bool) {
    if let Some(wait) = delivery.blocked() {
        let queue = delivery.queue.clone();
        queue.give_up_flush();
        // Over early if there is news, such as a shutdown.
        let _ = tokio::time::timeout(wait, queue.wake.notified()).await;
        return;
    }
    if again {
        delivery.again().await
    } else {
        delivery.send().await
    }
}

/// Everything in memory has its outcome: delivers what is on disk, and lets the exporter write out what
/// it holds back. `false` if somebody wants the tracer closed before that is done.
async fn flush(delivery: &mut Delivery) -> bool {
    for _ in 0..delivery.seal() {
        if delivery.queue.phase() != Phase::Running {
            return false;
        }
        if !send_stored(delivery).await {
            break;
        }
    }
    // A failure of the exporter's own flush is told by its next batch; nothing here is lost by it.
    let _ = attempt::flush(&delivery.exporter, delivery.queue.config.attempt_timeout).await;
    true
}

/// Delivers what is left as long as it goes through and there is time, then lets the exporter go.
async fn close(delivery: &mut Delivery, deadline: Instant) {
    let queue = delivery.queue.clone();
    delivery.seal();
    let until = delivery.before(deadline);
    while Instant::now() < until {
        let before = outstanding(delivery);
        match queue.next(false) {
            Next::Send => delivery.send().await,
            Next::Again => delivery.again().await,
            _ if delivery.has_stored() => delivery.send_stored().await,
            _ => break,
        }
        if outstanding(delivery) < before {
            continue;
        }
        // Held back once more: this was the last attempt, unless the receiver asked for a pause that fits.
        match delivery.paused() {
            Some(wait) if Instant::now() + wait < until => tokio::time::sleep(wait).await,
            _ => break,
        }
    }
    delivery.save();
    let left = deadline
        .saturating_duration_since(Instant::now())
        .max(Duration::from_millis(10));
    let _ = attempt::shutdown(&delivery.exporter, left).await;
}

/// Records without an outcome, on disk or not.
fn outstanding(delivery: &Delivery) -> u64 {
    let stats = delivery.queue.stats();
    stats.pending() + stats.spooled
}
