//! The processor's time stamp counter, where the kernel uses it as its own clock (Linux on x86-64).
//! Read by `clock` for times within a trace. A trace that begins before it is calibrated uses the system's clock.
//!
//! Measured: 9 ns for a reading, against 19 to 40 ns for the system's clock and its arithmetic, twice a span.
//! It is calibrated from readings that traces take in any case: no loop waits, and no code runs before `main`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

/// Nanoseconds per tick times 2^32; zero until it is known.
static RATE: AtomicU64 = AtomicU64::new(0);
static CALIBRATION: Mutex<Calibration> = Mutex::new(Calibration::new());
/// The rate is taken over at least this time. Over a shorter one its error exceeds a millionth, because a reading is off
/// by up to 50 ns.
const BASE_NANOS: u64 = 100_000_000;
/// A reading that took longer was interrupted.
const UNDISTURBED_NANOS: u64 = 500;
/// Two rates of one counter differ by less than a ten-thousandth.
const AGREEMENT: u64 = 10_000;
/// After this many disagreements the counter is not used any more.
const MAX_DISAGREEMENTS: u32 = 3;

/// A moment in ticks; zero where there are none yet. `monotonic` reads the system's clock.
pub(crate) fn begin(monotonic: impl Fn() -> u64) -> u64 {
    if RATE.load(Ordering::Relaxed) == 0 && !calibrated(&monotonic) {
        return 0;
    }
    ticks()
}

/// Nanoseconds since `begin`; `None` if that returned zero, or if the counter was set back (a machine that slept).
#[inline]
pub(crate) fn nanos_since(begin: u64) -> Option<u64> {
    if begin == 0 {
        return None;
    }
    let ticks = ticks().checked_sub(begin)?;
    Some(nanos(ticks, RATE.load(Ordering::Relaxed)))
}

/// How long so many ticks take at a rate.
#[inline]
fn nanos(ticks: u64, rate: u64) -> u64 {
    ((u128::from(ticks) * u128::from(rate)) >> 32) as u64
}

#[cold]
fn calibrated(monotonic: &dyn Fn() -> u64) -> bool {
    static TRUSTED: OnceLock<bool> = OnceLock::new();
    if !TRUSTED.get_or_init(trusted) {
        return false;
    }
    // One thread calibrates. The others use the system's clock until it is done.
    let Ok(mut calibration) = CALIBRATION.try_lock() else {
        return false;
    };
    let before = monotonic();
    let now = ticks();
    let nanos = monotonic();
    if was_interrupted(before, nanos) {
        return false;
    }
    let rate = calibration.read(now, nanos);
    if let Some(rate) = rate {
        // Not changed after this: all moments of a trace are computed with one rate.
        let _ = RATE.compare_exchange(0, rate, Ordering::Relaxed, Ordering::Relaxed);
    }
    rate.is_some()
}

/// Whether a reading between these two moments is of no use.
fn was_interrupted(before: u64, after: u64) -> bool {
    after.saturating_sub(before) > UNDISTURBED_NANOS
}

/// Finds the rate from readings of both clocks. Pure.
struct Calibration {
    /// Ticks and nanoseconds of the reading that the next rate is taken from.
    from: Option<(u64, u64)>,
    rate: u64,
    disagreements: u32,
}

impl Calibration {
    const fn new() -> Self {
        Self {
            from: None,
            rate: 0,
            disagreements: 0,
        }
    }

    /// The rate, once two stretches in a row agree on it. Readings in a wrong order, or of a counter that changes its
    /// rate or jumps, begin again; after a few of them the counter is not used.
    fn read(&mut self, ticks: u64, nanos: u64) -> Option<u64> {
        if self.disagreements >= MAX_DISAGREEMENTS {
            return None;
        }
        let Some((first_ticks, first_nanos)) = self.from else {
            self.from = Some((ticks, nanos));
            return None;
        };
        let passed = ticks.checked_sub(first_ticks);
        let elapsed = nanos.checked_sub(first_nanos);
        let (Some(passed), Some(elapsed)) = (passed, elapsed) else {
            self.disagree();
            return None;
        };
        if elapsed < BASE_NANOS {
            return None;
        }
        let rate = (u128::from(elapsed) << 32).checked_div(u128::from(passed));
        let rate = rate.and_then(|rate| u64::try_from(rate).ok()).unwrap_or(0);
        let known = std::mem::replace(&mut self.rate, rate);
        self.from = Some((ticks, nanos));
        if known == 0 {
            return None;
        }
        if rate == 0 || known.abs_diff(rate) > known / AGREEMENT {
            self.disagree();
            return None;
        }
        Some(rate)
    }

    fn disagree(&mut self) {
        self.from = None;
        self.rate = 0;
        self.disagreements += 1;
    }
}

/// Whether the kernel reads its own time from the counter. Then its rate is constant, it never stops, and all processors
/// agree on it. The processor's flags do not guarantee that.
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
#[expect(
    clippy::disallowed_methods,
    reason = "the kernel tells of its clock in a file, read once"
)]
fn trusted() -> bool {
    const SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    std::fs::read_to_string(SOURCE).is_ok_and(|source| is_counter(&source))
}

/// Whether the kernel's file names the counter.
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
fn is_counter(source: &str) -> bool {
    source.trim() == "tsc"
}

#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
#[inline]
#[expect(
    unsafe_code,
    reason = "an instruction every x86-64 processor has, and that touches no memory"
)]
fn ticks() -> u64 {
    // SAFETY: see above; where a kernel forbids it to programs, `trusted` is false and it is not reached.
    unsafe { core::arch::x86_64::_rdtsc() }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
fn trusted() -> bool {
    false
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
fn ticks() -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn the_counter_agrees_with_the_system_where_it_is_trusted() {
        let clock = Clock::system();
        let monotonic = || clock.monotonic_nanos();
        let start = monotonic();
        let mut begun = 0;
        while begun == 0 && monotonic() - start < 5 * BASE_NANOS {
            begun = begin(monotonic);
        }
        if begun == 0 {
            assert_eq!(nanos_since(begun), None);
            return;
        }
        let before = monotonic();
        let (first, mut last) = (nanos_since(begun).unwrap(), 0);
        while monotonic() - before < BASE_NANOS / 10 {
            let now = nanos_since(begun).unwrap();
            assert!(now >= last, "stepped back");
            last = now;
        }
        let (system, counter) = (monotonic() - before, nanos_since(begun).unwrap() - first);
        // Loose: this thread may have been off the processor between two readings.
        assert!(counter.abs_diff(system) < BASE_NANOS, "{counter} {system}");
        assert_eq!(nanos_since(u64::MAX), None);
    }

    #[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
    #[test]
    fn the_counter_advances_and_is_used_if_the_kernel_uses_it() {
        let first = ticks();
        assert!((0..1_000_000).any(|_| ticks() > first) && first > 1);
        assert!(is_counter("tsc\n") && is_counter("tsc"));
        assert!(!is_counter("kvm-clock\n") && !is_counter(""));
        if !trusted() {
            assert_eq!(begin(|| 0), 0);
        }
    }

    #[test]
    fn ticks_are_multiplied_by_the_rate() {
        for (ticks, rate, expected) in [
            (10, 1 << 31, 5),
            (3, 1 << 32, 3),
            (u64::MAX, 1 << 32, u64::MAX),
            (7, 0, 0),
        ] {
            assert_eq!(nanos(ticks, rate), expected);
        }
        assert_eq!(nanos_since(0), None);
    }

    #[test]
    fn a_reading_that_took_long_is_not_used() {
        for (took, interrupted) in [
            (0, false),
            (UNDISTURBED_NANOS, false),
            (UNDISTURBED_NANOS + 1, true),
        ] {
            assert_eq!(was_interrupted(1_000, 1_000 + took), interrupted);
        }
        assert!(!was_interrupted(1_000, 0), "a clock that stepped back");
    }

    /// Readings of a counter at 2 GHz, at these milliseconds.
    fn readings(milliseconds: &[u64]) -> Option<u64> {
        let mut calibration = Calibration::new();
        let read = |at: &u64| calibration.read(7 + at * 2_000_000, at * 1_000_000);
        milliseconds.iter().map(read).last().flatten()
    }

    #[test]
    fn two_stretches_that_agree_give_the_rate() {
        let half = Some(1 << 31);
        assert_eq!(readings(&[0, 100, 200]), half);
        assert_eq!(readings(&[0, 50, 99, 150, 260]), half);
        assert_eq!(readings(&[0, 100]), None);
        assert_eq!(readings(&[0, 1, 2, 3]), None);
    }

    #[test]
    fn readings_in_any_order_give_no_wrong_rate() {
        let half = Some(1 << 31);
        assert_eq!(readings(&[5, 0, 100, 200, 300]), half);
        assert_eq!(readings(&[100, 0, 100, 0, 100, 0, 100, 200, 300]), None);
        for (ticks, nanos) in [(0, u64::MAX), (u64::MAX, 0), (u64::MAX, u64::MAX)] {
            let mut calibration = Calibration::new();
            let read = [(0, 0), (ticks, nanos), (1, 1), (ticks, nanos)];
            let rates = read.map(|(ticks, nanos)| calibration.read(ticks, nanos));
            assert_eq!(rates, [None; 4]);
        }
    }

    #[test]
    fn two_stretches_may_differ_by_a_small_part_of_the_rate() {
        let first = 3 * BASE_NANOS;
        let most = first / AGREEMENT;
        for (second, agrees) in [
            (first + most, true),
            (first + most + 1, false),
            (first - most, true),
            (first - most - 1, false),
        ] {
            // Of so many ticks the rate is the number of nanoseconds.
            let mut calibration = Calibration::new();
            assert_eq!(calibration.read(0, 0), None);
            assert_eq!(calibration.read(1 << 32, first), None);
            let rate = calibration.read(2 << 32, first + second);
            assert_eq!(rate, agrees.then_some(second), "{second}");
        }
    }

    #[test]
    fn a_counter_whose_rate_changes_is_given_up() {
        let mut calibration = Calibration::new();
        let mut ticks = 0;
        for round in 0..100u64 {
            ticks += 200_000_000 + round % 2 * 1_000_000;
            assert_eq!(calibration.read(ticks, round * BASE_NANOS), None);
        }
        assert_eq!(calibration.disagreements, MAX_DISAGREEMENTS);
    }
}
