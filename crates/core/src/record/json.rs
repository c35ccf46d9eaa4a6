//! A JSON writer with a floor under it: 64 levels deep, numbers JSON lacks as text, never a panic.
//! Driven by `capture` through serde; knows neither records nor spans.

use serde::ser::{self, Serialize, Serializer};

use super::capture::CaptureError;
use super::value::float;

/// Deeper than this is written as `"<max depth>"`. A tree of 20,000 levels overflows a 2 MiB stack
/// when it is merely dropped, and an overflow aborts the process.
const MAX_DEPTH: u32 = 64;

pub(crate) struct JsonWriter {
    text: String,
    depth: u32,
    /// Levels opened beyond what was written: their parts are passed over.
    skipped: u32,
}

impl JsonWriter {
    pub(crate) fn new(text: String) -> Self {
        Self {
            text,
            depth: 0,
            skipped: 0,
        }
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }

    pub(crate) fn open(&mut self, bracket: char) {
        if self.skipped > 0 || self.depth == MAX_DEPTH {
            if self.skipped == 0 {
                self.text.push_str("\"<max depth>\"");
            }
            self.skipped += 1;
        } else {
            self.depth += 1;
            self.text.push(bracket);
        }
    }

    /// `{"Variant":` and the variant's own bracket; both count as one level, closed by `Compound`.
    pub(crate) fn open_variant(&mut self, variant: &str, bracket: char) {
        if self.skipped > 0 || self.depth == MAX_DEPTH {
            return self.open(bracket);
        }
        self.depth += 1;
        self.text.push('{');
        self.string(variant);
        self.text.push(':');
        self.text.push(bracket);
    }

    fn close(&mut self, brackets: &str) {
        if self.skipped > 0 {
            self.skipped -= 1;
        } else {
            self.depth -= 1;
            self.text.push_str(brackets);
        }
    }

    /// A comma, unless this is the first part after an opening bracket.
    fn separate(&mut self) {
        if !self.text.ends_with(['[', '{', ':']) {
            self.text.push(',');
        }
    }

    /// Appends what is JSON already, or part of it.
    pub(crate) fn splice(&mut self, text: &str) {
        self.text.push_str(text);
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
    pub(crate) fn string(&mut self, value: &str) {
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
        value.serialize(self)
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
        value.serialize(self)
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
        if self.writer.skipped > 0 {
            return Ok(());
        }
        self.writer.separate();
        value.serialize(&mut *self.writer)
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), CaptureError> {
        if self.writer.skipped > 0 {
            return Ok(());
        }
        self.writer.separate();
        self.writer.string(key);
        self.writer.text.push(':');
        value.serialize(&mut *self.writer)
    }
}

/// The parts of a tuple or struct variant, which closes two brackets.
pub(crate) struct VariantCompound<'a>(Compound<'a>);

impl<'a> VariantCompound<'a> {
    pub(crate) fn new(writer: &'a mut JsonWriter) -> Self {
        Self(Compound::new(writer))
    }
}

macro_rules! elements {
    ($($trait:ident::$method:ident for $type:ty => $close:literal $(.$inner:tt)?);* $(;)?) => {
        $(impl ser::$trait for $type {
            type Ok = ();
            type Error = CaptureError;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CaptureError> {
                self$(.$inner)?.element(value)
            }
            fn end(self) -> Result<(), CaptureError> {
                self$(.$inner)?.writer.close($close);
                Ok(())
            }
        })*
    };
}

elements! {
    SerializeSeq::serialize_element for Compound<'_> => "]";
    SerializeTuple::serialize_element for Compound<'_> => "]";
    SerializeTupleStruct::serialize_field for Compound<'_> => "]";
    SerializeTupleVariant::serialize_field for VariantCompound<'_> => "]}" .0;
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
        self.writer.close("}");
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
        self.0.writer.close("}}");
        Ok(())
    }
}

impl ser::SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = CaptureError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), CaptureError> {
        if self.writer.skipped > 0 {
            return Ok(());
        }
        self.writer.separate();
        // JSON keys are text: a scalar becomes its text, anything else has none.
        let before = self.writer.text.len();
        let mut key_text = None;
        super::capture::capture(key, &mut |value| {
            key_text = match value {
                super::value::ValueRef::Json(_) => None,
                scalar => Some(scalar.to_string()),
            };
        });
        match key_text {
            Some(text) => {
                self.writer.string(&text);
                self.writer.text.push(':');
                Ok(())
            }
            None => {
                self.writer.text.truncate(before);
                Err(ser::Error::custom(
                    "a map key must be text, a number or a boolean",
                ))
            }
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CaptureError> {
        if self.writer.skipped > 0 {
            return Ok(());
        }
        value.serialize(&mut *self.writer)
    }

    fn end(self) -> Result<(), CaptureError> {
        self.writer.close("}");
        Ok(())
    }
}
