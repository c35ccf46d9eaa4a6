//! The header `traceparent` (W3C Trace Context, 3.2): only valid headers are read, and version 00 is written.

use crate::record::{SpanId, TraceId};

/// The flag of a trace that the caller may have recorded.
pub(crate) const SAMPLED: u8 = 1;

/// Ids and flags; `None` if the header is not valid. Of a later version the fields of version 00 are read.
pub(crate) fn parse(header: &str) -> Option<(TraceId, SpanId, u8)> {
    let mut parts = header.splitn(5, '-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let more = parts.next();
    if !hex(version) || version == "ff" || !hex(flags) || (version == "00" && more.is_some()) {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    Some((trace.parse().ok()?, parent.parse().ok()?, flags))
}

/// Two digits of lower-case hex: upper case is not valid.
fn hex(text: &str) -> bool {
    text.len() == 2
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

pub(crate) fn format(trace: TraceId, parent: SpanId, flags: u8) -> String {
    format!("00-{trace}-{parent}-{flags:02x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const PARENT: &str = "b7ad6b7169203331";

    #[test]
    fn valid_headers_are_read_and_others_are_not() {
        for (header, sampled) in [
            (format!("00-{TRACE}-{PARENT}-01"), Some(true)),
            (format!("00-{TRACE}-{PARENT}-00"), Some(false)),
            (format!("00-{TRACE}-{PARENT}-03"), Some(true)),
            // A later version may say more.
            (format!("cc-{TRACE}-{PARENT}-01-what-will-be"), Some(true)),
            (format!("00-{TRACE}-{PARENT}-01-more"), None),
            (format!("ff-{TRACE}-{PARENT}-01"), None),
            (format!("00-{}-{PARENT}-01", "0".repeat(32)), None),
            (format!("00-{TRACE}-{}-01", "0".repeat(16)), None),
            (format!("00-{}-{PARENT}-01", TRACE.to_uppercase()), None),
            (format!("00-{TRACE}-{PARENT}"), None),
            (format!("00-{TRACE}-{PARENT}-1"), None),
            (format!("00-{TRACE}-{PARENT}-zz"), None),
            (format!("0-{TRACE}-{PARENT}-01"), None),
            (String::new(), None),
        ] {
            let read = parse(&header);
            assert_eq!(
                read.map(|(_, _, flags)| flags & SAMPLED == 1),
                sampled,
                "{header}"
            );
            if let Some((trace, parent, _)) = read {
                assert_eq!(
                    (trace.to_string().as_str(), parent.to_string().as_str()),
                    (TRACE, PARENT)
                );
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_and_nothing_panics(text in ".{0,80}", flags: u8) {
            let (trace, parent) = (TraceId::random(), SpanId::random());
            prop_assert_eq!(parse(&format(trace, parent, flags)), Some((trace, parent, flags)));
            let _ = parse(&text);
        }
    }
}
