//! A time as text: RFC 3339, which Langfuse's attributes use.
//! Read by `langfuse`.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracefuse_core::Timestamp;

/// The time, to the nanosecond; `None` if it is not a time of RFC 3339, or before 1970. Quotes around it are JSON's.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let time = OffsetDateTime::parse(text.trim_matches('"'), &Rfc3339).ok()?;
    let nanos = u64::try_from(time.unix_timestamp_nanos()).ok()?;
    Some(Timestamp::from_unix_nanos(nanos))
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
            "2026-02-29T13:19:50Z",
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
