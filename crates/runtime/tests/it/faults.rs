//! Receivers and exporters that fail: nothing lost in silence, no other exporter affected.

use std::time::Duration;

use tracefuse_core::{DropReason, Health, RejectReason, Tracer};
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};
use tracefuse_runtime::{Pipeline, PipelineConfig, WhileOpen};

use crate::support::{Scripted, assert_balanced, names, record, tracer, tracer_with};

fn unavailable() -> ExportError {
    ExportError::retry("503 from the receiver").with_maybe_delivered(true)
}

#[test]
fn a_failed_batch_is_sent_again_whole_and_in_order() {
    let exporter = Scripted::default().times(2, unavailable);
    let tracer = tracer(exporter.clone());
    record(&tracer, 0..5);
    let report = tracer.shutdown_within(Duration::from_secs(20)).unwrap();
    assert_eq!(exporter.batches(), [5, 5, 5]);
    assert_eq!(exporter.accepted(), names(0..5));
    assert_eq!(report.stats.exporters[0].failed_attempts, 2);
}

#[test]
fn a_receiver_that_is_down_opens_the_breaker_and_loses_nothing_when_it_is_back() {
    let exporter = Scripted::default().times(5, unavailable);
    let tracer = tracer_with(exporter.clone(), |config| {
        config.circuit_breaker_reset = Duration::from_millis(50);
        config.batch_size = 10;
    });
    record(&tracer, 0..40);
    exporter.wait_batches(6);
    let report = tracer.shutdown_within(Duration::from_secs(20)).unwrap();
    let mut accepted = exporter.accepted();
    accepted.sort_by_key(|name| name.parse::<usize>().unwrap());
    assert_eq!(accepted, names(0..40), "each once");
    assert!(report.is_lossless());
}

#[test]
fn an_open_breaker_answers_a_flush_at_once_and_a_shutdown_tries_once_more() {
    let exporter = Scripted::default().times(100, unavailable);
    let tracer = tracer_with(exporter.clone(), |config| {
        config.circuit_breaker_threshold = 1;
        config.max_retries = 0;
    });
    record(&tracer, 0..3);
    let report = tracer
        .flush_within(Duration::from_secs(20))
        .unwrap_err()
        .report()
        .clone();
    assert_eq!(report.pending, 3);
    assert!(
        matches!(report.stats.exporters[0].health, Health::Open { .. }),
        "{report:?}"
    );
    let attempts = exporter.batches().len();
    let report = tracer
        .shutdown_within(Duration::from_secs(2))
        .unwrap_err()
        .report()
        .clone();
    assert!(exporter.batches().len() > attempts);
    assert_eq!(
        report.stats.exporters[0].dropped[&DropReason::ShutdownDeadline],
        3
    );
    let again = tracer.shutdown().unwrap_err().report().clone();
    assert_eq!(
        again, report,
        "every call of shutdown gives the final report"
    );
    assert_balanced(&report.stats);
}

#[test]
fn an_open_breaker_drops_exactly_what_comes_while_it_is_open_if_asked_to() {
    let exporter = Scripted::default().times(1, unavailable);
    let tracer = tracer_with(exporter.clone(), |config| {
        config.circuit_breaker_threshold = 1;
        config.while_open = WhileOpen::NoOp;
    });
    record(&tracer, 0..3);
    // Answered when the breaker has opened.
    assert_eq!(
        tracer
            .flush_within(Duration::from_secs(20))
            .unwrap_err()
            .report()
            .pending,
        3
    );
    record(&tracer, 3..10);
    let report = tracer.shutdown().unwrap_err().report().clone();
    assert_eq!(
        report.stats.exporters[0].dropped[&DropReason::CircuitOpen],
        7
    );
    assert_eq!(exporter.accepted(), names(0..3));
    assert_balanced(&report.stats);
}

#[test]
fn a_breaker_that_opened_over_nothing_still_finds_out_that_the_receiver_is_back() {
    let exporter = Scripted::default().then(|_| Err(ExportError::stop("401")));
    let tracer = tracer_with(exporter.clone(), |config| {
        config.circuit_breaker_reset = Duration::from_millis(10);
        config.while_open = WhileOpen::NoOp;
        config.batch_size = 1;
    });
    record(&tracer, 0..1);
    exporter.wait_batches(2);
    assert!(
        tracer
            .flush_within(Duration::from_secs(20))
            .unwrap()
            .is_lossless()
    );
    record(&tracer, 1..2);
    assert!(tracer.shutdown().unwrap().is_lossless());
    assert_eq!(exporter.accepted(), names(0..2));
}

#[test]
fn a_bad_span_is_found_and_rejected_alone() {
    let exporter = Scripted::default();
    let bad = |batch: &Batch| {
        if batch.spans().any(|span| span.name() == "41") {
            return Err(ExportError::reject("400: trace id is missing"));
        }
        Ok(ExportReport::accepted(batch.len()))
    };
    let exporter = (0..40).fold(exporter, |exporter, _| exporter.then(bad));
    let tracer = tracer(exporter.clone());
    record(&tracer, 0..100);
    let report = tracer.shutdown().unwrap_err().report().clone();
    assert_eq!(exporter.accepted(), [names(0..41), names(42..100)].concat());
    assert_eq!(
        report.stats.exporters[0].rejected[&RejectReason::Invalid],
        1
    );
    assert!(exporter.batches().len() <= 15, "{:?}", exporter.batches());
    assert_eq!(
        report.stats.exporters[0].last_error.as_deref(),
        Some("400: trace id is missing")
    );
}

#[test]
fn a_receiver_that_refuses_everything_costs_a_bounded_number_of_requests() {
    let exporter = (0..300).fold(Scripted::default(), |e, _| {
        e.then(|_| Err(ExportError::reject("400")))
    });
    let tracer = tracer(exporter.clone());
    record(&tracer, 0..100);
    let report = tracer.shutdown().unwrap_err().report().clone();
    assert_eq!(report.stats.exporters[0].rejected_total(), 100);
    assert!(
        exporter.batches().len() <= 40,
        "{}",
        exporter.batches().len()
    );
}

#[test]
fn a_batch_that_is_too_large_is_halved_and_the_limit_learned() {
    let limit = |batch: &Batch| {
        if batch.len() > 30 {
            Err(ExportError::split("413"))
        } else {
            Ok(ExportReport::accepted(batch.len()))
        }
    };
    let exporter = (0..40).fold(Scripted::default(), |exporter, _| exporter.then(limit));
    let tracer = tracer(exporter.clone());
    record(&tracer, 0..100);
    assert!(tracer.shutdown().unwrap().is_lossless());
    assert_eq!(exporter.accepted(), names(0..100));
}

#[test]
fn a_pause_that_the_receiver_asks_for_is_kept_and_costs_nothing() {
    let exporter =
        Scripted::default().then(|_| Err(ExportError::pause(Some(Duration::ZERO), "429")));
    let tracer = tracer_with(exporter.clone(), |config| config.batch_size = 1);
    record(&tracer, 0..1);
    exporter.wait_batches(2);
    let report = tracer.shutdown().unwrap();
    assert!(report.is_lossless() && report.stats.exporters[0].health == Health::Stopped);
    assert_eq!(exporter.accepted(), names(0..1));
}

#[test]
fn a_shutdown_waits_for_a_pause_that_fits_its_limit() {
    let exporter = (0..3).fold(Scripted::default(), |e, _| {
        e.then(|_| Err(ExportError::pause(Some(Duration::ZERO), "429")))
    });
    let tracer = tracer(exporter.clone());
    record(&tracer, 0..3);
    assert!(
        tracer
            .shutdown_within(Duration::from_secs(20))
            .unwrap()
            .is_lossless()
    );
    assert_eq!(exporter.accepted(), names(0..3));
}

#[test]
fn a_refusal_holds_everything_and_says_why_at_the_end() {
    let exporter = (0..9).fold(Scripted::default(), |e, _| {
        e.then(|_| Err(ExportError::stop("401: wrong key")))
    });
    let tracer = tracer(exporter);
    record(&tracer, 0..7);
    assert_eq!(
        tracer
            .flush_within(Duration::from_secs(20))
            .unwrap_err()
            .report()
            .pending,
        7
    );
    assert!(matches!(
        tracer.stats().exporters[0].health,
        Health::Refused { .. }
    ));
    let error = tracer.shutdown().unwrap_err();
    assert_eq!(
        error.report().stats.exporters[0].rejected[&RejectReason::Unauthorized],
        7
    );
    assert!(
        error
            .to_string()
            .contains("7 rejected (unauthorized), last error: 401: wrong key"),
        "{error}"
    );
}

#[test]
fn a_partial_refusal_rejects_only_what_was_refused() {
    let partial = |batch: &Batch| {
        Ok(ExportReport::accepted(batch.len() - 1)
            .with_rejection(tracefuse_exporter::Rejection::unknown("bad")))
    };
    let tracer = tracer(Scripted::default().then(partial));
    record(&tracer, 0..4);
    let report = tracer.shutdown().unwrap_err().report().clone();
    assert_eq!(
        (
            report.stats.exporters[0].exported,
            report.stats.exporters[0].rejected_total()
        ),
        (3, 1)
    );
}

/// Panics, hangs, or blocks its thread for ever.
#[derive(Clone, Copy)]
enum Rogue {
    Panics,
    Hangs,
    Blocks,
}

#[async_trait]
impl Exporter for Rogue {
    fn name(&self) -> &str {
        "rogue"
    }

    async fn export(&self, _: &Batch) -> Result<ExportReport, ExportError> {
        match self {
            Self::Panics => panic!("in the exporter"),
            Self::Hangs => std::future::pending().await,
            Self::Blocks => loop {
                std::thread::park();
            },
        }
    }
}

#[test]
fn an_exporter_that_panics_hangs_or_blocks_is_contained_and_the_other_unharmed() {
    for rogue in [Rogue::Panics, Rogue::Hangs, Rogue::Blocks] {
        let good = Scripted::default();
        let mut config = PipelineConfig::default();
        config.attempt_timeout = Duration::from_millis(20);
        config.max_retries = 0;
        (config.batch_size, config.max_batch_size) = (10, 10);
        let pipeline = Pipeline::builder()
            .config(config)
            .exporter(rogue)
            .exporter(good.clone())
            .build()
            .unwrap();
        let tracer = Tracer::builder(pipeline)
            .shutdown_timeout(Duration::from_millis(300))
            .build();
        record(&tracer, 0..50);
        good.wait_batches(5);
        let report = tracer.shutdown().unwrap_err().report().clone();
        assert_eq!(good.accepted(), names(0..50));
        assert_eq!(report.stats.exporters[0].dropped_total(), 50, "{report:#?}");
        assert_eq!(report.pending, 0);
        assert_balanced(&report.stats);
    }
}
