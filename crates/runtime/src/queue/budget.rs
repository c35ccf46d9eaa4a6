//! How long callers may wait for room under `Overload::BlockBriefly`, all together.
//! Called by `admit` under the queue's lock. Must not read a clock.

use std::time::Duration;

use tokio::time::Instant;

/// The longest that one span waits.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_millis(20);
/// The longest time of waits in a row, after a time without waits.
const MOST: Duration = Duration::from_secs(1);
/// The part of it that callers may wait before the receiver has accepted a batch: it may be unreachable.
const AT_FIRST: Duration = Duration::from_millis(200);
/// One part in this many of the time that passes is added to the budget again.
const SHARE: u32 = 10;

/// Time during which at least one caller waits: at most one second, and then a tenth of the time.
#[derive(Debug)]
pub(super) struct WaitBudget {
    left: Duration,
    counted: Option<Instant>,
    waiting: usize,
}

impl WaitBudget {
    pub(super) const fn new() -> Self {
        Self {
            left: MOST,
            counted: None,
            waiting: 0,
        }
    }

    /// How long a caller may wait from now on; `None` if the time is used up. `accepted`: the receiver has accepted a batch
    /// before.
    pub(super) fn begin(&mut self, now: Instant, accepted: bool) -> Option<Duration> {
        self.count(now);
        let left = if accepted {
            self.left
        } else {
            self.left.saturating_sub(MOST - AT_FIRST)
        };
        let wait = left.min(LONGEST_WAIT);
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

    #[test]
    fn waits_are_a_second_and_then_a_tenth_of_the_time() {
        let start = Instant::now();
        let (mut budget, mut now) = (WaitBudget::new(), start);
        let mut waited = Duration::ZERO;
        while now < start + Duration::from_secs(20) {
            match budget.begin(now, true) {
                Some(wait) => {
                    now += wait;
                    waited += wait;
                    budget.end(now);
                }
                None => now += Duration::from_millis(1),
            }
        }
        let seconds = waited.as_secs_f64();
        assert!((2.5..3.2).contains(&seconds), "{seconds} s of 20 s");
    }

    #[test]
    fn a_receiver_that_has_accepted_nothing_is_waited_for_briefly() {
        let start = Instant::now();
        let (mut budget, mut waits) = (WaitBudget::new(), 0);
        while let Some(wait) = budget.begin(start + LONGEST_WAIT * waits, false) {
            waits += 1;
            budget.end(start + LONGEST_WAIT * waits);
            assert!(wait <= LONGEST_WAIT);
        }
        // 200 ms, and the tenth that is added meanwhile.
        assert!((10..=12).contains(&waits), "{waits} waits");
        assert!(budget.begin(start + LONGEST_WAIT * waits, true).is_some());
    }

    #[test]
    fn callers_that_wait_at_once_count_once() {
        let start = Instant::now();
        let mut budget = WaitBudget::new();
        for round in 0..40 {
            let now = start + LONGEST_WAIT * round;
            assert!(
                (0..64).all(|_| budget.begin(now, true).is_some()),
                "{round}"
            );
            (0..64).for_each(|_| budget.end(now + LONGEST_WAIT));
        }
    }
}
