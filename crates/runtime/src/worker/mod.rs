//! The thread that delivers to one exporter, and its current-thread runtime: the only place that starts threads.
//! Started by `pipeline`; runs the loop of `run`, which knows no thread, so that tests can drive it.

pub(crate) mod next;
pub(crate) mod run;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use tracefuse_core::Report;
use tracefuse_core::bridge::suppress_thread;
use tracefuse_core::wiring::{ReportFuture, prepare_fence};

use crate::delivery::Delivery;
use crate::queue::ExporterQueue;

/// Starts the thread. It ends when its queue is closed, and is never joined: an exporter that blocks its
/// thread for ever must block nothing else.
///
/// Nothing that runs on it is recorded, nor on the threads of its runtime: to record a delivery would need
/// another delivery.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that starts threads and builds the runtime"
)]
pub(crate) fn start(
    queue: Arc<ExporterQueue>,
    delivery: impl FnOnce() -> Delivery + Send + 'static,
) -> io::Result<()> {
    // Built here so that a failure reaches the caller that configures the tracer.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .on_thread_start(suppress_thread)
        .build()?;
    std::thread::Builder::new()
        .name("tracefuse-export".into())
        .spawn(move || {
            let _end = EndOfWorker(queue);
            suppress_thread();
            // Here, because it may take some time.
            prepare_fence();
            // In a task, which this thread wakes without a system call when a receiver answers.
            let _ = runtime.block_on(async { tokio::spawn(run::run(delivery())).await });
            // Not a plain drop: that would wait for a name look-up that hangs.
            runtime.shutdown_background();
        })?;
    Ok(())
}

/// Counts and logs what is left when the thread ends, however it ends. After a shutdown nothing is.
struct EndOfWorker(Arc<ExporterQueue>);

impl Drop for EndOfWorker {
    fn drop(&mut self) {
        self.0.worker_ended();
    }
}

/// Runs a blocking wait on a new thread, for callers that may not block theirs. The wait has a deadline, so
/// the thread ends. It costs some 50 microseconds, and works with every executor.
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
                // Fails if the future was dropped: then the answer is not needed.
                let _ = answer.send(wait());
            }
        });
    if spawned.is_err() {
        // No thread can be started: the caller waits here.
        let report = take(&retry).map(|wait| wait()).unwrap_or_default();
        return Box::pin(async { report });
    }
    Box::pin(async { answered.await.unwrap_or_default() })
}

/// Runs a future on a new thread with a new runtime, for callers that may have none.
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
            // Fails if the future was dropped: then the answer is not needed.
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

#[cfg(test)]
mod thread_tests {
    use super::*;

    #[test]
    fn an_answer_wakes_the_thread_that_waits_for_it() {
        for _ in 0..20 {
            let (go, ready) = tokio::sync::oneshot::channel();
            let task = spawn_on_thread(async move { ready.await.map(|n: u32| n + 1) }).unwrap();
            std::thread::scope(|scope| {
                // Most likely after the other thread has begun to wait.
                scope.spawn(move || {
                    (0..1_000).for_each(|_| std::thread::yield_now());
                    go.send(1).unwrap();
                });
                assert_eq!(task.recv().unwrap(), Ok(2));
            });
        }
    }

    #[test]
    fn work_that_panics_is_an_error_for_the_thread_that_waits() {
        let task = spawn_on_thread(async { std::panic::panic_any("the work") }).unwrap();
        let answer: Result<(), _> = task.recv();
        assert!(answer.is_err());
    }
}
