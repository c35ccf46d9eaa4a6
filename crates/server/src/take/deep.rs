//! JSON of any depth: what is nested deeper than the parser reads becomes text.
//! Called by all readers of JSON in `take`, and by `api`.

use serde::de::DeserializeOwned;

/// Levels that stay as they are. The parser refuses more than 127.
const MOST: usize = 100;

/// Reads a document. An object or a list below 100 levels becomes the text of itself, so that one deep value does not
/// refuse the whole request.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    match serde_json::from_slice(body) {
        Err(error) if error.to_string().starts_with("recursion limit exceeded") => {
            match flattened(body) {
                Some(flat) => serde_json::from_slice(&flat),
                None => Err(error),
            }
        }
        read => read,
    }
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
}
