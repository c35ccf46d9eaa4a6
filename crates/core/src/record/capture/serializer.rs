//! serde's side of the JSON writer: what is called for each kind of value.
//! Driven by `capture`; text and limits are `json`'s.

use std::fmt;

use serde::ser::{self, Serialize, Serializer};

use super::super::guard::text_of;
use super::error::CaptureError;
use super::json::JsonWriter;
use super::key_text;

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
