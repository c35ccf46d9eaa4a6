//! Data points that were exported and that were not, with the name of OpenTelemetry's SDK metrics.
//! Counted by `push`; read by `registry` for each snapshot.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::collect::Snapshot;
use crate::instrument as i;

#[derive(Default)]
pub(crate) struct Exports {
    exported: AtomicU64,
    failed: Mutex<BTreeMap<String, u64>>,
}

#[cfg_attr(
    not(feature = "otlp"),
    expect(dead_code, reason = "only an export counts here")
)]
impl Exports {
    pub(crate) fn succeed(&self, points: u64) {
        self.exported.fetch_add(points, Ordering::Relaxed);
    }

    pub(crate) fn fail(&self, reason: &str, points: u64) {
        if points > 0 {
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            *failed.entry(reason.to_owned()).or_default() += points;
        }
    }
}

impl Exports {
    /// Adds the exported and the failed data points.
    pub(crate) fn add_to(&self, snapshot: &mut Snapshot) {
        let name = || {
            let kind = "otlp_http_metric_exporter";
            vec![
                ("otel.component.name", format!("{kind}/0")),
                ("otel.component.type", kind.to_owned()),
            ]
        };
        let exported = self.exported.load(Ordering::Relaxed);
        snapshot.number(i::DATA_POINTS, name(), exported);
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        for (reason, points) in &*failed {
            let mut labels = name();
            labels.insert(0, ("error.type", reason.clone()));
            snapshot.number(i::DATA_POINTS, labels, *points);
        }
    }
}
