//! How the settings of tail sampling change the configuration: a value that is not its default also turns it on.
//! Used by the table of settings. Knows no rule: those are `TailSampling`'s.

use std::ops::RangeInclusive;

use tracefuse_runtime::TailSampling;

use super::Config;
use super::form::{Flag, Form};
use super::setting::Value;

/// The range of the tokens of one trace.
pub(super) const TOKENS: RangeInclusive<u64> = 0..=1_000_000_000_000;

/// A form, the default as the guide shows it, and the setter of `TailSampling` that takes the value. A test compares the
/// default with `TailSampling`'s own.
pub(super) struct TailField<F, T>(
    pub(super) F,
    pub(super) &'static str,
    pub(super) fn(TailSampling, T) -> TailSampling,
);

impl<F: Form<T> + Sync, T> Value for TailField<F, T> {
    fn accepts(&self) -> String {
        self.0.accepts()
    }

    fn show(&self, _: &mut Config) -> String {
        self.1.to_owned()
    }

    fn apply(&self, config: &mut Config, text: &str) -> bool {
        let Some(value) = self.0.parse(text) else {
            return false;
        };
        let sampling = &mut config.tracer.tail_sampling;
        let changed = self.2(sampling.clone().unwrap_or_default(), value);
        if sampling.is_some() || changed != TailSampling::default() {
            *sampling = Some(changed);
        }
        true
    }
}

/// Turns tail sampling on, or off with all that was set. The table has it last, so that `false` wins.
pub(super) struct TailSwitch;

impl Value for TailSwitch {
    fn accepts(&self) -> String {
        Flag.accepts()
    }

    fn show(&self, _: &mut Config) -> String {
        "false".to_owned()
    }

    fn apply(&self, config: &mut Config, text: &str) -> bool {
        let sampling = &mut config.tracer.tail_sampling;
        match Flag.parse(text) {
            Some(true) => _ = sampling.get_or_insert_default(),
            Some(false) => *sampling = None,
            None => return false,
        }
        true
    }
}

pub(super) fn dollars(text: &str) -> Option<f64> {
    let dollars: f64 = text.parse().ok()?;
    (dollars.is_finite() && dollars >= 0.0).then_some(dollars)
}
