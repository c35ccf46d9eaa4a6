//! What is found in the messages of each provider, and what is not.

use serde_json::{Value, json};

use super::*;

type Seen = Vec<(String, Vec<u8>)>;

fn replaced(text: &str) -> (Option<String>, Seen) {
    let mut seen = Vec::new();
    let new = replace(text, &mut |mime, bytes| {
        seen.push((mime.to_owned(), bytes));
        format!("@{}@", seen.len())
    });
    (new, seen)
}

/// A PNG, as far as its first bytes say.
const PNG: &str = "iVBORw0KGgo=";
const HELLO: &str = "aGVsbG8=";

#[test]
fn only_base64_under_a_known_key_is_worth_a_look() {
    for (text, worth) in [
        (json!({ "data": PNG.repeat(2) }).to_string(), true),
        (json!({ "data": [PNG.repeat(2)] }).to_string(), true),
        (
            json!({ "arguments": json!({ "data": PNG.repeat(2) }).to_string() }).to_string(),
            true,
        ),
        (format!("see data:image/png;base64,{PNG}"), true),
        (json!({ "note": PNG.repeat(2) }).to_string(), false),
        (
            json!({ "data": "no base64, as it has spaces and commas" }).to_string(),
            false,
        ),
        (json!({ "data": "short" }).to_string(), false),
        (
            json!({ "data": 7, "note": PNG.repeat(2) }).to_string(),
            false,
        ),
    ] {
        assert_eq!(may_have(&text), worth, "{text}");
    }
}

#[test]
fn the_parts_of_each_provider_are_found() {
    let uri = format!("data:image/png;base64,{HELLO}");
    let (hello, png) = (b"hello".as_slice(), b"\x89PNG\r\n\x1a\n".as_slice());
    for (message, place, mime, bytes) in [
        // OpenAI
        (
            json!({ "type": "image_url", "image_url": { "url": uri } }),
            "/image_url/url",
            "image/png",
            hello,
        ),
        (
            json!({ "type": "input_image", "image_url": uri }),
            "/image_url",
            "image/png",
            hello,
        ),
        (
            json!({ "type": "input_audio", "input_audio": { "data": HELLO, "format": "wav" } }),
            "/input_audio/data",
            "audio/wav",
            hello,
        ),
        (
            json!({ "type": "input_audio", "input_audio": { "data": HELLO, "format": "mp3" } }),
            "/input_audio/data",
            "audio/mp3",
            hello,
        ),
        (
            json!({ "type": "input_audio", "input_audio": { "data": HELLO, "format": "pcm16" } }),
            "/input_audio/data",
            "application/octet-stream",
            hello,
        ),
        (
            json!({ "audio": { "id": "audio_1", "data": HELLO, "transcript": "Hi" } }),
            "/audio/data",
            "application/octet-stream",
            hello,
        ),
        (
            json!({ "type": "input_audio", "audio": HELLO, "transcript": "Hi" }),
            "/audio",
            "application/octet-stream",
            hello,
        ),
        (
            json!({ "type": "response.output_audio.delta", "delta": HELLO }),
            "/delta",
            "application/octet-stream",
            hello,
        ),
        (
            json!({ "type": "file", "file": { "filename": "a.pdf", "file_data": format!("data:application/pdf;base64,{HELLO}") } }),
            "/file/file_data",
            "application/pdf",
            hello,
        ),
        (
            json!({ "type": "input_file", "filename": "a.pdf", "file_data": HELLO }),
            "/file_data",
            "application/pdf",
            hello,
        ),
        (
            json!({ "type": "image_generation_call", "id": "ig_1", "status": "completed", "result": HELLO }),
            "/result",
            "image/png",
            hello,
        ),
        (
            json!({ "type": "image_generation_call", "output_format": "webp", "result": HELLO }),
            "/result",
            "image/webp",
            hello,
        ),
        (
            json!({ "created": 1, "data": [{ "b64_json": PNG }] }),
            "/data/0/b64_json",
            "image/png",
            png,
        ),
        // Anthropic
        (
            json!({ "type": "image", "source": { "type": "base64", "media_type": "image/jpeg", "data": HELLO } }),
            "/source/data",
            "image/jpeg",
            hello,
        ),
        (
            json!({ "type": "document", "source": { "type": "base64", "media_type": "application/pdf", "data": HELLO } }),
            "/source/data",
            "application/pdf",
            hello,
        ),
        (
            json!({ "type": "tool_result", "tool_use_id": "t", "content": [{ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": HELLO } }] }),
            "/content/0/source/data",
            "image/png",
            hello,
        ),
        // Gemini and Vertex
        (
            json!({ "inlineData": { "mimeType": "image/webp", "data": HELLO } }),
            "/inlineData/data",
            "image/webp",
            hello,
        ),
        (
            json!({ "inline_data": { "mime_type": "image/x-odd", "data": HELLO } }),
            "/inline_data/data",
            "application/octet-stream",
            hello,
        ),
        (
            json!({ "inline_data": { "mime_type": "image/png", "data": "-_-_-_8=" } }),
            "/inline_data/data",
            "image/png",
            &[0xfb, 0xff, 0xbf, 0xfb, 0xff],
        ),
        (
            json!({ "image": { "imageBytes": HELLO, "mimeType": "image/png" } }),
            "/image/imageBytes",
            "image/png",
            hello,
        ),
        (
            json!({ "predictions": [{ "mimeType": "image/png", "bytesBase64Encoded": HELLO }] }),
            "/predictions/0/bytesBase64Encoded",
            "image/png",
            hello,
        ),
        // Bedrock
        (
            json!({ "image": { "format": "png", "source": { "bytes": HELLO } } }),
            "/image/source/bytes",
            "image/png",
            hello,
        ),
        (
            json!({ "document": { "format": "pdf", "name": "a", "source": { "bytes": HELLO } } }),
            "/document/source/bytes",
            "application/pdf",
            hello,
        ),
        // Ollama, Mistral, MCP, OpenTelemetry, Vercel
        (
            json!({ "role": "user", "content": "what is this?", "images": [PNG] }),
            "/images/0",
            "image/png",
            png,
        ),
        (
            json!({ "type": "input_audio", "input_audio": HELLO }),
            "/input_audio",
            "application/octet-stream",
            hello,
        ),
        (
            json!({ "type": "image", "data": HELLO, "mimeType": "image/png" }),
            "/data",
            "image/png",
            hello,
        ),
        (
            json!({ "type": "resource", "resource": { "uri": "file:///a", "mimeType": "image/png", "blob": HELLO } }),
            "/resource/blob",
            "image/png",
            hello,
        ),
        (
            json!({ "type": "blob", "modality": "image", "mime_type": "image/png", "content": HELLO }),
            "/content",
            "image/png",
            hello,
        ),
        (
            json!({ "type": "image", "image": PNG }),
            "/image",
            "image/png",
            png,
        ),
        // Stability, LlamaIndex, Nova Sonic.
        (
            json!({ "image": PNG, "finish_reason": "SUCCESS", "seed": 1 }),
            "/image",
            "image/png",
            png,
        ),
        (
            json!({ "block_type": "image", "image": PNG, "image_mimetype": "image/png", "path": null }),
            "/image",
            "image/png",
            png,
        ),
        (
            json!({ "event": { "audioOutput": { "completionId": "c", "content": HELLO } } }),
            "/event/audioOutput/content",
            "application/octet-stream",
            hello,
        ),
        // LangChain, before and since its release 1; Vercel's AI SDK; images of Bedrock's other models.
        (
            json!({ "type": "image", "source_type": "base64", "data": HELLO, "mime_type": "image/jpeg" }),
            "/data",
            "image/jpeg",
            hello,
        ),
        (
            json!({ "type": "image", "base64": HELLO, "mime_type": "image/jpeg" }),
            "/base64",
            "image/jpeg",
            hello,
        ),
        (
            json!({ "type": "file", "mediaType": "application/pdf", "data": HELLO }),
            "/data",
            "application/pdf",
            hello,
        ),
        (
            json!({ "artifacts": [{ "base64": PNG, "finishReason": "SUCCESS" }] }),
            "/artifacts/0/base64",
            "image/png",
            png,
        ),
        (
            json!({ "images": [PNG], "error": null }),
            "/images/0",
            "image/png",
            png,
        ),
        // Beside a stated type, whatever is around.
        (
            json!({ "sound": { "mime_type": "audio/wav", "bytes": HELLO } }),
            "/sound/bytes",
            "audio/wav",
            hello,
        ),
        (
            json!({ "image": HELLO, "mediaType": "image/png" }),
            "/image",
            "image/png",
            hello,
        ),
        // Gemini Live, Responses with audio, Claude's PDF in a tool result, xAI.
        (
            json!({ "realtimeInput": { "mediaChunks": [{ "mimeType": "audio/pcm;rate=16000", "data": HELLO }] } }),
            "/realtimeInput/mediaChunks/0/data",
            "application/octet-stream",
            hello,
        ),
        (
            json!({ "inlineData": { "mimeType": "audio/L16;codec=pcm;rate=24000", "data": HELLO } }),
            "/inlineData/data",
            "application/octet-stream",
            hello,
        ),
        (
            json!({ "type": "input_image", "detail": "auto", "image_url": uri }),
            "/image_url",
            "image/png",
            hello,
        ),
        (
            json!({ "type": "response.image_generation_call.partial_image", "partial_image_b64": PNG }),
            "/partial_image_b64",
            "image/png",
            png,
        ),
        (
            json!({ "type": "text", "text": format!("![a]({uri}) and text") }),
            "/text",
            "image/png",
            hello,
        ),
    ] {
        let mut expected = message.clone();
        let value = expected.pointer_mut(place).unwrap();
        *value = match value.as_str().unwrap() {
            text if text.starts_with('!') => json!("![a](@1@) and text"),
            _ => json!("@1@"),
        };
        let whole =
            |part: &Value| json!([{ "role": "user", "content": [part, "and text", HELLO] }]);
        let (before, after) = (whole(&message).to_string(), whole(&expected).to_string());
        let seen = [(mime.to_owned(), bytes.to_vec())];
        assert_eq!(
            replaced(&before),
            (Some(after.clone()), seen.to_vec()),
            "{before}"
        );
        // The same inside of a text, twice.
        let outer =
            |text: &str| json!({ "arguments": json!({ "a": text }).to_string() }).to_string();
        assert_eq!(
            replaced(&outer(&before)),
            (Some(outer(&after)), seen.to_vec())
        );
    }
}

#[test]
fn what_is_around_media_stays_letter_by_letter() {
    let text = r#" { "z" : 1.50, "a": "data:image/gif;name=x;base64,aGVsbG8=", "n": 12345678901234567890123 } "#;
    assert_eq!(
        replaced(text).0.as_deref(),
        Some(r#" { "z" : 1.50, "a": "@1@", "n": 12345678901234567890123 } "#)
    );
    assert_eq!(
        replaced(" data:image/gif;base64,aGVsbG8= ").0.as_deref(),
        Some(" @1@ ")
    );
    // The same digits as media and as text.
    let text =
        json!({ "aGVsbG8=": "aGVsbG8=", "x": { "mimeType": "image/png", "data": "aGVsbG8=" } });
    let expected =
        json!({ "aGVsbG8=": "aGVsbG8=", "x": { "mimeType": "image/png", "data": "@1@" } });
    assert_eq!(replaced(&text.to_string()).0, Some(expected.to_string()));
}

#[test]
fn json_that_escapes_what_it_need_not_is_read() {
    for (text, expected) in [
        (
            r#"{"mimeType":"image\/png","data":"aGVsbG8\u003d"}"#,
            r#"{"mimeType":"image\/png","data":"@1@"}"#,
        ),
        (
            r#"["\/","data:image\/png;base64,aGVsbG8\u003d","\u003d"]"#,
            r#"["\/","@1@","\u003d"]"#,
        ),
        (
            r#"["\u003ca\/\u003e (data:image\/png;base64,aGVs\nbG8\u003d) \u00fc\/"]"#,
            r#"["\u003ca\/\u003e (@1@) \u00fc\/"]"#,
        ),
        (
            r#"{"a":"{\"b\":\"data:image\\\/png;base64,aGVsbG8\\u003d\",\"c\":\"\\\/\"}"}"#,
            r#"{"a":"{\"b\":\"@1@\",\"c\":\"\\\/\"}"}"#,
        ),
        (
            r#"{"inlineData":{"mimeType":"image/png","data":"aGVs\r\nbG8=\n"}}"#,
            r#"{"inlineData":{"mimeType":"image/png","data":"@1@"}}"#,
        ),
        (
            "{\n  \"a\": \"{\\n  \\\"mimeType\\\": \\\"image/png\\\",\\n  \\\"data\\\":\\n    \\\"aGVsbG8=\\\"\\n}\"\n}",
            "{\n  \"a\": \"{\\n  \\\"mimeType\\\": \\\"image/png\\\",\\n  \\\"data\\\":\\n    \\\"@1@\\\"\\n}\"\n}",
        ),
    ] {
        let (new, seen) = replaced(text);
        assert_eq!(new.as_deref(), Some(expected), "{text}");
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].1, b"hello");
    }
}

#[test]
fn what_is_no_media_is_left_alone() {
    let words = "a".repeat(300);
    for text in [
        r#"{"role":"user","content":[{"type":"resource","mimeType":"text/plain","data":"user"}]}"#,
        r#"{"mimeType":"text/plain","data":"aGVsbG8gd29ybGQ="}"#,
        r#"{"mimeType":"application\/json","data":"aGVsbG8gd29ybGQ="}"#,
        r#"{"mimeType":"image/png","data":"user"}"#,
        r#"{"type":"base64","media_type":"text/plain","data":"password"}"#,
        r#"{"format":"wav","data":"silence"}"#,
        r#"{"base64":"aGVsbG8gd29ybGQ="}"#,
        r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"aGVsbG8gd29ybGQ="}}"#,
        r#"{"type":"image","source":{"type":"file","file_id":"file_011CNha8iCJcU1wXNR6q4V8w"}}"#,
        r#"{"type":"redacted_thinking","data":"EmwKAhgBEgy3va3pzix/LafPsn4aDFIT2Xlxh0L5L8rLVyIw"}"#,
        r#"{"type":"reasoning","encrypted_content":"gAAAAABlXyZ0dGVzdGRhdGE="}"#,
        r#"{"type":"thinking","thinking":"hm","signature":"EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pk="}"#,
        r#"{"fileData":{"mimeType":"image/png","fileUri":"gs://bucket/aGVsbG8"}}"#,
        r#"{"format":"json","data":"aGVsbG8="}"#,
        r#"{"type":"base64","data":"aGVsbG8="}"#,
        r#"{"data":"aGVsbG8=","note":"\"base64\""}"#,
        r#"{"mimeType":"image/png","data":"https://example.com/a.png"}"#,
        r#"{"mimeType":"image/png","data":""}"#,
        r#"{"broken": "data:image/png;base64,aGVsbG8="#,
        r#"{"mimeType":"image/png","data":[1]}"#,
        r#"{"images":["https://example.com/a.png","SW1hZ2U6MTI=","img12Ab0CdEf"]}"#,
        r#"{"type":"code_call","result":"aGVsbG8="}"#,
        r#"{"type":"text","content":"aGVsbG8=","mime_type":"image/png"}"#,
        r#"{"type":"response.output_text.delta","delta":"aGVsbG8="}"#,
        r#"{"source":{"bytes":"aGVsbG8="}}"#,
        r#"{"note":{"content":"iVBORw0KGgo="}}"#,
        r#"{"note":{"data":"iVBORw0KGgo="}}"#,
        r#"{"role":"assistant","audio":"aGVsbG8="}"#,
        r#"{"image":"aGVsbG8gd29ybGQ=","tag":"latest"}"#,
        r#"{"event":{"textOutput":{"content":"aGVsbG8gd29ybGQ="}}}"#,
        "a text about ;base64, and data:",
        "aGVsbG8=",
        "\"aGVsbG8=\"",
    ] {
        assert_eq!(replaced(text).0, None, "{text}");
    }
    let text = json!({ "inlineData": { "mimeType": "text/plain", "data": words } }).to_string();
    assert_eq!(replaced(&text).0, None);
}

#[test]
fn media_are_found_in_texts_up_to_eight_deep() {
    for (depth, is_found) in [(0, true), (1, true), (DEPTH, true), (DEPTH + 1, false)] {
        let nested = |data: &str| {
            let message = json!({ "mimeType": "image/png", "data": data }).to_string();
            (0..depth).fold(message, |text, _| json!([text]).to_string())
        };
        let (new, _) = replaced(&nested(HELLO));
        assert_eq!(new, is_found.then(|| nested("@1@")), "{depth}");
    }
}
