//! A point in time as records carry it: nanoseconds since the Unix epoch.
//! Stamped by the handles through `Clock`; written out by exporters.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;

/// Nanoseconds since the Unix epoch (1970-01-01T00:00:00Z). Shown as RFC 3339 with nanoseconds.
///
/// ```
/// use std::time::Duration;
/// use tracefuse_core::Timestamp;
///
/// let start = Timestamp::from_unix_nanos(1_767_225_600_000_000_000);
/// let end = Timestamp::from_unix_nanos(1_767_225_602_000_000_000);
/// assert_eq!(end.since(start), Duration::from_secs(2));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(u64);

impl Timestamp {
    /// From nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn as_unix_nanos(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this one; zero if it is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No u64 is out of range: the last is in the year 2554.
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
        let (hour, minute, second, nanos) = time.to_hms_nano();
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_proleptic_gregorian_calendar() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
            (1_795_439_990_504_748_853, "2026-11-23T13:19:50.504748853Z"),
            (4_107_542_399_999_999_999, "2100-02-28T23:59:59.999999999Z"),
            (u64::MAX, "2554-07-21T23:34:33.709551615Z"),
        ] {
            assert_eq!(Timestamp::from_unix_nanos(nanos).to_string(), text);
        }
    }
}
