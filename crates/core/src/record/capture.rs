//! Any `Serialize` as a value: a scalar as it is, everything else as bounded JSON text.
//! Called by every setter on the caller's thread. Text of arrays and objects is written by `json`. Must not
//! know records or spans.

use std::cell::Cell;
use std::fmt;

use serde::ser::{self, Serialize, Serializer};

use super::guard::{catch, text_of, text_of_args};
use super::json::{Compound, JsonWriter, MAX_DEPTH, TOO_DEEP, VariantCompound};
use super::value::ValueRef;

/// Gives `value` to `accept` as one `ValueRef`; `null` is not given at all.
/// A `Serialize` that fails or panics gives a text that says so. One without an end is cut.
#[inline]
pub(crate) fn capture<T: Serialize + ?Sized, F: FnMut(ValueRef<'_>)>(value: &T, accept: &mut F) {
    let captured = if cannot_panic::<T>() {
        Ok(value.serialize(Top::new(accept)))
    } else {
        catch(|| value.serialize(Top::new(accept)))
    };
    match captured {
        // A value that was cut has been accepted as far as it came.
        Ok(Ok(()) | Err(CaptureError::Cut)) => {}
        Ok(Err(CaptureError::Refused(error))) => {
            accept(ValueRef::Str(&format!("<not serializable: {error}>")));
        }
        Err(panic) => accept(ValueRef::Str(&format!(
            "<not serializable: its Serialize panicked: {panic}>"
        ))),
    }
}

/// Whether the `Serialize` of `T` is known and need not be guarded. The compiler evaluates this at
/// compile time, so that captures of text and numbers pay nothing for the guard.
#[inline]
fn cannot_panic<T: ?Sized>() -> bool {
    let name = std::any::type_name::<T>();
    let name = name.strip_prefix('&').unwrap_or(name);
    matches!(
        name,
        "str"
            | "alloc::string::String"
            | "bool"
            | "char"
            | "f32"
            | "f64"
            | "i32"
            | "i64"
            | "u8"
            | "u16"
            | "u32"
            | "u64"
            | "usize"
    )
}

/// Text of a map's key: text, a number, a truth value or the name of a variant.
pub(super) fn key_text<T: Serialize + ?Sized>(key: &T) -> Result<String, CaptureError> {
    let mut text = None;
    let mut accept = |value: ValueRef<'_>| text = Some(value.to_string());
    key.serialize(Top {
        accept: &mut accept,
        depth: 0,
        key: true,
    })?;
    text.ok_or_else(not_a_key)
}

fn not_a_key() -> CaptureError {
    ser::Error::custom("a map key must be text, a number or a boolean")
}

/// Why a value could not be captured.
#[derive(Debug)]
pub(crate) enum CaptureError {
    /// The message of the user's `Serialize`.
    Refused(String),
    /// It is larger than [`MAX_BYTES`](super::json::MAX_BYTES). What was written before is kept.
    Cut,
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused(message) => message,
            Self::Cut => "the value is too large",
        })
    }
}

impl std::error::Error for CaptureError {}

impl ser::Error for CaptureError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Refused(text_of(&message))
    }
}

thread_local! {
    /// Text of the last array or object, kept for its capacity.
    static SCRATCH: Cell<String> = const { Cell::new(String::new()) };
}

/// A text of more capacity than this is freed.
const SCRATCH_KEPT: usize = 64 * 1024;

struct Top<'a, F> {
    accept: &'a mut F,
    /// Newtypes and `Some`s around the value.
    depth: u32,
    /// It is a map's key, which cannot be an array or an object.
    key: bool,
}

impl<'a, F: FnMut(ValueRef<'_>)> Top<'a, F> {
    #[inline]
    fn new(accept: &'a mut F) -> Self {
        Self {
            accept,
            depth: 0,
            key: false,
        }
    }

    #[inline]
    fn scalar(self, value: ValueRef<'_>) -> Result<(), CaptureError> {
        (self.accept)(value);
        Ok(())
    }

    fn composite(self) -> Result<TopCompound<'a, F>, CaptureError> {
        if self.key {
            return Err(not_a_key());
        }
        let mut text = SCRATCH.take();
        text.clear();
        Ok(TopCompound {
            writer: JsonWriter::new(text),
            accept: self.accept,
        })
    }

    /// The value inside a newtype or a `Some`. A chain of them without an end would overflow the stack.
    fn inner<T: Serialize + ?Sized>(mut self, value: &T) -> Result<(), CaptureError> {
        if self.depth == MAX_DEPTH {
            return self.scalar(ValueRef::Str(TOO_DEEP));
        }
        self.depth += 1;
        value.serialize(self)
    }
}

/// The outermost array or object: its parts are written as JSON text, which `accept` gets at the end.
pub(crate) struct TopCompound<'a, F: FnMut(ValueRef<'_>)> {
    writer: JsonWriter,
    accept: &'a mut F,
}

impl<F: FnMut(ValueRef<'_>)> TopCompound<'_, F> {
    fn finish(mut self) -> Result<(), CaptureError> {
        if self.writer.is_cut() {
            return Err(CaptureError::Cut);
        }
        self.accept_text();
        Ok(())
    }

    fn accept_text(&mut self) {
        let text = self.writer.take_text();
        (self.accept)(ValueRef::Json(&text));
        if text.capacity() <= SCRATCH_KEPT {
            SCRATCH.set(text);
        }
    }
}

/// A value that was cut leaves through an error, which drops this.
impl<F: FnMut(ValueRef<'_>)> Drop for TopCompound<'_, F> {
    fn drop(&mut self) {
        if self.writer.is_cut() {
            self.accept_text();
        }
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
        self.inner(value)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), CaptureError> {
        self.scalar(ValueRef::Str(&text_of_args(format_args!("{value}"))))
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
        self.inner(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), CaptureError> {
        let mut compound = self.composite()?;
        (&mut compound.writer).serialize_newtype_variant(name, index, variant, value)?;
        compound.finish()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<TopCompound<'a, F>, CaptureError> {
        let mut compound = self.composite()?;
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
        let mut compound = self.composite()?;
        compound.writer.open_variant(variant, '[');
        Ok(compound)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<TopCompound<'a, F>, CaptureError> {
        let mut compound = self.composite()?;
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
        let mut compound = self.composite()?;
        compound.writer.open_variant(variant, '{');
        Ok(compound)
    }
}

/// The writer takes the parts of a compound; `finish` takes its end.
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
    use super::super::json::MAX_BYTES;
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

    /// An array of texts without an end.
    struct Endless;

    impl Serialize for Endless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let text = "x".repeat(MAX_BYTES / 64);
            let mut seq = serializer.serialize_seq(None)?;
            loop {
                seq.serialize_element(&text)?;
            }
        }
    }

    struct EndlessMap;

    impl Serialize for EndlessMap {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeMap;
            let text = "x".repeat(MAX_BYTES / 64);
            let mut map = serializer.serialize_map(None)?;
            loop {
                map.serialize_entry("key", &text)?;
            }
        }
    }

    #[test]
    fn a_serialize_without_an_end_is_cut_and_stays_json() {
        for (value, parts) in [(text(Endless), 64), (text(EndlessMap), 64)] {
            assert!(value.len() < MAX_BYTES + 1024 * 1024, "{}", value.len());
            assert_eq!(
                value.matches("xx\"").count(),
                parts,
                "all parts but the mark are whole"
            );
            let end: String = value
                .chars()
                .rev()
                .take(40)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .collect();
            assert!(end.contains("<truncated>"), "{end}");
            serde_json::from_str::<serde::de::IgnoredAny>(&value).unwrap();
        }
        // Also inside of other values, and where an error of a part is passed over.
        let nested = text((1, [[Endless]], 2));
        assert!(nested.starts_with("[1,[[[\"xx") && nested.ends_with("\"<truncated>\"]]]]"));
    }

    /// An array without an end whose parts are below the deepest level: nothing of it is written.
    struct TooDeep;

    impl Serialize for TooDeep {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut seq = serializer.serialize_seq(None)?;
            loop {
                seq.serialize_element(&0u8)?;
            }
        }
    }

    /// So many arrays around it.
    struct Nested(u32);

    impl Serialize for Nested {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut seq = serializer.serialize_seq(Some(1))?;
            match self.0 {
                0 => seq.serialize_element(&TooDeep)?,
                n => seq.serialize_element(&Self(n - 1))?,
            }
            seq.end()
        }
    }

    #[test]
    fn an_array_without_an_end_below_the_deepest_level_is_cut() {
        let json = text(Nested(70));
        assert!(
            json.starts_with(&format!("{}\"<max depth>\"", "[".repeat(64))),
            "{json}"
        );
        serde_json::from_str::<serde_json::Value>(&json).unwrap();
    }

    /// Recursion without an end: through a newtype, a `Some`, a newtype variant, a map's key, a map's value.
    #[derive(Clone, Copy)]
    enum Recursion {
        Newtype,
        Some,
        Variant,
        Key,
        NewtypeOfKey,
        Mixed,
    }

    impl Serialize for Recursion {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeMap;
            match self {
                Self::Newtype => serializer.serialize_newtype_struct("N", self),
                Self::Some => serializer.serialize_some(self),
                Self::Variant => serializer.serialize_newtype_variant("E", 0, "V", self),
                Self::Key | Self::NewtypeOfKey => {
                    let mut map = serializer.serialize_map(None)?;
                    if matches!(self, Self::Key) {
                        map.serialize_entry(self, &1)?;
                    } else {
                        map.serialize_entry(&Self::Newtype, &1)?;
                    }
                    map.end()
                }
                Self::Mixed => {
                    let mut map = serializer.serialize_map(None)?;
                    map.serialize_entry("a", &Some(Some(*self)))?;
                    map.end()
                }
            }
        }
    }

    #[test]
    fn recursion_without_an_end_stops_at_the_deepest_level() {
        assert_eq!(text(Recursion::Newtype), "<max depth>");
        assert_eq!(text(Recursion::Some), "<max depth>");
        assert_eq!(text([Recursion::Some]), r#"["<max depth>"]"#);
        assert_eq!(text([Recursion::Newtype]), r#"["<max depth>"]"#);
        let json = text(Recursion::Variant);
        assert_eq!(json.matches("{\"V\":").count(), 64);
        let key = "<not serializable: a map key must be text, a number or a boolean>";
        assert_eq!(text(Recursion::Key), key);
        assert_eq!(text([Recursion::Key]), key);
        assert_eq!(text(Recursion::NewtypeOfKey), r#"{"<max depth>":1}"#);
        let json = text(Recursion::Mixed);
        assert!(
            json.matches("{\"a\":").count() <= 64 && json.contains("<max depth>"),
            "{json}"
        );
        serde_json::from_str::<serde_json::Value>(&json).unwrap();
    }

    struct Panicking;

    impl Serialize for Panicking {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("no luck")
        }
    }

    struct BadDisplay;

    impl std::fmt::Display for BadDisplay {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            Err(std::fmt::Error)
        }
    }

    impl Serialize for BadDisplay {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    #[test]
    fn a_serialize_that_panics_says_so_in_its_place() {
        let stand_in = "<not serializable: its Serialize panicked: no luck>";
        assert_eq!(text(Panicking), stand_in);
        assert_eq!(text(&Panicking), stand_in);
        assert_eq!(text([Panicking]), stand_in);
        assert_eq!(text(BTreeMap::from([("a", (1, Panicking))])), stand_in);
        assert_eq!(text([1]), "[1]", "the next capture is as ever");
        assert_eq!(text(BadDisplay), "<its Display returned an error>");
        assert_eq!(text([BadDisplay]), r#"["<its Display returned an error>"]"#);
    }

    proptest! {
        #[test]
        fn any_text_survives_as_json(strings in prop::collection::vec(any::<String>(), 0..8)) {
            let json = text(&strings);
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), strings);
        }
    }
}
