//! The compact format of a record: how attributes are written to and read from a list of words and a text.
//! Used by `buffer` (an open span), `chunk` (finished spans) and `codec` (bytes on disk). Must not know span handles.
//!
//! An attribute is one header word (role, kind, length of the key, length of the value), its numbers as further
//! words, and its key and value one after another in the text. Numbers and text are separate, so that the text is a
//! `String`: reading it back needs neither unsafe code nor a check of its encoding.

use std::sync::Arc;

use super::id::{SpanId, TraceId};
use super::observation::Level;
pub(crate) use super::role::Role;
use super::time::Timestamp;
use super::value::ValueRef;

/// A text of this length or more is in an `Arc`, so that it is moved and not copied.
pub(crate) const LARGE: usize = 8 * 1024;
/// The longest key, in bytes; a longer one is truncated.
pub(crate) const MAX_KEY: usize = u16::MAX as usize;

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Str,
    Json,
    /// The length is an index into the record's large texts.
    LargeStr,
    LargeJson,
    False,
    True,
    I64,
    U64,
    F64,
    /// Two words, id and time; the length is the level.
    Moment,
    /// Three words, the trace's id and the span's; the length is the flags.
    Link,
}

impl Kind {
    const ALL: [Self; 11] = [
        Self::Str,
        Self::Json,
        Self::LargeStr,
        Self::LargeJson,
        Self::False,
        Self::True,
        Self::I64,
        Self::U64,
        Self::F64,
        Self::Moment,
        Self::Link,
    ];

    /// Words after the header.
    pub(crate) const fn words(self) -> usize {
        match self {
            Self::I64 | Self::U64 | Self::F64 => 1,
            Self::Moment => 2,
            Self::Link => 3,
            _ => 0,
        }
    }
}

pub(super) const LEVELS: [Level; 4] = [Level::Debug, Level::Default, Level::Warning, Level::Error];

/// What an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Content<'a> {
    Value(ValueRef<'a>),
    Moment(Moment),
    Link(LinkWords<'a>),
}

/// A link as it is written: the trace's id in two words, the span's in one. By reference, so that attributes that are
/// read do not get larger.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LinkWords<'a> {
    words: &'a [u64; 3],
    pub(crate) flags: u32,
}

impl LinkWords<'_> {
    /// `None` if one of the ids is zero.
    pub(crate) fn ids(&self) -> Option<(TraceId, SpanId)> {
        let [high, low, span] = *self.words;
        let trace = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
        Some((
            TraceId::from_bytes(trace)?,
            SpanId::from_bytes(span.to_be_bytes())?,
        ))
    }
}

/// An event or an error, less its name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moment {
    pub(crate) id: SpanId,
    pub(crate) time: Timestamp,
    pub(crate) level: Level,
    /// Of an error: it was recorded before, on this span or on one below it.
    pub(crate) propagated: bool,
}

/// An attribute as it is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Attribute<'a> {
    pub(crate) role: Role,
    pub(crate) key: &'a str,
    pub(crate) content: Content<'a>,
}

impl<'a> Attribute<'a> {
    pub(crate) fn value(&self) -> Option<ValueRef<'a>> {
        match self.content {
            Content::Value(value) => Some(value),
            Content::Moment(_) | Content::Link(_) => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&'a str> {
        match self.value()? {
            ValueRef::Str(text) | ValueRef::Json(text) => Some(text),
            _ => None,
        }
    }
}

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
        let mut end = MAX_KEY;
        while !key.is_char_boundary(end) {
            end -= 1;
        }
        key.get(..end).unwrap_or_default()
    }

    /// Appends an attribute.
    pub(crate) fn push(&mut self, role: Role, key: &str, value: ValueRef<'_>) {
        match Scalar::of(value) {
            Scalar::Text(kind, text) => self.push_text(role, kind, key, text),
            Scalar::Number(kind, number) => self.push_number(role, kind, key, number),
        }
    }

    #[inline(always)]
    pub(crate) fn push_text(&mut self, role: Role, kind: Kind, key: &str, text: &str) {
        let key = Self::key(key);
        if text.len() >= LARGE {
            return self.push_large(role, key, text.to_owned(), kind == Kind::Json);
        }
        // The word first: what is written to the text might be the capacity of `words`, as far as the compiler knows.
        self.words
            .push(header(role, kind, key.len(), text.len() as u32));
        self.text.push_str(key);
        self.text.push_str(text);
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

/// Reads attributes one after another. Ends early at words that are not an attribute.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) words: &'a [u64],
    pub(crate) text: &'a str,
    pub(crate) large: &'a [Arc<String>],
}

/// An attribute and, where it has one, its large text.
#[derive(Debug)]
pub(crate) struct Raw<'a> {
    pub(crate) attribute: Attribute<'a>,
    pub(crate) large: Option<&'a Arc<String>>,
}

impl<'a> Reader<'a> {
    pub(crate) const EMPTY: Self = Self {
        words: &[],
        text: "",
        large: &[],
    };

    pub(crate) fn is_at_end(&self) -> bool {
        self.words.is_empty() && self.text.is_empty()
    }

    pub(crate) fn next_raw(&mut self) -> Option<Raw<'a>> {
        let (&header, rest) = self.words.split_first()?;
        let role = *Role::ALL.get(usize::from(header as u8))?;
        let kind = *Kind::ALL.get(usize::from((header >> 8) as u8))?;
        let (key_len, len) = (usize::from((header >> 16) as u16), (header >> 32) as u32);
        let (numbers, words) = rest.split_at_checked(kind.words())?;
        let (key, text) = self.text.split_at_checked(key_len)?;
        let number = numbers.first().copied().unwrap_or_default();
        let (value, text, large) = match kind {
            Kind::Str | Kind::Json => {
                let (value, text) = text.split_at_checked(len as usize)?;
                let value = if kind == Kind::Str {
                    ValueRef::Str(value)
                } else {
                    ValueRef::Json(value)
                };
                (value, text, None)
            }
            Kind::LargeStr | Kind::LargeJson => {
                let large = self.large.get(len as usize)?;
                let value = if kind == Kind::LargeStr {
                    ValueRef::Str(large)
                } else {
                    ValueRef::Json(large)
                };
                (value, text, Some(large))
            }
            Kind::False => (ValueRef::Bool(false), text, None),
            Kind::True => (ValueRef::Bool(true), text, None),
            Kind::I64 => (ValueRef::I64(number as i64), text, None),
            Kind::U64 => (ValueRef::U64(number), text, None),
            Kind::F64 => (ValueRef::F64(f64::from_bits(number)), text, None),
            Kind::Link => {
                let link = LinkWords {
                    words: numbers.first_chunk()?,
                    flags: len,
                };
                (self.words, self.text) = (words, text);
                let content = Content::Link(link);
                let attribute = Attribute { role, key, content };
                return Some(Raw {
                    attribute,
                    large: None,
                });
            }
            Kind::Moment => {
                let moment = Moment {
                    id: SpanId::from_bytes(number.to_be_bytes())?,
                    time: Timestamp::from_unix_nanos(*numbers.get(1)?),
                    level: *LEVELS.get(usize::from(len as u8))?,
                    propagated: len >> 8 != 0,
                };
                (self.words, self.text) = (words, text);
                let content = Content::Moment(moment);
                let attribute = Attribute { role, key, content };
                return Some(Raw {
                    attribute,
                    large: None,
                });
            }
        };
        (self.words, self.text) = (words, text);
        let content = Content::Value(value);
        Some(Raw {
            attribute: Attribute { role, key, content },
            large,
        })
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Attribute<'a>;

    #[inline]
    fn next(&mut self) -> Option<Attribute<'a>> {
        self.next_raw().map(|raw| raw.attribute)
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
            "\\PC{8200,8300}".prop_map(Value::Str),
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
