//! Time: the wall clock is read once for a trace, then a monotonic clock. This is the only place that reads them.
//! Read by the handles and by delivery; tests inject a `ManualClock`. Must not know spans.

mod manual;
mod source;
mod tsc;

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::record::Timestamp;

pub use manual::ManualClock;
use source::ContainedClock;
pub use source::TimeSource;

/// The clock of a tracer; cheap to clone.
///
/// ```
/// use tracefuse_core::{Clock, ManualClock, Timestamp};
///
/// let manual = ManualClock::at(Timestamp::from_unix_nanos(1_800_000_000_000_000_000));
/// let clock = Clock::new(manual);
/// assert_eq!(clock.unix_nanos(), 1_800_000_000_000_000_000);
/// ```
#[derive(Clone, Default)]
pub struct Clock {
    /// `None` is the system's clock, which needs no indirection.
    source: Option<Arc<dyn TimeSource>>,
}

impl Clock {
    /// The system's clocks.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that reads `source`.
    #[must_use]
    pub fn new(source: impl TimeSource) -> Self {
        Self {
            source: Some(Arc::new(ContainedClock::new(source))),
        }
    }

    /// Nanoseconds since some fixed moment of this process. Never steps back.
    #[inline]
    #[must_use]
    pub fn monotonic_nanos(&self) -> u64 {
        match &self.source {
            None => system_monotonic(),
            Some(source) => source.monotonic_nanos(),
        }
    }

    /// Nanoseconds since the Unix epoch, by the wall clock.
    #[must_use]
    pub fn unix_nanos(&self) -> u64 {
        match &self.source {
            None => system_unix(),
            Some(source) => source.unix_nanos(),
        }
    }

    pub(crate) fn anchor(&self) -> Anchor {
        let ticks = match &self.source {
            None => tsc::begin(system_monotonic),
            Some(_) => 0,
        };
        Anchor {
            unix: self.unix_nanos(),
            monotonic: self.monotonic_nanos(),
            ticks,
        }
    }
}

/// One reading of the wall clock: if the wall clock steps within a trace, no duration is negative.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor {
    unix: u64,
    monotonic: u64,
    /// The same moment by the processor's counter; zero if that is not used.
    ticks: u64,
}

impl Anchor {
    /// The moment at which the clock was read.
    pub(crate) fn begun(&self) -> Timestamp {
        Timestamp::from_unix_nanos(self.unix)
    }

    #[inline]
    pub(crate) fn now(&self, clock: &Clock) -> Timestamp {
        let since = tsc::nanos_since(self.ticks)
            .unwrap_or_else(|| clock.monotonic_nanos().saturating_sub(self.monotonic));
        Timestamp::from_unix_nanos(self.unix.saturating_add(since))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the clocks"
)]
fn system_monotonic() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_nanos() as u64
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the clocks"
)]
fn system_unix() -> u64 {
    // A clock before 1970 reads as 1970: a wrong date, but no panic.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as u64)
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.source.is_none() {
            "Clock(system)"
        } else {
            "Clock(injected)"
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_systems_clock_goes_on_within_a_trace() {
        let clock = Clock::system();
        // Later traces may use the processor's counter.
        for _ in 0..3 {
            let (anchor, before) = (clock.anchor(), clock.monotonic_nanos());
            while clock.monotonic_nanos() < before + 2_000_000 {}
            let passed = anchor.now(&clock).since(anchor.begun());
            assert!(passed > Duration::from_millis(1), "{passed:?}");
            assert!(passed < Duration::from_secs(600), "{passed:?}");
        }
        let year_2020 = 1_577_836_800_000_000_000;
        assert!(clock.unix_nanos() > year_2020);
    }

    #[test]
    fn the_wall_clock_of_a_test_can_step_alone() {
        let at = |nanos| Timestamp::from_unix_nanos(nanos);
        let manual = ManualClock::at(at(1_000));
        let clock = Clock::new(manual.clone());
        let anchor = clock.anchor();
        let monotonic = clock.monotonic_nanos();
        manual.step_to(at(5));
        assert_eq!(
            (clock.unix_nanos(), clock.monotonic_nanos()),
            (5, monotonic)
        );
        assert_eq!(anchor.now(&clock), at(1_000), "no trace steps back");
        manual.advance(Duration::from_nanos(7));
        assert_eq!(
            (clock.unix_nanos(), clock.monotonic_nanos()),
            (12, monotonic + 7)
        );
        assert_eq!(anchor.now(&clock), at(1_007));
    }
}
