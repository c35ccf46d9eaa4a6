//! A time as text: RFC 3339, which Langfuse's attributes use.
//! Read by `langfuse`.

use tracefuse_core::Timestamp;

/// The time, to the nanosecond; `None` if it is not a time, or before 1970. Quotes around it are JSON's.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim_matches('"');
    let digits = |from: usize, to: usize| {
        let part = text.get(from..to)?;
        let all = part.bytes().all(|byte| byte.is_ascii_digit());
        all.then(|| part.parse::<i64>().ok())?
    };
    let mark = |at: usize, marks: &[u8]| {
        let byte = text.as_bytes().get(at)?;
        marks.contains(byte).then_some(())
    };
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
    for (at, marks) in [(4, "-"), (7, "-"), (10, "Tt "), (13, ":"), (16, ":")] {
        mark(at, marks.as_bytes())?;
    }
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day);
    if !in_range || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let rest = text.get(19..)?;
    let (nanos, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let end = rest
                .find(|c: char| !c.is_ascii_digit())
                .filter(|end| *end > 0)?;
            let (fraction, zone) = rest.split_at(end);
            let kept: String = fraction
                .chars()
                .chain("000000000".chars())
                .take(9)
                .collect();
            (kept.parse::<i64>().ok()?, zone)
        }
        None => (0, rest),
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    let nanos = i128::from(seconds - offset(zone)?) * 1_000_000_000 + i128::from(nanos);
    Some(Timestamp::from_unix_nanos(u64::try_from(nanos).ok()?))
}

/// Seconds that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let (sign, time) = match zone.split_at_checked(1)? {
        ("+", time) => (1, time),
        ("-", time) => (-1, time),
        _ => return None,
    };
    let (hours, minutes) = time.split_once(':')?;
    let two = |text: &str| text.parse::<u8>().ok().filter(|_| text.len() == 2);
    Some(sign * (i64::from(two(hours)?) * 3600 + i64::from(two(minutes)?) * 60))
}

/// Days since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_in_every_form_the_sdks_send() {
        for (text, shown) in [
            ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000000000Z"),
            (
                "2026-11-23T13:19:50.504748853Z",
                "2026-11-23T13:19:50.504748853Z",
            ),
            (
                "\"2026-11-23T13:19:50.504748+00:00\"",
                "2026-11-23T13:19:50.504748000Z",
            ),
            (
                "2026-01-01T00:30:00+01:00",
                "2025-12-31T23:30:00.000000000Z",
            ),
            (
                "1970-01-01 00:00:00.5-00:30",
                "1970-01-01T00:30:00.500000000Z",
            ),
        ] {
            let time = parse(text).map(|time| time.to_string());
            assert_eq!(time.as_deref(), Some(shown), "{text}");
        }
        for text in [
            "",
            "now",
            "2026-11-23",
            "2026-11-23T13:19:50",
            "2026-13-23T13:19:50Z",
            "2026-11-23T13:19:50.Z",
            "2026-11-23T+1:19:50Z",
            "2026-11-23T13:19:50+0100",
            "1969-12-31T23:59:59Z",
            "2026-11-23T13:19:50ü",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
