//! Keys whose text is media only if its first bytes show a type: Titan, Google's vision and speech, tools that use a computer,
//! llama.cpp.

use serde_json::{Value, json};

use super::replace;

const PNG: &str = "iVBORw0KGgo=";
const TEXT: &str = "aGVsbG8gd29ybGQ=";

#[test]
fn media_under_these_keys_is_found_by_its_bytes() {
    let forms: [fn(&str) -> Value; 9] = [
        |data| json!({ "inputText": "what is this?", "inputImage": data }),
        |data| json!({ "requests": [{ "image": { "content": data }, "features": [] }] }),
        |data| json!({ "config": {}, "audio": { "content": data } }),
        |data| json!({ "audioContent": data }),
        |data| json!({ "audio_base64": data, "alignment": null }),
        |data| json!({ "output": null, "error": null, "base64_image": data }),
        |data| json!({ "url": "https://example.com", "screenshot": data }),
        |data| json!({ "prompt": "[img-10]", "image_data": [{ "id": 10, "data": data }] }),
        |data| json!({ "prompt": { "prompt_string": "a", "multimodal_data": [data] } }),
    ];
    for form in forms {
        let mut seen = Vec::new();
        let mut put = |mime: &'static str, bytes: Vec<u8>| {
            seen.push((mime, bytes));
            "@1@".to_owned()
        };
        let message = form(PNG).to_string();
        let new = replace(&message, &mut put);
        assert_eq!(new, Some(form("@1@").to_string()), "{message}");
        assert_eq!(
            replace(&form(TEXT).to_string(), &mut put),
            None,
            "{message}"
        );
        assert_eq!(seen, [("image/png", b"\x89PNG\r\n\x1a\n".to_vec())]);
    }
}
