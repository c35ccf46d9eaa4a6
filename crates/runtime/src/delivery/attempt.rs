//! One call of an exporter, contained: bounded in time, a panic caught, a hang cut off.
//! Called by `delivery`, on the worker's runtime; knows no queue.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter};

use crate::contain::panic_text;

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

/// A call in a task, so that a panic stays in it and a hang can be cut off.
pub(crate) struct Call<T> {
    task: JoinHandle<Result<T, ExportError>>,
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

impl<T: Send + 'static> Call<T> {
    fn start(
        within: Duration,
        call: impl Future<Output = Result<T, ExportError>> + Send + 'static,
    ) -> Self {
        Self {
            task: tokio::spawn(call),
            began: Instant::now(),
            within,
        }
    }

    /// The answer, or that its time was over. May be asked again if it was not waited for to the end.
    pub(crate) async fn answer(&mut self) -> Result<T, Failure> {
        match tokio::time::timeout_at(self.began + self.within, &mut self.task).await {
            Ok(Ok(answer)) => answer.map_err(Failure::Error),
            Ok(Err(error)) => Err(Failure::Panicked(match error.try_into_panic() {
                Ok(panic) => panic_text(panic),
                Err(error) => error.to_string(),
            })),
            Err(_) => {
                self.stop().await;
                Err(Failure::TimedOut(self.within))
            }
        }
    }

    /// Ends the call before its time.
    pub(crate) async fn cut_off(mut self) -> Failure {
        self.stop().await;
        Failure::CutOff(self.began.elapsed())
    }

    /// Waits until the task is gone, so that it no longer has the batch.
    async fn stop(&mut self) {
        self.task.abort();
        if let Err(error) = (&mut self.task).await
            && let Ok(panic) = error.try_into_panic()
        {
            // Not dropped: its `Drop` may panic.
            let _ = panic_text(panic);
        }
    }
}
