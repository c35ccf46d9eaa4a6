//! Says which texts of a JSON document are base64, by their keys and the objects around them: the parts of messages as the
//! providers define them. Called by `find` for each text. A table of forms; knows no upload.

use super::base64;
use super::json::{Document, Object, Text};

/// Types that the server takes (`docs/langfuse.md` 3.2); everything else is uploaded as plain bytes.
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
    BYTES,
];
const BYTES: &str = "application/octet-stream";

/// Bytes found in a document, and their type as the server knows it.
pub(super) struct Media {
    pub(super) mime: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// Keys of base64, each with the form it belongs to. `may_have` looks for them in every text.
pub(super) const KEYS: &[&str] = &[
    "data",
    "blob",
    "base64",
    "bytes",
    "image",
    "images",
    "imageBytes",
    "image_bytes",
    "videoBytes",
    "video_bytes",
    "audioBytes",
    "audio_bytes",
    "bytesBase64Encoded",
    "content",
    "audio",
    "input_audio",
    "delta",
    "result",
    "b64_json",
    "partial_image_b64",
    "image_base64",
    "file_data",
    "inputImage",
    "audioContent",
    "audio_base64",
    "base64_image",
    "image_b64",
    "imageBase64",
    "screenshot",
    "image_data",
    "multimodal_data",
];

/// How certain it is that a text is media, and of what type.
enum Claim<'a> {
    /// It is base64 of this type.
    Mime(&'a str),
    /// It is base64. The type is read from its first bytes; this one if they do not show it.
    Likely(&'static str),
    /// It is media only if its first bytes show a type.
    IfBytesTell,
}

/// The media that a text is; `None` if it is none.
pub(super) fn media(document: &Document<'_>, text: &Text<'_>, value: &str) -> Option<Media> {
    let claim = claim(document, text)?;
    let bytes = base64::decode(value)?;
    let mime = match claim {
        Claim::Mime(mime) if is_text(mime) && !reads_as_text(&bytes) => return None,
        Claim::Mime(mime) => known(mime),
        Claim::Likely(otherwise) => type_of(&bytes).unwrap_or(otherwise),
        Claim::IfBytesTell => type_of(&bytes)?,
    };
    Some(Media { mime, bytes })
}

fn claim<'a>(document: &Document<'a>, text: &Text<'a>) -> Option<Claim<'a>> {
    // Ollama: {"images": ["..", ".."]}, where others have addresses or ids.
    if text.in_array {
        let is_list = matches!(text.key, "images" | "multimodal_data");
        return is_list.then_some(Claim::IfBytesTell);
    }
    let object = document.object(text.object)?;
    match text.key {
        // OpenAI Responses: {"type": "image_generation_call", "result": "..", "output_format": "webp"}
        "result" if object.kind == "image_generation_call" => Some(image(object)),
        // OpenAI Images, and what its streams show before an image is done; Mistral OCR
        "b64_json" | "partial_image_b64" | "image_base64" => Some(image(object)),
        // OpenAI: {"type": "input_file", "filename": "a.pdf", "file_data": ".."}
        "file_data" => Some(Claim::Likely(of_file(object.filename))),
        // OpenAI Realtime: {"type": "input_audio", "audio": ".."}, and Mistral's {"type": "input_audio", "input_audio": ".."}
        "audio" | "input_audio" if object.kind.contains("audio") => Some(Claim::Likely(BYTES)),
        "delta" if object.kind.ends_with("audio.delta") => Some(Claim::Likely(BYTES)),
        // OpenTelemetry: {"type": "blob", "mime_type": "image/png", "content": ".."}
        "content" if object.kind == "blob" => declared(object),
        // Nova Sonic: {"event": {"audioOutput": {"contentId": "..", "content": ".."}}}
        "content" if matches!(object.key, "audioInput" | "audioOutput") => {
            Some(Claim::Likely(BYTES))
        }
        // Bedrock: {"image": {"format": "png", "source": {"bytes": ".."}}}
        "bytes" if object.key == "source" => {
            let around = document.object(object.parent)?;
            of_bedrock(around.key, around.format)
        }
        "data" => of_data(object),
        // Stability by Bedrock: {"artifacts": [{"base64": "..", "finishReason": "SUCCESS"}]}
        "base64" if object.mime.is_empty() => Some(Claim::IfBytesTell),
        // Vercel's AI SDK: {"type": "image", "image": "..", "mediaType": "image/png"}, also without a type; Stability:
        // {"image": "..", "finish_reason": "SUCCESS"}; LlamaIndex: {"block_type": "image", "image": ".."}
        "image" if object.mime.is_empty() => Some(Claim::IfBytesTell),
        // Titan: {"inputImage": ".."}; Google's speech: {"audioContent": ".."}; ElevenLabs: {"audio_base64": ".."}; tools that
        // use a computer: {"base64_image": ".."}, {"screenshot": ".."}
        "inputImage" | "audioContent" | "audio_base64" | "base64_image" | "image_b64"
        | "imageBase64" | "screenshot" | "image_data" => Some(Claim::IfBytesTell),
        // Google's vision and speech: {"image": {"content": ".."}}, {"audio": {"content": ".."}}
        "content" if matches!(object.key, "image" | "audio") => Some(Claim::IfBytesTell),
        // MCP's `blob`, Vertex's `imageBytes` and the like: beside their type.
        "blob" | "base64" | "bytes" | "image" | "audio" | "imageBytes" | "image_bytes"
        | "videoBytes" | "video_bytes" | "audioBytes" | "audio_bytes" | "bytesBase64Encoded" => {
            declared(object)
        }
        _ => None,
    }
}

/// `data` means base64 in many forms, and anything in all others.
fn of_data<'a>(object: &Object<'a>) -> Option<Claim<'a>> {
    // Anthropic: {"type": "base64", "media_type": "image/png", "data": ".."};
    // Gemini: {"inlineData": {"mimeType": "image/png", "data": ".."}}
    let is_base64 = object.kind == "base64" || matches!(object.key, "inlineData" | "inline_data");
    if is_base64 {
        return declared(object);
    }
    // MCP, Vertex and others: {"mimeType": "image/png", "data": ".."}. Of a text `data` is the text itself.
    if !object.mime.is_empty() {
        return declared(object).filter(|_| !is_text(object.mime));
    }
    // OpenAI: {"input_audio": {"format": "wav", "data": ".."}}; an answer's `audio` has no format.
    let is_audio = matches!(object.key, "input_audio" | "audio") || object.kind == "input_audio";
    match object.format {
        // llama.cpp: {"image_data": [{"id": 10, "data": ".."}]}
        "" if object.key == "image_data" => Some(Claim::IfBytesTell),
        "" => is_audio.then_some(Claim::Likely(BYTES)),
        format => audio(format)
            .or_else(|| is_audio.then_some(BYTES))
            .map(Claim::Mime),
    }
}

fn declared<'a>(object: &Object<'a>) -> Option<Claim<'a>> {
    (!object.mime.is_empty()).then_some(Claim::Mime(object.mime))
}

fn image<'a>(object: &Object<'a>) -> Claim<'a> {
    Claim::Likely(match object.format {
        "jpeg" | "jpg" => "image/jpeg",
        "webp" => "image/webp",
        _ => "image/png",
    })
}

/// An audio format by OpenAI's name. Raw samples (`pcm16`, `g711_ulaw`) have no type that the server takes.
fn audio(format: &str) -> Option<&'static str> {
    Some(match format {
        "wav" => "audio/wav",
        "mp3" => "audio/mp3",
        "flac" => "audio/flac",
        "aac" => "audio/aac",
        "m4a" => "audio/mp4",
        "ogg" | "opus" => "audio/ogg",
        "pcm" | "pcm16" | "g711_ulaw" | "g711_alaw" => BYTES,
        _ => return None,
    })
}

fn of_bedrock<'a>(key: &str, format: &str) -> Option<Claim<'a>> {
    let mime = match (key, format) {
        ("image", "png") => "image/png",
        ("image", "jpeg") => "image/jpeg",
        ("image", "gif") => "image/gif",
        ("image", "webp") => "image/webp",
        ("video", "mp4") => "video/mp4",
        ("video", "webm") => "video/webm",
        ("audio", format) => return audio(format).map(Claim::Mime),
        ("document", format) => return Some(Claim::Mime(of_extension(format))),
        ("image" | "video", _) => return Some(Claim::Likely(BYTES)),
        _ => return None,
    };
    Some(Claim::Mime(mime))
}

fn of_file(name: &str) -> &'static str {
    name.rsplit_once('.')
        .map_or(BYTES, |(_, extension)| of_extension(extension))
}

fn of_extension(extension: &str) -> &'static str {
    match extension {
        "pdf" => "application/pdf",
        "csv" => "text/csv",
        "html" => "text/html",
        "txt" | "md" => "text/plain",
        "doc" => "application/msword",
        "xls" => "application/vnd.ms-excel",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "wav" => "audio/wav",
        "mp3" => "audio/mp3",
        _ => BYTES,
    }
}

/// A type by the name the server has for it.
pub(super) fn known(mime: &str) -> &'static str {
    // In JSON the slash may be escaped.
    let mime = mime.replace("\\/", "/");
    let essence = mime.split(';').next().unwrap_or_default().trim();
    let wanted = match essence {
        "audio/x-wav" | "audio/wave" => "audio/wav",
        "audio/x-m4a" | "audio/m4a" => "audio/mp4",
        "audio/opus" => "audio/ogg",
        other => other,
    };
    let known = TYPES
        .iter()
        .find(|known| known.eq_ignore_ascii_case(wanted));
    known.copied().unwrap_or(BYTES)
}

/// Whether data of this type is text to begin with.
fn is_text(mime: &str) -> bool {
    let mime = mime.replace("\\/", "/").to_ascii_lowercase();
    let essence = mime.split(';').next().unwrap_or_default().trim();
    essence.starts_with("text/")
        || ["json", "xml", "yaml", "javascript"]
            .iter()
            .any(|kind| essence.starts_with("application/") && essence.ends_with(kind))
}

fn reads_as_text(bytes: &[u8]) -> bool {
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_text))
}

/// A type by the first bytes of a file.
fn type_of(bytes: &[u8]) -> Option<&'static str> {
    let begins = |magic: &[u8]| bytes.starts_with(magic);
    let at = |from: usize, magic: &[u8]| {
        bytes
            .get(from..)
            .is_some_and(|rest| rest.starts_with(magic))
    };
    let (at_4, at_8) = (|magic: &[u8]| at(4, magic), |magic: &[u8]| at(8, magic));
    Some(match bytes {
        _ if begins(b"\x89PNG") => "image/png",
        _ if begins(b"\xff\xd8\xff") => "image/jpeg",
        _ if begins(b"GIF8") => "image/gif",
        _ if begins(b"BM") && bytes.len() > 54 => "image/bmp",
        _ if begins(b"II*\0") || begins(b"MM\0*") => "image/tiff",
        _ if begins(b"RIFF") && at_8(b"WEBP") => "image/webp",
        _ if begins(b"RIFF") && at_8(b"WAVE") => "audio/wav",
        _ if begins(b"ID3") => "audio/mpeg",
        [0xff, 0xfa | 0xfb | 0xf2 | 0xf3, ..] => "audio/mpeg",
        [0xff, 0xf1 | 0xf9, ..] => "audio/aac",
        _ if at_4(b"ftypM4A") => "audio/mp4",
        _ if ["isom", "iso2", "mp41", "mp42", "avc1", "M4V "]
            .iter()
            .any(|brand| at_4(&[b"ftyp", brand.as_bytes()].concat())) =>
        {
            "video/mp4"
        }
        _ if begins(b"\x1a\x45\xdf\xa3") => "video/webm",
        _ if begins(b"fLaC") => "audio/flac",
        _ if begins(b"OggS") => "audio/ogg",
        _ if begins(b"%PDF-") => "application/pdf",
        _ if begins(b"PK\x03\x04") => "application/zip",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_read_from_the_first_bytes() {
        let bitmap = |bytes: usize| [&b"BM"[..], &vec![0; bytes - 2]].concat();
        for (bytes, mime) in [
            (&b"\x89PNG\r\n"[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"\xff\xd8\x00", None),
            (b"GIF89a", Some("image/gif")),
            (&bitmap(54), None),
            (&bitmap(55), Some("image/bmp")),
            (b"II*\0", Some("image/tiff")),
            (b"MM\0*", Some("image/tiff")),
            (b"RIFF\0\0\0\0WEBPVP8", Some("image/webp")),
            (b"RIFF\0\0\0\0WAVEfmt", Some("audio/wav")),
            (b"RIFF\0\0\0\0AVI ", None),
            (b"JUNK\0\0\0\0WEBP", None),
            (b"JUNK\0\0\0\0WAVE", None),
            (b"RIFF", None),
            (b"ID3\x04", Some("audio/mpeg")),
            (b"\xff\xfa", Some("audio/mpeg")),
            (b"\xff\xfb", Some("audio/mpeg")),
            (b"\xff\xf2", Some("audio/mpeg")),
            (b"\xff\xf3", Some("audio/mpeg")),
            (b"\xff\xf1", Some("audio/aac")),
            (b"\xff\xf9", Some("audio/aac")),
            (b"\xff\x00", None),
            (b"\0\0\0\x20ftypisom", Some("video/mp4")),
            (b"\0\0\0\x20ftypmp42", Some("video/mp4")),
            (b"\0\0\0\x20ftypM4A ", Some("audio/mp4")),
            (b"\0\0\0\x20ftypavif", None),
            (b"\x1a\x45\xdf\xa3\x01", Some("video/webm")),
            (b"fLaC", Some("audio/flac")),
            (b"OggS", Some("audio/ogg")),
            (b"%PDF-1.7", Some("application/pdf")),
            (b"PK\x03\x04", Some("application/zip")),
            (b"hello", None),
            (b"", None),
        ] {
            assert_eq!(type_of(bytes), mime, "{bytes:?}");
        }
    }

    #[test]
    fn a_type_has_the_name_that_the_server_takes() {
        for (mime, name) in [
            ("image/png", "image/png"),
            ("IMAGE/PNG; q=1", "image/png"),
            ("image\\/png", "image/png"),
            ("audio/x-wav", "audio/wav"),
            ("audio/wave", "audio/wav"),
            ("audio/x-m4a", "audio/mp4"),
            ("audio/m4a", "audio/mp4"),
            ("audio/opus", "audio/ogg"),
            ("image/x-odd", BYTES),
            ("", BYTES),
        ] {
            assert_eq!(known(mime), name, "{mime}");
        }
        for (file, mime) in [
            ("a.pdf", "application/pdf"),
            ("a.b.csv", "text/csv"),
            ("a.html", "text/html"),
            ("a.txt", "text/plain"),
            ("a.md", "text/plain"),
            ("a.doc", "application/msword"),
            ("a.xls", "application/vnd.ms-excel"),
            ("a.png", "image/png"),
            ("a.jpg", "image/jpeg"),
            ("a.jpeg", "image/jpeg"),
            ("a.wav", "audio/wav"),
            ("a.mp3", "audio/mp3"),
            ("a.odd", BYTES),
            ("pdf", BYTES),
        ] {
            assert_eq!(of_file(file), mime, "{file}");
        }
    }

    #[test]
    fn text_is_text_by_its_type_and_its_bytes() {
        for (mime, text) in [
            ("text/plain", true),
            ("TEXT/html; charset=utf-8", true),
            ("text\\/css", true),
            ("application/json", true),
            ("application/ld+json", true),
            ("application/xml", true),
            ("application/yaml", true),
            ("application/javascript", true),
            ("application/pdf", false),
            ("image/svg+xml", false),
            ("", false),
        ] {
            assert_eq!(is_text(mime), text, "{mime}");
        }
        for (bytes, text) in [
            (&b"a line\r\nand\ta tab"[..], true),
            ("größer".as_bytes(), true),
            (b"a\0b", false),
            (b"\xff\xfe", false),
        ] {
            assert_eq!(reads_as_text(bytes), text, "{bytes:?}");
        }
    }

    #[test]
    fn formats_have_a_type_or_are_plain_bytes() {
        let shown = |claim: Option<Claim<'_>>| match claim {
            Some(Claim::Mime(mime)) => format!("{mime}!"),
            Some(Claim::Likely(mime)) => mime.to_owned(),
            Some(Claim::IfBytesTell) => "?".to_owned(),
            None => String::new(),
        };
        for (key, format, claim) in [
            ("image", "png", "image/png!"),
            ("image", "jpeg", "image/jpeg!"),
            ("image", "gif", "image/gif!"),
            ("image", "webp", "image/webp!"),
            ("image", "odd", BYTES),
            ("video", "mp4", "video/mp4!"),
            ("video", "webm", "video/webm!"),
            ("video", "three_gp", BYTES),
            ("audio", "wav", "audio/wav!"),
            ("audio", "mp3", "audio/mp3!"),
            ("audio", "flac", "audio/flac!"),
            ("audio", "aac", "audio/aac!"),
            ("audio", "m4a", "audio/mp4!"),
            ("audio", "ogg", "audio/ogg!"),
            ("audio", "opus", "audio/ogg!"),
            ("audio", "pcm", "application/octet-stream!"),
            ("audio", "pcm16", "application/octet-stream!"),
            ("audio", "g711_ulaw", "application/octet-stream!"),
            ("audio", "g711_alaw", "application/octet-stream!"),
            ("audio", "odd", ""),
            ("document", "csv", "text/csv!"),
            ("other", "png", ""),
        ] {
            assert_eq!(shown(of_bedrock(key, format)), claim, "{key} {format}");
        }
    }
}
