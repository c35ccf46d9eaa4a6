//! Settings of delivery: bounds, batches, times. The guide's names in snake case.
//! Filled by the facade; read by every other module here.

use std::time::Duration;

/// Settings of a [`Pipeline`](crate::Pipeline), the same for each of its exporters.
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
