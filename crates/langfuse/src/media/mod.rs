//! Replaces images, sound and files in input, output and metadata by references, and uploads them apart from the
//! span (`docs/langfuse.md` 3.2). Called by `exporter`, on delivery's thread.

mod base64;
mod data_uri;
mod find;
mod json;
mod shapes;
mod transfer;
mod types;
mod upload;

use std::borrow::Cow;

use ::base64::Engine as _;
use ::base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use ring::digest::{SHA256, digest};
use tracefuse_exporter::record::{Place, SpanAttribute, SpanRecord, Value, ValueRef};

pub(crate) use upload::{Target, Uploads};

/// What is done with media: base64 data URIs, and the base64 parts of the providers' messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaMode {
    /// Each is replaced by a reference and uploaded to Langfuse, which shows it.
    #[default]
    Upload,
    /// Each is replaced by a note of its type and size. Nothing is uploaded.
    Strip,
    /// They stay in the text. Spans over the batch's limit are cut, media included.
    Keep,
}

/// The largest media that is uploaded, 50 MiB; Langfuse itself takes 1 GB.
const MAX_BYTES: usize = 50 * 1024 * 1024;
/// How many digits of its hash a media has as its id.
const ID: usize = 22;

/// One thing to upload.
#[derive(Clone, Debug)]
pub(crate) struct Media {
    pub(crate) id: String,
    pub(crate) mime: &'static str,
    pub(crate) bytes: Bytes,
    /// Base64 of the SHA-256.
    pub(crate) hash: String,
    pub(crate) trace: String,
    pub(crate) observation: String,
    pub(crate) field: &'static str,
}

/// Whether a span may have media in it. A cheap check of every span; it may say yes for a span without media.
pub(crate) fn may_have(span: &SpanRecord) -> bool {
    let is_worth = |value: ValueRef<'_>| match value {
        ValueRef::Str(text) | ValueRef::Json(text) => find::may_have(text),
        _ => false,
    };
    span.attributes().any(|attribute| match attribute {
        SpanAttribute::Metadata(_, value)
        | SpanAttribute::Input(value)
        | SpanAttribute::Output(value) => is_worth(value),
        SpanAttribute::Event(event) => {
            let places = [event.input(), event.output()].into_iter().flatten();
            places
                .chain(event.metadata().map(|(_, value)| value))
                .any(is_worth)
        }
        _ => false,
    })
}

/// How many media, and how many bytes of them, may still be uploaded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) media: usize,
    pub(crate) bytes: usize,
}

impl Room {
    /// Takes the room that one media needs; `false` if there is none.
    fn take(&mut self, bytes: usize) -> bool {
        let fits = self.media > 0 && bytes <= self.bytes.min(MAX_BYTES);
        if fits {
            self.media -= 1;
            self.bytes -= bytes;
        }
        fits
    }
}

/// Takes media out of the spans of a request.
pub(crate) struct TakeOut {
    mode: MediaMode,
    room: Room,
    /// What is to be uploaded.
    pub(crate) found: Vec<Media>,
}

impl TakeOut {
    pub(crate) fn new(mode: MediaMode, room: Room) -> Self {
        Self {
            mode,
            room,
            found: Vec::new(),
        }
    }

    /// The span without its media, if it had some.
    ///
    /// What there is no room for gets a note of type and size, as in [`MediaMode::Strip`]: a reference is only
    /// written for what will be uploaded.
    pub(crate) fn of<'a>(&mut self, span: &'a SpanRecord) -> Cow<'a, SpanRecord> {
        if self.mode == MediaMode::Keep || !may_have(span) {
            return Cow::Borrowed(span);
        }
        let mut without = span.clone();
        let (trace, observation) = (span.trace_id().to_string(), span.span_id().to_string());
        let first = self.found.len();
        let mut in_events = Vec::new();
        without.rewrite(|place, value| {
            let (field, in_event) = field(place)?;
            let (text, is_json) = match value {
                ValueRef::Str(text) => (text, false),
                ValueRef::Json(text) => (text, true),
                _ => return None,
            };
            let new = find::replace(text, &mut |mime, bytes| {
                let sha = digest(&SHA256, &bytes);
                let mut id = URL_SAFE_NO_PAD.encode(sha.as_ref());
                id.truncate(ID);
                let reference =
                    format!("@@@langfuseMedia:type={mime}|id={id}|source=base64_data_uri@@@");
                let found = if in_event {
                    &in_events
                } else {
                    self.found.get(first..).unwrap_or_default()
                };
                let known = |media: &Media| media.id == id && media.field == field;
                if found.iter().any(known) {
                    return reference;
                }
                if self.mode == MediaMode::Strip || !self.room.take(bytes.len()) {
                    return format!("<media left out: {mime}, {} bytes>", bytes.len());
                }
                let media = Media {
                    id,
                    mime,
                    hash: STANDARD.encode(sha.as_ref()),
                    bytes: bytes.into(),
                    trace: trace.clone(),
                    observation: observation.clone(),
                    field,
                };
                if in_event {
                    in_events.push(media);
                } else {
                    self.found.push(media);
                }
                reference
            })?;
            Some(if is_json {
                Value::Json(new)
            } else {
                Value::Str(new)
            })
        });
        self.announce_for_events(&without, &in_events);
        Cow::Owned(without)
    }

    /// Announces media of events for the events: at Langfuse each event is a separate observation.
    fn announce_for_events(&mut self, span: &SpanRecord, in_events: &[Media]) {
        for event in span.events().filter(|_| !in_events.is_empty()) {
            let places = [("input", event.input()), ("output", event.output())];
            let places = places
                .into_iter()
                .filter_map(|(field, value)| Some((field, value?)));
            let metadata = event.metadata().map(|(_, value)| ("metadata", value));
            let observation = event.id().to_string();
            let mut known = Vec::new();
            for (field, value) in places.chain(metadata) {
                let (ValueRef::Str(text) | ValueRef::Json(text)) = value else {
                    continue;
                };
                for media in in_events.iter().filter(|media| media.field == field) {
                    let here = text.contains(&format!("|id={}|", media.id));
                    if here && !known.contains(&(field, &media.id)) {
                        known.push((field, &media.id));
                        let observation = observation.clone();
                        self.found.push(Media {
                            observation,
                            ..media.clone()
                        });
                    }
                }
            }
        }
    }
}

/// The field that a place belongs to, as the server names it, and whether it is an event's.
fn field(place: Place<'_>) -> Option<(&'static str, bool)> {
    Some(match place {
        Place::Input => ("input", false),
        Place::Output => ("output", false),
        Place::Metadata(_) => ("metadata", false),
        Place::EventInput => ("input", true),
        Place::EventOutput => ("output", true),
        Place::EventMetadata(_) => ("metadata", true),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use tracefuse_core::Span;
    use tracefuse_core::testing::Recorder;

    use super::*;

    const URI: &str = "data:image/png;base64,aGVsbG8=";
    const PLENTY: Room = Room {
        media: 9,
        bytes: 999,
    };

    fn record(fill: impl FnOnce(&Span)) -> SpanRecord {
        let recorder = Recorder::new();
        let root = recorder.tracer().trace("t").start();
        let span = root.span("s").start();
        fill(&span);
        span.end();
        recorder.only()
    }

    #[test]
    fn media_may_be_in_each_place_that_is_searched() {
        type Fill = fn(&Span);
        let cases: [(Fill, bool); 9] = [
            (|_| {}, false),
            (|span| span.set_input(URI), true),
            (|span| span.set_output(URI), true),
            (|span| span.add_metadata("k", URI), true),
            (|span| span.event("e").input(URI).record(), true),
            (|span| span.event("e").output(URI).record(), true),
            (|span| span.event("e").metadata("k", URI).record(), true),
            (|span| span.event(URI).input("a;base64").record(), false),
            (|span| span.set_status_message(URI), false),
        ];
        for (number, (fill, may)) in cases.into_iter().enumerate() {
            let record = record(fill);
            assert_eq!(may_have(&record), may, "case {number}");
            for (mode, found) in [
                (MediaMode::Upload, usize::from(may)),
                (MediaMode::Strip, 0),
                (MediaMode::Keep, 0),
            ] {
                let mut take_out = TakeOut::new(mode, PLENTY);
                // A span that stays as it is, is not copied.
                let is_new = matches!(take_out.of(&record), Cow::Owned(_));
                assert_eq!(is_new, may && mode != MediaMode::Keep, "case {number}");
                assert_eq!(take_out.found.len(), found, "case {number} {mode:?}");
            }
        }
    }

    #[test]
    fn each_mode_leaves_its_own_text() {
        let id = "LPJNul-wow4m6Dsqxbninh";
        let reference =
            format!("@@@langfuseMedia:type=image/png|id={id}|source=base64_data_uri@@@");
        for (mode, room, text) in [
            (MediaMode::Upload, PLENTY, reference.as_str()),
            (
                MediaMode::Upload,
                Room { bytes: 4, ..PLENTY },
                "<media left out: image/png, 5 bytes>",
            ),
            (
                MediaMode::Strip,
                PLENTY,
                "<media left out: image/png, 5 bytes>",
            ),
            (MediaMode::Keep, PLENTY, URI),
        ] {
            let record = record(|span| span.set_input(format!("see {URI}")));
            let shown = TakeOut::new(mode, room).of(&record).into_owned();
            let expected = format!("see {text}");
            assert_eq!(shown.input(), Some(ValueRef::Str(&expected)), "{mode:?}");
        }
    }

    #[test]
    fn the_room_for_media_is_bounded_by_number_and_bytes() {
        let mut room = Room {
            media: 3,
            bytes: 100,
        };
        for (bytes, fits) in [(60, true), (41, false), (40, true), (1, false), (0, true)] {
            assert_eq!(room.take(bytes), fits, "{bytes}");
        }
        assert!(!room.take(0), "there is room for three");
        let mut room = Room {
            media: 3,
            bytes: usize::MAX,
        };
        assert!(!room.take(52_428_801));
        assert!(room.take(52_428_800));
    }

    #[test]
    fn media_of_events_are_announced_for_the_events_that_have_them() {
        let other = "data:image/png;base64,d29ybGQ=";
        let record = record(|span| {
            span.event("a").input(URI).output(other).record();
            span.event("b").input(other).record();
            span.event("c")
                .input([URI, URI])
                .metadata("k", URI)
                .record();
            span.event("d").input("text").record();
        });
        let mut take_out = TakeOut::new(MediaMode::Upload, PLENTY);
        drop(take_out.of(&record));
        let events: Vec<_> = record
            .events()
            .map(|event| (event.id().to_string(), event.name().to_owned()))
            .collect();
        let announced: Vec<_> = take_out
            .found
            .iter()
            .map(|media| {
                let event = events.iter().find(|(id, _)| *id == media.observation);
                (event.unwrap().1.as_str(), media.field, &*media.bytes)
            })
            .collect();
        let (hello, world) = (&b"hello"[..], &b"world"[..]);
        assert_eq!(
            announced,
            [
                ("a", "input", hello),
                ("a", "output", world),
                ("b", "input", world),
                ("c", "input", hello),
                ("c", "metadata", hello),
            ]
        );
    }
}
