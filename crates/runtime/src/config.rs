//! Settings of delivery: bounds, batches, times. The guide's names in snake case.
//! Filled by the facade; read by every other module here.

use std::time::Duration;

/// Settings of a [`Pipeline`](crate::Pipeline), the same for each of its exporters.
///
/// A value that delivery cannot work with is replaced by the nearest one that it can: 0 records per batch
/// means 1, a batch larger than the queue means the queue, a time of more than a year means a year.
/// Memory is taken for records that wait, never in advance for what a setting allows.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PipelineConfig {
    /// Records per batch; 100 by default.
    pub batch_size: usize,
    /// Encoded bytes per batch, before compression; 4 MiB by default.
    pub max_batch_bytes: usize,
    /// The longest a record waits for its batch to fill; 5 s by default.
    pub flush_interval: Duration,
    /// Records held per exporter, those in flight included; 10,000 by default.
    pub max_queue_size: usize,
    /// Bytes held per exporter, those in flight included; 32 MiB by default.
    pub max_queue_bytes: usize,
    /// What happens when there is no room; the newest record is dropped by default.
    pub overload: Overload,
    /// The longest one call of an exporter may take; 15 s by default. Exporters have shorter limits
    /// of their own: this one cuts off those that hang.
    pub attempt_timeout: Duration,
    /// Retries of a batch in a row; 3 by default.
    pub max_retries: u32,
    /// Ceiling of the random wait before the first retry; 500 ms by default. It doubles with each retry.
    pub retry_base: Duration,
    /// Ceiling of the random wait before any retry; 30 s by default.
    pub retry_cap: Duration,
    /// The longest a batch is tried in a row, waits included; 60 s by default. Then others have their turn.
    pub batch_timeout: Duration,
    /// The longest a record is kept in memory after its first failed attempt; 1 h by default.
    pub max_age: Duration,
    /// Failed attempts in a row that open the circuit breaker; 5 by default.
    pub circuit_breaker_threshold: u32,
    /// How long the circuit breaker stays open; 60 s by default, plus up to a tenth.
    pub circuit_breaker_reset: Duration,
    /// What happens to new records while the circuit breaker is open; they are held by default.
    pub while_open: WhileOpen,
}

impl Default for PipelineConfig {
    fn default() -> Self {
        Self {
            batch_size: 100,
            max_batch_bytes: 4 * 1024 * 1024,
            flush_interval: Duration::from_secs(5),
            max_queue_size: 10_000,
            max_queue_bytes: 32 * 1024 * 1024,
            overload: Overload::DropNewest,
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

/// The longest time that a setting may mean: far enough, and no sum with a clock overflows.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// The shortest time of a call and of an open breaker: with none a worker would do nothing else.
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
    /// The new record is dropped.
    #[default]
    DropNewest,
    /// The records that wait longest are dropped.
    DropOldest,
    /// The thread that ended the span waits for room, for at most this long; then the new record is
    /// dropped. Blocks the application: for batch programs, never for servers.
    Block(Duration),
}

/// What happens to new records while the circuit breaker is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhileOpen {
    /// They wait in the queue, within its bounds, and are delivered when the receiver is back.
    #[default]
    Hold,
    /// They are dropped, and counted as [`DropReason::CircuitOpen`](tracefuse_core::DropReason::CircuitOpen).
    NoOp,
}

/// When records go to disk, with the feature `spool`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpoolMode {
    /// When they cannot be delivered: the circuit breaker is open, the queue is nearly full, their tries
    /// are used up, or time is up at shutdown. In good times nothing is written.
    #[default]
    OnFailure,
    /// Always, as soon as the worker has them and before they are sent: a process that is killed loses
    /// what it recorded in about the last millisecond. Costs one small write for each record.
    WriteAhead,
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(time, LONGEST);
        }
        assert_eq!(
            PipelineConfig::default().bounded(),
            PipelineConfig::default()
        );
    }
}
