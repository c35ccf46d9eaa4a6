//! Any `Serialize` as a value: a scalar as it is, everything else as bounded JSON text.
//! Called by every setter on the caller's thread. Text of arrays and objects is written by `json`. Must not
//! know records or spans.

mod error;
mod json;
pub(crate) mod noted;
mod serializer;

use std::cell::Cell;
use std::fmt;

use serde::ser::{self, Serialize, Serializer};

use self::error::CaptureError;
use self::json::{JsonWriter, MAX_DEPTH, TOO_DEEP};
use self::serializer::{Compound, VariantCompound};
use super::guard::{catch, text_of_args};
use super::value::{Value, ValueRef};

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

impl Value {
    /// Captures anything that is `Serialize`: scalars as they are, everything else as JSON text.
    /// `None` for `null` (and `Option::None`, `()`).
    #[must_use]
    pub fn capture<T: Serialize + ?Sized>(value: &T) -> Option<Self> {
        let mut captured = None;
        capture(value, &mut |value| captured = Some(value.to_value()));
        captured
    }
}

/// Whether the `Serialize` of `T` is known and need not be guarded. The compiler evaluates this at
/// compile time, so that captures of text and numbers pay nothing for the guard.
#[inline]
pub(crate) fn cannot_panic<T: ?Sized>() -> bool {
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
mod tests;
