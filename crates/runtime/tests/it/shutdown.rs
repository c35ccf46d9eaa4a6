//! Several calls of shutdown, and what each reports as lost.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::time::Duration;

use tracefuse_core::{DropReason, Incomplete, Report, Tracer};
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};

use crate::support::{Scripted, assert_balanced, names, record, tracer_with};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_shorter_shutdown_stops_waiting_and_ends_no_longer_one() {
    let exporter = Scripted::default();
    exporter.hold();
    let tracer = tracer_with(exporter.clone(), |config| config.batch_size = 10);
    record(&tracer, 0..100);
    exporter.wait_batches(1);
    let long = {
        let tracer = tracer.clone();
        std::thread::spawn(move || tracer.shutdown_within(LONG))
    };
    while tracer.stats().exporters[0].recorded < 100 {
        std::thread::yield_now();
    }
    let short = tracer
        .shutdown_within(Duration::from_millis(50))
        .unwrap_err();
    assert!(
        !short.report().complete && short.report().pending > 0,
        "{short}"
    );
    assert_eq!(short.report().lost, 0);
    exporter.release();
    let report = long.join().unwrap().unwrap();
    assert!(report.is_lossless());
    assert_eq!(exporter.accepted(), names(0..100));
    // All that come later get the same.
    assert_eq!(tracer.shutdown().unwrap(), report);
    assert_eq!(tracer.shutdown_within(Duration::ZERO).unwrap(), report);
}

#[test]
fn a_longer_second_shutdown_gives_the_first_its_time() {
    let exporter = Scripted::default();
    exporter.hold();
    let tracer = tracer_with(exporter.clone(), |config| config.batch_size = 10);
    record(&tracer, 0..30);
    exporter.wait_batches(1);
    let pipeline = tracer.clone();
    let short = std::thread::spawn(move || pipeline.shutdown_within(Duration::from_millis(400)));
    let long = std::thread::spawn(move || tracer.shutdown_within(LONG));
    let short = short.join().unwrap().unwrap_err();
    assert_eq!((short.report().lost, short.report().pending), (0, 30));
    exporter.release();
    assert!(long.join().unwrap().unwrap().is_lossless());
}

#[test]
fn every_caller_of_shutdown_hears_of_the_same_loss() {
    // The loss is known before a limit ends: a caller whose limit ends while another still waits reports no loss.
    let exporter = Scripted::default().times(1_000, || ExportError::reject("400: no"));
    let tracer = tracer_with(exporter, |_| {});
    record(&tracer, 0..7);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let tracer = tracer.clone();
            std::thread::spawn(move || tracer.shutdown_within(LONG))
        })
        .collect();
    for thread in threads {
        let error = thread.join().unwrap().unwrap_err();
        assert_eq!(error.report().stats.exporters[0].rejected_total(), 7);
        assert_eq!(error.report().pending, 0);
        assert!(error.to_string().contains("400: no"), "{error}");
    }
    let again = tracer.shutdown().unwrap_err();
    assert_eq!(again.report().stats.exporters[0].rejected_total(), 7);
}

/// Calls `ask` on several threads at once.
fn at_once<T: Send + 'static>(
    tracer: &Tracer,
    ask: impl Fn(&Tracer) -> T + Copy + Send + 'static,
) -> Vec<T> {
    let start = Arc::new(Barrier::new(4));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (tracer, start) = (tracer.clone(), start.clone());
            std::thread::spawn(move || {
                start.wait();
                ask(&tracer)
            })
        })
        .collect();
    let answers = threads.into_iter().map(|thread| thread.join().unwrap());
    answers.collect()
}

fn report(answer: Result<Report, Incomplete>) -> Report {
    answer.unwrap_or_else(|error| error.report().clone())
}

#[test]
fn callers_whose_time_ends_agree_on_every_number() {
    let exporter = Scripted::default();
    exporter.hold();
    let tracer = tracer_with(exporter.clone(), |config| config.batch_size = 10);
    record(&tracer, 0..30);
    exporter.wait_batches(1);
    let reports = at_once(&tracer, |tracer| {
        report(tracer.shutdown_within(Duration::from_millis(50)))
    });
    for report in &reports {
        assert_balanced(&report.stats);
        // Still pending where another caller allows more time, lost at the end of the longest.
        assert!(
            [(0, 30), (30, 0)].contains(&(report.lost, report.pending)),
            "{report:?}"
        );
        assert_eq!(report.complete, report.pending == 0);
    }
    assert!(
        reports.iter().any(|report| report.lost == 30),
        "the last caller waited for the end"
    );
    let later = at_once(&tracer, |tracer| report(tracer.shutdown()));
    for report in &later {
        assert_eq!((report, report.lost), (&later[0], 30));
        assert_eq!(
            report.stats.exporters[0].dropped[&DropReason::ShutdownDeadline],
            30
        );
    }
    // What the blocked call says at last changes nothing.
    exporter.release();
    assert_eq!(report(tracer.shutdown()), later[0]);
}

#[test]
fn callers_of_flush_report_each_loss_once() {
    let exporter = Scripted::default().times(1_000, || ExportError::reject("400: no"));
    let tracer = tracer_with(exporter, |_| {});
    record(&tracer, 0..7);
    let reports = at_once(&tracer, |tracer| report(tracer.flush_within(LONG)));
    for report in &reports {
        assert_balanced(&report.stats);
        assert!(report.complete);
        assert_eq!(report.stats.exporters[0].rejected_total(), 7);
    }
    assert_eq!(reports.iter().map(|report| report.lost).sum::<u64>(), 7);
    let end = tracer.shutdown().unwrap();
    assert_eq!((end.lost, end.stats.exporters[0].rejected_total()), (0, 7));
}

#[test]
fn the_first_cause_is_kept_when_the_last_attempt_is_cut_off() {
    struct Hangs(Arc<AtomicUsize>);
    #[async_trait]
    impl Exporter for Hangs {
        fn name(&self) -> &str {
            "hangs"
        }
        async fn export(&self, _: &Batch) -> Result<ExportReport, ExportError> {
            if self.0.fetch_add(1, Ordering::Relaxed) == 0 {
                return Err(ExportError::retry("too many open files (os error 24)"));
            }
            std::future::pending().await
        }
        async fn shutdown(&self) -> Result<(), ExportError> {
            std::future::pending().await
        }
    }
    let calls = Arc::new(AtomicUsize::new(0));
    let tracer = tracer_with(Hangs(calls.clone()), |config| {
        config.retry_cap = Duration::ZERO;
        config.batch_size = 3;
    });
    record(&tracer, 0..3);
    // The limit below begins while the second attempt hangs, however busy the machine is.
    while calls.load(Ordering::Relaxed) < 2 {
        std::thread::yield_now();
    }
    let error = tracer.shutdown_within(Duration::from_secs(2)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("last error: too many open files"),
        "{error}"
    );
    assert_eq!(
        error.report().stats.exporters[0].dropped[&DropReason::ShutdownDeadline],
        3
    );
}

#[test]
fn a_shutdown_within_an_export_loses_nothing_of_the_batch() {
    struct ShutsDown(Arc<OnceLock<Tracer>>);
    #[async_trait]
    impl Exporter for ShutsDown {
        fn name(&self) -> &str {
            "shuts_down"
        }
        async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
            let tracer = self.0.get().expect("set before the first span");
            let report = report(tracer.shutdown_within(Duration::ZERO));
            // It does not wait for itself, and does not count as lost what it may still accept.
            assert!(!report.complete);
            assert_eq!((report.lost, report.pending), (0, batch.len() as u64));
            Ok(ExportReport::accepted(batch.len()))
        }
    }
    let own = Arc::new(OnceLock::new());
    let tracer = tracer_with(ShutsDown(own.clone()), |_| {});
    assert!(own.set(tracer.clone()).is_ok());
    record(&tracer, 0..3);
    // Its end is that of the shutdown: the one below is not the first.
    let _ = tracer.flush_within(LONG);
    let end = tracer.shutdown_within(LONG).unwrap();
    assert!(end.is_lossless(), "{end:?}");
    assert_eq!(end.stats.exporters[0].exported, 3);
}
