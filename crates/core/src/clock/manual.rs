//! A clock that shows the same time until a test moves it.
//! Used by tests, of this repository and of users.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::TimeSource;
use crate::record::Timestamp;

/// A clock that moves only when it is advanced; clones move together.
///
/// ```
/// use std::time::Duration;
/// use tracefuse_core::{Clock, ManualClock, Timestamp, Tracer, testing::Recorder};
///
/// let clock = ManualClock::at(Timestamp::from_unix_nanos(1_800_000_000_000_000_000));
/// let recorder = Recorder::new();
/// let tracer = Tracer::builder(recorder.clone()).clock(Clock::new(clock.clone())).build();
/// tracer.trace("job").run(|_| clock.advance(Duration::from_millis(3)));
/// assert_eq!(recorder.only().duration(), Duration::from_millis(3));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    unix: Arc<AtomicU64>,
    monotonic: Arc<AtomicU64>,
}

impl ManualClock {
    /// A clock that shows this moment.
    #[must_use]
    pub fn at(time: Timestamp) -> Self {
        Self {
            unix: Arc::new(AtomicU64::new(time.as_unix_nanos())),
            monotonic: Arc::default(),
        }
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        let nanos = by.as_nanos() as u64;
        self.unix.fetch_add(nanos, Ordering::SeqCst);
        self.monotonic.fetch_add(nanos, Ordering::SeqCst);
    }

    /// Sets only the wall clock, as an administrator or NTP does.
    pub fn step_to(&self, time: Timestamp) {
        self.unix.store(time.as_unix_nanos(), Ordering::SeqCst);
    }
}

impl TimeSource for ManualClock {
    fn unix_nanos(&self) -> u64 {
        self.unix.load(Ordering::SeqCst)
    }

    fn monotonic_nanos(&self) -> u64 {
        self.monotonic.load(Ordering::SeqCst)
    }
}
