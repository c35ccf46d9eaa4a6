//! Any `Serialize` to a value: a scalar as it is, everything else as bounded JSON text.
//! Called by every setter, on the caller's thread, so that no tree of the user's reaches ours;
//! fed to `buffer`. Text that a user's `Serialize` produces is written by `json`.

use std::cell::Cell;
use std::fmt;

use serde::ser::{self, Serialize, Serializer};

use super::json::{Compound, JsonWriter, VariantCompound};
use super::value::ValueRef;

/// Hands `value` to `accept` as one `ValueRef`; `null` is not handed over at all.
/// A `Serialize` that fails yields a text that says so: what the user recorded is never silently absent.
#[inline]
pub(crate) fn capture<T: Serialize + ?Sized, F: FnMut(ValueRef<'_>)>(value: &T, accept: &mut F) {
    if let Err(error) = value.serialize(Top {
        accept: &mut *accept,
    }) {
        accept(ValueRef::Str(&format!("<not serializable: {error}>")));
    }
}

/// Why a value could not be captured; carries the message of the user's `Serialize`.
#[derive(Debug)]
pub(crate) struct CaptureError(String);

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CaptureError {}

impl ser::Error for CaptureError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

thread_local! {
    /// Text of the last composite value, kept for its capacity.
    static SCRATCH: Cell<String> = const { Cell::new(String::new()) };
}

/// More than this is given back to the allocator.
const SCRATCH_KEPT: usize = 64 * 1024;

struct Top<'a, F> {
    accept: &'a mut F,
}

impl<'a, F: FnMut(ValueRef<'_>)> Top<'a, F> {
    #[inline]
    fn scalar(self, value: ValueRef<'_>) -> Result<(), CaptureError> {
        (self.accept)(value);
        Ok(())
    }

    fn composite(self) -> TopCompound<'a, F> {
        let mut text = SCRATCH.take();
        text.clear();
        TopCompound {
            writer: JsonWriter::new(text),
            accept: self.accept,
        }
    }
}

/// The outermost array or object: its parts are written as JSON, its end hands the text over.
pub(crate) struct TopCompound<'a, F> {
    writer: JsonWriter,
    accept: &'a mut F,
}

impl<F: FnMut(ValueRef<'_>)> TopCompound<'_, F> {
    fn finish(self) -> Result<(), CaptureError> {
        let text = self.writer.into_text();
        (self.accept)(ValueRef::Json(&text));
        if text.capacity() <= SCRATCH_KEPT {
            SCRATCH.set(text);
        }
        Ok(())
    }
}

macro_rules! scalars {
    ($($method:ident($type:ty) => $variant:ident),* $(,)?) => {
        $(fn $method(self, v: $type) -> Result<(), CaptureError> {
            self.scalar(ValueRef::$variant(v.into()))
        })*
    };
}

impl<'a, F: FnMut(ValueRef<'_>)> Serializer for Top<'a, F> {
    type Ok = ();
    type Error = CaptureError;
    type SerializeSeq = TopCompound<'a, F>;
    type SerializeTuple = TopCompound<'a, F>;
    type SerializeTupleStruct = TopCompound<'a, F>;
    type SerializeTupleVariant = TopCompound<'a, F>;
    type SerializeMap = TopCompound<'a, F>;
    type SerializeStruct = TopCompound<'a, F>;
    type SerializeStructVariant = TopCompound<'a, F>;

    scalars! {
        serialize_bool(bool) => Bool,
        serialize_i8(i8) => I64,
        serialize_i16(i16) => I64,
        serialize_i32(i32) => I64,
        serialize_i64(i64) => I64,
        serialize_u8(u8) => U64,
        serialize_u16(u16) => U64,
        serialize_u32(u32) => U64,
        serialize_u64(u64) => U64,
        serialize_f32(f32) => F64,
        serialize_f64(f64) => F64,
    }

    fn serialize_i128(self, v: i128) -> Result<(), CaptureError> {
        match i64::try_from(v) {
            Ok(v) => self.scalar(ValueRef::I64(v)),
            Err(_) => self.scalar(ValueRef::Str(&v.to_string())),
        }
    }

    fn serialize_u128(self, v: u128) -> Result<(), CaptureError> {
        match u64::try_from(v) {
            Ok(v) => self.scalar(ValueRef::U64(v)),
            Err(_) => self.scalar(ValueRef::Str(&v.to_string())),
        }
    }

    fn serialize_char(self, v: char) -> Result<(), CaptureError> {
        self.scalar(ValueRef::Str(v.encode_utf8(&mut [0; 4])))
    }

    #[inline]
    fn serialize_str(self, v: &str) -> Result<(), CaptureError> {
        self.scalar(ValueRef::Str(v))
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<(), CaptureError> {
        self.scalar(ValueRef::Str(&String::from_utf8_lossy(v)))
    }

    fn serialize_none(self) -> Result<(), CaptureError> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), CaptureError> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), CaptureError> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), CaptureError> {
        Ok(())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), CaptureError> {
        self.scalar(ValueRef::Str(variant))
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
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), CaptureError> {
        let mut compound = self.composite();
        (&mut compound.writer).serialize_newtype_variant(name, index, variant, value)?;
        compound.finish()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<TopCompound<'a, F>, CaptureError> {
        let mut compound = self.composite();
        compound.writer.open('[');
        Ok(compound)
    }

    fn serialize_tuple(self, len: usize) -> Result<TopCompound<'a, F>, CaptureError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        len: usize,
    ) -> Result<TopCompound<'a, F>, CaptureError> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<TopCompound<'a, F>, CaptureError> {
        let mut compound = self.composite();
        compound.writer.open_variant(variant, '[');
        Ok(compound)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<TopCompound<'a, F>, CaptureError> {
        let mut compound = self.composite();
        compound.writer.open('{');
        Ok(compound)
    }

    fn serialize_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<TopCompound<'a, F>, CaptureError> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<TopCompound<'a, F>, CaptureError> {
        let mut compound = self.composite();
        compound.writer.open_variant(variant, '{');
        Ok(compound)
    }
}

/// The parts of a compound go to the writer; only its end is ours.
macro_rules! forward {
    ($($trait:ident as $part:ident { $($method:ident($($key:ident)?)),* });* $(;)?) => {
        $(impl<F: FnMut(ValueRef<'_>)> ser::$trait for TopCompound<'_, F> {
            type Ok = ();
            type Error = CaptureError;
            $(forward!(@ $trait $part $method $($key)?);)*
            fn end(mut self) -> Result<(), CaptureError> {
                ser::$trait::end($part::new(&mut self.writer))?;
                self.finish()
            }
        })*
    };
    (@ $trait:ident $part:ident $method:ident) => {
        fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CaptureError> {
            ser::$trait::$method(&mut $part::new(&mut self.writer), value)
        }
    };
    (@ $trait:ident $part:ident $method:ident key) => {
        fn $method<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), CaptureError> {
            ser::$trait::$method(&mut $part::new(&mut self.writer), key, value)
        }
    };
}

forward! {
    SerializeSeq as Compound { serialize_element() };
    SerializeTuple as Compound { serialize_element() };
    SerializeTupleStruct as Compound { serialize_field() };
    SerializeTupleVariant as VariantCompound { serialize_field() };
    SerializeMap as Compound { serialize_key(), serialize_value() };
    SerializeStruct as Compound { serialize_field(key) };
    SerializeStructVariant as VariantCompound { serialize_field(key) };
}

#[cfg(test)]
mod tests {
    use super::super::value::Value;
    use proptest::prelude::*;
    use serde::{Serialize, Serializer};
    use std::collections::BTreeMap;

    #[derive(Serialize)]
    enum Shape {
        Unit,
        New(u8),
        Tuple(u8, &'static str),
        Struct { a: Option<u8>, b: f64 },
    }

    #[derive(Serialize)]
    struct Everything {
        text: &'static str,
        nested: Vec<Shape>,
        map: BTreeMap<i32, Vec<()>>,
        none: Option<u8>,
        pair: (u8, char),
    }

    fn text(value: impl Serialize) -> String {
        Value::capture(&value).unwrap().as_ref().to_string()
    }

    #[test]
    fn scalars_stay_scalars_and_null_is_left_out() {
        assert_eq!(Value::capture("a\"b"), Some(Value::Str("a\"b".into())));
        assert_eq!(Value::capture(&-3i8), Some(Value::I64(-3)));
        assert_eq!(Value::capture(&u64::MAX), Some(Value::U64(u64::MAX)));
        assert_eq!(Value::capture(&0.5f32), Some(Value::F64(0.5)));
        assert_eq!(Value::capture(&Some(true)), Some(Value::Bool(true)));
        assert_eq!(
            Value::capture(&i128::MIN),
            Some(Value::Str(i128::MIN.to_string()))
        );
        assert_eq!(
            Value::capture(&Shape::Unit),
            Some(Value::Str("Unit".into()))
        );
        assert_eq!(Value::capture(&None::<u8>), None);
        assert_eq!(Value::capture(&()), None);
        assert_eq!(Value::capture(&serde_json::Value::Null), None);
    }

    #[test]
    fn composites_read_as_serde_json_writes_them() {
        let value = || Everything {
            text: "tab\t \u{1} \"quoted\" \\ \u{1F980}",
            nested: vec![
                Shape::Unit,
                Shape::New(1),
                Shape::Tuple(2, "x"),
                Shape::Struct { a: None, b: 1.5 },
            ],
            map: BTreeMap::from([(-1, vec![(), ()]), (7, vec![])]),
            none: None,
            pair: (1, 'ß'),
        };
        assert_eq!(text(value()), serde_json::to_string(&value()).unwrap());
        assert_eq!(text(Shape::Tuple(2, "x")), r#"{"Tuple":[2,"x"]}"#);
        assert_eq!(
            text(Shape::Struct { a: Some(1), b: 2.0 }),
            r#"{"Struct":{"a":1,"b":2.0}}"#
        );
        assert_eq!(text(Shape::New(9)), r#"{"New":9}"#);
    }

    #[test]
    fn numbers_json_cannot_write_become_text() {
        assert_eq!(
            text([f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
            r#"["NaN","Infinity","-Infinity"]"#
        );
    }

    struct Deep(u32);

    impl Serialize for Deep {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut seq = serializer.serialize_seq(Some(1))?;
            if self.0 > 0 {
                seq.serialize_element(&Self(self.0 - 1))?;
            }
            seq.end()
        }
    }

    #[test]
    fn nesting_is_cut_at_64_levels_and_never_descends_further() {
        let json = text(Deep(1_000_000));
        assert_eq!(
            json,
            format!("{}\"<max depth>\"{}", "[".repeat(64), "]".repeat(64))
        );
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
    }

    struct Failing;

    impl Serialize for Failing {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no luck"))
        }
    }

    #[test]
    fn a_value_that_refuses_to_serialize_says_so_in_its_place() {
        assert_eq!(text(Failing), "<not serializable: no luck>");
        assert_eq!(text((1, Failing)), "<not serializable: no luck>");
        assert_eq!(
            text(BTreeMap::from([((1, 2), 3)])),
            "<not serializable: a map key must be text, a number or a boolean>"
        );
    }

    proptest! {
        #[test]
        fn any_text_survives_as_json(strings in prop::collection::vec(any::<String>(), 0..8)) {
            let json = text(&strings);
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), strings);
        }
    }
}
