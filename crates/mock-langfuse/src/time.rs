//! Times as the API writes and reads them: RFC 3339 in milliseconds, and the looser texts that a `Date` of JavaScript takes.
//! Called by the mapping of spans, by the read API, by media and by scores.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::js;

/// Milliseconds since 1970, now.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis().try_into().unwrap_or(i64::MAX))
}

/// `2026-11-23T13:19:50.504Z`.
pub(crate) fn iso(ms: i64) -> String {
    let (seconds, millis) = (ms.div_euclid(1000), ms.rem_euclid(1000));
    let (days, day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days since 0000-03-01 (Hinnant, "chrono-compatible low-level date algorithms").
    let z = days + 719_468;
    let (era, doe) = (z.div_euclid(146_097), z.rem_euclid(146_097));
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + i64::from(month <= 2);
    let date = doy - (153 * mp + 2) / 5 + 1;
    format!(
        "{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}.{millis:03}Z",
        day / 3600,
        day / 60 % 60,
        day % 60
    )
}

/// A time as the API asks for it in a query: a date, `T`, a time, and `Z` or an offset.
pub(crate) fn strict(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T')?;
    let (time, offset) = split_offset(time)?;
    Some(date_ms(date, 3)? + time_ms(time)? - offset?)
}

/// A value as `new Date(value)` reads it; `None` where that is no date. Of texts, the forms of ISO 8601 alone.
pub(crate) fn javascript(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => loose(text.trim()),
        Value::Number(_) => js::to_number(value).map(|ms| ms as i64),
        Value::Null => Some(0),
        Value::Bool(is) => Some(i64::from(*is)),
        Value::Array(_) | Value::Object(_) => None,
    }
}

fn loose(text: &str) -> Option<i64> {
    let Some((date, time)) = text.split_once(['T', 't', ' ']) else {
        return date_ms(text, 1);
    };
    let (time, offset) = split_offset(time)?;
    // Without an offset it is the server's own time, and servers run in UTC.
    Some(date_ms(date, 3)? + time_ms(time)? - offset.unwrap_or(0))
}

/// The time, and its offset in milliseconds if it has one.
fn split_offset(time: &str) -> Option<(&str, Option<i64>)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, Some(0)));
    }
    let Some(at) = time.rfind(['+', '-']) else {
        return Some((time, None));
    };
    let (time, offset) = time.split_at(at);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let ms = (number(hours, 2, 23)? * 60 + number(minutes, 2, 59)?) * 60_000;
    Some((time, Some(sign * ms)))
}

/// Milliseconds at the start of a day; `parts` is how many of year, month and day must be there.
fn date_ms(text: &str, parts: usize) -> Option<i64> {
    let given: Vec<&str> = text.split('-').collect();
    if !(parts..=3).contains(&given.len()) {
        return None;
    }
    let year = number(given.first()?, 4, 9999)?;
    let month = given.get(1).map_or(Some(1), |text| number(text, 2, 12))?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let day = given.get(2).map_or(Some(1), |text| number(text, 2, last))?;
    if month == 0 || day == 0 {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, yoe) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let doy = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    Some((era * 146_097 + doe - 719_468) * 86_400_000)
}

/// Milliseconds of `12:30`, `12:30:05` and `12:30:05.123456`; more digits than three are cut.
fn time_ms(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let parts: Vec<&str> = whole.split(':').collect();
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let (hours, minutes) = (
        number(parts.first()?, 2, 23)?,
        number(parts.get(1)?, 2, 59)?,
    );
    let seconds = match parts.as_slice() {
        [_, _] if whole.len() == text.len() => 0,
        [_, _, seconds] => number(seconds, 2, 59)?,
        _ => return None,
    };
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + millis)
}

fn number(text: &str, digits: usize, most: i64) -> Option<i64> {
    let fits = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    let value: i64 = text.parse().ok()?;
    (fits && value <= most).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_are_read_and_written() {
        for (text, wanted) in [
            ("2026-11-27T08:00:00.123456789Z", "2026-11-27T08:00:00.123Z"),
            ("2026-11-27T10:00:00+02:00", "2026-11-27T08:00:00.000Z"),
            ("2026-11-27T08:00Z", "2026-11-27T08:00:00.000Z"),
            ("2024-02-29T23:59:59.5-00:30", "2024-03-01T00:29:59.500Z"),
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(strict(text).map(iso).as_deref(), Some(wanted), "{text}");
            assert_eq!(javascript(&json!(text)).map(iso).as_deref(), Some(wanted));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "x",
            "soon",
            "2026-11-27",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-11-27 08:00:00Z",
            "2026-11-27T08:00:00",
            "2026-11-27T24:00:00Z",
            "2026-1-1T0:0:0Z",
            "1795765676904",
        ] {
            assert_eq!(strict(text), None, "{text}");
        }
        for value in [
            json!(""),
            json!("soon"),
            json!("1795765676904"),
            json!({}),
            json!("2026-00"),
        ] {
            assert_eq!(javascript(&value), None, "{value}");
        }
        assert_eq!(
            javascript(&json!(1_795_765_676_904_i64))
                .map(iso)
                .as_deref(),
            Some("2026-11-27T07:47:56.904Z")
        );
        assert_eq!(
            javascript(&json!("2026-11-27")).map(iso).as_deref(),
            Some("2026-11-27T00:00:00.000Z")
        );
        assert_eq!(
            javascript(&json!("2026-11-27T08:00:00"))
                .map(iso)
                .as_deref(),
            Some("2026-11-27T08:00:00.000Z")
        );
    }
}
