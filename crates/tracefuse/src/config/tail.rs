//! How the settings of tail sampling change the configuration: a value that is not its default also turns it on.
//! Used by the table of settings. Knows no rule: those are `TailSampling`'s.

use std::ops::RangeInclusive;

use tracefuse_runtime::TailSampling;

use super::Config;
use super::form::{Flag, Form};

/// The range of the tokens of one trace.
pub(super) const TOKENS: RangeInclusive<u64> = 0..=1_000_000_000_000;

type Set<T> = fn(TailSampling, T) -> TailSampling;

pub(super) fn accepts<T>(form: &impl Form<T>, _: Set<T>) -> String {
    form.accepts()
}

/// Parses `text` and sets the value. Whether it is one of this form.
pub(super) fn apply<T>(form: &impl Form<T>, set: Set<T>, config: &mut Config, text: &str) -> bool {
    let Some(value) = form.parse(text) else {
        return false;
    };
    let sampling = &mut config.tracer.tail_sampling;
    let changed = set(sampling.clone().unwrap_or_default(), value);
    if sampling.is_some() || changed != TailSampling::default() {
        *sampling = Some(changed);
    }
    true
}

/// Turns tail sampling on, or off with all that was set. The table has it last, so that `false` wins.
pub(super) fn switch(config: &mut Config, text: &str) -> bool {
    let sampling = &mut config.tracer.tail_sampling;
    match Flag.parse(text) {
        Some(true) => _ = sampling.get_or_insert_default(),
        Some(false) => *sampling = None,
        None => return false,
    }
    true
}

pub(super) fn dollars(text: &str) -> Option<f64> {
    let dollars: f64 = text.parse().ok()?;
    (dollars.is_finite() && dollars >= 0.0).then_some(dollars)
}
