//! One call of an exporter, contained: bounded in time, a panic caught, a hang cut off.
//! Called by `delivery`, on the worker's runtime; knows no queue.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Instant;
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter};

use crate::contain::{contained, panic_text};

/// The result of a call.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The answer of the exporter.
    Error(ExportError),
    /// It took longer than it may.
    TimedOut(Duration),
    /// The shutdown's time was over while it ran.
    CutOff(Duration),
    Panicked(String),
}

type Work<T> = Pin<Box<dyn Future<Output = Result<T, ExportError>> + Send>>;

/// A call of an exporter, which the worker polls. A panic of its future ends the call and nothing else; to cut it off the
/// future is dropped.
pub(crate) struct Call<T> {
    /// `None` once it has ended.
    work: Option<Work<T>>,
    began: Instant,
    within: Duration,
}

impl Call<ExportReport> {
    pub(crate) fn export(
        exporter: &Arc<dyn Exporter>,
        batch: &Arc<Batch>,
        within: Duration,
    ) -> Self {
        let (exporter, batch) = (exporter.clone(), batch.clone());
        Self::start(within, async move { exporter.export(&batch).await })
    }
}

impl Call<()> {
    /// Lets the exporter write out what it keeps back.
    pub(crate) fn flush(exporter: &Arc<dyn Exporter>, within: Duration) -> Self {
        let exporter = exporter.clone();
        Self::start(within, async move { exporter.flush().await })
    }

    /// Lets the exporter release what it has.
    pub(crate) fn shutdown(exporter: &Arc<dyn Exporter>, within: Duration) -> Self {
        let exporter = exporter.clone();
        Self::start(within, async move { exporter.shutdown().await })
    }
}

impl<T> Call<T> {
    fn start(
        within: Duration,
        work: impl Future<Output = Result<T, ExportError>> + Send + 'static,
    ) -> Self {
        Self {
            work: Some(Box::pin(work)),
            began: Instant::now(),
            within,
        }
    }

    /// The answer, or that its time was over. May be asked again if it was not waited for to the end.
    pub(crate) async fn answer(&mut self) -> Result<T, Failure> {
        let until = self.began + self.within;
        match tokio::time::timeout_at(until, poll_fn(|cx| self.poll(cx))).await {
            Ok(answer) => answer,
            Err(_) => {
                self.stop();
                Err(Failure::TimedOut(self.within))
            }
        }
    }

    /// Ends the call before its time.
    pub(crate) fn cut_off(mut self) -> Failure {
        self.stop();
        Failure::CutOff(self.began.elapsed())
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Failure>> {
        let Some(work) = &mut self.work else {
            return Poll::Pending;
        };
        let answer = match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(answer)) => answer.map_err(Failure::Error),
            Err(panic) => Err(Failure::Panicked(panic_text(panic))),
        };
        self.stop();
        Poll::Ready(answer)
    }

    /// Drops the future, so that it no longer has the batch. Its `Drop` may panic, which changes no answer.
    fn stop(&mut self) {
        if let Some(work) = self.work.take() {
            let _ = contained(|| drop(work));
        }
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

    use std::future::{pending, ready};
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const TIME: Duration = Duration::from_secs(10);

    /// Counts that it is dropped, and panics.
    struct PanicsOnDrop(Arc<AtomicU32>);

    impl Drop for PanicsOnDrop {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            panic!("in `drop`");
        }
    }

    /// A call whose future panics when it is dropped, and how often that has happened.
    fn call(
        work: impl Future<Output = Result<(), ExportError>> + Send + 'static,
    ) -> (Call<()>, Arc<AtomicU32>) {
        let drops = Arc::<AtomicU32>::default();
        let of = PanicsOnDrop(drops.clone());
        let work = Box::pin(work);
        // As a future of an exporter has values that are dropped with it.
        let mut both = Box::new((of, work));
        let work = poll_fn(move |cx| both.1.as_mut().poll(cx));
        (Call::start(TIME, work), drops)
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_has_ended_no_longer_has_its_batch() {
        let dropped = |drops: &AtomicU32| drops.load(Ordering::Relaxed);
        let (mut made, drops) = call(ready(Ok(())));
        assert_eq!(dropped(&drops), 0);
        assert!(made.answer().await.is_ok());
        assert_eq!(dropped(&drops), 1, "it has answered");
        drop(made);
        assert_eq!(dropped(&drops), 1);

        let (mut made, drops) = call(poll_fn(|_| panic!("in `poll`")));
        let answer = made.answer().await;
        assert!(matches!(answer, Err(Failure::Panicked(text)) if text == "in `poll`"));
        assert_eq!(dropped(&drops), 1, "it has panicked");

        let (mut made, drops) = call(pending());
        let begun = Instant::now();
        assert!(matches!(made.answer().await, Err(Failure::TimedOut(TIME))));
        assert_eq!((begun.elapsed(), dropped(&drops)), (TIME, 1));

        let (made, drops) = call(pending());
        tokio::time::advance(TIME / 2).await;
        let failure = made.cut_off();
        assert!(matches!(failure, Failure::CutOff(after) if after == TIME / 2));
        assert_eq!(dropped(&drops), 1, "it was cut off");

        let (made, drops) = call(pending());
        drop(made);
        assert_eq!(dropped(&drops), 1, "delivery dropped it");
    }
}
