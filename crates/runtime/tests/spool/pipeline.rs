//! The spool behind a pipeline: what goes to disk, when, and how it is sent later.
#![expect(
    clippy::disallowed_methods,
    reason = "damages files to see that it is noticed"
)]

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracefuse_core::{DropReason, ExporterStats, Health, RejectReason, Report, Tracer};
use tracefuse_exporter::record::Resource;
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};
use tracefuse_runtime::spool::{SpoolConfig, WhenFull};
use tracefuse_runtime::{Pipeline, PipelineConfig, SpoolMode, WhileOpen};

use super::files;
use super::scripted::{Scripted, assert_balanced, names, record};

/// Release and number of spans of a batch.
type Seen = (Option<String>, usize);

const LONG: Duration = Duration::from_secs(20);

fn down() -> ExportError {
    ExportError::retry("503 from the receiver")
}

/// A tracer whose breaker opens at the first failure and stays open for `reset`.
fn tracer(exporter: impl Exporter, dir: &Path, mode: SpoolMode, reset: Duration) -> Tracer {
    tracer_with(exporter, SpoolConfig::new(dir), mode, |config| {
        config.circuit_breaker_threshold = 1;
        config.max_retries = 0;
        config.batch_size = 10;
        config.circuit_breaker_reset = reset;
    })
}

fn tracer_with(
    exporter: impl Exporter,
    spool: SpoolConfig,
    mode: SpoolMode,
    change: impl FnOnce(&mut PipelineConfig),
) -> Tracer {
    let mut config = PipelineConfig::default();
    change(&mut config);
    let mut resource = Resource::default();
    resource.release = Some("first".to_owned());
    let pipeline = Pipeline::builder()
        .config(config)
        .resource(resource)
        .exporter(exporter)
        .spool(spool, mode);
    Tracer::builder(pipeline.build().unwrap()).build()
}

/// Waits for numbers that have come true.
fn wait(tracer: &Tracer, what: &str, done: impl Fn(&ExporterStats) -> bool) -> ExporterStats {
    for _ in 0..4_000 {
        let stats = tracer.stats();
        assert_balanced(&stats);
        if done(&stats.exporters[0]) {
            return stats.exporters[0].clone();
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    panic!("not within 20 s: {what}; {:#?}", tracer.stats());
}

fn numbers(report: &Report) -> &ExporterStats {
    assert_balanced(&report.stats);
    &report.stats.exporters[0]
}

fn on_disk(dir: &Path) -> usize {
    files(dir, "batch").len() + files(dir, "open").len()
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_by_key(|name| name.parse::<usize>().unwrap());
    names
}

#[test]
fn in_good_times_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let exporter = Scripted::default();
    let tracer = tracer(exporter.clone(), dir.path(), SpoolMode::OnFailure, LONG);
    record(&tracer, 0..100);
    tracer.flush().unwrap();
    assert_eq!(on_disk(dir.path()), 0);
    assert!(tracer.shutdown().unwrap().is_lossless());
    assert_eq!(exporter.accepted().len(), 100);
}

#[test]
fn while_the_breaker_is_open_the_queue_goes_to_disk_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let exporter = Scripted::default().times(3, down);
    let tracer = tracer(
        exporter.clone(),
        dir.path(),
        SpoolMode::OnFailure,
        Duration::from_millis(300),
    );
    record(&tracer, 0..10);
    exporter.wait_batches(1);
    record(&tracer, 10..95);
    let stats = wait(&tracer, "spooled", |stats| {
        stats.spooled == 95 || stats.exported > 0
    });
    assert_eq!(stats.recorded, 95);
    wait(&tracer, "delivered", |stats| stats.exported == 95);
    assert_eq!(sorted(exporter.accepted()), names(0..95), "each once");
    assert!(tracer.shutdown().unwrap().is_lossless());
    assert_eq!(on_disk(dir.path()), 0);
}

#[test]
fn what_a_shutdown_cannot_deliver_is_delivered_by_the_next_process_as_the_first_ones() {
    let dir = tempfile::tempdir().unwrap();
    let exporter = Scripted::default().times(1_000, down);
    let first = tracer(exporter, dir.path(), SpoolMode::OnFailure, LONG);
    record(&first, 0..25);
    let report = first.shutdown_within(Duration::from_secs(2)).unwrap();
    assert!(report.is_lossless(), "on disk is safe: {report:#?}");
    assert_eq!(numbers(&report).spooled, 25);

    #[derive(Clone, Default)]
    struct Releases(Arc<Mutex<Vec<Seen>>>);
    #[async_trait]
    impl Exporter for Releases {
        fn name(&self) -> &str {
            "another name"
        }
        fn destination(&self) -> Option<String> {
            Some("scripted".to_owned())
        }
        async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
            let seen = (batch.resource().release.clone(), batch.len());
            self.0.lock().unwrap().push(seen);
            Ok(ExportReport::accepted(batch.len()))
        }
    }
    let exporter = Releases::default();
    let mut resource = Resource::default();
    resource.release = Some("second".to_owned());
    let pipeline = Pipeline::builder()
        .resource(resource)
        .exporter(exporter.clone())
        .spool(SpoolConfig::new(dir.path()), SpoolMode::OnFailure);
    let second = Tracer::builder(pipeline.build().unwrap()).build();
    record(&second, 0..1);
    let report = second.shutdown().unwrap();
    let stats = numbers(&report);
    assert_eq!(
        (stats.recorded, stats.recovered, stats.exported),
        (26, 25, 26)
    );
    let seen = exporter.0.lock().unwrap().clone();
    let of = |release: &str| -> usize {
        seen.iter()
            .filter(|(found, _)| found.as_deref() == Some(release))
            .map(|(_, spans)| spans)
            .sum()
    };
    assert_eq!((of("first"), of("second")), (25, 1), "{seen:?}");
    assert_eq!(on_disk(dir.path()), 0);
}

#[test]
fn nothing_goes_to_another_destination() {
    let dir = tempfile::tempdir().unwrap();
    let first = tracer(
        Scripted::default().times(1_000, down),
        dir.path(),
        SpoolMode::OnFailure,
        LONG,
    );
    record(&first, 0..5);
    first.shutdown_within(Duration::from_secs(2)).unwrap();

    struct Other(Scripted);
    #[async_trait]
    impl Exporter for Other {
        fn name(&self) -> &str {
            "scripted"
        }
        fn destination(&self) -> Option<String> {
            Some("scripted elsewhere".to_owned())
        }
        async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
            self.0.export(batch).await
        }
    }
    let exporter = Scripted::default();
    let other = tracer(
        Other(exporter.clone()),
        dir.path(),
        SpoolMode::OnFailure,
        LONG,
    );
    record(&other, 7..8);
    let report = other.shutdown().unwrap();
    assert_eq!(numbers(&report).recovered, 0);
    assert_eq!(exporter.accepted(), ["7"]);
    assert_eq!(on_disk(dir.path()), 1, "the first one's is still there");
}

#[test]
fn write_ahead_puts_everything_on_disk_before_it_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let exporter = Scripted::default();
    exporter.hold();
    let tracer = tracer(exporter.clone(), dir.path(), SpoolMode::WriteAhead, LONG);
    record(&tracer, 0..10);
    exporter.wait_batches(1);
    // The exporter blocks the worker with the first batch, which is on disk.
    let stats = wait(&tracer, "spooled", |stats| stats.spooled >= 10);
    assert_eq!((stats.exported, on_disk(dir.path())), (0, 1));
    exporter.release();
    record(&tracer, 10..35);
    tracer.flush_within(LONG).unwrap();
    assert_eq!(exporter.accepted(), names(0..35), "in order");
    assert_eq!(
        wait(&tracer, "done", |stats| {
            stats.spooled == 0 && on_disk(dir.path()) == 0
        })
        .exported,
        35
    );
    assert!(tracer.shutdown().unwrap().is_lossless());
}

#[test]
fn one_poisoned_record_on_disk_takes_no_neighbour_along() {
    let dir = tempfile::tempdir().unwrap();
    let poisoned = |batch: &Batch| {
        if batch.spans().any(|span| span.name() == "4") {
            Err(ExportError::reject("400: bad span"))
        } else {
            Ok(ExportReport::accepted(batch.len()))
        }
    };
    let exporter = (0..20).fold(Scripted::default(), |exporter, _| exporter.then(poisoned));
    let tracer = tracer(exporter.clone(), dir.path(), SpoolMode::WriteAhead, LONG);
    record(&tracer, 0..10);
    let report = tracer.shutdown_within(LONG).unwrap_err().report().clone();
    let stats = numbers(&report);
    assert_eq!(
        (
            stats.exported,
            stats.rejected[&RejectReason::Invalid],
            stats.spooled
        ),
        (9, 1, 0)
    );
    assert!(!exporter.accepted().contains(&"4".to_owned()));
    assert_eq!(on_disk(dir.path()), 0);
}

#[test]
fn a_batch_on_disk_that_always_fails_lets_the_others_pass_and_is_given_up_after_three_rounds() {
    let dir = tempfile::tempdir().unwrap();
    let bad = |batch: &Batch| {
        if batch.spans().any(|span| span.name() == "4") {
            Err(down())
        } else {
            Ok(ExportReport::accepted(batch.len()))
        }
    };
    let exporter = (0..100).fold(Scripted::default(), |exporter, _| exporter.then(bad));
    let tracer = tracer_with(
        exporter,
        SpoolConfig::new(dir.path()),
        SpoolMode::WriteAhead,
        |config| {
            config.max_retries = 0;
            config.batch_size = 10;
            config.circuit_breaker_reset = Duration::from_millis(20);
        },
    );
    record(&tracer, 0..40);
    // A file is removed after its records are counted.
    let stats = wait(&tracer, "an outcome for each", |stats| {
        stats.pending() + stats.spooled == 0 && on_disk(dir.path()) == 0
    });
    assert_eq!(
        (stats.exported, stats.dropped[&DropReason::RetriesExhausted]),
        (30, 10)
    );
    assert_eq!(tracer.shutdown().unwrap_err().report().lost, 10);
}

#[test]
fn a_disk_that_refuses_leaves_records_in_memory_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let exporter = Scripted::default().times(1, down);
    let tracer = tracer(
        exporter.clone(),
        dir.path(),
        SpoolMode::OnFailure,
        Duration::from_secs(1),
    );
    // As if the volume had gone: the directory cannot be made again.
    std::fs::remove_dir_all(dir.path().join("v1")).unwrap();
    std::fs::write(dir.path().join("v1"), "a file in the way").unwrap();
    record(&tracer, 0..30);
    exporter.wait_batches(1);
    let stats = wait(&tracer, "open", |stats| {
        matches!(stats.health, Health::Open { .. })
    });
    assert_eq!((stats.spooled, stats.pending()), (0, 30));
    wait(&tracer, "delivered from memory", |stats| {
        stats.exported == 30
    });
    assert!(tracer.shutdown().unwrap().is_lossless());
}

#[test]
fn what_the_spool_gives_up_at_its_bounds_is_counted() {
    for full in [WhenFull::DropOldest, WhenFull::DropNewest] {
        let dir = tempfile::tempdir().unwrap();
        let exporter = Scripted::default().times(1_000, down);
        let mut spool = SpoolConfig::new(dir.path());
        spool.max_bytes = 20_000;
        spool.full = full;
        let tracer = tracer_with(exporter, spool, SpoolMode::OnFailure, |config| {
            config.max_batch_bytes = 4_000;
            config.circuit_breaker_threshold = 1;
            config.max_retries = 0;
            config.max_queue_size = 20;
            config.flush_interval = Duration::from_millis(10);
            config.while_open = WhileOpen::NoOp;
        });
        for n in 0..200 {
            tracer
                .trace("large")
                .run(|trace| trace.set_input("x".repeat(500 + n)));
            if full == WhenFull::DropOldest && n % 10 == 0 {
                // Lets the worker come along, so that it is the disk that is too small.
                wait(&tracer, "room", |stats| stats.queued == 0);
            }
        }
        let report = tracer
            .shutdown_within(Duration::from_secs(2))
            .unwrap_err()
            .report()
            .clone();
        let stats = numbers(&report);
        assert!(stats.spooled > 5, "{stats:#?}");
        let full_disk = stats.dropped.get(&DropReason::SpoolFull).copied();
        match full {
            WhenFull::DropOldest => assert!(full_disk > Some(50), "{stats:#?}"),
            // Those that did not get there wait in memory, and the queue is full.
            _ => assert!(
                full_disk.is_none() && stats.dropped_total() > 50,
                "{stats:#?}"
            ),
        }
    }
}

#[test]
fn damage_on_disk_is_counted_and_the_rest_delivered() {
    let dir = tempfile::tempdir().unwrap();
    let first = tracer(
        Scripted::default().times(1_000, down),
        dir.path(),
        SpoolMode::OnFailure,
        LONG,
    );
    record(&first, 0..10);
    first.shutdown_within(Duration::from_secs(2)).unwrap();
    let file = files(dir.path(), "batch").remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&file, bytes).unwrap();

    let exporter = Scripted::default();
    let second = tracer(exporter, dir.path(), SpoolMode::OnFailure, LONG);
    let stats = wait(&second, "read", |stats| stats.spooled == 0);
    let lost = stats.dropped[&DropReason::SpoolCorrupt];
    assert_eq!((stats.recovered, stats.exported + lost), (10, 10));
    assert!(lost > 0 && stats.exported > 0, "{stats:#?}");
    assert_eq!(files(dir.path(), "corrupt").len(), 1);
}

#[test]
fn a_directory_that_cannot_be_used_fails_the_build_and_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a file");
    std::fs::write(&file, "").unwrap();
    let build = |config| {
        let pipeline = Pipeline::builder()
            .exporter(Scripted::default())
            .spool(config, SpoolMode::OnFailure);
        pipeline.build().unwrap_err().to_string()
    };
    assert!(build(SpoolConfig::new(file)).contains("Name a directory"));
    let mut small = SpoolConfig::new(dir.path());
    small.max_bytes = 1_000;
    assert!(build(small).contains("raise its `max_bytes`"));
}
