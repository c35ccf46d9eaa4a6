//! The processor's time version counter, where the kernel itself trusts it as its clock (Linux on x86-64).
//! Asked by `clock` for moments within a trace; a trace begun before it is calibrated uses the system's clock.
//!
//! Measured: 9 ns a reading against 19 to 40 ns for the system's clock and the arithmetic on it, twice a
//! span. Calibrated from readings that traces take anyway: nothing spins, nothing runs before `main`.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Nanoseconds per tick times 2^32; zero until it is known.
static RATE: AtomicU64 = AtomicU64::new(0);
/// The first reading: ticks and nanoseconds of the system's monotonic clock.
static FIRST: OnceLock<(u64, u64)> = OnceLock::new();
/// A shorter base gives an error above a millionth: a reading is off by up to 50 ns.
const BASE_NANOS: u64 = 100_000_000;
/// A reading that took longer was interrupted.
const UNDISTURBED_NANOS: u64 = 500;

/// A moment in ticks; zero where there are none yet. `monotonic` reads the system's clock.
pub(crate) fn begin(monotonic: impl Fn() -> u64) -> u64 {
    if RATE.load(Ordering::Relaxed) == 0 && !calibrated(&monotonic) {
        return 0;
    }
    ticks()
}

/// Nanoseconds since `begin`; `None` if it gave zero, or if the counter was set back (a machine that slept).
#[inline]
pub(crate) fn nanos_since(begin: u64) -> Option<u64> {
    if begin == 0 {
        return None;
    }
    let ticks = ticks().checked_sub(begin)?;
    let rate = RATE.load(Ordering::Relaxed);
    Some(((u128::from(ticks) * u128::from(rate)) >> 32) as u64)
}

#[cold]
fn calibrated(monotonic: &dyn Fn() -> u64) -> bool {
    static TRUSTED: OnceLock<bool> = OnceLock::new();
    if !TRUSTED.get_or_init(trusted) {
        return false;
    }
    let before = monotonic();
    let now = ticks();
    let nanos = monotonic();
    if nanos - before > UNDISTURBED_NANOS {
        return false;
    }
    let (first_ticks, first_nanos) = *FIRST.get_or_init(|| (now, nanos));
    let (passed, elapsed) = (now.saturating_sub(first_ticks), nanos - first_nanos);
    if elapsed < BASE_NANOS || passed == 0 {
        return false;
    }
    let rate = (u128::from(elapsed) << 32) / u128::from(passed);
    // The first one stays: moments of one trace are compared by one rate.
    let _ = RATE.compare_exchange(0, rate as u64, Ordering::Relaxed, Ordering::Relaxed);
    true
}

/// Whether the kernel reads its own time from the counter: then it is constant, never stops and
/// agrees between processors, which the processor's flags alone do not promise.
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
#[expect(
    clippy::disallowed_methods,
    reason = "the kernel tells of its clock in a file, read once"
)]
fn trusted() -> bool {
    const SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    std::fs::read_to_string(SOURCE).is_ok_and(|source| source.trim() == "tsc")
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
}
