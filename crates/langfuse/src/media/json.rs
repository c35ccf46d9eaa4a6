//! The texts of a JSON document, each with its place in the document and the object around it.
//! Called by `find`. Knows JSON and the names of a few sibling fields; does not know what media is.

use std::borrow::Cow;
use std::ops::Range;

use serde::de::IgnoredAny;

/// An object, with its fields that say what the data in it is. All are raw JSON text.
#[derive(Debug, Default)]
pub(super) struct Object<'a> {
    /// The key under which the object is; of an object in an array, the array's key.
    pub(super) key: &'a str,
    /// The next object outwards, by index.
    pub(super) parent: Option<usize>,
    /// `type`
    pub(super) kind: &'a str,
    /// `mimeType`, `mime_type`, `media_type` or `mediaType`
    pub(super) mime: &'a str,
    /// `format` or `output_format`
    pub(super) format: &'a str,
    /// `filename`
    pub(super) filename: &'a str,
}

/// A text that is a value, not a key.
#[derive(Debug)]
pub(super) struct Text<'a> {
    /// The bytes between its quotes.
    pub(super) range: Range<usize>,
    /// The text as the document writes it, with its escapes.
    pub(super) raw: &'a str,
    /// The key whose value it is; of a text in an array, the array's key.
    pub(super) key: &'a str,
    pub(super) in_array: bool,
    /// The object that it, or the array around it, is a field of, by index.
    pub(super) object: Option<usize>,
}

#[derive(Debug, Default)]
pub(super) struct Document<'a> {
    objects: Vec<Object<'a>>,
    /// In the order of the document. Texts shorter than what was asked for are not here.
    pub(super) texts: Vec<Text<'a>>,
}

impl<'a> Document<'a> {
    pub(super) fn object(&self, index: Option<usize>) -> Option<&Object<'a>> {
        self.objects.get(index?)
    }
}

/// An object or an array that is not closed yet.
struct Level<'a> {
    is_object: bool,
    /// The innermost object: itself, if it is one.
    object: Option<usize>,
    /// Of an object: the last key. Of an array: the key under which the array is.
    key: &'a str,
    /// Whether the next text is a key.
    before_key: bool,
}

/// The texts of `json` with at least `shortest` bytes; `None` if it is no JSON.
pub(super) fn read(json: &str, shortest: usize) -> Option<Document<'_>> {
    // Checked first, so that the loop below need not expect anything but JSON. Neither uses recursion.
    serde_json::from_str::<IgnoredAny>(json).ok()?;
    let bytes = json.as_bytes();
    let mut document = Document::default();
    let mut levels: Vec<Level<'_>> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let (object, key) = levels
            .last()
            .map_or((None, ""), |level| (level.object, level.key));
        match byte {
            b'{' => {
                document.objects.push(Object {
                    key,
                    parent: object,
                    ..Object::default()
                });
                levels.push(Level {
                    is_object: true,
                    object: Some(document.objects.len() - 1),
                    key: "",
                    before_key: true,
                });
            }
            b'[' => levels.push(Level {
                is_object: false,
                object,
                key,
                before_key: false,
            }),
            b'}' | b']' => {
                levels.pop();
            }
            b',' => {
                if let Some(level) = levels.last_mut() {
                    level.before_key = level.is_object;
                }
            }
            b'"' => {
                let range = at + 1..end_of_text(bytes, at + 1);
                at = range.end;
                let raw = json.get(range.clone()).unwrap_or_default();
                match levels.last_mut() {
                    Some(level) if level.before_key => {
                        level.before_key = false;
                        level.key = raw;
                    }
                    level => {
                        let in_array = level.is_some_and(|level| !level.is_object);
                        document.text(range, raw, key, in_array, object, shortest);
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    Some(document)
}

impl<'a> Document<'a> {
    fn text(
        &mut self,
        range: Range<usize>,
        raw: &'a str,
        key: &'a str,
        in_array: bool,
        object: Option<usize>,
        shortest: usize,
    ) {
        let around = object.and_then(|object| self.objects.get_mut(object));
        if let Some(around) = around.filter(|_| !in_array) {
            match key {
                "type" => around.kind = raw,
                "mimeType" | "mime_type" | "media_type" | "mediaType" => around.mime = raw,
                "format" | "output_format" => around.format = raw,
                "filename" => around.filename = raw,
                _ => {}
            }
        }
        if raw.len() >= shortest {
            self.texts.push(Text {
                range,
                raw,
                key,
                in_array,
                object,
            });
        }
    }
}

/// Where the quote is that ends the text beginning at `from`.
fn end_of_text(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    loop {
        match bytes.get(at) {
            Some(b'\\') => at += 2,
            Some(b'"') | None => return at.min(bytes.len()),
            Some(_) => at += 1,
        }
    }
}

/// A text without its escapes, and for each byte the position at which it was written.
#[derive(Debug)]
pub(super) struct Unescaped<'a> {
    pub(super) text: Cow<'a, str>,
    /// After each escape: the position in the text, and the position in its raw form.
    escapes: Vec<(usize, usize)>,
}

impl<'a> Unescaped<'a> {
    pub(super) fn of(raw: &'a str) -> Self {
        let mut escapes = Vec::new();
        let Some(first) = raw.find('\\') else {
            return Self {
                text: Cow::Borrowed(raw),
                escapes,
            };
        };
        let mut text = String::with_capacity(raw.len());
        let (mut done, mut next) = (0, Some(first));
        while let Some(at) = next {
            text.push_str(raw.get(done..at).unwrap_or_default());
            let (character, length) = unescape(raw.get(at..).unwrap_or_default());
            text.push(character);
            done = at + length;
            escapes.push((text.len(), done));
            let rest = raw.get(done..).unwrap_or_default();
            next = rest.find('\\').map(|found| done + found);
        }
        text.push_str(raw.get(done..).unwrap_or_default());
        Self {
            text: Cow::Owned(text),
            escapes,
        }
    }

    /// The bytes of the raw form that these bytes of the text are written as.
    pub(super) fn raw_range(&self, range: &Range<usize>) -> Range<usize> {
        self.raw_at(range.start)..self.raw_at(range.end)
    }

    fn raw_at(&self, at: usize) -> usize {
        let before = self.escapes.partition_point(|(text, _)| *text <= at);
        let last = before
            .checked_sub(1)
            .and_then(|last| self.escapes.get(last));
        last.map_or(at, |(text, raw)| raw + (at - text))
    }
}

/// The character that an escape at the beginning of `raw` means, and the bytes it takes. A lone surrogate, which
/// is no character, becomes U+FFFD.
fn unescape(raw: &str) -> (char, usize) {
    let simple = match raw.as_bytes().get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => {
            let unit = |at: usize| {
                raw.get(at..at + 2).filter(|head| *head == "\\u")?;
                u32::from_str_radix(raw.get(at + 2..at + 6)?, 16).ok()
            };
            let Some(high) = unit(0) else {
                return ('\u{fffd}', raw.len().min(6));
            };
            if let Some(character) = char::from_u32(high) {
                return (character, 6);
            }
            let low = unit(6).filter(|low| (0xdc00..0xe000).contains(low));
            return match low.filter(|_| (0xd800..0xdc00).contains(&high)) {
                Some(low) => {
                    let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                    (char::from_u32(code).unwrap_or('\u{fffd}'), 12)
                }
                None => ('\u{fffd}', 6),
            };
        }
        // `"`, `\` and `/` mean themselves.
        Some(&other) => char::from(other),
        None => return ('\u{fffd}', 1),
    };
    (simple, 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    #[test]
    fn texts_know_their_keys_and_the_objects_around_them() {
        let json = r#"{"a":[{"type":"x","b":["one",["two"]],"c":"three"}],"d":"four"}"#;
        let document = read(json, 3).unwrap();
        let shown: Vec<_> = document
            .texts
            .iter()
            .map(|text| {
                let object = document.object(text.object).unwrap();
                (text.raw, text.key, text.in_array, object.key, object.kind)
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("one", "b", true, "a", "x"),
                ("two", "b", true, "a", "x"),
                ("three", "c", false, "a", "x"),
                ("four", "d", false, "", ""),
            ]
        );
        for text in &document.texts {
            assert_eq!(json.get(text.range.clone()), Some(text.raw));
        }
        for broken in ["{", "[1,]", "x", "", "{\"a\":\"b}"] {
            assert!(read(broken, 0).is_none(), "{broken}");
        }
    }

    #[test]
    fn nesting_without_end_uses_no_stack() {
        let deep = format!("{}\"x\"{}", "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(read(&deep, 0).unwrap().texts.len(), 1);
    }

    proptest! {
        #[test]
        fn every_part_of_a_text_is_found_where_it_is_written(
            parts in prop::collection::vec("\\PC{0,4}|[\\x00-\\x1f\"\\\\/é😀]", 0..20),
            cut in any::<(prop::sample::Index, prop::sample::Index)>(),
        ) {
            let text = parts.concat();
            // Every second character is written as an escape of two units at most.
            let mut raw = String::new();
            for (at, c) in text.chars().enumerate() {
                if at % 2 == 0 || c < ' ' || c == '"' || c == '\\' {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        raw.push_str(&format!("\\u{unit:04x}"));
                    }
                } else {
                    raw.push(c);
                }
            }
            let unescaped = Unescaped::of(&raw);
            prop_assert_eq!(&*unescaped.text, &text);
            let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let (a, b) = (*cut.0.get(&ends), *cut.1.get(&ends));
            let range = a.min(b)..a.max(b);
            let raw_range = unescaped.raw_range(&range);
            let part: Value = serde_json::from_str(&format!("\"{}\"", &raw[raw_range])).unwrap();
            prop_assert_eq!(part.as_str(), Some(&text[range]));
        }
    }
}
