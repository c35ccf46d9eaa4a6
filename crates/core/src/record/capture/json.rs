//! A JSON writer with limits: 64 levels, 64 MiB between two parts; numbers that JSON lacks become text.
//! Driven by `capture` through serde. Must not know records or spans.

use std::fmt;

use serde::ser::{self, Serialize, Serializer};

use super::capture::{CaptureError, key_text};
use super::guard::text_of;
use super::value::float;

/// Arrays and objects that are nested deeper are written as [`TOO_DEEP`]. A tree of 20,000 levels
/// overflows a stack of 2 MiB when it is only dropped, and an overflow aborts the process.
pub(super) const MAX_DEPTH: u32 = 64;

/// What is nested too deep.
pub(super) const TOO_DEEP: &str = "<max depth>";

/// No further part is written after this many bytes: a `Serialize` may have no end. One text is never
/// cut. Less in unit tests, since builds without optimization write slowly.
pub(super) const MAX_BYTES: usize = if cfg!(test) {
    1024 * 1024
} else {
    64 * 1024 * 1024
};

/// No further part is taken after this many that were left out as too deep.
const MAX_SKIPPED_PARTS: u32 = 1024 * 1024;

/// What follows the last part of a value that is too large.
const TRUNCATED: &str = "\"<truncated>\"";

pub(crate) struct JsonWriter {
    text: String,
    /// Open levels.
    depth: u32,
    /// A bit for each open level: it is an object.
    objects: u64,
    /// A bit for each open level: it is inside of the object of a variant.
    variants: u64,
    /// Newtypes and `Some`s around the value that is written next.
    wraps: u32,
    /// Levels opened beyond `MAX_DEPTH`. Their parts are not written.
    skipped: u32,
    skipped_parts: u32,
    cut: bool,
}

impl JsonWriter {
    pub(crate) fn new(text: String) -> Self {
        Self {
            text,
            depth: 0,
            objects: 0,
            variants: 0,
            wraps: 0,
            skipped: 0,
            skipped_parts: 0,
            cut: false,
        }
    }

    pub(crate) fn take_text(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Whether it was too large. Its text is complete JSON then.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }

    pub(crate) fn open(&mut self, bracket: char) {
        if self.descend(bracket, false) {
            self.text.push(bracket);
        }
    }

    /// `{"Variant":` and the variant's own bracket. Both count as one level.
    pub(crate) fn open_variant(&mut self, variant: &str, bracket: char) {
        if self.descend(bracket, true) {
            self.text.push('{');
            self.string(variant);
            self.text.push(':');
            self.text.push(bracket);
        }
    }

    /// Opens a level. `false` if there is no room for it.
    fn descend(&mut self, bracket: char, variant: bool) -> bool {
        if self.skipped == 0 && self.depth < MAX_DEPTH {
            let bit = 1 << self.depth;
            let set = |bits: u64, on: bool| if on { bits | bit } else { bits & !bit };
            self.objects = set(self.objects, bracket == '{');
            self.variants = set(self.variants, variant);
            self.depth += 1;
            return true;
        }
        if self.skipped == 0 {
            self.too_deep();
        }
        self.skipped += 1;
        false
    }

    /// Whether the innermost open level has its bit in `bits`.
    fn innermost(&self, bits: u64) -> bool {
        self.depth > 0 && bits & (1 << (self.depth - 1)) != 0
    }

    fn too_deep(&mut self) {
        self.text.push('"');
        self.text.push_str(TOO_DEEP);
        self.text.push('"');
    }

    fn close(&mut self) {
        if self.skipped > 0 {
            self.skipped -= 1;
        } else if self.depth > 0 {
            self.text.push(if self.innermost(self.objects) {
                '}'
            } else {
                ']'
            });
            if self.innermost(self.variants) {
                self.text.push('}');
            }
            self.depth -= 1;
        }
    }

    /// Before a part: whether it is to be written. An error if the value is too large.
    fn begin_part(&mut self) -> Result<bool, CaptureError> {
        if self.cut {
            return Err(CaptureError::Cut);
        }
        if self.skipped > 0 {
            self.skipped_parts += 1;
            if self.skipped_parts < MAX_SKIPPED_PARTS {
                return Ok(false);
            }
        } else if self.text.len() < MAX_BYTES {
            self.separate();
            return Ok(true);
        } else {
            self.separate();
            self.text.push_str(TRUNCATED);
            if self.innermost(self.objects) {
                self.text.push_str(":true");
            }
        }
        self.skipped = 0;
        while self.depth > 0 {
            self.close();
        }
        self.cut = true;
        Err(CaptureError::Cut)
    }

    /// The value inside a newtype or a `Some`. A chain of them without an end would overflow the stack.
    fn inner<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CaptureError> {
        if self.depth + self.wraps >= 2 * MAX_DEPTH {
            self.too_deep();
            return Ok(());
        }
        self.wraps += 1;
        let written = value.serialize(&mut *self);
        self.wraps -= 1;
        written
    }

    /// A comma, unless this is the first part after an opening bracket.
    fn separate(&mut self) {
        if !self.text.ends_with(['[', '{', ':']) {
            self.text.push(',');
        }
    }

    fn raw(&mut self, text: &str) -> Result<(), CaptureError> {
        self.text.push_str(text);
        Ok(())
    }

    fn float(&mut self, value: f64) -> Result<(), CaptureError> {
        let mut buffer = ryu::Buffer::new();
        let text = float(value, &mut buffer);
        if value.is_finite() {
            return self.raw(text);
        }
        self.text.push('"');
        self.text.push_str(text);
        self.raw("\"")
    }

    /// RFC 8259 section 7: quote, backslash and the control characters are escaped, nothing else.
    fn string(&mut self, value: &str) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.text.reserve(value.len() + 2);
        self.text.push('"');
        let mut rest = value;
        while let Some(at) = rest
            .bytes()
            .position(|b| b < 0x20 || b == b'"' || b == b'\\')
        {
            let (plain, tail) = rest.split_at(at);
            self.text.push_str(plain);
            let mut chars = tail.chars();
            match chars.next() {
                Some('"') => self.text.push_str("\\\""),
                Some('\\') => self.text.push_str("\\\\"),
                Some('\n') => self.text.push_str("\\n"),
                Some('\r') => self.text.push_str("\\r"),
                Some('\t') => self.text.push_str("\\t"),
                Some('\u{8}') => self.text.push_str("\\b"),
                Some('\u{c}') => self.text.push_str("\\f"),
                Some(control) => {
                    let code = control as usize;
                    self.text.push_str("\\u00");
                    for digit in [code >> 4, code & 15] {
                        self.text
                            .push(char::from(HEX.get(digit).copied().unwrap_or(b'0')));
                    }
                }
                None => {}
            }
            rest = chars.as_str();
        }
        self.text.push_str(rest);
        self.text.push('"');
    }
}

macro_rules! integers {
    ($($method:ident($type:ty)),* $(,)?) => {
        $(fn $method(self, v: $type) -> Result<(), CaptureError> {
            self.raw(itoa::Buffer::new().format(v))
        })*
    };
}

impl<'a> Serializer for &'a mut JsonWriter {
    type Ok = ();
    type Error = CaptureError;
    type SerializeSeq = Compound<'a>;
    type SerializeTuple = Compound<'a>;
    type SerializeTupleStruct = Compound<'a>;
    type SerializeTupleVariant = VariantCompound<'a>;
    type SerializeMap = Compound<'a>;
    type SerializeStruct = Compound<'a>;
    type SerializeStructVariant = VariantCompound<'a>;

    integers! {
        serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64), serialize_i128(i128),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64), serialize_u128(u128),
    }

    fn serialize_bool(self, v: bool) -> Result<(), CaptureError> {
        self.raw(if v { "true" } else { "false" })
    }

    fn serialize_f32(self, v: f32) -> Result<(), CaptureError> {
        if v.is_finite() {
            return self.raw(ryu::Buffer::new().format_finite(v));
        }
        self.float(f64::from(v))
    }

    fn serialize_f64(self, v: f64) -> Result<(), CaptureError> {
        self.float(v)
    }

    fn serialize_char(self, v: char) -> Result<(), CaptureError> {
        self.serialize_str(v.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, v: &str) -> Result<(), CaptureError> {
        self.string(v);
        Ok(())
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<(), CaptureError> {
        self.serialize_str(&String::from_utf8_lossy(v))
    }

    fn serialize_none(self) -> Result<(), CaptureError> {
        self.raw("null")
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CaptureError> {
        self.inner(value)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), CaptureError> {
        self.serialize_str(&text_of(value))
    }

    fn serialize_unit(self) -> Result<(), CaptureError> {
        self.raw("null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), CaptureError> {
        self.raw("null")
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), CaptureError> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), CaptureError> {
        self.inner(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), CaptureError> {
        let mut compound = Compound::open(self, '{');
        ser::SerializeStruct::serialize_field(&mut compound, variant, value)?;
        ser::SerializeStruct::end(compound)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'a>, CaptureError> {
        Ok(Compound::open(self, '['))
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'a>, CaptureError> {
        Ok(Compound::open(self, '['))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Compound<'a>, CaptureError> {
        Ok(Compound::open(self, '['))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<VariantCompound<'a>, CaptureError> {
        self.open_variant(variant, '[');
        Ok(VariantCompound::new(self))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'a>, CaptureError> {
        Ok(Compound::open(self, '{'))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Compound<'a>, CaptureError> {
        Ok(Compound::open(self, '{'))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<VariantCompound<'a>, CaptureError> {
        self.open_variant(variant, '{');
        Ok(VariantCompound::new(self))
    }
}

/// The parts of one array or object that is already open.
pub(crate) struct Compound<'a> {
    writer: &'a mut JsonWriter,
}

impl<'a> Compound<'a> {
    pub(crate) fn new(writer: &'a mut JsonWriter) -> Self {
        Self { writer }
    }

    fn open(writer: &'a mut JsonWriter, bracket: char) -> Self {
        writer.open(bracket);
        Self { writer }
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CaptureError> {
        if !self.writer.begin_part()? {
            return Ok(());
        }
        value.serialize(&mut *self.writer)
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), CaptureError> {
        if !self.writer.begin_part()? {
            return Ok(());
        }
        self.writer.string(key);
        self.writer.text.push(':');
        value.serialize(&mut *self.writer)
    }
}

/// The parts of a tuple variant or a struct variant.
pub(crate) struct VariantCompound<'a>(Compound<'a>);

impl<'a> VariantCompound<'a> {
    pub(crate) fn new(writer: &'a mut JsonWriter) -> Self {
        Self(Compound::new(writer))
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident for $type:ty $(=> .$inner:tt)?);* $(;)?) => {
        $(impl ser::$trait for $type {
            type Ok = ();
            type Error = CaptureError;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CaptureError> {
                self$(.$inner)?.element(value)
            }
            fn end(self) -> Result<(), CaptureError> {
                self$(.$inner)?.writer.close();
                Ok(())
            }
        })*
    };
}

elements! {
    SerializeSeq::serialize_element for Compound<'_>;
    SerializeTuple::serialize_element for Compound<'_>;
    SerializeTupleStruct::serialize_field for Compound<'_>;
    SerializeTupleVariant::serialize_field for VariantCompound<'_> => .0;
}

impl ser::SerializeStruct for Compound<'_> {
    type Ok = ();
    type Error = CaptureError;
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), CaptureError> {
        self.field(key, value)
    }
    fn end(self) -> Result<(), CaptureError> {
        self.writer.close();
        Ok(())
    }
}

impl ser::SerializeStructVariant for VariantCompound<'_> {
    type Ok = ();
    type Error = CaptureError;
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), CaptureError> {
        self.0.field(key, value)
    }
    fn end(self) -> Result<(), CaptureError> {
        self.0.writer.close();
        Ok(())
    }
}

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = CaptureError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CaptureError> {
        // The key first: where it is none, nothing is written.
        let text = key_text(key)?;
        if self.writer.begin_part()? {
            self.writer.string(&text);
            self.writer.text.push(':');
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CaptureError> {
        if self.writer.cut {
            return Err(CaptureError::Cut);
        }
        if self.writer.skipped > 0 {
            return Ok(());
        }
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), CaptureError> {
        self.writer.close();
        Ok(())
    }
}
