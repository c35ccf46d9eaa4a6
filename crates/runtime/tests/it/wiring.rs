//! Batches, order, bounds and several exporters side by side.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use tracefuse_core::{DropReason, Processor as _, Tracer};
use tracefuse_exporter::record::Record;
use tracefuse_exporter::{
    Batch, ExportError, ExportReport, Exporter, InMemoryExporter, async_trait,
};
use tracefuse_runtime::{Overload, Pipeline, PipelineConfig};

use crate::support::{Scripted, assert_balanced, names, record, tracer_with};

#[test]
fn spans_arrive_in_batches_in_the_order_they_ended() {
    let exporter = Scripted::default();
    let tracer = tracer_with(exporter.clone(), |config| config.max_batch_size = 100);
    record(&tracer, 0..250);
    let report = tracer.shutdown().unwrap();
    assert_eq!(exporter.accepted(), names(0..250));
    assert!(
        exporter.batches().iter().all(|size| *size <= 100),
        "{:?}",
        exporter.batches()
    );
    assert_eq!(report.stats.exporters[0].exported, 250);
    assert_balanced(&report.stats);
}

#[test]
fn a_batch_goes_out_when_it_is_old_enough() {
    let exporter = Scripted::default();
    let tracer = tracer_with(exporter.clone(), |config| {
        config.flush_interval = Duration::from_millis(10)
    });
    record(&tracer, 0..3);
    exporter.wait_batches(1);
    assert!(!exporter.batches().is_empty());
    tracer.shutdown().unwrap();
    assert_eq!(exporter.accepted(), names(0..3));
}

#[test]
fn batches_are_cut_by_bytes_and_a_huge_span_goes_alone_and_shortened() {
    let exporter = InMemoryExporter::new();
    let tracer = tracer_with(exporter.clone(), |config| {
        config.max_batch_bytes = 256 * 1024
    });
    for _ in 0..8 {
        tracer
            .trace("medium")
            .input("m".repeat(100 * 1024))
            .run(|_| {});
    }
    tracer
        .trace("huge")
        .input("é".repeat(500 * 1024))
        .run(|trace| trace.set_output("short"));
    let report = tracer.shutdown().unwrap();
    assert_eq!(report.stats.exporters[0].exported, 9);
    let spans = exporter.spans();
    let huge = spans.iter().find(|span| span.name() == "huge").unwrap();
    assert!(huge.size() <= 300 * 1024, "{}", huge.size());
    assert_eq!(huge.output().unwrap().to_string(), "short");
    let input = huge.input().unwrap().to_string();
    assert!(
        input.contains("of 1024000 bytes left out"),
        "{}",
        &input[..100]
    );
    let (key, value) = huge.metadata().next().unwrap();
    assert_eq!(key, "_truncated.input");
    assert!(
        value
            .to_string()
            .starts_with(r#"{"original_bytes":1024000,"kept_bytes":"#),
        "{value}"
    );
}

#[test]
fn every_exporter_gets_every_span() {
    let (first, second) = (InMemoryExporter::new(), Scripted::default());
    let pipeline = Pipeline::builder()
        .exporter(first.clone())
        .exporter(second.clone())
        .build()
        .unwrap();
    let tracer = Tracer::builder(pipeline).build();
    record(&tracer, 0..10);
    assert_balanced(&tracer.shutdown().unwrap().stats);
    assert_eq!(first.spans().len(), 10);
    assert_eq!(second.accepted(), names(0..10));
}

/// Blocks the exporter, fills the queue beyond its bound, and unblocks it.
fn overload(policy: Overload) -> (Scripted, Tracer) {
    let exporter = Scripted::default();
    exporter.hold();
    let tracer = tracer_with(exporter.clone(), |config| {
        config.batch_size = 10;
        config.max_queue_size = 20;
        config.overload = policy;
    });
    record(&tracer, 0..10);
    exporter.wait_batches(1);
    record(&tracer, 10..25);
    (exporter, tracer)
}

#[test]
fn a_backlog_is_sent_in_larger_batches() {
    let exporter = Scripted::default();
    exporter.hold();
    let tracer = tracer_with(exporter.clone(), |config| {
        config.batch_size = 10;
        config.max_batch_size = 40;
    });
    record(&tracer, 0..10);
    exporter.wait_batches(1);
    record(&tracer, 10..200);
    exporter.release();
    assert!(tracer.shutdown().unwrap().is_lossless());
    assert_eq!(exporter.accepted(), names(0..200));
    let batches = exporter.batches();
    assert_eq!(batches[0], 10, "nothing else waited: {batches:?}");
    assert!(batches.iter().all(|records| *records <= 40), "{batches:?}");
    assert!(batches.len() <= 12, "{batches:?}");
}

#[test]
fn a_full_queue_drops_the_newest_and_counts_what_is_in_flight() {
    let (exporter, tracer) = overload(Overload::DropNewest);
    let stats = tracer.stats();
    assert_eq!(
        (stats.exporters[0].in_flight, stats.exporters[0].queued),
        (10, 10)
    );
    assert_balanced(&stats);
    exporter.release();
    let report = tracer.shutdown().unwrap_err().report().clone();
    assert_eq!(
        report.stats.exporters[0].dropped[&DropReason::QueueFullCount],
        5
    );
    assert_eq!(exporter.accepted(), names(0..20));
    assert_balanced(&report.stats);
}

#[test]
fn a_full_queue_drops_the_oldest_if_asked_to() {
    let (exporter, tracer) = overload(Overload::DropOldest);
    exporter.release();
    let report = tracer.shutdown().unwrap_err().report().clone();
    assert_eq!(report.lost, 5);
    assert_eq!(exporter.accepted(), [names(0..10), names(15..25)].concat());
    assert_balanced(&report.stats);
}

#[test]
fn a_full_queue_lets_the_caller_wait_if_asked_to() {
    let exporter = Scripted::default();
    let tracer = tracer_with(exporter.clone(), |config| {
        config.batch_size = 10;
        config.max_queue_size = 20;
        config.overload = Overload::Block(Duration::from_secs(20));
    });
    record(&tracer, 0..1000);
    assert!(tracer.shutdown().unwrap().is_lossless());
    assert_eq!(exporter.accepted(), names(0..1000));
}

#[test]
fn a_queue_is_bounded_by_bytes_as_well() {
    let exporter = Scripted::default();
    exporter.hold();
    let tracer = tracer_with(exporter.clone(), |config| {
        config.batch_size = 1;
        config.max_queue_bytes = 1024 * 1024;
    });
    tracer
        .trace("huge")
        .input("x".repeat(2 * 1024 * 1024))
        .run(|_| {});
    exporter.wait_batches(1);
    tracer.trace("small").run(|_| {});
    let stats = tracer.stats();
    assert_eq!(stats.exporters[0].dropped[&DropReason::QueueFullBytes], 1);
    exporter.release();
    assert_eq!(
        tracer.shutdown().unwrap_err().report().stats.exporters[0].exported,
        1
    );
}

#[test]
fn a_flush_covers_what_came_before_it_even_if_newer_spans_were_dropped() {
    let (exporter, tracer) = overload(Overload::DropNewest);
    let report = tracer
        .flush_within(Duration::from_millis(50))
        .unwrap_err()
        .report()
        .clone();
    assert!(!report.complete);
    assert_eq!(report.pending, 20);
    exporter.release();
    assert!(tracer.flush().unwrap().complete);
    assert_eq!(exporter.accepted(), names(0..20));
    tracer.shutdown().unwrap();
}

/// Says that each record takes 100 bytes.
#[derive(Clone, Default)]
struct Hundreds(Scripted);

#[async_trait]
impl Exporter for Hundreds {
    fn name(&self) -> &str {
        "hundreds"
    }

    fn size_hint(&self, _: &Record) -> usize {
        100
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        self.0.export(batch).await
    }
}

#[test]
fn a_batch_is_as_large_as_its_bound_and_no_larger() {
    for (bytes, sizes) in [(500, [5, 5, 2]), (499, [4, 4, 4]), (501, [5, 5, 2])] {
        let exporter = Hundreds::default();
        exporter.0.hold();
        let tracer = tracer_with(exporter.clone(), |config| {
            config.max_batch_bytes = bytes;
            config.flush_interval = Duration::from_millis(1);
        });
        // All wait behind the first, which is alone.
        record(&tracer, 0..1);
        exporter.0.wait_batches(1);
        record(&tracer, 1..13);
        exporter.0.release();
        tracer.shutdown().unwrap();
        assert_eq!(exporter.0.batches(), [&[1][..], &sizes].concat(), "{bytes}");
    }
}

#[test]
fn a_huge_span_is_cut_at_once_where_others_need_the_room() {
    for (megabytes, cut) in [(5, false), (40, true)] {
        let exporter = Scripted::default();
        exporter.hold();
        let tracer = tracer_with(exporter.clone(), |config| {
            config.batch_size = 1;
            config.max_queue_bytes = 32 << 20;
        });
        tracer
            .trace("huge")
            .input("x".repeat(megabytes << 20))
            .run(|_| {});
        let bytes = tracer.stats().exporters[0].queued_bytes;
        assert_eq!(bytes < 5 << 20, cut, "{bytes}");
        tracer.trace("neighbour").run(|_| {});
        exporter.release();
        assert!(tracer.shutdown().unwrap().is_lossless());
    }
}

/// Says when it is dropped.
struct Dropped(mpsc::Sender<()>);

#[async_trait]
impl Exporter for Dropped {
    fn name(&self) -> &str {
        "dropped"
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        Ok(ExportReport::accepted(batch.len()))
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[test]
fn a_pipeline_that_is_dropped_ends_its_threads() {
    let (sender, dropped) = mpsc::channel();
    let pipeline = Pipeline::builder()
        .exporter(Dropped(sender))
        .build()
        .unwrap();
    assert!(dropped.try_recv().is_err());
    drop(pipeline);
    dropped.recv_timeout(Duration::from_secs(20)).unwrap();
}

#[test]
fn the_flag_of_a_pipeline_says_that_spans_are_refused() {
    let exporter = Scripted::default().times(1_000, || ExportError::retry("503"));
    let mut config = PipelineConfig::default();
    (config.batch_size, config.max_queue_size) = (1, 2);
    (config.max_retries, config.circuit_breaker_threshold) = (0, 1);
    config.overload = Overload::DropNewest;
    let builder = Pipeline::builder().config(config).exporter(exporter);
    let pipeline = Arc::new(builder.build().unwrap());
    let tracer = Tracer::builder(pipeline.clone()).build();
    let is_set = || pipeline.refusing().unwrap().load(Ordering::Relaxed);
    assert_eq!((is_set(), pipeline.refuses()), (false, false));
    // The queue is full and the circuit breaker open.
    let start = Instant::now();
    while !is_set() {
        assert!(start.elapsed() < Duration::from_secs(20), "never set");
        record(&tracer, 0..1);
    }
    assert!(pipeline.refuses());
    let _ = tracer.shutdown_within(Duration::ZERO);
    assert_eq!((is_set(), pipeline.refuses()), (false, false));
}
