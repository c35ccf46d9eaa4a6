//! The circuit breaker: after enough failed attempts in a row, nothing is sent for a while.
//! A pure value: it gets the time and gives permits. Called by `delivery` before every attempt.

use tokio::time::{Duration, Instant};

/// When to open and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// Failed attempts in a row that open it.
    pub(crate) threshold: u32,
    /// How long it stays open.
    pub(crate) reset: Duration,
    /// How long a probe may take before it counts as lost and another one is sent.
    pub(crate) lease: Duration,
}

/// Permission for one attempt. Every change of state begins a new generation, and the answer to a permit of
/// an older one changes nothing: a late answer must not close what has opened since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a permit must be answered by `record`"]
pub(crate) struct Permit {
    generation: u64,
}

/// What an attempt says about the receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It works, also if it refuses the batch.
    Alive,
    Failed,
    /// It refuses our requests (wrong key, wrong address): opens at once.
    Refused,
    /// It asks for a pause, or the attempt was cut off by us.
    Neutral,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, refused: bool },
    HalfOpen { lease_ends: Instant, refused: bool },
}

/// What changed: logged once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Opened,
    Refused,
    Closed,
}

#[derive(Debug)]
pub(crate) struct Breaker {
    rule: Rule,
    state: State,
    generation: u64,
}

impl Breaker {
    pub(crate) fn new(rule: Rule) -> Self {
        Self {
            rule,
            state: State::Closed { failures: 0 },
            generation: 0,
        }
    }

    /// Permission for an attempt, or how long there is none.
    pub(crate) fn acquire(&mut self, now: Instant) -> Result<Permit, Duration> {
        let wait = match self.state {
            State::Closed { .. } => {
                return Ok(Permit {
                    generation: self.generation,
                });
            }
            State::Open { until, .. } => until,
            // A probe without an answer must not block delivery for ever: it counts as lost after its time.
            State::HalfOpen { lease_ends, .. } => lease_ends,
        };
        if now < wait {
            return Err(wait - now);
        }
        self.enter(State::HalfOpen {
            lease_ends: now + self.rule.lease,
            refused: self.is_refused(),
        });
        Ok(Permit {
            generation: self.generation,
        })
    }

    /// Permission for an attempt in any state: a process that ends cannot try later.
    pub(crate) fn insist(&mut self, now: Instant) -> Permit {
        if !matches!(self.state, State::Closed { .. }) {
            self.enter(State::HalfOpen {
                lease_ends: now + self.rule.lease,
                refused: self.is_refused(),
            });
        }
        Permit {
            generation: self.generation,
        }
    }

    /// The answer to a permit. `jitter`, from 0 to 1, spreads the probes of many processes by up to a tenth.
    pub(crate) fn record(
        &mut self,
        permit: Permit,
        outcome: Outcome,
        now: Instant,
        jitter: f64,
    ) -> Option<Change> {
        if permit.generation != self.generation {
            return None;
        }
        let was_open = !matches!(self.state, State::Closed { .. });
        let was_refused = self.is_refused();
        match (self.state, outcome) {
            (State::Closed { .. }, Outcome::Neutral) => None,
            // The probe decided nothing: the next one may be sent at once.
            (State::HalfOpen { refused, .. }, Outcome::Neutral) => {
                self.enter(State::Open {
                    until: now,
                    refused,
                });
                None
            }
            (_, Outcome::Alive) => {
                if was_open {
                    self.enter(State::Closed { failures: 0 });
                    return Some(Change::Closed);
                }
                self.state = State::Closed { failures: 0 };
                None
            }
            (State::Closed { failures }, Outcome::Failed) if failures + 1 < self.rule.threshold => {
                self.state = State::Closed {
                    failures: failures + 1,
                };
                None
            }
            (_, Outcome::Failed) => {
                self.open(now, jitter, false);
                (!was_open).then_some(Change::Opened)
            }
            (_, Outcome::Refused) => {
                self.open(now, jitter, true);
                (!was_refused).then_some(Change::Refused)
            }
            (State::Open { .. }, Outcome::Neutral) => None,
        }
    }

    /// Until the next probe, if it is not closed.
    pub(crate) fn retry_in(&self, now: Instant) -> Option<Duration> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { until: end, .. }
            | State::HalfOpen {
                lease_ends: end, ..
            } => Some(end.saturating_duration_since(now)),
        }
    }

    /// Whether the receiver refuses our requests.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(
            self.state,
            State::Open { refused: true, .. } | State::HalfOpen { refused: true, .. }
        )
    }

    fn open(&mut self, now: Instant, jitter: f64, refused: bool) {
        let until = now + self.rule.reset.mul_f64(1.0 + 0.1 * jitter.clamp(0.0, 1.0));
        self.enter(State::Open { until, refused });
    }

    fn enter(&mut self, state: State) {
        self.generation += 1;
        self.state = state;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: Rule = Rule {
        threshold: 5,
        reset: Duration::from_secs(60),
        lease: Duration::from_secs(20),
    };

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(RULE);
        for round in 0..5 {
            let permit = breaker.acquire(now).unwrap();
            let change = breaker.record(permit, Outcome::Failed, now, 0.0);
            assert_eq!(change, (round == 4).then_some(Change::Opened));
        }
        breaker
    }

    fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_a_success_between_does_not() {
        let now = Instant::now();
        let mut breaker = Breaker::new(RULE);
        for outcome in [
            Outcome::Failed,
            Outcome::Failed,
            Outcome::Failed,
            Outcome::Failed,
            Outcome::Alive,
            Outcome::Failed,
        ] {
            let permit = breaker.acquire(now).unwrap();
            assert_eq!(breaker.record(permit, outcome, now, 0.0), None);
        }
        assert_eq!(opened(now).acquire(now + after(59)), Err(after(1)));
    }

    #[test]
    fn an_open_one_waits_up_to_a_tenth_longer_by_chance() {
        let now = Instant::now();
        for (jitter, seconds) in [(0.0, 60), (0.5, 63), (1.0, 66), (7.0, 66), (-1.0, 60)] {
            let mut breaker = Breaker::new(RULE);
            for _ in 0..5 {
                let permit = breaker.acquire(now).unwrap();
                breaker.record(permit, Outcome::Failed, now, jitter);
            }
            assert_eq!(breaker.retry_in(now), Some(after(seconds)), "{jitter}");
        }
    }

    #[test]
    fn one_probe_goes_out_and_decides() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let probe = breaker.acquire(now + after(60)).unwrap();
        assert_eq!(
            breaker.acquire(now + after(61)),
            Err(after(19)),
            "one probe at a time"
        );
        assert_eq!(
            breaker.record(probe, Outcome::Failed, now + after(62), 0.0),
            None,
            "still open: not reported again"
        );
        let probe = breaker.acquire(now + after(122)).unwrap();
        assert_eq!(
            breaker.record(probe, Outcome::Alive, now + after(122), 0.0),
            Some(Change::Closed)
        );
        assert_eq!(breaker.retry_in(now + after(122)), None);
    }

    #[test]
    fn an_attempt_of_a_process_that_ends_is_the_probe() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let permit = breaker.insist(now + after(1));
        assert_eq!(breaker.retry_in(now + after(1)), Some(after(20)));
        assert_eq!(
            breaker.record(permit, Outcome::Alive, now + after(2), 0.0),
            Some(Change::Closed)
        );
        let _ = breaker.insist(now + after(3));
        assert_eq!(breaker.retry_in(now + after(3)), None, "it is closed");
    }

    #[test]
    fn a_probe_that_never_answers_does_not_wedge_it() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let lost = breaker.acquire(now + after(60)).unwrap();
        let second = breaker.acquire(now + after(80)).unwrap();
        assert_eq!(
            breaker.record(lost, Outcome::Alive, now + after(81), 0.0),
            None,
            "its time is over"
        );
        assert!(breaker.acquire(now + after(81)).is_err());
        assert_eq!(
            breaker.record(second, Outcome::Alive, now + after(82), 0.0),
            Some(Change::Closed)
        );
    }

    #[test]
    fn a_late_answer_of_an_older_generation_changes_nothing() {
        let now = Instant::now();
        let mut breaker = Breaker::new(RULE);
        let late = breaker.acquire(now).unwrap();
        for _ in 0..5 {
            let permit = breaker.acquire(now).unwrap();
            breaker.record(permit, Outcome::Failed, now, 0.0);
        }
        assert_eq!(
            breaker.record(late, Outcome::Alive, now + after(1), 0.0),
            None
        );
        assert!(breaker.acquire(now + after(1)).is_err());
    }

    #[test]
    fn a_refusal_opens_at_once_and_is_reported_once() {
        let now = Instant::now();
        let mut breaker = Breaker::new(RULE);
        let permit = breaker.acquire(now).unwrap();
        assert_eq!(
            breaker.record(permit, Outcome::Refused, now, 0.0),
            Some(Change::Refused)
        );
        let probe = breaker.acquire(now + after(60)).unwrap();
        assert_eq!(
            breaker.record(probe, Outcome::Refused, now + after(60), 0.0),
            None
        );
        assert!(breaker.is_refused());
    }

    proptest! {
        /// Whatever happens: nothing passes while it is open, two probes never share a lease, and
        /// given time it always lets something pass again.
        #[test]
        fn it_is_never_wedged_and_never_leaks(steps in prop::collection::vec((0u8..6, 0u64..40, 0.0f64..1.0), 1..200)) {
            let mut now = Instant::now();
            let mut breaker = Breaker::new(RULE);
            let mut open_until: Option<Instant> = None;
            let mut lease: Option<Instant> = None;
            let mut permits = Vec::new();
            for (action, wait, jitter) in steps {
                now += after(wait);
                let before = breaker.generation;
                if action == 0 || permits.is_empty() {
                    match breaker.acquire(now) {
                        Ok(permit) => {
                            if let Some(until) = open_until { prop_assert!(now >= until); }
                            if let Some(ends) = lease { prop_assert!(now >= ends); }
                            if open_until.is_some() { lease = Some(now + RULE.lease); }
                            permits.push(permit);
                        }
                        Err(wait) => prop_assert!(wait <= after(66)),
                    }
                    continue;
                }
                let permit = permits.swap_remove(usize::from(action) % permits.len());
                let outcome = match action { 1 | 2 => Outcome::Failed, 3 => Outcome::Alive, 4 => Outcome::Refused, _ => Outcome::Neutral };
                breaker.record(permit, outcome, now, jitter);
                if permit.generation != before {
                    prop_assert_eq!(breaker.generation, before, "a late answer changed something");
                    continue;
                }
                match breaker.state {
                    State::Closed { .. } => (open_until, lease) = (None, None),
                    State::Open { until, .. } => (open_until, lease) = (Some(until), None),
                    State::HalfOpen { .. } => {}
                }
            }
            prop_assert!(breaker.acquire(now + after(67)).is_ok(), "wedged");
        }
    }
}
