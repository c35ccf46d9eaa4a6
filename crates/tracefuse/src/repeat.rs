//! Problems that had no subscriber are logged again at the first export, when there may be one.
//! Called by `builder`; the problems are kept by `say`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracefuse_core::{ExporterStats, Health};
use tracefuse_exporter::record::Record;
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, async_trait, plain_text};

use crate::say::{is_heard, print, repeat, unheard};

/// The failures of one tracer's exporters that are on standard error: name, and whether the receiver refuses the keys.
#[derive(Default)]
pub(crate) struct Failures(Mutex<BTreeSet<(String, bool)>>);

impl Failures {
    /// Writes the first failure of an exporter, and the first refusal, to standard error if no subscriber
    /// receives the log lines of delivery.
    pub(crate) fn on_health(&self, stats: &ExporterStats) {
        let is_refused = match stats.health {
            Health::Refused { .. } => true,
            Health::Degraded | Health::Open { .. } => false,
            _ => return,
        };
        if is_heard() {
            return;
        }
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = said.insert((stats.name.clone(), is_refused));
        drop(said);
        if is_new {
            let error = stats
                .last_error
                .as_deref()
                .unwrap_or("the last export failed");
            print(&plain_text(&format!("exporter `{}`: {error}", stats.name)));
        }
    }
}

/// The exporter, or one that repeats unheard problems at its first export.
pub(crate) fn repeating(exporter: Arc<dyn Exporter>) -> Arc<dyn Exporter> {
    if unheard().is_empty() {
        return exporter;
    }
    Arc::new(Repeating(exporter))
}

/// Every method is that of the exporter inside, those with a default included.
struct Repeating(Arc<dyn Exporter>);

#[async_trait]
impl Exporter for Repeating {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn destination(&self) -> Option<String> {
        self.0.destination()
    }
    fn size_hint(&self, record: &Record) -> usize {
        self.0.size_hint(record)
    }
    fn flush_interval(&self) -> Option<Duration> {
        self.0.flush_interval()
    }
    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        repeat();
        self.0.export(batch).await
    }
    async fn flush(&self) -> Result<(), ExportError> {
        self.0.flush().await
    }
    async fn shutdown(&self) -> Result<(), ExportError> {
        self.0.shutdown().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An exporter whose every method returns something else than its default.
    struct Special;

    #[async_trait]
    impl Exporter for Special {
        fn name(&self) -> &str {
            "special"
        }
        fn destination(&self) -> Option<String> {
            Some("somewhere".into())
        }
        fn size_hint(&self, _: &Record) -> usize {
            7
        }
        fn flush_interval(&self) -> Option<Duration> {
            Some(Duration::ZERO)
        }
        async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
            Ok(ExportReport::accepted(batch.len()))
        }
        async fn flush(&self) -> Result<(), ExportError> {
            Err(ExportError::stop("flushed"))
        }
        async fn shutdown(&self) -> Result<(), ExportError> {
            Err(ExportError::stop("shut down"))
        }
    }

    #[test]
    fn a_repeating_exporter_answers_as_the_one_inside() {
        let exporter = Repeating(Arc::new(Special));
        assert_eq!(exporter.name(), "special");
        assert_eq!(exporter.destination().as_deref(), Some("somewhere"));
        assert_eq!(exporter.flush_interval(), Some(Duration::ZERO));
        let answers = futures::executor::block_on(async {
            [exporter.flush().await, exporter.shutdown().await]
        });
        let answers = answers.map(|answer| answer.unwrap_err().to_string());
        assert_eq!(answers, ["flushed", "shut down"]);
    }
}
