//! JSON of writers that are not strict: Python's `json` writes `NaN`, `Infinity` and numbers of any size.
//! Called by `provider` and `stream` for a text that is no JSON. Must not know what the text means.

use serde_json::Value;

/// Reads a text as JSON in which a number that is not finite is `null`. `None` if it has no such number, or is no JSON
/// without it.
pub(crate) fn parse(text: &str) -> Option<Value> {
    let mut strict = String::new();
    let mut rest = text;
    let mut any = false;
    while let Some(at) = rest.find(|c: char| c == '"' || is_in_word(c)) {
        let (before, word) = rest.split_at(at);
        strict.push_str(before);
        let end = match word.strip_prefix('"') {
            Some(text) => end_of_text(text) + 2,
            None => word.find(|c| !is_in_word(c)).unwrap_or(word.len()),
        };
        let (word, after) = word.split_at_checked(end)?;
        // The names of these numbers in Rust are those in Python, in any case.
        let is_endless = word.parse::<f64>().is_ok_and(|number| !number.is_finite());
        strict.push_str(if is_endless { "null" } else { word });
        any |= is_endless;
        rest = after;
    }
    strict.push_str(rest);
    any.then(|| serde_json::from_str(&strict).ok())?
}

fn is_in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.')
}

/// The bytes of a text up to its closing quote.
fn end_of_text(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_that_are_not_finite_are_null() {
        for (text, value) in [
            (r#"{"a":NaN}"#, json!({ "a": null })),
            (
                r#"[Infinity, -Infinity, 1e400, -1e400, 1.5e-3, 7]"#,
                json!([null, null, null, null, 0.0015, 7]),
            ),
            (
                r#"{"NaN":"NaN \" NaN \\","x":NaN,"y":[true,null]}"#,
                json!({ "NaN": "NaN \" NaN \\", "x": null, "y": [true, null] }),
            ),
        ] {
            assert_eq!(parse(text), Some(value), "{text}");
        }
        for text in [
            "",
            "NaN and more",
            r#"{"a":1}"#,
            r#"{"a":"NaN"}"#,
            r#"{"a":NaN"#,
            r#"{"a":NaN,"b":"cut"#,
            r#"{"a":NaN,"b":"cut\"#,
            r#"{"a":NaN,}"#,
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[NaInfity1e400\"\\\\{}\\[\\]:, ü-]{0,40}") {
            let _ = parse(&text);
        }
    }
}
