//! Finds media in text and JSON, and replaces it; every other byte stays as it is.
//! Called by `media` for each value; knows no upload.

use std::ops::Range;

use super::data_uri;
use super::json::{self, Unescaped};
use super::{base64, shapes, types};

/// How deep JSON may be nested as a text within JSON.
const DEPTH: usize = 8;

/// Media, and the bytes of the text that it takes.
struct Found {
    range: Range<usize>,
    mime: &'static str,
    bytes: Vec<u8>,
}

/// Whether the text may have media: there is a data URI, or base64 under a key that may have it. Cheap, since
/// it is called for every value of every span.
pub(super) fn may_have(text: &str) -> bool {
    let text = text.as_bytes();
    memchr::memchr2_iter(b';', b'"', text).any(|at| {
        let (before, rest) = text.split_at(at);
        match rest.first() {
            Some(b';') => data_uri::begins_with_mark(text, at),
            _ => begins_with_base64(rest) && ends_in_key(before),
        }
    })
}

/// Whether a key of base64 ends here; in JSON inside of a text its quote is escaped.
fn ends_in_key(before: &[u8]) -> bool {
    let escapes = before.iter().rev().take_while(|byte| **byte == b'\\');
    let key = before
        .get(..before.len() - escapes.count())
        .unwrap_or_default();
    let last = key.last();
    shapes::KEYS.iter().any(|known| {
        let known = known.as_bytes();
        known.last() == last && key.ends_with(known)
    })
}

/// Whether a text of base64 comes after the key whose closing quote is the first byte.
fn begins_with_base64(value: &[u8]) -> bool {
    let mut rest = value.get(1..).unwrap_or_default();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => {
                let digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=-_\\".contains(byte);
                let digits = rest.get(..base64::SHORTEST);
                return digits.is_some_and(|digits| digits.iter().all(digit));
            }
            // A line end in JSON inside of a text is `\n`.
            b'\\' if matches!(after.first(), Some(b'n' | b'r' | b't')) => {
                rest = after.get(1..).unwrap_or_default();
            }
            b':' | b'[' | b'\\' | b' ' | b'\n' | b'\r' | b'\t' => {}
            _ => return false,
        }
    }
    false
}

/// The text with what `put` answers, for type and bytes, in the place of its media; `None` if it has none.
///
/// The answer must need no escape in JSON.
pub(super) fn replace(
    text: &str,
    put: &mut dyn FnMut(&'static str, Vec<u8>) -> String,
) -> Option<String> {
    let found = find(text, DEPTH);
    if found.is_empty() {
        return None;
    }
    let mut new = String::new();
    let mut done = 0;
    for media in found {
        new.push_str(text.get(done..media.range.start).unwrap_or_default());
        new.push_str(&put(media.mime, media.bytes));
        done = media.range.end;
    }
    new.push_str(text.get(done..).unwrap_or_default());
    Some(new)
}

/// The media of a text, in its order.
fn find(text: &str, depth: usize) -> Vec<Found> {
    if !may_have(text) {
        return Vec::new();
    }
    let document = text
        .trim_start()
        .starts_with(['{', '[', '"'])
        .then(|| json::read(text, base64::SHORTEST))
        .flatten();
    let Some(document) = document else {
        return in_plain_text(text);
    };
    let mut found = Vec::new();
    for part in &document.texts {
        let unescaped = Unescaped::of(part.raw);
        if let Some(media) = shapes::media(&document, part, &unescaped.text) {
            found.push(Found {
                range: part.range.clone(),
                mime: media.mime,
                bytes: media.bytes,
            });
        } else if depth > 0 {
            // A text with a data URI in it, or one that is JSON itself, such as the arguments of a tool call.
            let inner = find(&unescaped.text, depth - 1);
            found.extend(inner.into_iter().map(|media| {
                let range = unescaped.raw_range(&media.range);
                Found {
                    range: part.range.start + range.start..part.range.start + range.end,
                    ..media
                }
            }));
        }
    }
    found
}

fn in_plain_text(text: &str) -> Vec<Found> {
    let uris = data_uri::find(text).into_iter();
    uris.map(|uri| Found {
        range: uri.range,
        mime: types::known(uri.mime),
        bytes: uri.bytes,
    })
    .collect()
}

#[cfg(test)]
mod keys;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
