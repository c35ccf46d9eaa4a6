//! Times, lengths, counts and costs as people read them.
//! Called by all pages. `assets/format.js` follows the same rules.

use std::borrow::Cow;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

/// A length of time with its unit: `870 ms`, `1.24 s`, `2m 03s`.
pub(super) fn duration(nanos: i64) -> String {
    let nanos = nanos.max(0);
    let micros = nanos as f64 / 1e3;
    let seconds = nanos as f64 / 1e9;
    let whole = seconds.round() as u64;
    match () {
        () if micros < 1e3 => format!("{micros:.0} µs"),
        () if micros < 99_950.0 => format!("{} ms", trimmed(micros / 1e3, 1)),
        () if micros < 999_500.0 => format!("{:.0} ms", micros / 1e3),
        () if seconds < 59.995 => format!("{seconds:.2} s"),
        () if whole < 3600 => format!("{}m {:02}s", whole / 60, whole % 60),
        () if whole < 48 * 3600 => format!("{}h {:02}m", whole / 3600, whole / 60 % 60),
        () => format!("{} days", whole / 86_400),
    }
}

/// The width of a bar: `30 min`, `1 day`.
pub(super) fn width(nanos: i64) -> String {
    const SECOND: i64 = 1_000_000_000;
    for (unit, name) in [
        (86_400 * SECOND, "day"),
        (3600 * SECOND, "h"),
        (60 * SECOND, "min"),
    ] {
        if nanos >= unit && nanos % unit == 0 {
            return format!("{} {name}", nanos / unit);
        }
    }
    duration(nanos)
}

/// A count in groups of three digits: `12,345`.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count that is short enough for a column: `9,876`, `12.3k`, `4.56M`.
pub(super) fn tokens(tokens: u64) -> String {
    match tokens {
        0..10_000 => count(tokens),
        10_000..999_500 => format!("{}k", trimmed(tokens as f64 / 1e3, 1)),
        _ => format!("{}M", trimmed(tokens as f64 / 1e6, 2)),
    }
}

/// US dollars: `$0.0123`, `$4.20`.
pub(super) fn cost(dollars: f64) -> String {
    match () {
        () if dollars == 0.0 => "$0".to_owned(),
        () if dollars < 0.0 => format!("-{}", cost(-dollars)),
        () if dollars < 0.0001 => "<$0.0001".to_owned(),
        () if dollars < 1.0 => format!("${dollars:.4}"),
        () => format!("${dollars:.2}"),
    }
}

/// `1 span`, `2 spans`.
pub(super) fn plural(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(number))
}

/// Characters of a name that a page shows.
const NAME: usize = 300;

/// A name, user, model and so on as it is shown: a long one is cut.
pub(super) fn short(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(NAME) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

/// A number of bytes.
pub(super) fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => plural(bytes as u64, "byte"),
        1024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

/// A time as RFC 3339 in UTC, for `datetime` and for URLs.
pub(super) fn rfc3339(ns: i64) -> String {
    moment(ns).format(&Rfc3339).unwrap_or_default()
}

/// `12:03:44` in UTC; the script of the page writes the browser's time instead.
pub(super) fn clock(ns: i64) -> String {
    let format = format_description!("[hour]:[minute]:[second]");
    moment(ns).format(format).unwrap_or_default()
}

/// `Nov 27` in UTC.
pub(super) fn day(ns: i64) -> String {
    let format = format_description!("[month repr:short] [day padding:none]");
    moment(ns).format(format).unwrap_or_default()
}

/// `2026-11-27 12:03:44 UTC`.
pub(super) fn full(ns: i64) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    moment(ns).format(format).unwrap_or_default()
}

/// A number with at most so many decimals, and none if they are zero.
fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.split_once('.') {
        Some((whole, decimals)) if decimals.bytes().all(|digit| digit == b'0') => whole.to_owned(),
        _ => text,
    }
}

fn moment(ns: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ns)).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_the_unit_that_people_use() {
        for (nanos, text) in [
            (-5, "0 µs"),
            (999, "1 µs"),
            (999_000, "999 µs"),
            (1_000_000, "1 ms"),
            (12_340_000, "12.3 ms"),
            (456_700_000, "457 ms"),
            (999_600_000, "1.00 s"),
            (1_240_000_000, "1.24 s"),
            (59_999_000_000, "1m 00s"),
            (123_000_000_000, "2m 03s"),
            (7_380_000_000_000, "2h 03m"),
            (i64::MAX, "106751 days"),
        ] {
            assert_eq!(duration(nanos), text, "{nanos}");
        }
    }

    #[test]
    fn counts_and_costs_are_short() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(tokens(9_999), "9,999");
        assert_eq!(tokens(12_000), "12k");
        assert_eq!(tokens(12_345), "12.3k");
        assert_eq!(tokens(4_560_000), "4.56M");
        assert_eq!(cost(0.0), "$0");
        assert_eq!(cost(0.00001), "<$0.0001");
        assert_eq!(cost(0.0123), "$0.0123");
        assert_eq!(cost(-4.2), "-$4.20");
        assert_eq!(plural(1, "span"), "1 span");
        assert_eq!(plural(1_000, "span"), "1,000 spans");
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(short("answer"), "answer");
        assert_eq!(short(&"ä".repeat(300)), "ä".repeat(300));
        assert_eq!(short(&"ä".repeat(1_000_000)), "ä".repeat(300) + "…");
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(rfc3339(1_500_000_000), "1970-01-01T00:00:01.5Z");
        assert_eq!(full(1_764_245_024_000_000_000), "2025-11-27 12:03:44 UTC");
        assert_eq!(day(1_764_245_024_000_000_000), "Nov 27");
        assert_eq!(clock(i64::MIN), "00:12:43");
    }
}
