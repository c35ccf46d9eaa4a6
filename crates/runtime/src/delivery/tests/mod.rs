//! Delivery without its loop, called directly on paused time: what it waits for, sends, keeps and writes to disk.

mod closing;
mod parts;
mod send;
mod settle;
mod sizes;
#[cfg(feature = "spool")]
mod spill;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracefuse_core::testing::Recorder;
use tracefuse_exporter::record::{Record, Resource, SpanRecord};
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};

use super::Delivery;
use super::disk::Disk;
use crate::config::PipelineConfig;
use crate::ledger::Notice;
use crate::queue::ExporterQueue;

type Answer = fn(usize, &Batch) -> Result<ExportReport, ExportError>;
type BoxedAnswer = Box<dyn Fn(usize, &Batch) -> Result<ExportReport, ExportError> + Send + Sync>;
/// The names of the spans of each batch.
type Sent = Arc<Mutex<Vec<Vec<String>>>>;

/// Answers by the number of the call, from 0. A record has as many bytes as the name of its span says.
struct Answers {
    answer: BoxedAnswer,
    sent: Sent,
}

#[async_trait]
impl Exporter for Answers {
    fn name(&self) -> &str {
        "answers"
    }

    fn size_hint(&self, record: &Record) -> usize {
        let name = record.as_span().map(SpanRecord::name);
        name.and_then(|name| name.parse().ok()).unwrap_or_default()
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
fn delivery(
    queue: &Arc<ExporterQueue>,
    disk: Option<Disk>,
    answer: impl Fn(usize, &Batch) -> Result<ExportReport, ExportError> + Send + Sync + 'static,
) -> (Delivery, Sent) {
    let sent = Sent::default();
    let exporter = Arc::new(Answers {
        answer: Box::new(answer),
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

/// Whether a log line of this kind was written in the last minute.
fn is_noted(queue: &ExporterQueue, notice: Notice) -> bool {
    queue.with(|state| state.notices.admit(notice)).is_none()
}
