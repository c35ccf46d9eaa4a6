//! Says which texts of a JSON document are base64, by their keys and the objects around them: the parts of messages as the
//! providers define them. Called by `find` for each text. A table of forms; what types there are is in `types`.

use super::base64;
use super::json::{Document, Object, Text};
use super::types::{
    BYTES, audio, is_text, known, of_bytes, of_bytes_or, of_extension, of_file, reads_as_text,
};

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
        Claim::Likely(otherwise) => of_bytes_or(&bytes, otherwise),
        Claim::IfBytesTell => of_bytes(&bytes)?,
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
    Claim::Likely(match of_extension(object.format) {
        mime if mime.starts_with("image/") => mime,
        _ => "image/png",
    })
}

fn of_bedrock<'a>(key: &str, format: &str) -> Option<Claim<'a>> {
    let mime = of_extension(format);
    match key {
        "audio" => audio(format).map(Claim::Mime),
        "document" => Some(Claim::Mime(mime)),
        "image" | "video" if mime.starts_with(key) => Some(Claim::Mime(mime)),
        "image" | "video" => Some(Claim::Likely(BYTES)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
