//! Images, sound and files inside of input, output and metadata: taken out, named by a reference, uploaded beside
//! the span (`docs/langfuse.md` 3.2). Called by `exporter`, on delivery's thread.

mod find;
mod upload;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use ring::digest::{SHA256, digest};
use tracefuse_exporter::record::{Place, SpanRecord, Value, ValueRef};

pub(crate) use upload::{Target, Uploads};

/// What becomes of media: base64 data URIs, and the base64 parts of OpenAI, Anthropic and Gemini messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaMode {
    /// A reference takes their place, and they are uploaded to Langfuse, which shows them.
    #[default]
    Upload,
    /// A note of type and size takes their place, and they go nowhere.
    Strip,
    /// They stay in the text. Spans over the batch's limit are cut, media and all.
    Keep,
}

/// The largest that is uploaded; Langfuse itself takes 1 GB.
const MAX_BYTES: usize = 50 * 1024 * 1024;
/// Digits of the hash that are a media's id.
const ID: usize = 22;

/// One thing to upload.
#[derive(Clone, Debug)]
pub(crate) struct Media {
    pub(crate) id: String,
    pub(crate) mime: String,
    pub(crate) bytes: Bytes,
    /// Base64 of the SHA-256.
    pub(crate) hash: String,
    pub(crate) trace: String,
    pub(crate) observation: String,
    pub(crate) field: &'static str,
}

/// Whether a span may have media in it. Errs towards yes: cheap, for every span.
pub(crate) fn may_have(span: &SpanRecord) -> bool {
    let values = [span.input(), span.output()].into_iter().flatten();
    let events = span.events().flat_map(|event| {
        let metadata = event.metadata().map(|(_, value)| value).collect::<Vec<_>>();
        [event.input(), event.output()]
            .into_iter()
            .flatten()
            .chain(metadata)
    });
    values
        .chain(span.metadata().map(|(_, value)| value))
        .chain(events)
        .any(|value| match value {
            ValueRef::Str(text) | ValueRef::Json(text) => find::may_have(text),
            _ => false,
        })
}

/// The span without its media, if it had some; what is to be uploaded is added to `found`.
pub(crate) fn take_out<'a>(
    span: &'a SpanRecord,
    mode: MediaMode,
    found: &mut Vec<Media>,
) -> Cow<'a, SpanRecord> {
    if mode == MediaMode::Keep || !may_have(span) {
        return Cow::Borrowed(span);
    }
    let mut without = span.clone();
    let (trace, observation) = (span.trace_id().to_string(), span.span_id().to_string());
    without.rewrite(|place, value| {
        let field = field(place)?;
        let (text, is_json) = match value {
            ValueRef::Str(text) => (text, false),
            ValueRef::Json(text) => (text, true),
            _ => return None,
        };
        let new = find::replace(text, &mut |mime, bytes| {
            if mode == MediaMode::Strip || bytes.len() > MAX_BYTES {
                return format!("<media left out: {mime}, {} bytes>", bytes.len());
            }
            let sha = digest(&SHA256, &bytes);
            let mut id = URL_SAFE_NO_PAD.encode(sha.as_ref());
            id.truncate(ID);
            let reference =
                format!("@@@langfuseMedia:type={mime}|id={id}|source=base64_data_uri@@@");
            let known = found.iter().any(|known| {
                known.id == id && known.observation == observation && known.field == field
            });
            if !known {
                found.push(Media {
                    id,
                    mime: mime.to_owned(),
                    hash: STANDARD.encode(sha.as_ref()),
                    bytes: bytes.into(),
                    trace: trace.clone(),
                    observation: observation.clone(),
                    field,
                });
            }
            reference
        })?;
        Some(if is_json {
            Value::Json(new)
        } else {
            Value::Str(new)
        })
    });
    Cow::Owned(without)
}

/// The field a place belongs to, as the server names it.
fn field(place: Place<'_>) -> Option<&'static str> {
    match place {
        Place::Input | Place::EventInput => Some("input"),
        Place::Output | Place::EventOutput => Some("output"),
        Place::Metadata(_) | Place::EventMetadata(_) => Some("metadata"),
        _ => None,
    }
}
