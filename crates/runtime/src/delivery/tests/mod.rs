//! Delivery without its loop, called directly on paused time: what it waits for, sends, keeps and writes to disk.

mod closing;
#[cfg(feature = "spool")]
mod spill;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracefuse_core::testing::Recorder;
use tracefuse_exporter::record::Resource;
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};

use super::Delivery;
use super::disk::Disk;
use crate::config::PipelineConfig;
use crate::queue::ExporterQueue;

type Answer = fn(usize, &Batch) -> Result<ExportReport, ExportError>;
/// The names of the spans of each batch.
type Sent = Arc<Mutex<Vec<Vec<String>>>>;

/// Answers by the number of the call, from 0.
struct Answers {
    answer: Answer,
    sent: Sent,
}

#[async_trait]
impl Exporter for Answers {
    fn name(&self) -> &str {
        "answers"
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        let names = batch.spans().map(|span| span.name().to_owned()).collect();
        let call = {
            let mut sent = self.sent.lock().unwrap();
            sent.push(names);
            sent.len() - 1
        };
        (self.answer)(call, batch)
    }
}

fn takes(_: usize, batch: &Batch) -> Result<ExportReport, ExportError> {
    Ok(ExportReport::accepted(batch.len()))
}

fn fails(_: usize, _: &Batch) -> Result<ExportReport, ExportError> {
    Err(ExportError::retry("503"))
}

fn milliseconds(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn queue(change: impl FnOnce(&mut PipelineConfig)) -> Arc<ExporterQueue> {
    let mut config = PipelineConfig::default();
    change(&mut config);
    Arc::new(ExporterQueue::new("t".into(), config))
}

/// Delivery from this queue, and what it sends.
fn delivery(queue: &Arc<ExporterQueue>, disk: Option<Disk>, answer: Answer) -> (Delivery, Sent) {
    let sent = Sent::default();
    let exporter = Arc::new(Answers {
        answer,
        sent: sent.clone(),
    });
    let resource = Arc::new(Resource::default());
    let delivery = Delivery::new(queue.clone(), exporter, resource, disk, None);
    (delivery, sent)
}

/// Puts spans with these names into the queue.
fn record(queue: &ExporterQueue, names: impl IntoIterator<Item = usize>) {
    let recorder = Recorder::new();
    for name in names {
        recorder.tracer().trace(&name.to_string()).run(|_| {});
    }
    for span in recorder.spans() {
        queue.push(span.into(), None, &mut Duration::default());
    }
}
