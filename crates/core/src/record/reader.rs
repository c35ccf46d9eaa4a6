//! Reads the compact format of a record, see `format`. Arbitrary words and texts end it early and never panic.
//! Used by everything that reads a record. Must not know how attributes are written.

use std::sync::Arc;

use super::id::{SpanId, TraceId};
use super::kind::{Kind, LEVELS};
use super::observation::Level;
use super::role::Role;
use super::time::Timestamp;
use super::value::ValueRef;

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
    pub(super) words: &'a [u64; 3],
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
