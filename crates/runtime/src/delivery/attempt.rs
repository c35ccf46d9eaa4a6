//! One call of an exporter, contained: bounded in time, a panic caught, a hang cut off.
//! Called by `delivery`, on the worker's runtime; knows no queue.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter};

/// Why a call gave no answer of the exporter's.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The exporter's own words.
    Error(ExportError),
    /// It took longer than it may.
    TimedOut(Duration),
    Panicked(String),
}

/// Exports a batch in a task of its own, so that a panic stays in it and a hang can be cut off.
pub(crate) async fn export(
    exporter: &Arc<dyn Exporter>,
    batch: &Arc<Batch>,
    within: Duration,
) -> Result<ExportReport, Failure> {
    let (exporter, batch) = (exporter.clone(), batch.clone());
    contained(within, async move { exporter.export(&batch).await }).await
}

/// Lets the exporter write out what it holds back.
pub(crate) async fn flush(exporter: &Arc<dyn Exporter>, within: Duration) -> Result<(), Failure> {
    let exporter = exporter.clone();
    contained(within, async move { exporter.flush().await }).await
}

/// Lets the exporter release what it holds.
pub(crate) async fn shutdown(
    exporter: &Arc<dyn Exporter>,
    within: Duration,
) -> Result<(), Failure> {
    let exporter = exporter.clone();
    contained(within, async move { exporter.shutdown().await }).await
}

async fn contained<T: Send + 'static>(
    within: Duration,
    call: impl Future<Output = Result<T, ExportError>> + Send + 'static,
) -> Result<T, Failure> {
    let mut task = tokio::spawn(call);
    match tokio::time::timeout(within, &mut task).await {
        Ok(Ok(answer)) => answer.map_err(Failure::Error),
        Ok(Err(error)) => match error.try_into_panic() {
            Ok(panic) => Err(Failure::Panicked(message(&*panic))),
            Err(error) => Err(Failure::Panicked(error.to_string())),
        },
        Err(_) => {
            task.abort();
            // Ended before we go on, so that it no longer holds the batch.
            let _ = task.await;
            Err(Failure::TimedOut(within))
        }
    }
}

/// Calls something of the user's; a panic in it ends there.
pub(crate) fn call(f: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(f));
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&'static str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a value that is not text").to_owned()
}
