//! Attributes of a resource, a span, an event or a link as messages of OTLP.
//! Called by `spans` and by the mappings of exporters; writes through `wire`.

use std::borrow::Cow;

use super::wire::{Buffer, varint_len};
use super::{SHORT, TINY};

/// A value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Any<'a> {
    /// Text. A NUL in it is sent as U+FFFD: databases behind the receivers refuse NUL.
    Str(&'a str),
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number with a fraction.
    Double(f64),
}

/// Writes the attributes of a resource, a span or an event.
#[derive(Debug)]
pub struct Attributes<'a> {
    pub(super) out: &'a mut Buffer,
    pub(super) field: u32,
    pub(super) nul: Nul,
}

/// Whether a text may have a NUL and is to be searched for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nul {
    Search,
    None,
}

impl<'a> Attributes<'a> {
    pub(super) fn of_resource(out: &'a mut Buffer) -> Self {
        Self {
            out,
            field: 1,
            nul: Nul::Search,
        }
    }

    pub(super) fn of_span(out: &'a mut Buffer) -> Self {
        Self {
            out,
            field: 9,
            nul: Nul::Search,
        }
    }

    /// Writes an attribute.
    pub fn set(&mut self, key: &str, value: Any<'_>) {
        self.set_below("", key, value);
    }

    /// Writes an attribute whose key is `prefix` followed by `key`. Keys must be unique and not empty;
    /// a NUL in one is sent as U+FFFD.
    pub fn set_below(&mut self, prefix: &str, key: &str, value: Any<'_>) {
        let key = self.nul.replaced(key);
        let key_len = prefix.len() + key.len();
        let text = match value {
            Any::Str(text) => self.nul.replaced(text),
            _ => Cow::Borrowed(""),
        };
        let any_len = match value {
            Any::Str(_) => 1 + varint_len(text.len() as u64) + text.len(),
            Any::Bool(_) => 2,
            Any::Int(v) => 1 + varint_len(v as u64),
            Any::Double(_) => 9,
        };
        let length =
            1 + varint_len(key_len as u64) + key_len + 1 + varint_len(any_len as u64) + any_len;
        self.out.length(self.field, length);
        self.out.length(1, key_len);
        self.out.raw(prefix.as_bytes());
        self.out.raw(key.as_bytes());
        self.out.length(2, any_len);
        match value {
            Any::Str(_) => self.out.bytes(1, text.as_bytes()),
            Any::Bool(v) => self.out.uint(2, v.into()),
            Any::Int(v) => self.out.uint(3, v as u64),
            Any::Double(v) => self.out.fixed64(4, v.to_bits()),
        }
    }

    /// Writes an attribute that is an array of texts.
    pub fn set_texts<'t>(&mut self, key: &str, texts: impl IntoIterator<Item = &'t str>) {
        let attribute = self.out.open(self.field, SHORT);
        self.out.bytes(1, self.nul.replaced(key).as_bytes());
        let any = self.out.open(2, TINY);
        let array = self.out.open(5, TINY);
        for text in texts {
            let text = self.nul.replaced(text);
            let length = 1 + varint_len(text.len() as u64) + text.len();
            self.out.length(1, length);
            self.out.bytes(1, text.as_bytes());
        }
        self.out.close(array);
        self.out.close(any);
        self.out.close(attribute);
    }
}

/// A field of text; left out if it is empty, as proto3 has it.
pub(super) fn text(out: &mut Buffer, field: u32, text: &str, nul: Nul) {
    if !text.is_empty() {
        out.bytes(field, nul.replaced(text).as_bytes());
    }
}

impl Nul {
    #[inline]
    fn replaced(self, text: &str) -> Cow<'_, str> {
        if self == Self::Search && text.contains('\0') {
            Cow::Owned(text.replace('\0', "\u{fffd}"))
        } else {
            Cow::Borrowed(text)
        }
    }
}
