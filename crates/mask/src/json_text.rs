//! A string of JSON without its escapes.
//! Used by `json` and `walk`.

use std::borrow::Cow;

/// The text that the inside of a string encodes; half a surrogate pair as U+FFFD.
pub(super) fn decode(inside: &str) -> Cow<'_, str> {
    let Some(first) = inside.find('\\') else {
        return Cow::Borrowed(inside);
    };
    let mut text = String::with_capacity(inside.len());
    let (plain, mut rest) = inside.split_at(first);
    text.push_str(plain);
    while let Some(escaped) = rest.strip_prefix('\\') {
        let mut chars = escaped.chars();
        let decoded = match chars.next() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let (decoded, after) = unicode(chars.as_str());
                chars = after.chars();
                decoded
            }
            Some(other) => other,
            None => break,
        };
        text.push(decoded);
        rest = chars.as_str();
        let (plain, tail) = rest.split_at(rest.find('\\').unwrap_or(rest.len()));
        text.push_str(plain);
        rest = tail;
    }
    Cow::Owned(text)
}

/// The digits after `\u`, which may be the first half of a pair.
fn unicode(digits: &str) -> (char, &str) {
    let (high, rest) = hex(digits);
    if let Some(unit) = char::from_u32(high) {
        return (unit, rest);
    }
    if let Some((low, after)) = rest.strip_prefix("\\u").map(hex)
        && (0xD800..0xDC00).contains(&high)
        && (0xDC00..0xE000).contains(&low)
    {
        let pair = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
        return (char::from_u32(pair).unwrap_or('\u{FFFD}'), after);
    }
    ('\u{FFFD}', rest)
}

fn hex(digits: &str) -> (u32, &str) {
    let (four, rest) = digits.split_at_checked(4).unwrap_or((digits, ""));
    (u32::from_str_radix(four, 16).unwrap_or(0xFFFD), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_as_serde_json_reads_them() {
        for inside in [
            r"a\\b",
            r#"\"\/\b\f\n\r\t"#,
            r"\u00e9\ud83e\udd80x",
            r"plain",
            r"\u0041\\u0041",
        ] {
            let expected: String = serde_json::from_str(&format!("\"{inside}\"")).unwrap();
            assert_eq!(decode(inside), expected, "{inside}");
        }
        assert_eq!(decode(r"\ud83ex\udd80"), "\u{FFFD}x\u{FFFD}");
    }
}
