//! Settings that no queue can mean, and plugins that panic, hang, block or trace: nothing of theirs ends delivery.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tracefuse_core::{Health, Processor, Tracer};
use tracefuse_exporter::record::Record;
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};
use tracefuse_mask::Mask;
use tracefuse_runtime::{Overload, Pipeline, PipelineConfig};

use crate::support::{Scripted, assert_balanced, names, record, tracer_with};

const LONG: Duration = Duration::from_secs(20);

type Set = fn(&mut PipelineConfig, u8);

fn time(n: u8) -> Duration {
    [Duration::ZERO, Duration::from_nanos(1), Duration::MAX][usize::from(n)]
}

fn count(n: u8) -> usize {
    [0, 1, usize::MAX][usize::from(n)]
}

#[test]
fn every_setting_at_zero_one_and_its_maximum_delivers() {
    let settings: [(&str, Set); 13] = [
        ("batch_size", |config, n| config.batch_size = count(n)),
        ("max_batch_size", |config, n| {
            config.max_batch_size = count(n)
        }),
        ("max_batch_bytes", |config, n| {
            config.max_batch_bytes = count(n)
        }),
        ("max_queue_size", |config, n| {
            config.max_queue_size = count(n)
        }),
        ("max_queue_bytes", |config, n| {
            config.max_queue_bytes = count(n)
        }),
        ("flush_interval", |config, n| {
            config.flush_interval = time(n)
        }),
        ("retry_base", |config, n| config.retry_base = time(n)),
        ("retry_cap", |config, n| config.retry_cap = time(n)),
        ("batch_timeout", |config, n| config.batch_timeout = time(n)),
        ("max_retries", |config, n| {
            config.max_retries = count(n) as u32
        }),
        ("threshold", |config, n| {
            config.circuit_breaker_threshold = count(n) as u32
        }),
        ("reset", |config, n| config.circuit_breaker_reset = time(n)),
        ("overload", |config, n| {
            config.overload = Overload::Block(time(n))
        }),
    ];
    for (name, set) in settings {
        for n in 0..3 {
            // Fails once, so that retries, parked batches and the breaker have their part.
            let exporter = Scripted::default().times(1, || ExportError::retry("503"));
            let tracer = tracer_with(exporter.clone(), |config| {
                config.retry_cap = Duration::from_millis(5);
                set(config, n);
            });
            for span in 0..20 {
                record(&tracer, span..span + 1);
                if name.starts_with("max_queue") && n < 2 {
                    // A queue of one record takes the next when it was sent.
                    while tracer.stats().exporters[0].pending() > 0 {
                        std::thread::yield_now();
                    }
                }
            }
            let report = tracer.shutdown_within(LONG);
            let report = report.unwrap_or_else(|error| panic!("{name} {n}: {error}"));
            assert_eq!(report.stats.exporters[0].exported, 20, "{name} {n}");
            assert_balanced(&report.stats);
        }
    }
}

#[test]
fn times_without_any_time_or_end_still_account_for_all() {
    for n in 0..3 {
        for set in [
            (|config, n| config.attempt_timeout = time(n)) as Set,
            |config, n| config.max_age = time(n),
        ] {
            let exporter = Scripted::default().times(2, || ExportError::retry("503"));
            let tracer = tracer_with(exporter, |config| {
                config.retry_cap = Duration::from_millis(5);
                set(config, n);
            });
            record(&tracer, 0..20);
            let report = match tracer.shutdown_within(Duration::from_secs(2)) {
                Ok(report) => report,
                Err(error) => error.report().clone(),
            };
            assert_balanced(&report.stats);
            assert_eq!(report.pending, 0);
        }
    }
}

#[test]
fn a_huge_batch_size_reserves_nothing() {
    let exporter = Scripted::default();
    let tracer = tracer_with(exporter.clone(), |config| {
        config.batch_size = 1_000_000_000;
        config.max_queue_size = usize::MAX;
        config.max_queue_bytes = usize::MAX;
    });
    record(&tracer, 0..100);
    assert!(tracer.shutdown().unwrap().is_lossless());
    assert_eq!(exporter.batches(), [100]);
}

#[test]
fn a_batch_larger_than_the_queue_goes_out_when_it_is_full() {
    for overload in [Overload::DropNewest, Overload::Block(LONG)] {
        let exporter = Scripted::default();
        let tracer = tracer_with(exporter.clone(), |config| {
            (config.batch_size, config.max_queue_size) = (100, 50);
            config.flush_interval = Duration::from_secs(3600);
            config.overload = overload;
        });
        let mut recorded = 0;
        while recorded < 300 {
            // Without `Block` a burst is as large as the room that there is: it fills the queue, and no more.
            let pending = tracer.stats().exporters[0].pending() as usize;
            let room = match overload {
                Overload::DropNewest => 50 - pending,
                _ => 50,
            };
            let burst = room.min(300 - recorded);
            record(&tracer, recorded..recorded + burst);
            recorded += burst;
            std::thread::yield_now();
        }
        let report = tracer.shutdown_within(LONG).unwrap();
        assert!(report.is_lossless(), "{report:#?}");
        assert_eq!(exporter.accepted().len(), 300);
    }
}

#[test]
fn a_queue_full_of_bytes_goes_out_before_it_is_a_batch() {
    let exporter = Scripted::default();
    let tracer = tracer_with(exporter.clone(), |config| {
        config.max_queue_bytes = 1_000_000;
        config.flush_interval = Duration::from_secs(3600);
        config.overload = Overload::Block(LONG);
    });
    for _ in 0..20 {
        tracer.trace("large").input("x".repeat(600_000)).run(|_| {});
    }
    assert!(tracer.shutdown_within(LONG).unwrap().is_lossless());
    assert_eq!(exporter.accepted().len(), 20);
}

/// Panics in one method, and notes on which threads it was called.
#[derive(Clone, Default)]
struct Panics {
    method: &'static str,
    threads: Arc<Mutex<Vec<String>>>,
    taken: Arc<AtomicUsize>,
}

impl Panics {
    fn at(&self, method: &str) {
        let name = std::thread::current().name().map(str::to_owned);
        self.threads.lock().unwrap().push(name.unwrap_or_default());
        assert!(self.method != method, "in {method}");
    }
}

#[async_trait]
impl Exporter for Panics {
    fn name(&self) -> &str {
        assert!(self.method != "name");
        "panics"
    }

    fn destination(&self) -> Option<String> {
        assert!(self.method != "destination");
        None
    }

    fn size_hint(&self, record: &Record) -> usize {
        self.at("size_hint");
        if self.method == "huge" {
            usize::MAX
        } else {
            record.size()
        }
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        self.taken.fetch_add(batch.len(), Ordering::Relaxed);
        Ok(ExportReport::accepted(batch.len()))
    }

    async fn flush(&self) -> Result<(), ExportError> {
        self.at("flush");
        Ok(())
    }

    async fn shutdown(&self) -> Result<(), ExportError> {
        self.at("shutdown");
        Ok(())
    }
}

struct PanicsInDrop(Panics);

#[async_trait]
impl Exporter for PanicsInDrop {
    fn name(&self) -> &str {
        "panics in drop"
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        self.0.export(batch).await
    }
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        self.0.at("drop");
    }
}

#[test]
fn an_exporter_may_panic_anywhere_and_loses_no_span() {
    for method in ["size_hint", "huge", "flush", "shutdown"] {
        let exporter = Panics {
            method,
            ..Panics::default()
        };
        let tracer = tracer_with(exporter.clone(), |_| {});
        record(&tracer, 0..150);
        tracer.flush_within(LONG).unwrap();
        let report = tracer.shutdown_within(LONG).unwrap();
        assert_eq!(exporter.taken.load(Ordering::Relaxed), 150, "{method}");
        let stats = &report.stats.exporters[0];
        assert_eq!((stats.exported, stats.health), (150, Health::Stopped));
        if method != "huge" {
            let error = stats.last_error.clone().unwrap();
            assert!(
                error.contains(method) && error.contains("panicked"),
                "{error}"
            );
            assert!(stats.failed_attempts > 0);
        }
        let threads = exporter.threads.lock().unwrap().clone();
        assert!(
            threads.iter().all(|name| name == "tracefuse-export"),
            "{threads:?}"
        );
    }
}

#[test]
fn a_panic_in_the_drop_of_an_exporter_ends_there() {
    let exporter = Panics {
        method: "drop",
        ..Panics::default()
    };
    let tracer = tracer_with(PanicsInDrop(exporter), |_| {});
    record(&tracer, 0..10);
    assert!(tracer.shutdown_within(LONG).unwrap().is_lossless());
}

#[test]
fn a_panic_while_the_pipeline_is_built_is_an_error() {
    let exporter = Panics {
        method: "name",
        ..Panics::default()
    };
    let error = Pipeline::builder().exporter(exporter).build().unwrap_err();
    assert!(
        error.to_string().contains("`name` of an exporter panicked"),
        "{error}"
    );
}

/// An error whose source panics when it is dropped.
#[derive(Debug)]
struct Bomb;

impl std::fmt::Display for Bomb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bomb")
    }
}

impl std::error::Error for Bomb {}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in the drop of an error");
    }
}

#[test]
fn an_error_whose_drop_panics_costs_no_span() {
    let exporter = Scripted::default().then(|_| Err(ExportError::retry("503").with_source(Bomb)));
    let tracer = tracer_with(exporter.clone(), |config| config.retry_cap = Duration::ZERO);
    record(&tracer, 0..30);
    assert!(tracer.shutdown_within(LONG).unwrap().is_lossless());
    assert_eq!(exporter.accepted(), names(0..30));
}

/// Traces with the tracer that it exports for, in every way that the runtime of a worker has.
#[derive(Clone, Default)]
struct Traces {
    tracer: Arc<OnceLock<Tracer>>,
    exported: Arc<AtomicUsize>,
    looked: Arc<AtomicBool>,
}

impl Traces {
    fn trace(&self) {
        let Some(tracer) = self.tracer.get() else {
            return;
        };
        let trace = tracer.trace("of the exporter").start();
        trace
            .span("child")
            .run(|span| span.score("s", 1.0).record());
        trace.finish();
        let _ = tracer.stats();
    }
}

#[async_trait]
impl Exporter for Traces {
    fn name(&self) -> &str {
        "traces"
    }

    fn size_hint(&self, record: &Record) -> usize {
        self.trace();
        record.size()
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        self.trace();
        let (here, there) = (self.clone(), self.clone());
        tokio::spawn(async move { here.trace() }).await.unwrap();
        tokio::task::spawn_blocking(move || there.trace())
            .await
            .unwrap();
        if let Some(tracer) = self.tracer.get() {
            // These would wait for this very call.
            assert!(!tracer.flush().is_ok_and(|report| report.complete));
            assert!(
                !tracer
                    .flush_async()
                    .await
                    .is_ok_and(|report| report.complete)
            );
            self.looked.store(true, Ordering::Relaxed);
        }
        self.exported.fetch_add(batch.len(), Ordering::Relaxed);
        Ok(ExportReport::accepted(batch.len()))
    }
}

#[test]
fn what_an_exporter_traces_is_never_recorded() {
    let exporter = Traces::default();
    let tracer = tracer_with(exporter.clone(), |_| {});
    exporter.tracer.set(tracer.clone()).unwrap();
    record(&tracer, 0..10);
    let began = std::time::Instant::now();
    let report = tracer.shutdown_within(LONG).unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "it waited for itself"
    );
    assert!(exporter.looked.load(Ordering::Relaxed));
    assert_eq!(exporter.exported.load(Ordering::Relaxed), 10);
    assert_eq!(report.stats.exporters[0].recorded, 10);
    assert!(report.stats.not_recorded >= 4, "counted: {report:#?}");
}

#[test]
fn what_a_masker_or_a_health_callback_traces_is_not_recorded() {
    let shared = Arc::new(OnceLock::<Tracer>::new());
    let traces = |shared: &Arc<OnceLock<Tracer>>| {
        let shared = shared.clone();
        move || {
            if let Some(tracer) = shared.get() {
                tracer.trace("of a plugin").run(|_| {});
                let _ = (tracer.stats(), tracer.flush());
            }
        }
    };
    let (of_mask, of_health) = (traces(&shared), traces(&shared));
    let exporter = Scripted::default().times(1, || ExportError::retry("503"));
    let mut config = PipelineConfig::default();
    config.retry_cap = Duration::ZERO;
    let pipeline = Pipeline::builder()
        .config(config)
        .exporter(exporter)
        .masker(Mask::new().rewrite(move |_, _| {
            of_mask();
            None
        }))
        .on_health_change(move |_| of_health())
        .build()
        .unwrap();
    let tracer = Tracer::builder(pipeline).build();
    shared.set(tracer.clone()).unwrap();
    tracer.trace("t").input("to mask").run(|_| {});
    let report = tracer.shutdown_within(LONG).unwrap();
    assert_eq!(report.stats.recorded, 1);
    assert!(report.stats.not_recorded >= 2, "{report:#?}");
}

#[test]
fn records_that_a_report_does_not_name_were_not_exported() {
    let exporter = Scripted::default().then(|_| Ok(ExportReport::accepted(2)));
    let tracer = tracer_with(exporter, |_| {});
    record(&tracer, 0..5);
    let report = tracer.shutdown().unwrap_err().report().clone();
    let stats = &report.stats.exporters[0];
    assert_eq!((stats.exported, stats.rejected_total()), (2, 3));
    assert_balanced(&report.stats);
}

#[test]
fn a_huge_flush_limit_does_not_overflow() {
    let pipeline = Pipeline::builder()
        .exporter(Scripted::default())
        .build()
        .unwrap();
    assert!(pipeline.flush(Duration::MAX).is_lossless());
    assert!(pipeline.shutdown(Duration::MAX).is_lossless());
    assert!(pipeline.shutdown(Duration::ZERO).is_lossless());
}
