//! A distribution: counters by bucket that any thread adds to, and a sum.
//! Written and read through `series`.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::instrument::BUCKETS;

/// A distribution. Its count is the sum of its buckets.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    /// Nanoseconds; unused for tokens, whose sum is that of their counters.
    pub(crate) sum: AtomicU64,
}

impl Histogram {
    pub(crate) fn add(&self, bounds: &[f64], value: f64, times: u64) {
        let at = bounds.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_add(times, Ordering::Relaxed);
        }
    }

    /// Adds a duration.
    pub(crate) fn add_nanos(&self, bounds: &[f64], nanos: u64) {
        self.add(bounds, seconds(nanos), 1);
        self.sum.fetch_add(nanos, Ordering::Relaxed);
    }

    /// The buckets for these bounds.
    pub(crate) fn counts(&self, bounds: &[f64]) -> Vec<u64> {
        let buckets = self.buckets.iter().take(bounds.len() + 1);
        buckets
            .map(|bucket| bucket.load(Ordering::Relaxed))
            .collect()
    }

    pub(crate) fn seconds(&self) -> f64 {
        seconds(self.sum.load(Ordering::Relaxed))
    }
}

pub(crate) fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
