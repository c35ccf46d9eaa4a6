//! Small rules of Langfuse's that several bodies share.
//! Used by `span`, `batch`, `score` and `api`.

use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A text that is JSON is shown as the value that it contains.
pub(crate) fn shown(text: &str) -> Json {
    let is_maybe_json = text.starts_with(|c: char| {
        c.is_ascii_digit() || matches!(c, '{' | '[' | '"' | '-' | 't' | 'f' | 'n')
    });
    if is_maybe_json && let Ok(value) = serde_json::from_str(text) {
        return value;
    }
    text.into()
}

/// The name of an environment as Langfuse stores it (`docs/langfuse.md` 1.6): what does not fit becomes `default`.
pub(crate) fn environment(given: &str) -> String {
    const LENGTH: usize = 40;
    let mut name = given.to_lowercase();
    while let Some(rest) = name.strip_prefix("langfuse") {
        name = rest.strip_prefix(['-', '_']).unwrap_or(rest).to_owned();
    }
    let name: String = name.chars().take(LENGTH).collect();
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    match !name.is_empty() && name.bytes().all(fits) {
        true => name,
        false => "default".to_owned(),
    }
}

/// Nanoseconds since 1970 of a time of RFC 3339; without an offset it is UTC. `None` if it is none. A time before 1677 or
/// after 2262 is the first or the last that there is.
pub(crate) fn time(text: &str) -> Option<i64> {
    let text = text.trim();
    let parsed = OffsetDateTime::parse(text, &Rfc3339).ok().or_else(|| {
        let mut zoned = text.replacen(' ', "T", 1);
        zoned.push('Z');
        OffsetDateTime::parse(&zoned, &Rfc3339).ok()
    });
    Some(within(parsed?.unix_timestamp_nanos()))
}

/// Nanoseconds as they are stored: the nearest that fits.
pub(crate) fn within(nanos: i128) -> i64 {
    let last = if nanos < 0 { i64::MIN } else { i64::MAX };
    i64::try_from(nanos).unwrap_or(last)
}

/// Whether a time has an offset and a `T`, as Langfuse asks for.
pub(crate) fn is_strict(text: &str) -> bool {
    OffsetDateTime::parse(text, &Rfc3339).is_ok() && text.contains('T')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_that_is_json_is_what_it_says() {
        for (text, wanted) in [
            ("5", json!(5)),
            ("true", json!(true)),
            ("\"5\"", json!("5")),
            ("{\"a\":1}", json!({"a": 1})),
            ("plain", json!("plain")),
            ("5 apples", json!("5 apples")),
            ("", json!("")),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }

    #[test]
    fn times_with_and_without_an_offset_are_read() {
        let wanted = Some(1_795_783_800_500_000_000);
        for text in [
            "2026-11-27T12:50:00.5Z",
            "2026-11-27T13:50:00.5+01:00",
            "2026-11-27T12:50:00.5",
            "2026-11-27 12:50:00.5",
        ] {
            assert_eq!(time(text), wanted, "{text}");
        }
        assert_eq!(time("yesterday"), None);
        assert_eq!(time("9999-12-31T23:59:59Z"), Some(i64::MAX));
        assert_eq!(time("0001-01-01T00:00:00Z"), Some(i64::MIN));
        assert!(is_strict("2026-11-27T12:50:00Z") && !is_strict("2026-11-27 12:50:00Z"));
    }

    #[test]
    fn environments_that_do_not_fit_become_default() {
        for (given, stored) in [
            ("Staging", "staging"),
            ("Prod.EU", "default"),
            ("langfuse-x", "x"),
            ("", "default"),
        ] {
            assert_eq!(environment(given), stored, "{given}");
        }
    }
}
