//! The only `Serializer` of this crate: passes the parts of a value to a `Sink`, one by one, within limits of depth.
//! Used by `capture` (JSON text) and by `llm::provider::tree` (a JSON tree). Must not know them.
//!
//! serde's data model has some thirty methods. A sink has scalars and the beginnings and ends of arrays and objects.

use std::fmt;
use std::marker::PhantomData;

use serde::ser::{self, Serialize, Serializer};

use super::guard::text_of;
use super::value::ValueRef;

/// Arrays and objects that are nested deeper are left out. A tree of 20,000 levels overflows a stack of 2 MiB when it is
/// only dropped, and an overflow aborts the process.
pub(crate) const MAX_DEPTH: u32 = 64;

/// What is written in place of what is too deep.
pub(super) const TOO_DEEP: &str = "<max depth>";

/// Levels and newtypes (`Some` too) around a value. A chain of newtypes without an end would overflow the stack.
const MAX_WRAPS: u32 = 2 * MAX_DEPTH;

/// No further part is taken after this many that were left out as too deep.
pub(super) const MAX_SKIPPED: u32 = 1024 * 1024;

/// Takes the parts of one value.
pub(crate) trait Sink {
    type Error: ser::Error;

    /// Text, a number or a boolean.
    fn scalar(&mut self, value: ValueRef<'_>) -> Result<(), Self::Error>;
    /// `null`.
    fn null(&mut self) -> Result<(), Self::Error>;
    /// A float of 32 bits, which has a shorter text than the same number with 64.
    fn float32(&mut self, value: f32) -> Result<(), Self::Error> {
        self.scalar(ValueRef::F64(value.into()))
    }
    /// The digits of an integer that fits into no 64 bits.
    fn digits(&mut self, digits: &str) -> Result<(), Self::Error> {
        self.scalar(ValueRef::Str(digits))
    }
    /// Begins an array or an object. With a variant it is the only field, of that name, of an object.
    fn open(&mut self, shape: Shape) -> Result<(), Self::Error>;
    /// Ends what was opened last.
    fn close(&mut self) -> Result<(), Self::Error>;
    /// Takes what is not opened, since too much is open.
    fn too_deep(&mut self, shape: Shape) -> Result<(), Self::Error>;
    /// Takes the value inside of too many newtypes.
    fn too_wrapped(&mut self) -> Result<(), Self::Error>;
    /// Before a part of an array, or the key of a part of an object.
    fn part(&mut self) -> Result<(), Self::Error>;
    /// The key of a part; whether its value is wanted.
    fn key(&mut self, key: &str) -> Result<bool, Self::Error>;
    /// Too many parts were left out: the error that ends the value.
    fn endless(&mut self) -> Self::Error;
}

/// What is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) is_object: bool,
    pub(crate) variant: Option<&'static str>,
}

impl Shape {
    const ARRAY: Self = Self {
        is_object: false,
        variant: None,
    };
    const OBJECT: Self = Self {
        is_object: true,
        variant: None,
    };

    fn within(self, variant: &'static str) -> Self {
        Self {
            variant: Some(variant),
            ..self
        }
    }
}

/// Serializes into a sink.
pub(crate) struct Feed<S> {
    pub(crate) sink: S,
    /// Open levels.
    depth: u32,
    /// Newtypes and `Some`s around the value that comes next.
    wraps: u32,
    /// Whether a level beyond `MAX_DEPTH` is open. Its parts are left out.
    skips: bool,
    skipped_parts: u32,
}

impl<S: Sink> Feed<S> {
    #[inline]
    pub(crate) fn new(sink: S) -> Self {
        Self {
            sink,
            depth: 0,
            wraps: 0,
            skips: false,
            skipped_parts: 0,
        }
    }

    fn open(&mut self, shape: Shape) -> Result<Parts<'_, S>, S::Error> {
        if self.depth < MAX_DEPTH {
            self.sink.open(shape)?;
            self.depth += 1;
        } else {
            self.sink.too_deep(shape)?;
            self.skips = true;
        }
        Ok(Parts {
            feed: self,
            wanted: true,
        })
    }

    fn close(&mut self) -> Result<(), S::Error> {
        if std::mem::take(&mut self.skips) {
            return Ok(());
        }
        self.depth = self.depth.saturating_sub(1);
        self.sink.close()
    }

    /// Before a part: whether it is taken.
    fn part(&mut self) -> Result<bool, S::Error> {
        if !self.skips {
            self.sink.part()?;
            return Ok(true);
        }
        self.skipped_parts += 1;
        if self.skipped_parts < MAX_SKIPPED {
            return Ok(false);
        }
        Err(self.sink.endless())
    }

    /// The value inside of a newtype or a `Some`.
    fn inner<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        if self.depth + self.wraps >= MAX_WRAPS {
            return self.sink.too_wrapped();
        }
        self.wraps += 1;
        let taken = value.serialize(&mut *self);
        self.wraps -= 1;
        taken
    }
}

macro_rules! scalars {
    ($($method:ident($type:ty) => $variant:ident),* $(,)?) => {
        $(#[inline]
        fn $method(self, v: $type) -> Result<(), S::Error> {
            self.sink.scalar(ValueRef::$variant(v.into()))
        })*
    };
}

macro_rules! opens {
    ($($method:ident($($of:ident: $type:ty),*) => $shape:expr),* $(,)?) => {
        $(fn $method(self, $($of: $type),*) -> Result<Parts<'a, S>, S::Error> {
            self.open($shape)
        })*
    };
}

impl<'a, S: Sink> Serializer for &'a mut Feed<S> {
    type Ok = ();
    type Error = S::Error;
    type SerializeSeq = Parts<'a, S>;
    type SerializeTuple = Parts<'a, S>;
    type SerializeTupleStruct = Parts<'a, S>;
    type SerializeTupleVariant = Parts<'a, S>;
    type SerializeMap = Parts<'a, S>;
    type SerializeStruct = Parts<'a, S>;
    type SerializeStructVariant = Parts<'a, S>;

    scalars! {
        serialize_bool(bool) => Bool,
        serialize_i8(i8) => I64, serialize_i16(i16) => I64, serialize_i32(i32) => I64, serialize_i64(i64) => I64,
        serialize_u8(u8) => U64, serialize_u16(u16) => U64, serialize_u32(u32) => U64, serialize_u64(u64) => U64,
        serialize_f64(f64) => F64,
    }

    opens! {
        serialize_seq(_len: Option<usize>) => Shape::ARRAY,
        serialize_tuple(_len: usize) => Shape::ARRAY,
        serialize_tuple_struct(_name: &'static str, _len: usize) => Shape::ARRAY,
        serialize_tuple_variant(_name: &'static str, _index: u32, variant: &'static str, _len: usize) => Shape::ARRAY.within(variant),
        serialize_map(_len: Option<usize>) => Shape::OBJECT,
        serialize_struct(_name: &'static str, _len: usize) => Shape::OBJECT,
        serialize_struct_variant(_name: &'static str, _index: u32, variant: &'static str, _len: usize) => Shape::OBJECT.within(variant),
    }

    fn serialize_f32(self, v: f32) -> Result<(), S::Error> {
        self.sink.float32(v)
    }

    fn serialize_i128(self, v: i128) -> Result<(), S::Error> {
        match i64::try_from(v) {
            Ok(v) => self.sink.scalar(ValueRef::I64(v)),
            Err(_) => self.sink.digits(itoa::Buffer::new().format(v)),
        }
    }

    fn serialize_u128(self, v: u128) -> Result<(), S::Error> {
        match u64::try_from(v) {
            Ok(v) => self.sink.scalar(ValueRef::U64(v)),
            Err(_) => self.sink.digits(itoa::Buffer::new().format(v)),
        }
    }

    fn serialize_char(self, v: char) -> Result<(), S::Error> {
        self.serialize_str(v.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, v: &str) -> Result<(), S::Error> {
        self.sink.scalar(ValueRef::Str(v))
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<(), S::Error> {
        self.serialize_str(&text_of(value))
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<(), S::Error> {
        self.serialize_str(&String::from_utf8_lossy(v))
    }

    fn serialize_none(self) -> Result<(), S::Error> {
        self.sink.null()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), S::Error> {
        self.inner(value)
    }

    fn serialize_unit(self) -> Result<(), S::Error> {
        self.sink.null()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), S::Error> {
        self.sink.null()
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), S::Error> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), S::Error> {
        self.inner(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), S::Error> {
        let mut parts = self.open(Shape::OBJECT)?;
        parts.field(variant, value)?;
        parts.feed.close()
    }
}

/// The parts of what was opened last.
pub(crate) struct Parts<'a, S> {
    feed: &'a mut Feed<S>,
    /// Whether the value of the last key is taken.
    wanted: bool,
}

impl<S: Sink> Parts<'_, S> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        match self.feed.part()? {
            true => value.serialize(&mut *self.feed),
            false => Ok(()),
        }
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), S::Error> {
        match self.feed.part()? && self.feed.sink.key(key)? {
            true => value.serialize(&mut *self.feed),
            false => Ok(()),
        }
    }
}

macro_rules! parts {
    ($($trait:ident::$method:ident => $to:ident($($key:ident)?)),* $(,)?) => {
        $(impl<S: Sink> ser::$trait for Parts<'_, S> {
            type Ok = ();
            type Error = S::Error;
            fn $method<T: Serialize + ?Sized>(&mut self, $($key: &'static str,)? value: &T) -> Result<(), S::Error> {
                self.$to($($key,)? value)
            }
            fn end(self) -> Result<(), S::Error> {
                self.feed.close()
            }
        })*
    };
}

parts! {
    SerializeSeq::serialize_element => element(),
    SerializeTuple::serialize_element => element(),
    SerializeTupleStruct::serialize_field => element(),
    SerializeTupleVariant::serialize_field => element(),
    SerializeStruct::serialize_field => field(key),
    SerializeStructVariant::serialize_field => field(key),
}

impl<S: Sink> ser::SerializeMap for Parts<'_, S> {
    type Ok = ();
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        // Read before anything is written, since it may be refused.
        let key = key_text(key)?;
        self.wanted = self.feed.part()? && self.feed.sink.key(&key)?;
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        match self.wanted {
            true => value.serialize(&mut *self.feed),
            false => Ok(()),
        }
    }

    fn end(self) -> Result<(), S::Error> {
        self.feed.close()
    }
}

/// Text of a map's key: text, a number, a boolean or the name of a variant.
fn key_text<T: Serialize + ?Sized, E: ser::Error>(key: &T) -> Result<String, E> {
    let mut text = None;
    let accept = |value: ValueRef<'_>| text = Some(value.to_string());
    key.serialize(&mut Feed::new(Scalar::<_, E>::new(accept)))?;
    text.ok_or_else(refused)
}

fn refused<E: ser::Error>() -> E {
    E::custom("a map key must be text, a number or a boolean")
}

/// Takes one scalar: a closure, or a type whose method is inlined always.
pub(super) trait Accept {
    fn accept(&mut self, value: ValueRef<'_>);
}

impl<F: FnMut(ValueRef<'_>)> Accept for F {
    #[inline]
    fn accept(&mut self, value: ValueRef<'_>) {
        self(value);
    }
}

/// Takes a value that cannot be an array or an object, as the key of a map.
pub(super) struct Scalar<A, E> {
    accept: A,
    error: PhantomData<E>,
}

impl<A: Accept, E> Scalar<A, E> {
    #[inline]
    pub(super) fn new(accept: A) -> Self {
        Self {
            accept,
            error: PhantomData,
        }
    }
}

impl<A: Accept, E: ser::Error> Sink for Scalar<A, E> {
    type Error = E;

    #[inline]
    fn scalar(&mut self, value: ValueRef<'_>) -> Result<(), E> {
        self.accept.accept(value);
        Ok(())
    }
    fn null(&mut self) -> Result<(), E> {
        Ok(())
    }
    fn open(&mut self, _: Shape) -> Result<(), E> {
        Err(refused())
    }
    fn close(&mut self) -> Result<(), E> {
        Err(refused())
    }
    fn too_deep(&mut self, _: Shape) -> Result<(), E> {
        Err(refused())
    }
    fn too_wrapped(&mut self) -> Result<(), E> {
        self.scalar(ValueRef::Str(TOO_DEEP))
    }
    fn part(&mut self) -> Result<(), E> {
        Err(refused())
    }
    fn key(&mut self, _: &str) -> Result<bool, E> {
        Err(refused())
    }
    fn endless(&mut self) -> E {
        refused()
    }
}
