//! The trait itself and its trivial implementations.
//! Called by delivery, on its own thread and async runtime; knows no queue and no configuration but its own.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::record::Record;
use crate::{Batch, ExportError, ExportReport};

/// Sends batches of finished records somewhere.
///
/// Calls come one after another from a thread that belongs to delivery, inside a tokio runtime with
/// timers and sockets. Every call is bounded by a timeout; a panic is contained and counted.
#[async_trait]
pub trait Exporter: Send + Sync + 'static {
    /// A short name for logs and statistics, such as `langfuse`.
    fn name(&self) -> &str;

    /// Where it delivers to, such as an address and a public key; never a secret. What one process left in
    /// a spool is delivered by a later one only to the same destination. `None`, the default, means
    /// that nothing is kept on disk for it, as for a terminal.
    fn destination(&self) -> Option<String> {
        None
    }

    /// Bytes the record will take on the wire, before compression: batches are cut by it.
    /// An estimate is enough; it is called for every record, so it should be cheap.
    fn size_hint(&self, record: &Record) -> usize {
        record.size()
    }

    /// The longest a record may wait for its batch to fill; the pipeline's `flush_interval` if that is shorter, or with
    /// `None`, the default. For an exporter whose output people watch, such as a terminal. With one of these in a pipeline
    /// each span is put into the queues when it ends, in the order in which spans end, and not in groups of one thread;
    /// the other exporters keep their batches and their interval. Called once, when the pipeline is built.
    fn flush_interval(&self) -> Option<Duration> {
        None
    }

    /// Sends one batch. `Ok` has the result of each record; `Err` says what delivery may do next.
    /// A batch that is sent again after an error must produce the same bytes, so that a receiver can
    /// recognise what it already has.
    ///
    /// # Errors
    /// Whatever kept the batch from being accepted as a whole, with [`Advice`](crate::Advice) on what to do.
    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError>;

    /// Writes what it has buffered. Called by a flush, after the batches before it.
    ///
    /// # Errors
    /// If that failed; it is reported by the flush.
    async fn flush(&self) -> Result<(), ExportError> {
        Ok(())
    }

    /// Releases its resources. Called once, after the last batch.
    ///
    /// # Errors
    /// If that failed; it is reported by the shutdown.
    async fn shutdown(&self) -> Result<(), ExportError> {
        Ok(())
    }
}

// Exporter stays usable as dyn.
const _: fn(&dyn Exporter) = |_| {};

macro_rules! delegate {
    ($($pointer:ty),*) => {$(
        #[async_trait]
        impl<E: Exporter + ?Sized> Exporter for $pointer {
            fn name(&self) -> &str {
                (**self).name()
            }
            fn destination(&self) -> Option<String> {
                (**self).destination()
            }
            fn size_hint(&self, record: &Record) -> usize {
                (**self).size_hint(record)
            }
            fn flush_interval(&self) -> Option<Duration> {
                (**self).flush_interval()
            }
            async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
                (**self).export(batch).await
            }
            async fn flush(&self) -> Result<(), ExportError> {
                (**self).flush().await
            }
            async fn shutdown(&self) -> Result<(), ExportError> {
                (**self).shutdown().await
            }
        }
    )*};
}

delegate!(Arc<E>, Box<E>);
