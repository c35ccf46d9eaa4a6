//! The ranges of the times of the HTTP client.
//! Checked by `HttpConfig::check`; read by the facade's table of settings.

use std::time::Duration;

/// The range of [`HttpConfig::timeout`](crate::HttpConfig::timeout) and
/// [`HttpConfig::connect_timeout`](crate::HttpConfig::connect_timeout): 1 ms to 1 h. An attempt without a limit would stop
/// delivery.
pub const TIMEOUT_RANGE: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_secs(60 * 60);

/// The range of [`HttpConfig::pool_idle_timeout`](crate::HttpConfig::pool_idle_timeout): 0 to 1 h. With 0 no connection is kept.
pub const POOL_IDLE_RANGE: std::ops::RangeInclusive<Duration> =
    Duration::ZERO..=Duration::from_secs(60 * 60);
