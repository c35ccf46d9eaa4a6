//! `Retry-After` and the dates it may hold: RFC 9110 10.2.3 and 5.6.7, as pure functions.
//! Reads an answer's headers; called by the exporters, whose delivery waits that long.
//! Reads no clock: a date means something only beside the answer's own `Date`.

use std::time::Duration;

use time::{Date, Month};

/// The longest wait [`parse`] returns, one day: enough to say "not now", small enough that adding
/// it to any clock is safe. Callers cap it further to what they are willing to wait.
pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a server asks us to wait, from its `Retry-After` and its `Date` header.
///
/// A number is seconds. A date is read against `date`, so that a wrong clock on either side does
/// no harm; a date that has passed means "now". Without a usable `date`, and for anything that is
/// neither a whole number nor a date, the answer is `None`. Never more than [`LONGEST`].
#[must_use]
pub fn parse(retry_after: &str, date: Option<&str>) -> Option<Duration> {
    let value = retry_after.trim_matches([' ', '\t']);
    if value.is_empty() {
        return None;
    }
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Only digits, so that the one possible failure is a number too large.
        let seconds = value.parse::<u64>().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let now = http_date(date?, None)?;
    let then = http_date(value, Some(now))?;
    let seconds = u64::try_from(then.saturating_sub(now)).unwrap_or(0);
    Some(Duration::from_secs(seconds).min(LONGEST))
}

/// Seconds since 1970 of any of the three forms of RFC 9110 5.6.7. `now` places the two-digit year
/// of the oldest form; without it such a year falls into 1970 to 2069.
fn http_date(text: &str, now: Option<i64>) -> Option<i64> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    match *words.as_slice() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        [_, day, month, year, time, "GMT"] => seconds(number(year, 4)?, month, day, time),
        // Sunday, 06-Nov-94 08:49:37 GMT
        [_, date, time, "GMT"] => {
            let mut parts = date.split('-');
            let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
            if parts.next().is_some() {
                return None;
            }
            let year = full_year(number(year, 2)?, now);
            seconds(year, month, day, time)
        }
        // Sun Nov  6 08:49:37 1994
        [_, month, day, time, year] => seconds(number(year, 4)?, month, day, time),
        _ => None,
    }
}

/// A year more than 50 years ahead is one of the past century with the same last digits.
fn full_year(two_digits: i64, now: Option<i64>) -> i64 {
    let this_year = now.map_or(2020, |now| 1970 + now / 31_556_952);
    let year = this_year - this_year % 100 + two_digits;
    if year > this_year + 50 {
        year - 100
    } else {
        year
    }
}

fn seconds(year: i64, month: &str, day: &str, time: &str) -> Option<i64> {
    let month = MONTHS.iter().position(|name| *name == month)?;
    let month = Month::January.nth_next(u8::try_from(month).ok()?);
    let day = match day.len() {
        1 | 2 => number(day, day.len())?,
        _ => return None,
    };
    let mut parts = time.split(':');
    let hour = number(parts.next()?, 2)?;
    let minute = number(parts.next()?, 2)?;
    let second = number(parts.next()?, 2)?;
    let in_range = year >= 1970 && hour < 24 && minute < 60 && second <= 60; // a leap second is 60
    if !in_range || parts.next().is_some() {
        return None;
    }
    let (year, day) = (i32::try_from(year).ok()?, u8::try_from(day).ok()?);
    let date = Date::from_calendar_date(year, month, day).ok()?;
    let midnight = date.midnight().assume_utc().unix_timestamp();
    Some(midnight + hour * 3_600 + minute * 60 + second)
}

/// Exactly `digits` decimal digits: no sign, no space.
fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn check(retry_after: &str, date: Option<&str>, expected: Option<u64>) {
        let expected = expected.map(Duration::from_secs);
        assert_eq!(
            parse(retry_after, date),
            expected,
            "{retry_after:?} at {date:?}"
        );
    }

    #[test]
    fn a_number_is_seconds_and_huge_ones_end_at_a_day() {
        check("30", None, Some(30));
        check(" 0 ", None, Some(0));
        check("00120", None, Some(120));
        check("100000000000000000000", None, Some(86_400));
        check(&"9".repeat(5_000), None, Some(86_400));
    }

    #[test]
    fn what_is_neither_a_number_nor_a_date_asks_for_nothing() {
        for garbage in [
            "",
            " ",
            "-5",
            "+5",
            "1.5",
            "1e3",
            "0x10",
            "soon",
            "30 seconds",
            "½",
            "٣",
            "\0",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37:00 GMT",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sunday, 06-Nov-94-1 08:49:37 GMT",
        ] {
            check(garbage, Some(NOW), None);
        }
    }

    #[test]
    fn a_date_is_read_against_the_servers_own_date() {
        check("Sun, 06 Nov 1994 08:50:37 GMT", Some(NOW), Some(60));
        check("Sunday, 06-Nov-94 08:50:37 GMT", Some(NOW), Some(60));
        check("Sun Nov  6 08:50:37 1994", Some(NOW), Some(60));
        check(
            "Thu, 01 Jan 1970 00:00:01 GMT",
            Some("Thu, 01 Jan 1970 00:00:00 GMT"),
            Some(1),
        );
        check(
            "Wed, 01 Mar 2000 00:00:00 GMT",
            Some("Mon, 28 Feb 2000 23:59:59 GMT"),
            Some(86_400),
        );
        check(
            "Mon, 01 Mar 2100 00:00:00 GMT",
            Some("Sun, 28 Feb 2100 23:59:59 GMT"),
            Some(1),
        );
        check(
            "Sat, 31 Dec 2016 23:59:60 GMT",
            Some("Sat, 31 Dec 2016 23:59:59 GMT"),
            Some(1),
        );
    }

    #[test]
    fn a_date_without_the_servers_date_asks_for_nothing() {
        check(NOW, None, None);
        check(NOW, Some("yesterday"), None);
    }

    #[test]
    fn a_date_that_has_passed_means_now_and_a_far_one_a_day() {
        check("Sun, 06 Nov 1994 08:49:36 GMT", Some(NOW), Some(0));
        check("Sun, 06 Nov 9999 08:49:36 GMT", Some(NOW), Some(86_400));
    }

    #[test]
    fn a_two_digit_year_is_at_most_fifty_years_ahead() {
        let now = "Mon, 23 Nov 2026 17:00:00 GMT";
        check("Monday, 23-Nov-26 17:00:09 GMT", Some(now), Some(9));
        check("Sunday, 06-Nov-94 08:49:37 GMT", Some(now), Some(0));
    }

    proptest! {
        #[test]
        fn any_text_is_safe_and_never_asks_for_more_than_a_day(value in ".*", date in ".*") {
            if let Some(wait) = parse(&value, Some(&date)) {
                prop_assert!(wait <= LONGEST);
            }
        }

        #[test]
        fn any_digits_in_the_form_of_a_date_are_safe(
            day in 0_u32..100, month in 0_usize..12, year in 0_u32..10_000, hour in 0_u32..100,
        ) {
            let value = format!("Sun, {day:02} {} {year:04} {hour:02}:00:00 GMT", MONTHS[month]);
            if let Some(wait) = parse(&value, Some(NOW)) {
                prop_assert!(wait <= LONGEST && (1..=31).contains(&day) && hour < 24);
            }
        }

        #[test]
        fn seconds_below_the_cap_are_kept_exactly(seconds in 0_u64..=86_400) {
            prop_assert_eq!(parse(&seconds.to_string(), None), Some(Duration::from_secs(seconds)));
        }
    }
}
