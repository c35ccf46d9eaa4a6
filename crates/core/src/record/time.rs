//! A point in time as records carry it: nanoseconds since the Unix epoch.
//! Stamped by the handles through `Clock`; written out by exporters.

use std::fmt;
use std::time::Duration;

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

    /// Year, month, day, hour, minute, second, nanosecond in UTC.
    fn civil(self) -> (u64, u64, u64, u64, u64, u64, u64) {
        let (seconds, nanos) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let (days, day) = (seconds / 86_400, seconds % 86_400);
        // Days since 0000-03-01 in eras of 400 years (Hinnant, "chrono-compatible low-level date algorithms").
        let z = days + 719_468;
        let (era, doe) = (z / 146_097, z % 146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + u64::from(month <= 2);
        (
            year,
            month,
            doy - (153 * mp + 2) / 5 + 1,
            day / 3600,
            day / 60 % 60,
            day % 60,
            nanos,
        )
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, hour, minute, second, nanos) = self.civil();
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
