//! JSON that JavaScript reads and the parser here refuses: any depth, halves of surrogate pairs, bytes that are no UTF-8,
//! numbers beyond those of IEEE 754. Called by all readers of JSON in `take`, and by `api`.

use serde::de::DeserializeOwned;

/// Levels that stay as they are. The parser refuses more than 127.
const MOST: usize = 100;

/// What the parser says of a document that is mended and read again.
const MENDED: &[&str] = &[
    "recursion limit exceeded",
    "number out of range",
    "lone leading surrogate in hex escape",
    "unexpected end of hex escape",
    "invalid unicode code point",
];

/// Reads a document. One value that the parser refuses must not refuse the whole request: an object or a list below 100
/// levels becomes the text of itself, what is no character becomes U+FFFD, and a number without bounds becomes `null`.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    let error = match serde_json::from_slice(body) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    let said = error.to_string();
    if !MENDED.iter().any(|start| said.starts_with(start)) {
        return Err(error);
    }
    let text = String::from_utf8_lossy(body);
    match flattened(&mended(text.as_bytes())) {
        Some(flat) => serde_json::from_slice(&flat),
        None => Err(error),
    }
}

/// With U+FFFD for each half of a surrogate pair that is alone, and `null` for each number that is infinite.
fn mended(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut in_text = false;
    let mut rest = body;
    while let Some(first) = rest.first().copied() {
        let taken = match first {
            b'"' => {
                in_text = !in_text;
                1
            }
            b'\\' if in_text => match (half(rest), rest.get(6..).and_then(half)) {
                (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
                (Some(0xd800..=0xdfff), _) => {
                    out.extend_from_slice(b"\\ufffd");
                    rest = rest.get(6..).unwrap_or_default();
                    continue;
                }
                _ => 2,
            },
            b'-' | b'0'..=b'9' if !in_text => {
                let is_of_number = |byte: &u8| {
                    byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E')
                };
                let length = rest.iter().take_while(|byte| is_of_number(byte)).count();
                let number = std::str::from_utf8(rest.get(..length).unwrap_or_default());
                let number = number.ok().and_then(|text| text.parse::<f64>().ok());
                if number.is_some_and(f64::is_infinite) {
                    out.extend_from_slice(b"null");
                    rest = rest.get(length..).unwrap_or_default();
                    continue;
                }
                length
            }
            _ => 1,
        };
        let taken = taken.min(rest.len());
        out.extend_from_slice(rest.get(..taken).unwrap_or_default());
        rest = rest.get(taken..).unwrap_or_default();
    }
    out
}

/// The unit of UTF-16 that an escape such as `\u00e4` at the beginning means.
fn half(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// `None` if objects and lists do not end.
fn flattened(body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    let (mut depth, mut in_text, mut is_escaped) = (0usize, false, false);
    // Where the value begins that becomes a text.
    let mut deep = None;
    for (at, byte) in body.iter().copied().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_text => is_escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                if depth > MOST && deep.is_none() {
                    deep = Some(at);
                }
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                if depth == MOST
                    && let Some(from) = deep.take()
                {
                    let value = String::from_utf8_lossy(body.get(from..=at)?);
                    serde_json::to_writer(&mut out, &value).ok()?;
                    continue;
                }
            }
            _ => {}
        }
        if deep.is_none() {
            out.push(byte);
        }
    }
    (depth == 0 && deep.is_none()).then_some(out)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn nested(levels: usize, inside: &str) -> String {
        format!(
            "{}{inside}{}",
            r#"{"a":"#.repeat(levels),
            "}".repeat(levels)
        )
    }

    #[test]
    fn what_is_too_deep_becomes_text() {
        let deep = nested(5000, r#"["\"]}{[", 1]"#);
        let body = format!(r#"{{"deep": {deep}, "flat": "as it \"is\""}}"#);
        let value: Value = parse(body.as_bytes()).unwrap();
        assert_eq!(value["flat"], r#"as it "is""#);
        let mut inner = &value["deep"];
        let mut levels = 1;
        while inner.is_object() {
            inner = &inner["a"];
            levels += 1;
        }
        assert_eq!(levels, MOST);
        let text = inner.as_str().unwrap();
        assert!(deep.contains(text) && text.len() > 20_000, "{}", text.len());
    }

    #[test]
    fn a_document_of_usual_depth_is_read_as_it_is() {
        for levels in [1, 99, 100, 101, 120] {
            let body = nested(levels, "[1]");
            let plain: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(parse::<Value>(body.as_bytes()).unwrap(), plain, "{levels}");
        }
        assert_eq!(parse::<Value>(b"5").unwrap(), json!(5));
    }

    #[test]
    fn a_deep_document_that_does_not_end_is_refused() {
        for body in [
            "[".repeat(100_000),
            r#"{"a":"#.repeat(1000),
            "[".repeat(500) + "\"",
        ] {
            assert!(parse::<Value>(body.as_bytes()).is_err());
        }
        let crossed = "[".repeat(500) + &"}".repeat(500);
        assert!(parse::<Value>(crossed.as_bytes()).is_err());
    }

    #[test]
    fn what_javascript_reads_is_read() {
        for (body, wanted) in [
            (r#"["a\ud83d"]"#, json!(["a\u{fffd}"])),
            (r#"["\udc4da"]"#, json!(["\u{fffd}a"])),
            (r#"["\ud83d\ud83d\udc4d"]"#, json!(["\u{fffd}\u{1f44d}"])),
            (r#"["\ud83d\n\\ud83d"]"#, json!(["\u{fffd}\n\\ud83d"])),
            (r#"["\ud83d\"1e999\"", 1]"#, json!(["\u{fffd}\"1e999\"", 1])),
            (
                r#"[1e999, -1e999, 1.5, "1e999"]"#,
                json!([null, null, 1.5, "1e999"]),
            ),
            (r#"{"a": 1E+400}"#, json!({"a": null})),
        ] {
            assert_eq!(parse::<Value>(body.as_bytes()).unwrap(), wanted, "{body}");
        }
        assert_eq!(
            parse::<Value>(b"[\"a\xff\xfe\"]").unwrap(),
            json!(["a\u{fffd}\u{fffd}"])
        );
        let deep = r#"["\ud83d", "#.to_owned() + &"[".repeat(500) + &"]".repeat(500) + "]";
        assert_eq!(parse::<Value>(deep.as_bytes()).unwrap()[0], "\u{fffd}");
        for body in [
            r#"["\ud83""#,
            r#"["\uzzzz"]"#,
            r#"["\ud83d"#,
            "[1e999",
            "[1e999e9]",
        ] {
            assert!(parse::<Value>(body.as_bytes()).is_err(), "{body}");
        }
    }
}
