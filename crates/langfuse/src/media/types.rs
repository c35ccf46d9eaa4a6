//! The types of media: those that the Langfuse server takes, their other names, and how they are read from the name or the
//! first bytes of a file. Called by `shapes` and `find`. Tables; knows neither JSON documents nor uploads.

use super::json::Unescaped;

/// The types that the server takes (`docs/langfuse.md` 3.2), spelled as it spells them. Everything else is uploaded as
/// [`BYTES`].
pub(super) const TYPES: &[&str] = &[
    "image/png",
    "image/jpeg",
    "image/jpg",
    "image/webp",
    "image/gif",
    "image/svg+xml",
    "image/tiff",
    "image/bmp",
    "image/avif",
    "image/heic",
    "audio/mpeg",
    "audio/mp3",
    "audio/wav",
    "audio/ogg",
    "audio/oga",
    "audio/aac",
    "audio/mp4",
    "audio/flac",
    "audio/opus",
    "audio/webm",
    "video/mp4",
    "video/webm",
    "video/ogg",
    "video/mpeg",
    "video/quicktime",
    "video/x-msvideo",
    "video/x-matroska",
    "text/plain",
    "text/html",
    "text/css",
    "text/csv",
    "text/markdown",
    "text/x-python",
    "application/javascript",
    "text/x-typescript",
    "application/x-yaml",
    "application/pdf",
    "application/msword",
    "application/vnd.ms-excel",
    XLSX,
    "application/zip",
    "application/json",
    "application/xml",
    BYTES,
    DOCX,
    PPTX,
    "application/rtf",
    "application/x-ndjson",
    "application/vnd.apache.parquet",
    "application/gzip",
    "application/x-tar",
    "application/x-7z-compressed",
];
pub(super) const BYTES: &str = "application/octet-stream";
const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

/// Other names of the same types, registered or in common use.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("image/x-bmp", "image/bmp"),
    ("image/x-ms-bmp", "image/bmp"),
    ("audio/x-wav", "audio/wav"),
    ("audio/wave", "audio/wav"),
    ("audio/vnd.wave", "audio/wav"),
    ("audio/x-m4a", "audio/mp4"),
    ("audio/m4a", "audio/mp4"),
    ("audio/x-aac", "audio/aac"),
    ("audio/x-flac", "audio/flac"),
    ("video/avi", "video/x-msvideo"),
    ("video/msvideo", "video/x-msvideo"),
    ("video/matroska", "video/x-matroska"),
    ("text/x-markdown", "text/markdown"),
    ("text/javascript", "application/javascript"),
    ("application/x-javascript", "application/javascript"),
    ("text/typescript", "text/x-typescript"),
    ("application/typescript", "text/x-typescript"),
    ("application/x-typescript", "text/x-typescript"),
    ("application/yaml", "application/x-yaml"),
    ("text/yaml", "application/x-yaml"),
    ("text/x-yaml", "application/x-yaml"),
    ("text/xml", "application/xml"),
    ("text/rtf", "application/rtf"),
    ("application/ndjson", "application/x-ndjson"),
    ("application/jsonl", "application/x-ndjson"),
    ("application/x-jsonlines", "application/x-ndjson"),
    ("application/x-parquet", "application/vnd.apache.parquet"),
    ("application/x-gzip", "application/gzip"),
    ("application/x-zip-compressed", "application/zip"),
];

/// What the ends of file names mean; also the names that Bedrock has for the formats of images, videos and documents.
const EXTENSIONS: &[(&str, &str)] = &[
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("svg", "image/svg+xml"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("bmp", "image/bmp"),
    ("avif", "image/avif"),
    ("heic", "image/heic"),
    ("mp3", "audio/mp3"),
    ("wav", "audio/wav"),
    ("ogg", "audio/ogg"),
    ("oga", "audio/oga"),
    // A file of this name is Ogg (RFC 7845, section 9).
    ("opus", "audio/ogg"),
    ("aac", "audio/aac"),
    ("m4a", "audio/mp4"),
    ("flac", "audio/flac"),
    ("mp4", "video/mp4"),
    ("webm", "video/webm"),
    ("ogv", "video/ogg"),
    ("mpg", "video/mpeg"),
    ("mpeg", "video/mpeg"),
    ("mov", "video/quicktime"),
    ("avi", "video/x-msvideo"),
    ("mkv", "video/x-matroska"),
    ("txt", "text/plain"),
    ("html", "text/html"),
    ("htm", "text/html"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("md", "text/markdown"),
    ("py", "text/x-python"),
    ("js", "application/javascript"),
    ("ts", "text/x-typescript"),
    ("yaml", "application/x-yaml"),
    ("yml", "application/x-yaml"),
    ("pdf", "application/pdf"),
    ("doc", "application/msword"),
    ("docx", DOCX),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", XLSX),
    ("pptx", PPTX),
    ("rtf", "application/rtf"),
    ("json", "application/json"),
    ("jsonl", "application/x-ndjson"),
    ("ndjson", "application/x-ndjson"),
    ("xml", "application/xml"),
    ("parquet", "application/vnd.apache.parquet"),
    ("zip", "application/zip"),
    ("gz", "application/gzip"),
    ("tar", "application/x-tar"),
    ("7z", "application/x-7z-compressed"),
];

/// Audio formats by the names of OpenAI and Bedrock. Raw samples have no type that the server takes.
const AUDIO: &[(&str, &str)] = &[
    ("wav", "audio/wav"),
    ("mp3", "audio/mp3"),
    ("mpeg", "audio/mpeg"),
    ("mpga", "audio/mpeg"),
    ("flac", "audio/flac"),
    ("aac", "audio/aac"),
    ("x-aac", "audio/aac"),
    ("m4a", "audio/mp4"),
    ("mp4", "audio/mp4"),
    ("ogg", "audio/ogg"),
    ("oga", "audio/oga"),
    ("opus", "audio/ogg"),
    ("webm", "audio/webm"),
    ("pcm", BYTES),
    ("pcm16", BYTES),
    ("g711_ulaw", BYTES),
    ("g711_alaw", BYTES),
];

/// Bytes that a file has at these positions.
type Signature = &'static [(usize, &'static [u8])];

/// Types by the first bytes of a file; the first that fits counts.
const SIGNATURES: &[(Signature, &str)] = &[
    (&[(0, b"\x89PNG")], "image/png"),
    (&[(0, b"\xff\xd8\xff")], "image/jpeg"),
    (&[(0, b"GIF8")], "image/gif"),
    // A bitmap has at least 55 bytes: two heads, and a byte of its picture.
    (&[(0, b"BM"), (55, b"")], "image/bmp"),
    (&[(0, b"II*\0")], "image/tiff"),
    (&[(0, b"MM\0*")], "image/tiff"),
    (&[(0, b"RIFF"), (8, b"WEBP")], "image/webp"),
    (&[(0, b"RIFF"), (8, b"WAVE")], "audio/wav"),
    (&[(0, b"RIFF"), (8, b"AVI ")], "video/x-msvideo"),
    (&[(0, b"ID3")], "audio/mpeg"),
    (&[(0, b"\xff\xfa")], "audio/mpeg"),
    (&[(0, b"\xff\xfb")], "audio/mpeg"),
    (&[(0, b"\xff\xf2")], "audio/mpeg"),
    (&[(0, b"\xff\xf3")], "audio/mpeg"),
    (&[(0, b"\xff\xf1")], "audio/aac"),
    (&[(0, b"\xff\xf9")], "audio/aac"),
    (&[(4, b"ftypM4A")], "audio/mp4"),
    (&[(4, b"ftypavif")], "image/avif"),
    (&[(4, b"ftypheic")], "image/heic"),
    (&[(4, b"ftypheix")], "image/heic"),
    (&[(4, b"ftypqt  ")], "video/quicktime"),
    (&[(4, b"ftypisom")], "video/mp4"),
    (&[(4, b"ftypiso2")], "video/mp4"),
    (&[(4, b"ftypmp41")], "video/mp4"),
    (&[(4, b"ftypmp42")], "video/mp4"),
    (&[(4, b"ftypavc1")], "video/mp4"),
    (&[(4, b"ftypM4V ")], "video/mp4"),
    (&[(0, b"\x1a\x45\xdf\xa3")], "video/webm"),
    (&[(0, b"fLaC")], "audio/flac"),
    (&[(0, b"OggS")], "audio/ogg"),
    (&[(0, b"%PDF-")], "application/pdf"),
    (&[(0, b"PK\x03\x04")], "application/zip"),
    (&[(0, b"\x1f\x8b\x08")], "application/gzip"),
    (&[(0, b"7z\xbc\xaf\x27\x1c")], "application/x-7z-compressed"),
];

/// Types of files that are one of these containers by their first bytes.
const CONTAINERS: &[(&str, &[&str])] = &[
    ("application/zip", &[DOCX, XLSX, PPTX]),
    ("audio/ogg", &["audio/oga", "video/ogg"]),
    ("video/mp4", &["audio/mp4", "video/quicktime"]),
    ("video/webm", &["audio/webm", "video/x-matroska"]),
];

fn in_table(table: &[(&str, &'static str)], key: &str) -> Option<&'static str> {
    let found = table.iter().find(|(name, _)| *name == key);
    found.map(|(_, mime)| *mime)
}

/// A type without its parameters, in lower case. In JSON it may have escapes.
fn essence(mime: &str) -> String {
    let mime = Unescaped::of(mime).text;
    let essence = mime.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// A type by the name that the server has for it; [`BYTES`] if it does not take the type.
pub(super) fn known(mime: &str) -> &'static str {
    let essence = essence(mime);
    let known = TYPES.iter().copied().find(|known| *known == essence);
    known
        .or_else(|| in_table(OTHER_NAMES, &essence))
        .unwrap_or(BYTES)
}

/// Whether data of this type is text to begin with.
pub(super) fn is_text(mime: &str) -> bool {
    let essence = essence(mime);
    let is_script = |kind: &&str| essence.ends_with(kind);
    essence.starts_with("text/")
        || essence.starts_with("application/")
            && ["json", "xml", "yaml", "script"].iter().any(is_script)
}

/// Whether bytes are text, without control characters other than those of lines and tabs.
pub(super) fn reads_as_text(bytes: &[u8]) -> bool {
    let is_text = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(is_text))
}

/// An audio format by its name; `None` if it is no audio format.
pub(super) fn audio(format: &str) -> Option<&'static str> {
    in_table(AUDIO, format)
}

pub(super) fn of_extension(extension: &str) -> &'static str {
    in_table(EXTENSIONS, &extension.to_ascii_lowercase()).unwrap_or(BYTES)
}

/// A type by the name of a file.
pub(super) fn of_file(name: &str) -> &'static str {
    name.rsplit_once('.')
        .map_or(BYTES, |(_, extension)| of_extension(extension))
}

/// A type by the first bytes of a file.
pub(super) fn of_bytes(bytes: &[u8]) -> Option<&'static str> {
    let has = |(at, part): &(usize, &[u8])| bytes.get(*at..).is_some_and(|b| b.starts_with(part));
    let found = SIGNATURES
        .iter()
        .find(|(signature, _)| signature.iter().all(has));
    found.map(|(_, mime)| *mime)
}

/// The type that the first bytes show, or `otherwise` if they show none, or only the container of such a file.
pub(super) fn of_bytes_or(bytes: &[u8], otherwise: &'static str) -> &'static str {
    let Some(shown) = of_bytes(bytes) else {
        return otherwise;
    };
    let contains =
        |(container, types): &(&str, &[&str])| *container == shown && types.contains(&otherwise);
    if CONTAINERS.iter().any(contains) {
        otherwise
    } else {
        shown
    }
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
            (b"RIFF\0\0\0\0AVI LIST", Some("video/x-msvideo")),
            (b"RIFF\0\0\0\0CDDA", None),
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
            (b"\0\0\0\x20ftypavif", Some("image/avif")),
            (b"\0\0\0\x20ftypheic", Some("image/heic")),
            (b"\0\0\0\x20ftypqt  ", Some("video/quicktime")),
            (b"\0\0\0\x20ftypcrx ", None),
            (b"\x1a\x45\xdf\xa3\x01", Some("video/webm")),
            (b"fLaC", Some("audio/flac")),
            (b"OggS", Some("audio/ogg")),
            (b"%PDF-1.7", Some("application/pdf")),
            (b"PK\x03\x04", Some("application/zip")),
            (b"\x1f\x8b\x08\0", Some("application/gzip")),
            (b"7z\xbc\xaf\x27\x1c", Some("application/x-7z-compressed")),
            (b"hello", None),
            (b"", None),
        ] {
            assert_eq!(of_bytes(bytes), mime, "{bytes:?}");
        }
    }

    #[test]
    fn a_file_in_a_container_keeps_the_type_of_its_name() {
        for (bytes, name, mime) in [
            (&b"PK\x03\x04"[..], "a.docx", DOCX),
            (b"PK\x03\x04", "a.zip", "application/zip"),
            (b"PK\x03\x04", "a.pdf", "application/zip"),
            (b"OggS", "a.ogv", "video/ogg"),
            (b"OggS", "a.opus", "audio/ogg"),
            (b"OggS", "a.docx", "audio/ogg"),
            (b"\x1a\x45\xdf\xa3", "a.mkv", "video/x-matroska"),
            (b"\0\0\0\x20ftypisom", "a.m4a", "audio/mp4"),
            (b"\x89PNG", "a.jpg", "image/png"),
            (b"hello", "a.docx", DOCX),
            (b"hello", "a.odd", BYTES),
        ] {
            assert_eq!(of_bytes_or(bytes, of_file(name)), mime, "{name}");
        }
    }

    #[test]
    fn a_type_has_the_name_that_the_server_takes() {
        for mime in TYPES {
            assert_eq!(known(mime), *mime);
            assert_eq!(known(&format!(" {} ; q=1", mime.to_uppercase())), *mime);
            assert_eq!(known(&mime.replace('/', "\\/")), *mime);
            assert_eq!(known(&mime.replace('/', "\\u002f")), *mime);
        }
        for (other, mime) in OTHER_NAMES {
            assert!(!TYPES.contains(other), "{other}");
            assert_eq!(known(other), *mime);
        }
        for (mime, name) in [
            ("audio/x-wav", "audio/wav"),
            ("audio/m4a", "audio/mp4"),
            ("text/javascript; charset=utf-8", "application/javascript"),
            ("Text/X-YAML", "application/x-yaml"),
            ("image/x-odd", BYTES),
            ("image/heif", BYTES),
            ("audio/pcm;rate=16000", BYTES),
            ("image/pngx", BYTES),
            ("image", BYTES),
            ("", BYTES),
        ] {
            assert_eq!(known(mime), name, "{mime}");
        }
    }

    #[test]
    fn each_type_in_a_table_is_one_of_the_servers() {
        let tables = [OTHER_NAMES, EXTENSIONS, AUDIO].into_iter().flatten();
        let of_bytes = SIGNATURES.iter().map(|(_, mime)| mime);
        for mime in tables.map(|(_, mime)| mime).chain(of_bytes) {
            assert!(TYPES.contains(mime), "{mime}");
        }
        for (container, types) in CONTAINERS {
            assert!(TYPES.contains(container), "{container}");
            assert!(types.iter().all(|mime| TYPES.contains(mime)), "{types:?}");
        }
    }

    #[test]
    fn the_name_of_a_file_says_its_type() {
        for (file, mime) in [
            ("a.pdf", "application/pdf"),
            ("a.PDF", "application/pdf"),
            ("a.b.csv", "text/csv"),
            ("a.md", "text/markdown"),
            ("a.mp3", "audio/mp3"),
            ("a.docx", DOCX),
            ("a.odd", BYTES),
            ("a.", BYTES),
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
            ("application/x-ndjson", true),
            ("application/xml", true),
            ("application/yaml", true),
            ("application/javascript", true),
            ("application/typescript", true),
            ("application/pdf", false),
            ("application/x-texture", false),
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
}
