//! How long callers may wait for room under `Overload::BlockBriefly`, all together.
//! Called by `admit` under the queue's lock. Must not read a clock.

use std::time::Duration;

use tokio::time::Instant;

/// The longest that one span waits. With what a busy system adds before the thread runs again, it is at most 20 ms.
pub(super) const LONGEST_WAIT: Duration = Duration::from_millis(15);
/// The longest time of waits in a row, after a time without waits.
const MOST: Duration = Duration::from_secs(3);
/// The part of it that callers may wait while the receiver has not accepted a batch for [`SILENCE`]: it may be unreachable.
const UNACCEPTED: Duration = Duration::from_millis(200);
/// After this time without an accepted batch the receiver may be unreachable.
const SILENCE: Duration = Duration::from_secs(1);
/// One part in this many of the time that passes is added to the budget again.
const SHARE: u32 = 10;

/// Time during which at least one caller waits: at most three seconds, and then a tenth of the time.
#[derive(Debug)]
pub(super) struct WaitBudget {
    left: Duration,
    counted: Option<Instant>,
    waiting: usize,
    accepted: Option<Instant>,
}

impl WaitBudget {
    pub(super) const fn new() -> Self {
        Self {
            left: MOST,
            counted: None,
            waiting: 0,
            accepted: None,
        }
    }

    /// The receiver has accepted a batch, so there will be room.
    pub(super) fn accept(&mut self, now: Instant) {
        self.accepted = Some(now);
    }

    /// How much of `longest` a caller may wait from now on; `None` if the time is used up.
    pub(super) fn begin(&mut self, now: Instant, longest: Duration) -> Option<Duration> {
        self.count(now);
        let since = |accepted: Instant| now.saturating_duration_since(accepted);
        let left = if self
            .accepted
            .map(since)
            .is_some_and(|since| since < SILENCE)
        {
            self.left
        } else {
            self.left.saturating_sub(MOST - UNACCEPTED)
        };
        let wait = left.min(longest);
        if wait.is_zero() {
            return None;
        }
        self.waiting += 1;
        Some(wait)
    }

    pub(super) fn end(&mut self, now: Instant) {
        self.count(now);
        self.waiting = self.waiting.saturating_sub(1);
    }

    /// Subtracts the time since the last call if a caller waited, and adds a tenth of it.
    fn count(&mut self, now: Instant) {
        let passed = self.counted.map_or(Duration::ZERO, |counted| {
            now.saturating_duration_since(counted)
        });
        self.counted = Some(now);
        if self.waiting > 0 {
            self.left = self.left.saturating_sub(passed);
        }
        self.left = self.left.saturating_add(passed / SHARE).min(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time that callers wait, one after another, in the first `seconds`.
    fn waited(seconds: u64, accepts: impl Fn(Duration) -> bool) -> Duration {
        let start = Instant::now();
        let (mut budget, mut now) = (WaitBudget::new(), start);
        let mut waited = Duration::ZERO;
        while now < start + Duration::from_secs(seconds) {
            if accepts(now - start) {
                budget.accept(now);
            }
            match budget.begin(now, LONGEST_WAIT) {
                Some(wait) => {
                    assert!(wait <= LONGEST_WAIT);
                    now += wait;
                    waited += wait;
                    budget.end(now);
                }
                None => now += Duration::from_millis(1),
            }
        }
        waited
    }

    #[test]
    fn waits_are_three_seconds_and_then_a_tenth_of_the_time() {
        let seconds = waited(30, |_| true).as_secs_f64();
        assert!((5.5..6.2).contains(&seconds), "{seconds} s of 30 s");
    }

    #[test]
    fn a_receiver_that_accepts_nothing_is_waited_for_briefly() {
        // 200 ms, and then a tenth of the time.
        let millis = waited(2, |_| false).as_millis();
        assert!((380..=420).contains(&millis), "{millis} ms");
    }

    #[test]
    fn a_receiver_that_has_stopped_accepting_is_waited_for_a_second() {
        let millis = waited(3, |at| at < Duration::from_millis(500)).as_millis();
        assert!((1_450..=1_550).contains(&millis), "{millis} ms");
    }

    #[test]
    fn a_receiver_is_silent_after_a_second_without_a_batch() {
        let start = Instant::now();
        let left = |silence: Duration| {
            let mut budget = WaitBudget::new();
            budget.accept(start);
            budget.begin(start + silence, MOST)
        };
        let short = SILENCE - Duration::from_nanos(1);
        assert_eq!(left(short), Some(MOST));
        assert_eq!(left(SILENCE), Some(UNACCEPTED));
    }

    #[test]
    fn no_wait_is_longer_than_the_caller_allows() {
        let mut budget = WaitBudget::new();
        let least = Duration::from_nanos(1);
        assert_eq!(budget.begin(Instant::now(), least), Some(least));
        assert_eq!(budget.begin(Instant::now(), Duration::ZERO), None);
    }

    #[test]
    fn callers_that_wait_at_once_count_once() {
        let start = Instant::now();
        let mut budget = WaitBudget::new();
        for round in 0..40 {
            let now = start + LONGEST_WAIT * round;
            budget.accept(now);
            let waits = (0..64).all(|_| budget.begin(now, LONGEST_WAIT).is_some());
            assert!(waits, "{round}");
            (0..64).for_each(|_| budget.end(now + LONGEST_WAIT));
        }
    }
}
