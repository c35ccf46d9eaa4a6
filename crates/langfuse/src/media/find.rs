//! Finds media in text and JSON, and puts something in its place; everything else stays letter by letter.
//! Called by `media` for each value; knows no upload.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

/// Standard alphabet, with or without padding, as providers write it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Types that the server takes, as far as providers use them; everything else is uploaded as bytes.
const TYPES: &[&str] = &[
    "image/png",
    "image/jpeg",
    "image/jpg",
    "image/webp",
    "image/gif",
    "image/svg+xml",
    "image/tiff",
    "image/bmp",
    "audio/mpeg",
    "audio/mp3",
    "audio/wav",
    "audio/ogg",
    "audio/oga",
    "audio/aac",
    "audio/mp4",
    "audio/flac",
    "video/mp4",
    "video/webm",
    "text/plain",
    "text/html",
    "text/css",
    "text/csv",
    "application/pdf",
    "application/msword",
    "application/vnd.ms-excel",
    "application/zip",
    "application/json",
    "application/xml",
    "application/octet-stream",
];

/// A part of a value that is media: the text that stands for it, its type, the base64 in it.
struct Part<'a> {
    whole: &'a str,
    mime: &'a str,
    base64: &'a str,
}

/// Whether it is worth a closer look.
pub(super) fn may_have(text: &str) -> bool {
    text.contains(";base64,")
        || (text.contains("\"data\"")
            && [
                "\"base64\"",
                "\"mimeType\"",
                "\"mime_type\"",
                "\"input_audio\"",
            ]
            .iter()
            .any(|hint| text.contains(hint)))
}

/// The text with what `put` answers, for type and bytes, in the place of its media; `None` if it has none.
pub(super) fn replace(text: &str, put: &mut dyn FnMut(&str, Vec<u8>) -> String) -> Option<String> {
    if !may_have(text) {
        return None;
    }
    if let Some(part) = data_uri(text.trim()) {
        let bytes = BASE64.decode(part.base64).ok()?;
        return Some(put(known(part.mime), bytes));
    }
    if !text.trim_start().starts_with(['{', '[', '"']) {
        return None;
    }
    let json: Value = serde_json::from_str(text).ok()?;
    let mut parts = Vec::new();
    let mut texts = Vec::new();
    walk(&json, &mut parts, &mut texts);
    let mut changed: Option<String> = None;
    let mut swap = |old: &str, new: &str| {
        let (old, new) = (Value::from(old).to_string(), Value::from(new).to_string());
        let now = changed.as_deref().unwrap_or(text);
        // JSON that escapes what it need not is left as it is: not found, not changed.
        if now.contains(&old) {
            changed = Some(now.replace(&old, &new));
        }
    };
    for part in parts {
        if let Ok(bytes) = BASE64.decode(part.base64) {
            // A short one may stand elsewhere as ordinary text.
            if !bytes.is_empty() {
                swap(part.whole, &put(known(part.mime), bytes));
            }
        }
    }
    // Text that is JSON itself, such as the arguments of a tool call.
    for inner in texts {
        if let Some(new) = replace(inner, put) {
            swap(inner, &new);
        }
    }
    changed
}

fn walk<'a>(json: &'a Value, parts: &mut Vec<Part<'a>>, texts: &mut Vec<&'a str>) {
    match json {
        Value::String(text) => match data_uri(text) {
            Some(part) => parts.push(part),
            None if text.starts_with(['{', '[']) && may_have(text) => texts.push(text),
            None => {}
        },
        Value::Array(items) => items.iter().for_each(|item| walk(item, parts, texts)),
        Value::Object(map) => {
            let text = |key: &str| map.get(key).and_then(Value::as_str);
            let data = text("data").filter(|data| !data.starts_with("data:"));
            if let Some(data) = data
                && let Some(mime) = mime_beside(&text)
            {
                parts.push(Part {
                    whole: data,
                    mime,
                    base64: data,
                });
            }
            map.values().for_each(|value| walk(value, parts, texts));
        }
        _ => {}
    }
}

/// The type of the base64 in `data` of the same object, if this is an object of a provider's that has one.
fn mime_beside<'a>(text: &impl Fn(&str) -> Option<&'a str>) -> Option<&'a str> {
    // Anthropic: {"type": "base64", "media_type": "image/png", "data": ".."}
    if text("type") == Some("base64") {
        return text("media_type");
    }
    // Gemini and Vertex: {"mimeType": "image/png", "data": ".."}, in Python's spelling too
    if let Some(mime) = text("mimeType").or_else(|| text("mime_type")) {
        return Some(mime);
    }
    // OpenAI: {"format": "wav", "data": ".."} inside of "input_audio"
    match text("format")? {
        "wav" => Some("audio/wav"),
        "mp3" => Some("audio/mp3"),
        "flac" => Some("audio/flac"),
        "aac" => Some("audio/aac"),
        "opus" => Some("audio/ogg"),
        _ => None,
    }
}

/// `data:image/png;base64,iVBO..`, with parameters before `base64` or without.
fn data_uri(text: &str) -> Option<Part<'_>> {
    let (head, base64) = text.strip_prefix("data:")?.split_once(',')?;
    let head = head.strip_suffix(";base64")?;
    let mime = head.split(';').next().unwrap_or_default();
    Some(Part {
        whole: text,
        mime,
        base64,
    })
}

fn known(mime: &str) -> &str {
    let wanted = TYPES.iter().find(|known| known.eq_ignore_ascii_case(mime));
    wanted.copied().unwrap_or("application/octet-stream")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn replaced(text: &str) -> (Option<String>, Vec<(String, Vec<u8>)>) {
        let mut seen = Vec::new();
        let new = replace(text, &mut |mime, bytes| {
            seen.push((mime.to_owned(), bytes));
            format!("@{}@", seen.len())
        });
        (new, seen)
    }

    #[test]
    fn the_parts_of_each_provider_are_found() {
        for (message, expected, mime) in [
            (
                json!({ "type": "image_url", "image_url": { "url": "data:image/png;base64,aGVsbG8=" } }),
                json!({ "type": "image_url", "image_url": { "url": "@1@" } }),
                "image/png",
            ),
            (
                json!({ "type": "input_audio", "input_audio": { "data": "aGVsbG8=", "format": "wav" } }),
                json!({ "type": "input_audio", "input_audio": { "data": "@1@", "format": "wav" } }),
                "audio/wav",
            ),
            (
                json!({ "type": "file", "file": { "filename": "a.pdf", "file_data": "data:application/pdf;base64,aGVsbG8=" } }),
                json!({ "type": "file", "file": { "filename": "a.pdf", "file_data": "@1@" } }),
                "application/pdf",
            ),
            (
                json!({ "type": "image", "source": { "type": "base64", "media_type": "image/jpeg", "data": "aGVsbG8" } }),
                json!({ "type": "image", "source": { "type": "base64", "media_type": "image/jpeg", "data": "@1@" } }),
                "image/jpeg",
            ),
            (
                json!({ "inlineData": { "mimeType": "image/webp", "data": "aGVsbG8=" } }),
                json!({ "inlineData": { "mimeType": "image/webp", "data": "@1@" } }),
                "image/webp",
            ),
            (
                json!({ "inline_data": { "mime_type": "image/x-odd", "data": "aGVsbG8=" } }),
                json!({ "inline_data": { "mime_type": "image/x-odd", "data": "@1@" } }),
                "application/octet-stream",
            ),
        ] {
            let text = json!([{ "role": "user", "content": [message, "and text"] }]).to_string();
            let (new, seen) = replaced(&text);
            let new: Value = serde_json::from_str(&new.unwrap()).unwrap();
            assert_eq!(new[0]["content"][0], expected);
            assert_eq!(seen, [(mime.to_owned(), b"hello".to_vec())]);
        }
    }

    #[test]
    fn what_stands_around_media_stays_letter_by_letter() {
        let text = r#" { "z" : 1.50, "a": "data:image/gif;name=x;base64,aGVsbG8=", "n": 12345678901234567890123 } "#;
        assert_eq!(
            replaced(text).0.as_deref(),
            Some(r#" { "z" : 1.50, "a": "@1@", "n": 12345678901234567890123 } "#)
        );
        assert_eq!(
            replaced(" data:image/gif;base64,aGVsbG8= ").0.as_deref(),
            Some("@1@")
        );
        let inner = json!({ "image": "data:image/gif;base64,aGVsbG8=" }).to_string();
        let outer = json!({ "arguments": inner }).to_string();
        assert_eq!(
            replaced(&outer).0.unwrap(),
            json!({ "arguments": r#"{"image":"@1@"}"# }).to_string()
        );
    }

    #[test]
    fn what_is_no_media_is_left_alone() {
        for text in [
            "a text about ;base64, and data:",
            "data:text/plain,hello;base64,",
            "data:image/png;base64,not base64!",
            r#"{"type":"base64","data":"aGVsbG8="}"#,
            r#"{"data":"aGVsbG8=","note":"\"base64\""}"#,
            r#"{"mimeType":"image/png","data":"https://example.com/a.png"}"#,
            r#"{"mimeType":"image/png","data":""}"#,
            r#"{"broken": "data:image/png;base64,aGVsbG8="#,
            r#"{"mimeType":"image/png","data":[1]}"#,
        ] {
            assert_eq!(replaced(text).0, None, "{text}");
        }
    }
}
