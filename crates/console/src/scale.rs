//! The marks of a time axis: their distance and their text.
//! Used by `waterfall`.

use crate::units::duration;

/// The smallest step of 1, 2, 5, 10, 20, .. units with which at most `marks` marks fit; above half a minute, a round
/// number of minutes or hours.
pub(crate) fn nice_step(length: u64, marks: u64) -> u64 {
    const MINUTE: u64 = 60_000_000_000;
    let least = length / marks + u64::from(!length.is_multiple_of(marks));
    for seconds in [1, 2, 5, 10, 30] {
        if least > MINUTE / 2 && least <= seconds * MINUTE {
            return seconds * MINUTE;
        }
    }
    if least > 30 * MINUTE {
        // Times come from applications: a span may have any length, such as five hundred years.
        return least.div_ceil(60 * MINUTE).saturating_mul(60 * MINUTE);
    }
    let mut power = 1u64;
    loop {
        for factor in [1, 2, 5] {
            if let Some(step) = power.checked_mul(factor)
                && step >= least
            {
                return step;
            }
        }
        power = power.saturating_mul(10);
        if power == u64::MAX {
            return power;
        }
    }
}

/// A mark is a round number: it is written without digits that it does not need.
pub(crate) fn mark(ns: u64) -> String {
    for (unit, name) in [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")] {
        if ns >= unit && ns < 60_000_000_000 {
            return format!("{} {name}", ns as f64 / unit as f64);
        }
    }
    duration(ns)
}
