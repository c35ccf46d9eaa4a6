//! Which traces are kept, and how much may wait. Set by users, read by `buffer` and by `TailSampler`. Plain values.

use std::time::Duration;

use tracefuse_core::{Level, SampleRate, TraceId};
use tracefuse_exporter::record::SpanRecord;

use crate::config::{PipelineConfigError, check, limits};

/// How many spans wait for the end of their trace, for how long, and which traces are kept when they end.
///
/// A trace is kept if one of the rules says so, else by the rate, which decides by the trace's id.
/// Without a rule and a rate every trace is kept.
///
/// ```
/// use std::time::Duration;
/// use tracefuse_core::SampleRate;
/// use tracefuse_runtime::TailSampling;
///
/// let tail = TailSampling::new()
///     .keep_errors(true)
///     .keep_slower_than(Duration::from_secs(10))
///     .rate(SampleRate::new(0.05).unwrap()); // of the others
/// assert!(tail.check().is_ok());
///
/// let error = TailSampling::new().max_spans(0).check().unwrap_err();
/// assert_eq!(error.to_string(), "`max_spans` is 0: expected a whole number from 1 to 100000000");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct TailSampling {
    pub(super) max_spans: usize,
    pub(super) max_bytes: usize,
    pub(super) max_age: Duration,
    errors: bool,
    slower_than: Option<Duration>,
    costlier_than: Option<f64>,
    more_tokens_than: Option<u64>,
    rate: SampleRate,
}

impl Default for TailSampling {
    fn default() -> Self {
        Self {
            max_spans: 10_000,
            max_bytes: 32 * 1024 * 1024,
            max_age: Duration::from_secs(600),
            errors: true,
            slower_than: None,
            costlier_than: None,
            more_tokens_than: None,
            rate: SampleRate::ALL,
        }
    }
}

impl TailSampling {
    /// Every trace waits for its end, and is kept.
    pub fn new() -> Self {
        Self::default()
    }

    /// The most spans that wait, of all traces together: 10,000 by default. Beyond it the oldest trace is released as kept.
    pub fn max_spans(mut self, spans: usize) -> Self {
        self.max_spans = spans;
        self
    }

    /// The most bytes that wait, of all traces together: 32 MiB by default. Beyond it the oldest trace is released as kept.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The longest a trace waits after its first span ended: 10 minutes by default. It is checked
    /// whenever a span ends.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// Whether a trace with a span of [`Level::Error`] is kept at any rate; yes by default.
    pub fn keep_errors(mut self, keep: bool) -> Self {
        self.errors = keep;
        self
    }

    /// Keeps a trace that took longer than this, at any rate.
    pub fn keep_slower_than(mut self, duration: Duration) -> Self {
        self.slower_than = Some(duration);
        self
    }

    /// Keeps a trace whose spans cost more US dollars than this, at any rate. Only cost that was
    /// recorded counts: the cost that Langfuse computes is not known here.
    pub fn keep_costlier_than(mut self, dollars: f64) -> Self {
        self.costlier_than = Some(dollars);
        self
    }

    /// Keeps a trace whose spans used more tokens (or other units) than this, at any rate.
    pub fn keep_more_tokens_than(mut self, tokens: u64) -> Self {
        self.more_tokens_than = Some(tokens);
        self
    }

    /// The share of all other traces that is kept, by the trace's id; all by default.
    pub fn rate(mut self, rate: SampleRate) -> Self {
        self.rate = rate;
        self
    }

    /// Whether every value has a meaning; the facade calls it. The ranges are those of the queue in [`limits`]: `max_spans`
    /// that of `max_queue_size`, `max_bytes` that of `max_queue_bytes`, `max_age` that of `max_age`. A cost is a number of
    /// at least 0.
    ///
    /// # Errors
    /// [`PipelineConfigError`] names the first setting that has none, its value and the range.
    pub fn check(&self) -> Result<(), PipelineConfigError> {
        check("max_spans", self.max_spans, &limits::MAX_QUEUE_SIZE)?;
        check("max_bytes", self.max_bytes, &limits::MAX_QUEUE_BYTES)?;
        check("max_age", self.max_age, &limits::MAX_AGE)?;
        match self.costlier_than {
            Some(dollars) if !(dollars.is_finite() && dollars >= 0.0) => {
                Err(PipelineConfigError::new(
                    "keep_costlier_than",
                    &dollars.to_string(),
                    "US dollars, a number of at least 0",
                ))
            }
            _ => Ok(()),
        }
    }

    /// The decision about a trace that has ended.
    pub(super) fn keeps(&self, id: TraceId, duration: Duration, seen: &Seen) -> bool {
        let above = |limit: Option<Duration>| limit.is_some_and(|limit| duration > limit);
        (self.errors && seen.failed)
            || above(self.slower_than)
            || self.costlier_than.is_some_and(|limit| seen.dollars > limit)
            || self
                .more_tokens_than
                .is_some_and(|limit| seen.tokens > limit)
            || self.rate.samples(id)
    }
}

/// What the rules look at, of all spans of a trace.
#[derive(Debug, Default)]
pub(super) struct Seen {
    failed: bool,
    dollars: f64,
    tokens: u64,
}

impl Seen {
    pub(super) fn add(&mut self, span: &SpanRecord) {
        self.failed |= span.level() == Some(Level::Error);
        self.dollars += total(span.cost(), |sum, dollars| sum + dollars);
        let tokens = total(span.usage(), u64::saturating_add);
        self.tokens = self.tokens.saturating_add(tokens);
    }
}

/// The bucket `total`, or the sum of all others, which are disjoint.
fn total<'a, T: Default>(
    buckets: impl Iterator<Item = (&'a str, T)>,
    add: impl Fn(T, T) -> T,
) -> T {
    let mut sum = T::default();
    for (name, value) in buckets {
        if name == "total" {
            return value;
        }
        sum = add(sum, value);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_without_meaning_are_refused_with_the_range() {
        let tail = TailSampling::new;
        assert_eq!(tail().check(), Ok(()));
        assert_eq!(
            tail()
                .max_spans(1)
                .max_bytes(1)
                .keep_costlier_than(0.0)
                .check(),
            Ok(())
        );
        for (config, words) in [
            (
                tail().max_spans(0),
                "`max_spans` is 0: expected a whole number from 1 to",
            ),
            (tail().max_spans(usize::MAX), "`max_spans` is"),
            (tail().max_bytes(0), "`max_bytes` is 0"),
            (tail().max_bytes(usize::MAX), "`max_bytes` is"),
            (
                tail().max_age(Duration::ZERO),
                "`max_age` is 0 s: expected a time from 0.001 s",
            ),
            (tail().max_age(Duration::MAX), "`max_age` is"),
            (
                tail().keep_costlier_than(-1.0),
                "`keep_costlier_than` is -1: expected US dollars",
            ),
            (
                tail().keep_costlier_than(f64::NAN),
                "`keep_costlier_than` is NaN",
            ),
            (
                tail().keep_costlier_than(f64::INFINITY),
                "`keep_costlier_than` is inf",
            ),
        ] {
            let error = config.check().unwrap_err().to_string();
            assert!(error.starts_with(words), "{error}");
        }
    }
}
