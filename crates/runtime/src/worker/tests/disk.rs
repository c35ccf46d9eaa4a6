//! The overflow on disk of one queue: when a batch of it ends, and whether there is one to send.

#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tracefuse_core::{DropReason, Tracer};
use tracefuse_exporter::record::{Resource, SpanRecord};
use tracefuse_exporter::{
    Batch, ExportError, ExportReport, Exporter, InMemoryExporter, async_trait,
};

use super::outage::Push;
use crate::config::{PipelineConfig, SpoolMode};
use crate::delivery::Delivery;
use crate::delivery::disk::Disk;
use crate::queue::ExporterQueue;
use crate::queue::envelope::Queued;
use crate::spool::SpoolConfig;
use crate::worker::run::run;

/// Bytes of the input of a span here.
const INPUT: usize = 30 * 1024;

/// Accepts everything once the flag is set; fails before.
struct Switched(Arc<AtomicBool>);

#[async_trait]
impl Exporter for Switched {
    fn name(&self) -> &str {
        "switched"
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        if self.0.load(Ordering::Relaxed) {
            Ok(ExportReport::accepted(batch.len()))
        } else {
            Err(ExportError::retry("503"))
        }
    }
}

/// Delivery with a disk to a receiver that accepts once the flag is set.
fn switched(queue: &Arc<ExporterQueue>, disk: Disk) -> (Delivery, Arc<AtomicBool>) {
    let accepts = Arc::new(AtomicBool::new(false));
    let exporter = Arc::new(Switched(accepts.clone()));
    let resource = Arc::new(Resource::default());
    let delivery = Delivery::new(queue.clone(), exporter, resource, Some(disk), None);
    (delivery, accepts)
}

struct Spooled {
    queue: Arc<ExporterQueue>,
    tracer: Tracer,
    disk: Disk,
}

fn spooled(dir: &Path, change: impl FnOnce(&mut PipelineConfig)) -> Spooled {
    let mut config = PipelineConfig::default();
    change(&mut config);
    let queue = Arc::new(ExporterQueue::new("t".into(), config));
    let (config, resource) = (SpoolConfig::new(dir), Resource::default());
    let disk = Disk::open(
        queue.clone(),
        config,
        SpoolMode::OnFailure,
        "here",
        &resource,
    );
    Spooled {
        tracer: Tracer::builder(Push(queue.clone())).build(),
        disk: disk.unwrap(),
        queue,
    }
}

impl Spooled {
    /// Records spans and takes them out of the queue.
    fn take(&self, spans: usize) -> Vec<Queued> {
        for _ in 0..spans {
            self.tracer.trace("t").input("x".repeat(INPUT)).run(|_| {});
        }
        self.queue.take(spans)
    }

    /// Batches that can be read once more spans are stored, and whether another one is being written.
    fn store(&mut self, spans: usize) -> (usize, bool) {
        let items = self.take(spans);
        assert!(self.disk.store(items).is_empty());
        (self.disk.ready(), self.disk.seal_due().is_some())
    }
}

#[test]
fn a_batch_on_disk_ends_when_it_has_its_records() {
    let dir = tempfile::tempdir().unwrap();
    let mut spooled = spooled(dir.path(), |config| config.batch_size = 3);
    assert_eq!(spooled.store(2), (0, true));
    assert_eq!(spooled.store(1), (1, false));
    assert_eq!(spooled.store(4), (2, true));
    assert_eq!(spooled.queue.stats().spooled, 7);
    spooled.disk.seal();
    assert_eq!((spooled.disk.ready(), spooled.disk.seal_due()), (3, None));
}

#[test]
fn a_batch_on_disk_ends_when_it_has_its_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let mut spooled = spooled(dir.path(), |config| config.max_batch_bytes = 3 * INPUT);
    assert_eq!(spooled.store(1), (0, true));
    assert_eq!(spooled.store(1), (0, true));
    assert_eq!(spooled.store(1), (1, false));
}

#[test]
fn a_worker_sends_from_disk_only_what_is_there() {
    // Without a look at the disk it would ask again and again, and never sleep.
    for (stored, has_stored) in [(0, false), (1, false), (2, true)] {
        let dir = tempfile::tempdir().unwrap();
        let mut spooled = spooled(dir.path(), |config| config.batch_size = 2);
        spooled.store(stored);
        let (exporter, resource) = (InMemoryExporter::new(), Arc::new(Resource::default()));
        let (queue, disk) = (spooled.queue, spooled.disk);
        let delivery = Delivery::new(queue, Arc::new(exporter), resource, Some(disk), None);
        assert_eq!(delivery.has_stored(), has_stored, "{stored}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_sends_what_is_on_disk_while_it_has_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut spooled = spooled(dir.path(), |config| config.batch_size = 2);
    spooled.store(4);
    let (queue, resource) = (spooled.queue.clone(), Arc::new(Resource::default()));
    let exporter = Arc::new(InMemoryExporter::new());
    let delivery = Delivery::new(queue.clone(), exporter, resource, Some(spooled.disk), None);
    queue.ask_close(Duration::from_secs(30));
    run(delivery).await;
    let stats = queue.stats();
    assert_eq!((stats.exported, stats.spooled), (4, 0), "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_uses_up_no_rounds_of_a_batch_on_disk() {
    let dir = tempfile::tempdir().unwrap();
    // Less than the breaker needs to open: each attempt is a whole round.
    let mut spooled = spooled(dir.path(), |config| {
        (config.batch_size, config.max_retries) = (2, 0);
        config.circuit_breaker_threshold = 100;
    });
    spooled.store(2);
    let (mut delivery, accepts) = switched(&spooled.queue, spooled.disk);
    for _ in 0..20 {
        delivery.send_stored().await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    let stats = spooled.queue.stats();
    assert_eq!((stats.spooled, stats.dropped_total()), (2, 0), "{stats:?}");
    accepts.store(true, Ordering::Relaxed);
    delivery.send_stored().await;
    let stats = spooled.queue.stats();
    assert_eq!((stats.exported, stats.spooled), (2, 0), "{stats:?}");
}

#[test]
fn of_a_batch_on_disk_what_has_no_outcome_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut spooled = spooled(dir.path(), |config| config.batch_size = 3);
    spooled.store(3);
    for (left, again) in [(&[0, 1, 2][..], 3), (&[2], 1), (&[], 0)] {
        let stored = spooled.disk.next().unwrap();
        let ids = |items: &[Queued]| -> Vec<_> {
            let id = |item: &Queued| item.record.as_span().map(SpanRecord::span_id);
            items.iter().map(id).collect()
        };
        let kept: Vec<_> = left
            .iter()
            .map(|at: &usize| ids(&stored.items)[*at])
            .collect();
        spooled.disk.finish(stored.id, &stored.payloads, left);
        let next = spooled.disk.next();
        let next = next.map_or(Vec::new(), |next| ids(&next.items));
        assert_eq!((next.len(), next), (again, kept));
    }
    assert_eq!(spooled.disk.ready(), 0);
}

#[test]
fn files_that_were_removed_are_counted_when_they_are_looked_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut spooled = spooled(dir.path(), |config| config.batch_size = 2);
    spooled.store(4);
    let (mut directories, mut batches) = (vec![dir.path().to_owned()], Vec::new());
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap().flatten() {
            let (path, about) = (entry.path(), entry.metadata().unwrap());
            if about.is_dir() {
                directories.push(path);
            } else if about.len() > INPUT as u64 {
                batches.push(path);
            }
        }
    }
    assert_eq!(batches.len(), 2, "{batches:?}");
    std::fs::remove_file(&batches[0]).unwrap();
    assert_eq!(spooled.queue.stats().spooled, 4);
    spooled.disk.verify();
    let stats = spooled.queue.stats();
    assert_eq!((stats.spooled, stats.dropped_total()), (2, 2), "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn a_batch_on_disk_is_given_up_after_three_rounds_beside_others() {
    let dir = tempfile::tempdir().unwrap();
    let mut spooled = spooled(dir.path(), |config| {
        (config.batch_size, config.max_retries) = (2, 0);
        config.circuit_breaker_threshold = 100;
    });
    spooled.store(2);
    let (mut delivery, accepts) = switched(&spooled.queue, spooled.disk);
    for round in 1..=3 {
        assert_eq!(
            spooled.queue.stats().dropped_total(),
            0,
            "before round {round}"
        );
        delivery.send_stored().await;
        // Another batch is accepted in between: the receiver is there.
        accepts.store(true, Ordering::Relaxed);
        spooled.tracer.trace("other").run(|_| {});
        delivery.send().await;
        accepts.store(false, Ordering::Relaxed);
    }
    let stats = spooled.queue.stats();
    assert_eq!((stats.exported, stats.spooled), (3, 0), "{stats:?}");
    assert_eq!(stats.dropped[&DropReason::RetriesExhausted], 2);
}

#[tokio::test(start_paused = true)]
async fn a_batch_on_disk_ends_when_it_is_old_enough() {
    let dir = tempfile::tempdir().unwrap();
    let second = Duration::from_secs(1);
    let mut spooled = spooled(dir.path(), |config| config.flush_interval = second);
    assert_eq!(spooled.disk.seal_due(), None, "none is being written");
    let begun = tokio::time::Instant::now();
    for expected in [0, 0, 1] {
        spooled.disk.seal_if_due();
        assert_eq!(spooled.disk.ready(), expected);
        if expected == 0 {
            spooled.store(1);
            assert_eq!(spooled.disk.seal_due(), Some(begun + second));
            tokio::time::advance(second / 2).await;
        }
    }
    assert_eq!(spooled.disk.seal_due(), None);
}

thread_local! {
    /// Steps of the worker's loop.
    static STEPS: Cell<u32> = const { Cell::new(0) };
}

#[tokio::test(start_paused = true)]
async fn a_worker_sleeps_until_what_is_on_disk_may_be_sent() {
    let dir = tempfile::tempdir().unwrap();
    let mut spooled = spooled(dir.path(), |config| {
        (config.batch_size, config.max_retries) = (1, 0);
        config.circuit_breaker_threshold = 1;
    });
    spooled.store(1);
    let (mut delivery, accepts) = switched(&spooled.queue, spooled.disk);
    delivery.at_tend = Some(|| STEPS.set(STEPS.get() + 1));
    tokio::spawn(run(delivery));
    tokio::time::sleep(Duration::from_secs(59)).await;
    let (stats, steps) = (spooled.queue.stats(), STEPS.get());
    assert_eq!((stats.failed_attempts, stats.spooled), (1, 1), "{stats:?}");
    assert!((1..20).contains(&steps), "{steps} steps in a minute");
    accepts.store(true, Ordering::Relaxed);
    // The breaker is open for a minute, and up to a tenth of one.
    tokio::time::sleep(Duration::from_secs(8)).await;
    let stats = spooled.queue.stats();
    assert_eq!((stats.exported, stats.spooled), (1, 0), "{stats:?}");
}
