//! The ranges of the numeric settings. A value outside of them has no meaning for a queue: a batch of no records, a
//! wait that ends after the process. [`PipelineConfig::check`](super::PipelineConfig::check) refuses it.

use std::ops::RangeInclusive;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MILLISECOND: Duration = Duration::from_millis(1);

/// Of [`batch_size`](super::PipelineConfig::batch_size).
pub const BATCH_SIZE: RangeInclusive<usize> = 1..=100_000;
/// Of [`max_batch_size`](super::PipelineConfig::max_batch_size).
pub const MAX_BATCH_SIZE: RangeInclusive<usize> = 1..=100_000;
/// Of [`max_batch_bytes`](super::PipelineConfig::max_batch_bytes): up to 1 GiB.
pub const MAX_BATCH_BYTES: RangeInclusive<usize> = 1..=1 << 30;
/// Of [`flush_interval`](super::PipelineConfig::flush_interval).
pub const FLUSH_INTERVAL: RangeInclusive<Duration> = Duration::ZERO..=DAY;
/// Of [`max_queue_size`](super::PipelineConfig::max_queue_size).
pub const MAX_QUEUE_SIZE: RangeInclusive<usize> = 1..=100_000_000;
/// Of [`max_queue_bytes`](super::PipelineConfig::max_queue_bytes): up to 64 GiB, and to half of the address space.
#[cfg(target_pointer_width = "64")]
pub const MAX_QUEUE_BYTES: RangeInclusive<usize> = 1..=64 << 30;
/// Of [`max_queue_bytes`](super::PipelineConfig::max_queue_bytes): up to half of the address space.
#[cfg(not(target_pointer_width = "64"))]
pub const MAX_QUEUE_BYTES: RangeInclusive<usize> = 1..=usize::MAX / 2;
/// Of the time in [`Overload::Block`](super::Overload::Block).
pub const BLOCK: RangeInclusive<Duration> = Duration::ZERO..=DAY;
/// Of [`attempt_timeout`](super::PipelineConfig::attempt_timeout).
pub const ATTEMPT_TIMEOUT: RangeInclusive<Duration> = MILLISECOND..=DAY;
/// Of [`max_retries`](super::PipelineConfig::max_retries).
pub const MAX_RETRIES: RangeInclusive<u32> = 0..=1_000_000;
/// Of [`retry_base`](super::PipelineConfig::retry_base).
pub const RETRY_BASE: RangeInclusive<Duration> = MILLISECOND..=HOUR;
/// Of [`retry_cap`](super::PipelineConfig::retry_cap).
pub const RETRY_CAP: RangeInclusive<Duration> = MILLISECOND..=DAY;
/// Of [`batch_timeout`](super::PipelineConfig::batch_timeout).
pub const BATCH_TIMEOUT: RangeInclusive<Duration> = MILLISECOND..=DAY;
/// Of [`max_age`](super::PipelineConfig::max_age): up to 30 days.
pub const MAX_AGE: RangeInclusive<Duration> = MILLISECOND..=Duration::from_secs(30 * 24 * 60 * 60);
/// Of [`circuit_breaker_threshold`](super::PipelineConfig::circuit_breaker_threshold).
pub const CIRCUIT_BREAKER_THRESHOLD: RangeInclusive<u32> = 1..=1_000_000;
/// Of [`circuit_breaker_reset`](super::PipelineConfig::circuit_breaker_reset).
pub const CIRCUIT_BREAKER_RESET: RangeInclusive<Duration> = MILLISECOND..=DAY;
