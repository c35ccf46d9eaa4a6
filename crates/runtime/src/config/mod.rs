//! Settings of delivery: bounds, batches and times, with the range that each of them accepts.
//! Filled by the facade and by users, read by every other module here. Knows neither files nor variables.

mod check;
pub mod limits;

use std::time::Duration;

pub use check::PipelineConfigError;
pub(crate) use check::check;

/// Settings of a [`Pipeline`](crate::Pipeline), the same for each of its exporters.
///
/// A value that delivery cannot work with is replaced by the nearest one that it can: 0 records per batch
/// means 1, a batch larger than the queue means the queue, a time of more than a year means a year.
/// Memory is taken for records that wait, never in advance for what a setting allows. [`check`](Self::check) refuses such
/// values; the facade calls it.
///
/// ```
/// use std::time::Duration;
/// use tracefuse_runtime::PipelineConfig;
///
/// let config = PipelineConfig::new().batch_size(50).flush_interval(Duration::from_secs(1));
/// assert!(config.check().is_ok());
///
/// let error = PipelineConfig::new().batch_size(0).check().unwrap_err();
/// assert_eq!(error.to_string(), "`batch_size` is 0: expected a whole number from 1 to 100000");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PipelineConfig {
    /// Records at which a batch is due; 100 by default. A batch has more, up to [`max_batch_size`](Self::max_batch_size),
    /// where more wait.
    pub batch_size: usize,
    /// The most records of one batch when more than `batch_size` wait, as in a burst or after an outage; 1,000 by default.
    /// A value up to `batch_size` means that a batch has at most `batch_size` records.
    ///
    /// A larger batch costs less for each record: there are fewer round trips, and gzip finds more repetitions. With
    /// 1,000, a backlog of small spans is sent in batches of some 440 kB before compression. A batch of more than
    /// `batch_size` records has at most 512 KiB, and at most `max_batch_bytes`. The first batch has `batch_size` records; each
    /// one that is accepted within half a second allows twice as many for the next one, a slower one half as many, and one
    /// that fails `batch_size`.
    pub max_batch_size: usize,
    /// Encoded bytes per batch, before compression; 4 MiB by default.
    pub max_batch_bytes: usize,
    /// The longest a record waits for its batch to fill; 5 s by default.
    pub flush_interval: Duration,
    /// Records kept in memory per exporter, those in flight included; 1,000,000 by default, so that the bound of bytes
    /// decides.
    pub max_queue_size: usize,
    /// Bytes kept in memory per exporter, those in flight included; 64 MiB by default: some 400,000 small spans.
    pub max_queue_bytes: usize,
    /// What happens when there is no room; by default the caller waits briefly, see [`Overload::BlockBriefly`].
    pub overload: Overload,
    /// The longest one call of an exporter may take; 15 s by default. It ends calls that hang. The facade raises it
    /// to 5 s more than the timeout of its HTTP exporters, so that it never ends an HTTP attempt.
    pub attempt_timeout: Duration,
    /// Retries of a batch in a row; 3 by default.
    pub max_retries: u32,
    /// Upper limit of the random wait before the first retry; 500 ms by default. It doubles with each retry.
    pub retry_base: Duration,
    /// Upper limit of the random wait before any retry; 30 s by default.
    pub retry_cap: Duration,
    /// The longest a batch is retried in a row, waits included; 60 s by default. After it other batches are sent first.
    pub batch_timeout: Duration,
    /// The longest a record is kept in memory after its first failed attempt; 1 h by default.
    pub max_age: Duration,
    /// Failed attempts in a row that open the circuit breaker; 5 by default.
    pub circuit_breaker_threshold: u32,
    /// How long the circuit breaker stays open; 60 s by default, plus up to a tenth.
    pub circuit_breaker_reset: Duration,
    /// What happens to new records while the circuit breaker is open; they are kept by default.
    pub while_open: WhileOpen,
}

impl Default for PipelineConfig {
    fn default() -> Self {
        Self {
            batch_size: 100,
            max_batch_size: 1000,
            max_batch_bytes: 4 * 1024 * 1024,
            flush_interval: Duration::from_secs(5),
            max_queue_size: 1_000_000,
            max_queue_bytes: 64 * 1024 * 1024,
            overload: Overload::BlockBriefly,
            attempt_timeout: Duration::from_secs(15),
            max_retries: 3,
            retry_base: Duration::from_millis(500),
            retry_cap: Duration::from_secs(30),
            batch_timeout: Duration::from_secs(60),
            max_age: Duration::from_secs(60 * 60),
            circuit_breaker_threshold: 5,
            circuit_breaker_reset: Duration::from_secs(60),
            while_open: WhileOpen::Hold,
        }
    }
}

/// One setter by value for each field.
macro_rules! setters {
    ($($field:ident: $type:ty,)*) => {
        impl PipelineConfig {
            $(
                #[doc = concat!("Sets [`", stringify!($field), "`](Self#structfield.", stringify!($field), ").")]
                #[must_use]
                pub fn $field(mut self, $field: $type) -> Self {
                    self.$field = $field;
                    self
                }
            )*
        }
    };
}

setters! {
    batch_size: usize,
    max_batch_size: usize,
    max_batch_bytes: usize,
    flush_interval: Duration,
    max_queue_size: usize,
    max_queue_bytes: usize,
    overload: Overload,
    attempt_timeout: Duration,
    max_retries: u32,
    retry_base: Duration,
    retry_cap: Duration,
    batch_timeout: Duration,
    max_age: Duration,
    circuit_breaker_threshold: u32,
    circuit_breaker_reset: Duration,
    while_open: WhileOpen,
}

impl PipelineConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether every value is within its range in [`limits`].
    ///
    /// # Errors
    /// [`PipelineConfigError`] names the first setting that is not, its value and the range.
    pub fn check(&self) -> Result<(), PipelineConfigError> {
        use limits as l;
        check("batch_size", self.batch_size, &l::BATCH_SIZE)?;
        check("max_batch_size", self.max_batch_size, &l::MAX_BATCH_SIZE)?;
        check("max_batch_bytes", self.max_batch_bytes, &l::MAX_BATCH_BYTES)?;
        check("flush_interval", self.flush_interval, &l::FLUSH_INTERVAL)?;
        check("max_queue_size", self.max_queue_size, &l::MAX_QUEUE_SIZE)?;
        check("max_queue_bytes", self.max_queue_bytes, &l::MAX_QUEUE_BYTES)?;
        if let Overload::Block(wait) = self.overload {
            check("overload", wait, &l::BLOCK)?;
        }
        check("attempt_timeout", self.attempt_timeout, &l::ATTEMPT_TIMEOUT)?;
        check("max_retries", self.max_retries, &l::MAX_RETRIES)?;
        check("retry_base", self.retry_base, &l::RETRY_BASE)?;
        check("retry_cap", self.retry_cap, &l::RETRY_CAP)?;
        check("batch_timeout", self.batch_timeout, &l::BATCH_TIMEOUT)?;
        check("max_age", self.max_age, &l::MAX_AGE)?;
        let threshold = self.circuit_breaker_threshold;
        check(
            "circuit_breaker_threshold",
            threshold,
            &l::CIRCUIT_BREAKER_THRESHOLD,
        )?;
        let reset = self.circuit_breaker_reset;
        check("circuit_breaker_reset", reset, &l::CIRCUIT_BREAKER_RESET)
    }
}

/// The longest time that a setting may mean: far enough, and no sum with a clock overflows.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// The shortest time of a call and of an open breaker: with 0 a worker would only make and end attempts.
const SHORTEST: Duration = Duration::from_millis(1);

impl PipelineConfig {
    /// The same with each value in the range that delivery can work with.
    pub(crate) fn bounded(mut self) -> Self {
        self.max_queue_size = self.max_queue_size.max(1);
        // A batch that the queue cannot hold would never be full.
        self.batch_size = self.batch_size.clamp(1, self.max_queue_size);
        self.circuit_breaker_threshold = self.circuit_breaker_threshold.max(1);
        for time in [&mut self.attempt_timeout, &mut self.circuit_breaker_reset] {
            *time = (*time).clamp(SHORTEST, LONGEST);
        }
        for time in [
            &mut self.flush_interval,
            &mut self.retry_base,
            &mut self.retry_cap,
            &mut self.batch_timeout,
            &mut self.max_age,
        ] {
            *time = (*time).min(LONGEST);
        }
        self
    }
}

/// What happens to a record when there is no room for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overload {
    /// From seven eighths of the queue's bounds on, the thread that ends a span waits until a sixteenth is free, at most 20
    /// ms; then the record is taken if there is room, and dropped if there is none. In all, threads wait at most three seconds,
    /// and then a tenth of the time. If the receiver has accepted no batch for a second, or none yet, they wait at most 200
    /// ms, and while attempts fail they do not wait. A burst that is larger than the queue loses nothing, and a receiver that
    /// is too slow for long costs the application at most a tenth of its time.
    #[default]
    BlockBriefly,
    /// The new record is dropped.
    DropNewest,
    /// The records that wait longest are dropped.
    DropOldest,
    /// The thread that ends the span waits for room, at most this long; then the new record is dropped. It blocks the
    /// application: use it in batch programs, never in servers.
    Block(Duration),
}

impl Overload {
    /// Whether a thread that ends a span may wait for room.
    pub(crate) const fn waits(self) -> bool {
        matches!(self, Self::Block(_) | Self::BlockBriefly)
    }
}

/// What happens to new records while the circuit breaker is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhileOpen {
    /// They wait in the queue, within its bounds, and are delivered when the receiver answers again.
    #[default]
    Hold,
    /// They are dropped, and counted as [`DropReason::CircuitOpen`](tracefuse_core::DropReason::CircuitOpen).
    NoOp,
}

/// When records go to disk, with the feature `spool`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpoolMode {
    /// When they cannot be delivered: the circuit breaker is open, the queue is nearly full, their retries are used up,
    /// or time is up at shutdown. While delivery works nothing is written.
    #[default]
    OnFailure,
    /// Always, as soon as the worker has them and before they are sent. A process that is killed loses what it recorded
    /// in about the last millisecond. It costs one small write per record.
    WriteAhead,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_within_their_ranges() {
        assert_eq!(PipelineConfig::new().check(), Ok(()));
    }

    #[test]
    fn values_without_meaning_are_refused_with_the_range() {
        let max = Duration::MAX;
        let config = PipelineConfig::new;
        for (config, words) in [
            (
                config().batch_size(0),
                "`batch_size` is 0: expected a whole number from 1 to 100000",
            ),
            (config().batch_size(1_000_000_000), "from 1 to 100000"),
            (config().batch_size(usize::MAX), "batch_size"),
            (config().max_batch_size(0), "max_batch_size"),
            (config().max_batch_size(usize::MAX), "max_batch_size"),
            (config().max_batch_bytes(0), "max_batch_bytes"),
            (config().max_batch_bytes(usize::MAX), "max_batch_bytes"),
            (
                config().flush_interval(max),
                "expected a time from 0 s to 86400 s",
            ),
            (config().max_queue_size(0), "max_queue_size"),
            (config().max_queue_size(usize::MAX), "max_queue_size"),
            (config().max_queue_bytes(0), "max_queue_bytes"),
            (config().max_queue_bytes(usize::MAX), "max_queue_bytes"),
            (config().overload(Overload::Block(max)), "overload"),
            (config().attempt_timeout(Duration::ZERO), "attempt_timeout"),
            (config().attempt_timeout(max), "attempt_timeout"),
            (
                config().max_retries(u32::MAX),
                "`max_retries` is 4294967295: expected a whole number from 0 to 1000000",
            ),
            (
                config().retry_base(Duration::ZERO),
                "from 0.001 s to 3600 s",
            ),
            (
                config().retry_base(Duration::from_millis(7_200_500)),
                "`retry_base` is 7200.5 s: expected a time",
            ),
            (config().retry_cap(max), "retry_cap"),
            (config().batch_timeout(Duration::ZERO), "batch_timeout"),
            (config().batch_timeout(max), "batch_timeout"),
            (config().max_age(Duration::ZERO), "max_age"),
            (config().max_age(max), "max_age"),
            (
                config().circuit_breaker_threshold(0),
                "circuit_breaker_threshold",
            ),
            (config().circuit_breaker_reset(max), "circuit_breaker_reset"),
            (
                config().circuit_breaker_reset(Duration::ZERO),
                "circuit_breaker_reset",
            ),
        ] {
            let error = config.check().unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(format!("{error:?}"), error.to_string());
        }
    }

    // Elsewhere a `usize` cannot have the greatest number of bytes.
    #[cfg(target_pointer_width = "64")]
    #[test]
    fn each_range_ends_where_its_setting_says() {
        type Set = fn(PipelineConfig, u64) -> PipelineConfig;
        const DAY: u64 = 24 * 60 * 60 * 1_000;
        const MS: fn(u64) -> Duration = Duration::from_millis;
        fn count(value: u64) -> usize {
            usize::try_from(value).unwrap_or(usize::MAX)
        }
        fn few(value: u64) -> u32 {
            u32::try_from(value).unwrap_or(u32::MAX)
        }
        // Each setting with its least and its greatest value. Times are in milliseconds.
        let ranges: [(&str, u64, u64, Set); 15] = [
            ("batch_size", 1, 100_000, |c, n| c.batch_size(count(n))),
            ("max_batch_size", 1, 100_000, |c, n| {
                c.max_batch_size(count(n))
            }),
            ("max_batch_bytes", 1, 1_073_741_824, |c, n| {
                c.max_batch_bytes(count(n))
            }),
            ("flush_interval", 0, DAY, |c, n| c.flush_interval(MS(n))),
            ("max_queue_size", 1, 100_000_000, |c, n| {
                c.max_queue_size(count(n))
            }),
            ("max_queue_bytes", 1, 68_719_476_736, |c, n| {
                c.max_queue_bytes(count(n))
            }),
            ("overload", 0, DAY, |c, n| {
                c.overload(Overload::Block(MS(n)))
            }),
            ("attempt_timeout", 1, DAY, |c, n| c.attempt_timeout(MS(n))),
            ("max_retries", 0, 1_000_000, |c, n| c.max_retries(few(n))),
            ("retry_base", 1, 3_600_000, |c, n| c.retry_base(MS(n))),
            ("retry_cap", 1, DAY, |c, n| c.retry_cap(MS(n))),
            ("batch_timeout", 1, DAY, |c, n| c.batch_timeout(MS(n))),
            ("max_age", 1, 30 * DAY, |c, n| c.max_age(MS(n))),
            ("circuit_breaker_threshold", 1, 1_000_000, |c, n| {
                c.circuit_breaker_threshold(few(n))
            }),
            ("circuit_breaker_reset", 1, DAY, |c, n| {
                c.circuit_breaker_reset(MS(n))
            }),
        ];
        for (setting, least, greatest, set) in ranges {
            for value in [least, greatest] {
                let checked = set(PipelineConfig::new(), value).check();
                assert_eq!(checked, Ok(()), "{setting} {value}");
            }
            for value in least.checked_sub(1).into_iter().chain([greatest + 1]) {
                let error = set(PipelineConfig::new(), value).check().unwrap_err();
                assert_eq!(error.setting(), setting, "{value}");
            }
        }
    }

    #[test]
    fn two_policies_wait_for_room() {
        for (overload, waits) in [
            (Overload::BlockBriefly, true),
            (Overload::Block(Duration::ZERO), true),
            (Overload::DropNewest, false),
            (Overload::DropOldest, false),
        ] {
            assert_eq!(overload.waits(), waits, "{overload:?}");
        }
    }

    #[test]
    fn absurd_settings_become_the_nearest_that_work() {
        let mut least = PipelineConfig::default();
        (least.batch_size, least.max_queue_size) = (0, 0);
        (least.attempt_timeout, least.circuit_breaker_reset) = (Duration::ZERO, Duration::ZERO);
        least.circuit_breaker_threshold = 0;
        let least = least.bounded();
        assert_eq!((least.batch_size, least.max_queue_size), (1, 1));
        assert_eq!(
            (least.attempt_timeout, least.circuit_breaker_reset),
            (SHORTEST, SHORTEST)
        );
        assert_eq!(least.circuit_breaker_threshold, 1);

        let mut most = PipelineConfig::default();
        (most.batch_size, most.max_queue_size) = (usize::MAX, 50);
        let times = [
            &mut most.flush_interval,
            &mut most.attempt_timeout,
            &mut most.retry_base,
            &mut most.retry_cap,
            &mut most.batch_timeout,
            &mut most.max_age,
            &mut most.circuit_breaker_reset,
        ];
        times.into_iter().for_each(|time| *time = Duration::MAX);
        let most = most.bounded();
        let year = Duration::from_secs(31_536_000);
        assert_eq!(most.batch_size, 50);
        for time in [
            most.flush_interval,
            most.attempt_timeout,
            most.retry_base,
            most.retry_cap,
            most.batch_timeout,
            most.max_age,
            most.circuit_breaker_reset,
        ] {
            assert_eq!(time, year);
        }
        assert_eq!(
            PipelineConfig::default().bounded(),
            PipelineConfig::default()
        );
    }
}
