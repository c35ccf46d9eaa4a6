//! How long to wait before the same batch is sent again: full jitter, and what the receiver asks for.
//! Pure: the jitter is an argument. Called by `delivery`.

use std::time::Duration;

/// Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter"): processes that
/// failed at the same time do not retry at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    pub(crate) base: Duration,
    pub(crate) cap: Duration,
    pub(crate) max_retries: u32,
}

/// Least wait between two attempts of a shutdown.
const LEAST_CLOSING: Duration = Duration::from_millis(20);

/// Longest pause a receiver may ask for.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

#[cfg(test)]
impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(500),
            cap: Duration::from_secs(30),
            max_retries: 3,
        }
    }
}

impl Backoff {
    /// The wait before retry number `retry` (from 0); `None` if there is none left.
    /// `jitter` is from 0 to 1. What the receiver asked for is a floor, plus up to a second.
    pub(crate) fn delay(
        &self,
        retry: u32,
        retry_after: Option<Duration>,
        jitter: f64,
    ) -> Option<Duration> {
        if retry >= self.max_retries {
            return None;
        }
        let jitter = jitter.clamp(0.0, 1.0);
        if let Some(after) = retry_after {
            return Some(pause(after, jitter));
        }
        let ceiling = self
            .base
            .saturating_mul(1u32.checked_shl(retry).unwrap_or(u32::MAX))
            .min(self.cap);
        Some(ceiling.mul_f64(jitter))
    }

    /// The wait of a shutdown after its failed attempt number `failures` (from 0), with this much of its time
    /// `left`; `None` if that is too little for another one. `max_retries` does not count: the time is used.
    pub(crate) fn closing_delay(
        &self,
        failures: u32,
        left: Duration,
        jitter: f64,
    ) -> Option<Duration> {
        if left <= LEAST_CLOSING {
            return None;
        }
        let doubled = 1u32.checked_shl(failures).unwrap_or(u32::MAX);
        let ceiling = self.base.saturating_mul(doubled).min(self.cap);
        // Never more than a quarter of what is left: the attempts become closer towards the end.
        let delay = ceiling.mul_f64(jitter.clamp(0.5, 1.0)).min(left / 4);
        Some(delay.max(LEAST_CLOSING))
    }
}

/// The pause a receiver asked for, within reason, and up to a second more so that not all come at once.
pub(crate) fn pause(after: Duration, jitter: f64) -> Duration {
    after.min(MAX_RETRY_AFTER) + Duration::from_secs(1).mul_f64(jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        let backoff = Backoff {
            max_retries: 40,
            ..Backoff::default()
        };
        for (retry, ceiling) in [
            (0, 500),
            (1, 1000),
            (2, 2000),
            (5, 16_000),
            (6, 30_000),
            (39, 30_000),
        ] {
            assert_eq!(backoff.delay(retry, None, 1.0), Some(ms(ceiling)));
            assert_eq!(backoff.delay(retry, None, 0.0), Some(ms(0)));
        }
        assert_eq!(backoff.delay(40, None, 0.5), None);
    }

    #[test]
    fn a_shutdown_tries_until_its_time_is_over() {
        let backoff = Backoff {
            max_retries: 0,
            ..Backoff::default()
        };
        let (mut left, mut tries) = (Duration::from_secs(90), 0);
        while let Some(delay) = backoff.closing_delay(tries, left, 1.0) {
            assert!(delay <= (left / 4).max(LEAST_CLOSING) && delay <= backoff.cap);
            left = left.saturating_sub(delay);
            tries += 1;
        }
        assert!(left <= LEAST_CLOSING, "{left:?} of its time were not used");
        assert!((20..60).contains(&tries), "{tries}");
        assert_eq!(backoff.closing_delay(0, ms(5_000), 1.0), Some(ms(500)));
        assert_eq!(
            backoff.closing_delay(u32::MAX, ms(5_000), 0.0),
            Some(ms(1250))
        );
        assert_eq!(backoff.closing_delay(0, LEAST_CLOSING, 1.0), None);
    }

    proptest! {
        #[test]
        fn what_the_receiver_asks_for_is_a_floor_within_reason(secs in any::<u32>(), jitter in -1.0f64..2.0) {
            let asked = Duration::from_secs(secs.into());
            let delay = Backoff::default().delay(0, Some(asked), jitter).unwrap();
            prop_assert!(delay >= asked.min(MAX_RETRY_AFTER) && delay <= MAX_RETRY_AFTER + ms(1000));
        }
    }
}
