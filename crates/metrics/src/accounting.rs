//! The accounting of delivery, from the tracer's statistics, with the names of OpenTelemetry's SDK metrics.
//! Called for each scrape and each export. Knows no series.

use tracefuse_core::{DropReason, ExporterStats, Health, Stats};

use crate::collect::Snapshot;
use crate::instrument as i;
use crate::labels::Labels;

/// Adds the numbers of a tracer and of its exporters. `started` and `measured` are counted by the processor.
pub(crate) fn add(snapshot: &mut Snapshot, stats: &Stats, started: u64, measured: u64) {
    let none = Labels::new;
    for (instrument, value) in [
        (i::SPANS_STARTED, started),
        (i::SPANS_LIVE, stats.open),
        (i::SPANS_RECORDED, stats.recorded),
        (i::SPANS_MEASURED, measured),
        (i::SPANS_HELD, stats.held),
        (i::SPANS_SAMPLED_OUT, stats.sampled_out),
        (i::SPANS_OUTSIDE, stats.outside_trace),
        (i::LATE_WRITES, stats.late_writes),
        (i::TRACES_UNSAMPLED, stats.unsampled_traces),
    ] {
        snapshot.number(instrument, none(), value);
    }
    for (at, exporter) in stats.exporters.iter().enumerate() {
        add_exporter(snapshot, exporter, at);
    }
}

fn add_exporter(snapshot: &mut Snapshot, stats: &ExporterStats, at: usize) {
    // The specification asks for names that are unique within the process and the same after a restart.
    let name = format!("{}/{at}", stats.name);
    let exporter = || vec![("otel.component.name", name.clone())];
    let processor = || {
        vec![
            ("otel.component.name", name.clone()),
            ("otel.component.type", "batching_span_processor".to_owned()),
        ]
    };
    let because = |mut labels: Labels, error: &str| {
        labels.insert(0, ("error.type", error.to_owned()));
        labels
    };
    for (instrument, value) in [
        (i::QUEUE_SIZE, stats.queued),
        (i::QUEUE_CAPACITY, stats.queue_capacity),
        (i::PROCESSED, stats.exported + stats.rejected_total()),
    ] {
        snapshot.number(instrument, processor(), value);
    }
    for (reason, spans) in &stats.dropped {
        snapshot.number(i::PROCESSED, because(processor(), reason.as_str()), *spans);
        if matches!(
            reason,
            DropReason::RetriesExhausted | DropReason::ExporterPanic
        ) {
            snapshot.number(i::EXPORTED, because(exporter(), reason.as_str()), *spans);
        }
    }
    for (reason, spans) in &stats.rejected {
        snapshot.number(i::EXPORTED, because(exporter(), reason.as_str()), *spans);
    }
    let is_open = matches!(stats.health, Health::Open { .. } | Health::Refused { .. });
    for (instrument, value) in [
        (i::EXPORTED, stats.exported),
        (i::INFLIGHT, stats.in_flight),
        (i::EXPORTER_RECORDED, stats.recorded),
        (i::QUEUE_BYTES, stats.queued_bytes),
        (i::SPOOLED, stats.spooled),
        (i::ATTEMPTS_FAILED, stats.failed_attempts),
        (i::HEALTHY, u64::from(stats.health == Health::Healthy)),
        (i::BREAKER_OPEN, u64::from(is_open)),
    ] {
        snapshot.number(instrument, exporter(), value);
    }
}
