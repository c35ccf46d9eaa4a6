//! Which traces are recorded, decided when a trace begins, from its id alone.
//! Asked by `tracer`; the rate comes from configuration.

use std::fmt;

use crate::record::TraceId;

/// The share of traces that is recorded, from 0 (none) to 1 (all, the default).
///
/// The decision is a function of the trace id, by the rule of OpenTelemetry's `TraceIdRatioBased`
/// as Langfuse's Python SDK uses it (the low 8 bytes against `rate * 2^64`), so every service that
/// sees the same id decides alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleRate(f64);

impl SampleRate {
    /// Every trace.
    pub const ALL: Self = Self(1.0);

    /// A rate.
    ///
    /// # Errors
    /// If it is not a number from 0 to 1.
    pub fn new(rate: f64) -> Result<Self, SampleRateError> {
        if (0.0..=1.0).contains(&rate) {
            Ok(Self(rate))
        } else {
            Err(SampleRateError(()))
        }
    }

    /// The rate as a number from 0 to 1.
    #[must_use]
    pub fn rate(self) -> f64 {
        self.0
    }

    /// Whether a trace with this id is recorded.
    #[must_use]
    pub fn samples(self, id: TraceId) -> bool {
        // Rounded as Python does: 1.0 * 2^64 saturates, and saturated means all.
        self.0 >= 1.0 || (id.low_bits() as f64) < (self.0 * 18_446_744_073_709_551_616.0).round()
    }
}

impl Default for SampleRate {
    fn default() -> Self {
        Self::ALL
    }
}

/// A sample rate that is not a number from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleRateError(());

impl fmt::Display for SampleRateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a number from 0 to 1")
    }
}

impl std::error::Error for SampleRateError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_keeps_its_share_and_decides_by_the_id_alone() {
        let ids: Vec<TraceId> = (0..20_000).map(|_| TraceId::random()).collect();
        for (rate, low, high) in [(0.0, 0, 0), (0.25, 4500, 5500), (1.0, 20_000, 20_000)] {
            let rate = SampleRate::new(rate).unwrap();
            let kept = ids.iter().filter(|id| rate.samples(**id)).count();
            assert!((low..=high).contains(&kept), "{rate:?} kept {kept}");
            assert_eq!(kept, ids.iter().filter(|id| rate.samples(**id)).count());
        }
        for rate in [-0.1, 1.5, f64::NAN, f64::INFINITY] {
            assert!(SampleRate::new(rate).is_err());
        }
    }
}
