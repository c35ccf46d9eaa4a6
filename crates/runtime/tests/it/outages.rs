//! What an application notices of a receiver that is down, and of a call of an exporter that is cut off.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tracefuse_core::{DropReason, Health, Tracer};
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};
use tracefuse_runtime::{Pipeline, PipelineConfig};

use crate::support::{assert_balanced, record, tracer_with};

/// Accepts nothing. What it is given may wait on disk.
pub(crate) struct Down;

#[async_trait]
impl Exporter for Down {
    fn name(&self) -> &str {
        "down"
    }
    fn destination(&self) -> Option<String> {
        Some("down".into())
    }
    async fn export(&self, _: &Batch) -> Result<ExportReport, ExportError> {
        Err(ExportError::retry("down"))
    }
}

/// The settings with which one failed record opens the breaker, and fills the queue.
fn one_record() -> PipelineConfig {
    let mut config = PipelineConfig::default();
    (config.batch_size, config.max_queue_size) = (1, 1);
    (config.max_retries, config.circuit_breaker_threshold) = (0, 1);
    config.circuit_breaker_reset = Duration::from_secs(3600);
    config
}

/// Waits until the breaker of each exporter is open, for half a minute at most.
fn wait_open(tracer: &Tracer) {
    for _ in 0..15_000 {
        let exporters = tracer.stats().exporters;
        if exporters
            .iter()
            .all(|exporter| matches!(exporter.health, Health::Open { .. }))
        {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    panic!("the breaker did not open");
}

#[test]
fn a_trace_is_refused_at_its_start_where_it_would_be_dropped() {
    for exporters in 1..=2 {
        let builder = Pipeline::builder().config(one_record());
        let builder = (0..exporters).fold(builder, |builder, _| builder.exporter(Down));
        let tracer = Tracer::builder(builder.build().unwrap()).build();
        record(&tracer, 0..1);
        wait_open(&tracer);
        tracer.trace("refused").run(|trace| {
            assert!(!trace.is_recording());
            trace
                .span("below")
                .run(|span| assert!(!span.is_recording()));
        });
        let stats = tracer.stats();
        assert_eq!(stats.recorded, 2, "the span below was not started");
        for exporter in &stats.exporters {
            assert_eq!(exporter.dropped[&DropReason::CircuitOpen], 1);
        }
        assert_balanced(&stats);
        let report = tracer.shutdown_within(Duration::ZERO).unwrap_err();
        assert_eq!(report.report().lost, 2 * exporters);
    }
}

/// Its first call hangs, and panics when it is dropped.
#[derive(Default)]
struct HangsOnce(AtomicBool);

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in the drop of a call");
    }
}

#[async_trait]
impl Exporter for HangsOnce {
    fn name(&self) -> &str {
        "hangs once"
    }
    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        if !self.0.swap(true, Ordering::Relaxed) {
            let _bomb = Bomb;
            pending::<()>().await;
        }
        Ok(ExportReport::accepted(batch.len()))
    }
}

#[test]
fn a_call_that_panics_when_it_is_cut_off_costs_no_span() {
    let tracer = tracer_with(HangsOnce::default(), |config| {
        config.attempt_timeout = Duration::from_millis(10);
        config.retry_cap = Duration::ZERO;
    });
    record(&tracer, 0..30);
    let report = tracer.shutdown_within(Duration::from_secs(60)).unwrap();
    assert!(report.is_lossless());
    let exporter = &report.stats.exporters[0];
    assert_eq!((exporter.exported, exporter.failed_attempts), (30, 1));
}
