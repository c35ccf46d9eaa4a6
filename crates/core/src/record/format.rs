//! The compact format of a record: how attributes are written to a list of words and a text. `reader` reads them.
//! Used by `buffer` (an open span), `chunk` (finished spans) and `codec` (bytes on disk). Must not know span handles.
//!
//! An attribute is one header word (role, kind, length of the key, length of the value), its numbers as further
//! words, and its key and value one after another in the text. Numbers and text are separate, so that the text is a
//! `String`: reading it back needs neither unsafe code nor a check of its encoding.

use std::sync::Arc;

use super::id::{SpanId, TraceId};
pub(crate) use super::kind::Kind;
use super::kind::LEVELS;
use super::prefix::prefix;
use super::reader::{Attribute, Content, Moment, Raw, Reader};
pub(crate) use super::role::Role;
use super::value::ValueRef;

/// A text of this length or more is in an `Arc`, so that it is moved and not copied. A power of two, less than [`MAX_KEY`].
pub(crate) const LARGE: usize = 8 * 1024;
/// The longest key, in bytes; a longer one is truncated.
pub(crate) const MAX_KEY: usize = u16::MAX as usize;

/// A value as it is written.
pub(crate) enum Scalar<'a> {
    Text(Kind, &'a str),
    /// The number is in a further word, unless the kind is the whole value.
    Number(Kind, u64),
}

impl<'a> Scalar<'a> {
    #[inline(always)]
    pub(crate) fn of(value: ValueRef<'a>) -> Self {
        match value {
            ValueRef::Str(text) => Self::Text(Kind::Str, text),
            ValueRef::Json(text) => Self::Text(Kind::Json, text),
            ValueRef::Bool(false) => Self::Number(Kind::False, 0),
            ValueRef::Bool(true) => Self::Number(Kind::True, 0),
            ValueRef::I64(value) => Self::Number(Kind::I64, value as u64),
            ValueRef::U64(value) => Self::Number(Kind::U64, value),
            ValueRef::F64(value) => Self::Number(Kind::F64, value.to_bits()),
        }
    }
}

#[inline]
fn header(role: Role, kind: Kind, key: usize, len: u32) -> u64 {
    role as u64 | (kind as u64) << 8 | (key as u64) << 16 | u64::from(len) << 32
}

/// Attributes that are being written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) words: Vec<u64>,
    pub(crate) text: String,
    pub(crate) large: Vec<Arc<String>>,
}

impl Attributes {
    #[inline]
    fn key(key: &str) -> &str {
        if key.len() <= MAX_KEY {
            return key;
        }
        prefix(key, MAX_KEY)
    }

    /// Appends an attribute.
    pub(crate) fn push(&mut self, role: Role, key: &str, value: ValueRef<'_>) {
        match Scalar::of(value) {
            Scalar::Text(kind, text) => self.push_text(role, kind, key, text),
            Scalar::Number(kind, number) => self.push_number(role, kind, key, number),
        }
    }

    /// Appends the header of a text, if there is room for it. The key and the text, of these lengths, must be appended next.
    /// `false` if one of them is long.
    #[inline(always)]
    pub(crate) fn begin_text(&mut self, role: Role, key: usize, text: usize) -> bool {
        let begins = key | text < LARGE && self.words.len() < self.words.capacity();
        if begins {
            self.words.push(header(role, Kind::Str, key, text as u32));
        }
        begins
    }

    /// Appends the header and the word of a number, if there is room for them. The key, of this length, must be appended next.
    /// `false` if it is too long.
    #[inline(always)]
    pub(crate) fn begin_number(&mut self, role: Role, kind: Kind, key: usize, number: u64) -> bool {
        let begins = key <= MAX_KEY && self.words.capacity() - self.words.len() >= 2;
        if begins {
            self.words
                .extend_from_slice(&[header(role, kind, key, 0), number]);
        }
        begins
    }

    #[inline(always)]
    pub(crate) fn push_text(&mut self, role: Role, kind: Kind, key: &str, text: &str) {
        // One comparison for both.
        if key.len() | text.len() >= LARGE {
            return self.push_long_text(role, kind, key, text);
        }
        self.push_short_text(role, kind, key, text);
    }

    #[inline(always)]
    fn push_short_text(&mut self, role: Role, kind: Kind, key: &str, text: &str) {
        // The word first: what is written to the text might be the capacity of `words`, as far as the compiler knows.
        self.words
            .push(header(role, kind, key.len(), text.len() as u32));
        self.text.push_str(key);
        self.text.push_str(text);
    }

    #[cold]
    #[inline(never)]
    fn push_long_text(&mut self, role: Role, kind: Kind, key: &str, text: &str) {
        if text.len() >= LARGE {
            return self.push_large(role, key, text.to_owned(), kind == Kind::Json);
        }
        self.push_short_text(role, kind, Self::key(key), text);
    }

    #[inline(always)]
    pub(crate) fn push_number(&mut self, role: Role, kind: Kind, key: &str, number: u64) {
        let key = Self::key(key);
        let header = header(role, kind, key.len(), 0);
        if kind.words() > 0 {
            self.words.extend_from_slice(&[header, number]);
        } else {
            self.words.push(header);
        }
        self.text.push_str(key);
    }

    /// Appends a text that is moved, not copied.
    #[cold]
    #[inline(never)]
    pub(crate) fn push_large(&mut self, role: Role, key: &str, text: String, json: bool) {
        self.push_shared(role, key, Arc::new(text), json);
    }

    fn push_shared(&mut self, role: Role, key: &str, text: Arc<String>, json: bool) {
        let key = Self::key(key);
        let kind = if json {
            Kind::LargeJson
        } else {
            Kind::LargeStr
        };
        let index = self.large.len() as u32;
        self.text.push_str(key);
        self.words.push(header(role, kind, key.len(), index));
        self.large.push(text);
    }

    /// Appends an event or an error.
    pub(crate) fn push_moment(&mut self, role: Role, key: &str, moment: Moment) {
        let key = Self::key(key);
        let level = LEVELS.iter().position(|known| *known == moment.level);
        let flags = level.unwrap_or(1) as u32 | u32::from(moment.propagated) << 8;
        self.text.push_str(key);
        self.words.extend([
            header(role, Kind::Moment, key.len(), flags),
            u64::from_be_bytes(moment.id.to_bytes()),
            moment.time.as_unix_nanos(),
        ]);
    }

    /// Appends a link.
    pub(crate) fn push_link(&mut self, trace: TraceId, span: SpanId, flags: u32) {
        let trace = u128::from_be_bytes(trace.to_bytes());
        self.push_link_words(
            [
                (trace >> 64) as u64,
                trace as u64,
                u64::from_be_bytes(span.to_bytes()),
            ],
            flags,
        );
    }

    fn push_link_words(&mut self, words: [u64; 3], flags: u32) {
        self.words.push(header(Role::Link, Kind::Link, 0, flags));
        self.words.extend(words);
    }

    /// Appends an attribute that was read from another list; a large text is shared.
    pub(crate) fn push_read(&mut self, raw: &Raw<'_>) {
        match &raw.large {
            Some(text) => {
                let json = matches!(raw.attribute.value(), Some(ValueRef::Json(_)));
                let Attribute { role, key, .. } = raw.attribute;
                self.push_shared(role, key, Arc::clone(text), json);
            }
            None => match raw.attribute.content {
                Content::Value(value) => {
                    self.push(raw.attribute.role, raw.attribute.key, value);
                }
                Content::Moment(moment) => {
                    let Attribute { role, key, .. } = raw.attribute;
                    self.push_moment(role, key, moment);
                }
                Content::Link(link) => self.push_link_words(*link.words, link.flags),
            },
        }
    }

    /// Reads the attributes behind a name of `name` bytes.
    pub(crate) fn read(&self, name: usize) -> Reader<'_> {
        Reader {
            words: &self.words,
            text: self.text.get(name..).unwrap_or_default(),
            large: &self.large,
        }
    }

    /// Bytes in memory.
    #[inline]
    pub(crate) fn size(&self) -> usize {
        let own = self.words.len() * 8 + self.text.len();
        if self.large.is_empty() {
            return own;
        }
        own + self.large_size()
    }

    #[cold]
    #[inline(never)]
    fn large_size(&self) -> usize {
        self.large.iter().map(|text| text.len()).sum()
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        self.words.clear();
        self.text.clear();
        if !self.large.is_empty() {
            self.release_large();
        }
    }
}

impl Attributes {
    /// Frees large texts at once, and their list if it has grown.
    #[cold]
    #[inline(never)]
    fn release_large(&mut self) {
        self.large.clear();
        self.large.shrink_to(64);
    }
}

/// Sets the indexes of the attributes with large texts among `words` to `from`, `from + 1` and so on.
#[cold]
pub(crate) fn number_large(words: &mut [u64], from: usize) {
    let (mut at, mut next) = (0, from as u64);
    while let Some(header) = words.get_mut(at) {
        let kind = Kind::ALL.get(usize::from((*header >> 8) as u8)).copied();
        if matches!(kind, Some(Kind::LargeStr | Kind::LargeJson)) {
            *header = *header & 0xFFFF_FFFF | next << 32;
            next += 1;
        }
        at += 1 + kind.map_or(0, Kind::words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn a_value() -> impl Strategy<Value = super::super::Value> {
        use super::super::Value;
        prop_oneof![
            "\\PC{0,40}".prop_map(Value::Str),
            // Some of them long enough to be shared.
            ("\\PC", LARGE - 9..LARGE + 9)
                .prop_map(|(text, bytes)| Value::Str(text.repeat(bytes / text.len()))),
            Just(Value::Json("{\"a\":[1,2]}".into())),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::I64),
            any::<u64>().prop_map(Value::U64),
            (-1e300..1e300f64).prop_map(Value::F64),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(values in prop::collection::vec((0usize..15, "\\PC{0,12}", a_value()), 0..20)) {
            let mut written = Attributes::default();
            for (role, key, value) in &values {
                written.push(Role::ALL[*role], key, value.as_ref());
            }
            let read: Vec<_> = written.read(0).collect();
            prop_assert_eq!(read.len(), values.len());
            for (read, (role, key, value)) in read.iter().zip(&values) {
                prop_assert_eq!(read.role, Role::ALL[*role]);
                prop_assert_eq!(read.key, key);
                prop_assert_eq!(read.value(), Some(value.as_ref()));
            }
        }

        #[test]
        fn arbitrary_words_never_panic(words in prop::collection::vec(any::<u64>(), 0..30), text in "\\PC{0,60}") {
            let reader = Reader { words: &words, text: &text, large: &[] };
            prop_assert!(reader.count() <= words.len());
        }
    }

    #[test]
    fn a_long_key_is_truncated_at_a_character() {
        let mut written = Attributes::default();
        let key = format!("a{}", "é".repeat(40_000));
        written.push(Role::Metadata, &key, ValueRef::Bool(true));
        let read: Vec<_> = written.read(0).collect();
        assert_eq!(read[0].key.len(), 65_535);
        assert!(key.starts_with(read[0].key));
    }
}
