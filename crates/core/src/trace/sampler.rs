//! Which traces are recorded, decided when a trace begins: by its id, or by a rule of the application.
//! Called by `trace::builder`; the rate comes from configuration.

use std::fmt;
use std::mem;
use std::sync::Arc;

use crate::record::guard::{contain, drop_contained};
use crate::record::{ObservationType, SpanId, TraceAttributes, TraceId};

/// Decides, when a trace begins, whether it is recorded. Closures are samplers too:
///
/// ```
/// use tracefuse_core::{SampleRate, SamplingInput};
///
/// let tenth = SampleRate::new(0.1)?;
/// let sampler = move |trace: &SamplingInput<'_>| trace.attributes.name == "checkout" || tenth.samples(trace.trace_id);
/// # let _: Box<dyn tracefuse_core::Sampler> = Box::new(sampler);
/// # Ok::<(), tracefuse_core::SampleRateError>(())
/// ```
pub trait Sampler: Send + Sync + 'static {
    /// Whether the trace is recorded. Called on the thread that begins it: must return at once. If it panics, the panic is
    /// caught and the trace is recorded.
    fn should_sample(&self, trace: &SamplingInput<'_>) -> bool;

    /// Whether a trace is recorded of which only the id is known. Called when a score is recorded by that id: the score of
    /// a trace that was left out is left out too. `true` where the id alone does not decide, which is the default.
    fn samples_id(&self, id: TraceId) -> bool {
        let _ = id;
        true
    }
}

// Sampler stays usable as dyn.
const _: fn(&dyn Sampler) = |_| {};

/// What is known about a trace when it begins.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SamplingInput<'a> {
    /// Its id.
    pub trace_id: TraceId,
    /// Name, user, session, tags and metadata, as far as they were given to the builder.
    pub attributes: &'a TraceAttributes,
    /// The kind of work its root is.
    pub observation_type: ObservationType,
    /// The span of another service that is its parent.
    pub remote_parent: Option<SpanId>,
    /// Whether that service records the trace, if it sent that.
    pub remote_sampled: Option<bool>,
}

impl<F: Fn(&SamplingInput<'_>) -> bool + Send + Sync + 'static> Sampler for F {
    fn should_sample(&self, trace: &SamplingInput<'_>) -> bool {
        self(trace)
    }
}

/// The user's sampler, with its panics caught: they must not fail the work that is traced.
pub(crate) struct ContainedSampler(Arc<dyn Sampler>);

impl ContainedSampler {
    pub(crate) fn new(sampler: Arc<dyn Sampler>) -> Self {
        Self(sampler)
    }

    pub(crate) fn should_sample(&self, trace: &SamplingInput<'_>) -> bool {
        contain(|| self.0.should_sample(trace)).unwrap_or(true)
    }

    pub(crate) fn samples_id(&self, id: TraceId) -> bool {
        contain(|| self.0.samples_id(id)).unwrap_or(true)
    }
}

impl Drop for ContainedSampler {
    fn drop(&mut self) {
        drop_contained(mem::replace(&mut self.0, Arc::new(SampleRate::ALL)));
    }
}

/// The decision of the calling service is followed; without one, the trace's id decides.
impl Sampler for SampleRate {
    fn should_sample(&self, trace: &SamplingInput<'_>) -> bool {
        trace
            .remote_sampled
            .unwrap_or_else(|| self.samples(trace.trace_id))
    }

    fn samples_id(&self, id: TraceId) -> bool {
        self.samples(id)
    }
}

/// The share of traces that is recorded, from 0 (none) to 1 (all, the default).
///
/// The decision is a function of the trace id, by the rule of OpenTelemetry's `TraceIdRatioBased`
/// as Langfuse's Python SDK uses it (the low 8 bytes against `rate * 2^64`), so every service
/// decides the same for the same id.
///
/// ```
/// use tracefuse_core::SampleRate;
/// assert_eq!(SampleRate::new(0.1)?.rate(), 0.1);
/// assert!(SampleRate::new(1.5).is_err());
/// # Ok::<(), tracefuse_core::SampleRateError>(())
/// ```
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
        // Rounded as Python does, and compared as whole numbers: a float has no room for all of the id.
        let bound = (self.0 * 18_446_744_073_709_551_616.0).round_ties_even();
        self.0 >= 1.0 || id.low_bits() < bound as u64
    }
}

impl Default for SampleRate {
    fn default() -> Self {
        Self::ALL
    }
}

/// A sample rate that is not a number from 0 to 1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SampleRateError(());

impl fmt::Display for SampleRateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a number from 0 to 1")
    }
}

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for SampleRateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for SampleRateError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(low: u64) -> TraceId {
        format!("0123456789abcdef{low:016x}").parse().unwrap()
    }

    #[test]
    fn decisions_are_those_of_the_python_sdk_to_the_last_id() {
        // `TraceIdRatioBased.get_bound_for_rate(rate)`, from opentelemetry-sdk for Python.
        for (rate, bound) in [
            (0.1, 1_844_674_407_370_955_264),
            (0.25, 4_611_686_018_427_387_904),
            (1.0 / 3.0, 6_148_914_691_236_516_864),
            (0.5, 9_223_372_036_854_775_808),
            (0.999, 18_428_297_329_635_842_048),
            (1e-9, 18_446_744_074),
            (2f64.powi(-64), 1),
        ] {
            let rate = SampleRate::new(rate).unwrap();
            assert!(rate.samples(id(bound - 1)), "{rate:?}");
            assert!(!rate.samples(id(bound)), "{rate:?}");
        }
        assert!(!SampleRate::new(0.0).unwrap().samples(id(0)));
        assert!(SampleRate::ALL.samples(id(u64::MAX)));
    }

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
