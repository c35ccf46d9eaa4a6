//! Anything that is `Serialize` as a JSON tree that is safe to walk and to drop, with limits on depth and size.
//! Called by `provider` and `stream` on what a provider's client returns. Must not know what the tree means.

use std::cell::Cell;
use std::fmt;

use serde::ser::{self, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::record::guard::{catch, text_of};

/// Parts below this level are left out, so that neither building nor dropping the tree overflows a stack.
const MAX_DEPTH: u32 = 64;

/// Newtypes and `Some`s in one another, beyond which a value is not read.
const MAX_WRAPS: u32 = 128;

/// Parts of a tree, beyond which a value is not read: a `Serialize` may have no end.
const MAX_PARTS: u32 = 1024 * 1024;

/// Bytes of text in a tree, beyond which a value is not read.
const MAX_BYTES: usize = 128 * 1024 * 1024;

/// The tree of `value`, without the values of `skip` among its outermost keys: what is not needed may
/// be large. JSON text, such as a response's body, is parsed; other text stays text.
/// `None` if the value cannot be read: its `Serialize` fails, panics or has no end.
pub(crate) fn read<T: Serialize + ?Sized>(
    value: &T,
    skip: &'static [&'static str],
) -> Option<Value> {
    match raw(value, skip)? {
        // The parser refuses text of more than 128 levels.
        Value::String(text) => Some(serde_json::from_str(&text).unwrap_or(Value::String(text))),
        tree => Some(tree),
    }
}

/// [`read`], but text is never parsed.
pub(crate) fn raw<T: Serialize + ?Sized>(
    value: &T,
    skip: &'static [&'static str],
) -> Option<Value> {
    let used = Cell::new((0, 0));
    let reader = Reader {
        depth: 0,
        wraps: 0,
        used: &used,
        skip,
    };
    catch(|| value.serialize(reader)).ok()?.ok()
}

#[derive(Clone, Copy)]
struct Reader<'a> {
    depth: u32,
    wraps: u32,
    /// Parts and bytes of text that were read.
    used: &'a Cell<(u32, usize)>,
    skip: &'static [&'static str],
}

impl<'a> Reader<'a> {
    /// Counts one more part with so many bytes of text.
    fn count(self, bytes: usize) -> Result<(), Unreadable> {
        let (parts, sum) = self.used.get();
        let (parts, sum) = (parts + 1, sum.saturating_add(bytes));
        self.used.set((parts, sum));
        if parts > MAX_PARTS || sum > MAX_BYTES {
            return Err(Unreadable);
        }
        Ok(())
    }

    fn text(self, text: &str) -> Result<Value, Unreadable> {
        self.count(text.len())?;
        Ok(Value::from(text))
    }

    /// The value inside a newtype or a `Some`.
    fn inner<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Value, Unreadable> {
        self.wraps += 1;
        if self.wraps > MAX_WRAPS {
            return Err(Unreadable);
        }
        value.serialize(self)
    }

    fn parts(self, variant: Option<&'static str>) -> Parts<'a> {
        Parts {
            inner: Self {
                depth: self.depth + 1,
                skip: &[],
                ..self
            },
            skip: self.skip,
            variant,
            list: Vec::new(),
            map: Map::new(),
            key: String::new(),
        }
    }
}

/// An array or an object that is being built.
struct Parts<'a> {
    inner: Reader<'a>,
    skip: &'static [&'static str],
    variant: Option<&'static str>,
    list: Vec<Value>,
    map: Map<String, Value>,
    key: String,
}

impl Parts<'_> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unreadable> {
        self.inner.count(0)?;
        if self.inner.depth <= MAX_DEPTH {
            self.list.push(value.serialize(self.inner)?);
        }
        Ok(())
    }

    fn entry<T: Serialize + ?Sized>(&mut self, key: String, value: &T) -> Result<(), Unreadable> {
        self.inner.count(key.len())?;
        if self.inner.depth <= MAX_DEPTH && !self.skip.contains(&key.as_str()) {
            self.map.insert(key, value.serialize(self.inner)?);
        }
        Ok(())
    }

    fn array(self) -> Result<Value, Unreadable> {
        Ok(wrap(self.variant, Value::Array(self.list)))
    }

    fn object(self) -> Result<Value, Unreadable> {
        Ok(wrap(self.variant, Value::Object(self.map)))
    }
}

fn wrap(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        None => value,
        Some(variant) => Value::Object(Map::from_iter([(variant.to_owned(), value)])),
    }
}

macro_rules! scalars {
    ($($method:ident($type:ty)),* $(,)?) => {
        $(fn $method(self, v: $type) -> Result<Value, Unreadable> {
            Ok(Value::from(v))
        })*
    };
}

impl<'a> Serializer for Reader<'a> {
    type Ok = Value;
    type Error = Unreadable;
    type SerializeSeq = Parts<'a>;
    type SerializeTuple = Parts<'a>;
    type SerializeTupleStruct = Parts<'a>;
    type SerializeTupleVariant = Parts<'a>;
    type SerializeMap = Parts<'a>;
    type SerializeStruct = Parts<'a>;
    type SerializeStructVariant = Parts<'a>;

    scalars! {
        serialize_bool(bool),
        serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64),
        serialize_f32(f32), serialize_f64(f64),
    }

    fn serialize_i128(self, v: i128) -> Result<Value, Unreadable> {
        Ok(i64::try_from(v).map_or_else(|_| Value::from(v.to_string()), Value::from))
    }

    fn serialize_u128(self, v: u128) -> Result<Value, Unreadable> {
        Ok(u64::try_from(v).map_or_else(|_| Value::from(v.to_string()), Value::from))
    }

    fn serialize_str(self, v: &str) -> Result<Value, Unreadable> {
        self.text(v)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<Value, Unreadable> {
        self.text(&text_of(value))
    }

    fn serialize_char(self, v: char) -> Result<Value, Unreadable> {
        Ok(Value::from(v.to_string()))
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<Value, Unreadable> {
        self.text(&String::from_utf8_lossy(v))
    }

    fn serialize_none(self) -> Result<Value, Unreadable> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Unreadable> {
        self.inner(value)
    }

    fn serialize_unit(self) -> Result<Value, Unreadable> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Unreadable> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Value, Unreadable> {
        Ok(Value::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Unreadable> {
        self.inner(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, Unreadable> {
        let mut parts = self.parts(None);
        parts.entry(variant.to_owned(), value)?;
        parts.object()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts<'a>, Unreadable> {
        Ok(self.parts(None))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts<'a>, Unreadable> {
        Ok(self.parts(None))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Unreadable> {
        Ok(self.parts(None))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Unreadable> {
        Ok(self.parts(Some(variant)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts<'a>, Unreadable> {
        Ok(self.parts(None))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts<'a>, Unreadable> {
        Ok(self.parts(None))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts<'a>, Unreadable> {
        Ok(self.parts(Some(variant)))
    }
}

macro_rules! compounds {
    ($($trait:ident $method:ident $($key:ident)? => $end:ident);* $(;)?) => {
        $(impl ser::$trait for Parts<'_> {
            type Ok = Value;
            type Error = Unreadable;
            compounds!(@ $method $($key)?);
            fn end(self) -> Result<Value, Unreadable> {
                self.$end()
            }
        })*
    };
    (@ $method:ident) => {
        fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unreadable> {
            self.element(value)
        }
    };
    (@ $method:ident $key:ident) => {
        fn $method<T: Serialize + ?Sized>(&mut self, $key: &'static str, value: &T) -> Result<(), Unreadable> {
            self.entry($key.to_owned(), value)
        }
    };
}

compounds! {
    SerializeSeq serialize_element => array;
    SerializeTuple serialize_element => array;
    SerializeTupleStruct serialize_field => array;
    SerializeTupleVariant serialize_field => array;
    SerializeStruct serialize_field key => object;
    SerializeStructVariant serialize_field key => object;
}

impl ser::SerializeMap for Parts<'_> {
    type Ok = Value;
    type Error = Unreadable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unreadable> {
        if self.inner.depth > MAX_DEPTH {
            return Ok(());
        }
        // A key that is an array or an object is refused without a look into it.
        let depth = self.inner.depth.max(MAX_DEPTH);
        let reader = Reader {
            depth,
            ..self.inner
        };
        self.key = match key.serialize(reader)? {
            Value::String(key) => key,
            Value::Number(key) => key.to_string(),
            Value::Bool(key) => key.to_string(),
            _ => return Err(Unreadable),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unreadable> {
        let key = std::mem::take(&mut self.key);
        self.entry(key, value)
    }

    fn end(self) -> Result<Value, Unreadable> {
        self.object()
    }
}

/// A value that cannot be read. The reason is not used.
#[derive(Debug)]
struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not readable")
    }
}

impl std::error::Error for Unreadable {}

impl ser::Error for Unreadable {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use serde::{Serialize, Serializer, ser};
    use serde_json::json;

    use super::{MAX_DEPTH, Value, raw, read};

    #[derive(Serialize)]
    enum Shape {
        Unit,
        New(u8),
        Tuple(u8, char),
        Struct { a: Option<u8>, b: f64 },
    }

    #[test]
    fn what_serde_json_would_build() {
        let value = (
            [Shape::Unit, Shape::New(1), Shape::Tuple(2, 'x')],
            Shape::Struct { a: None, b: 0.5 },
            std::collections::BTreeMap::from([(1u8, "one")]),
            (-3i64, u64::MAX, true, "text"),
        );
        assert_eq!(
            read(&value, &[]).unwrap(),
            serde_json::to_value(&value).unwrap()
        );
        let body = r#"{"usage": {"n": 1}}"#;
        assert_eq!(read(body, &[]), Some(json!({ "usage": { "n": 1 } })));
        assert_eq!(
            read(&json!({ "data": [1], "a": { "data": 2 } }), &["data"]),
            Some(json!({ "a": { "data": 2 } }))
        );
    }

    struct Deep(u32);

    impl Serialize for Deep {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use ser::SerializeSeq as _;
            let mut seq = serializer.serialize_seq(Some(1))?;
            if self.0 > 0 {
                seq.serialize_element(&Self(self.0 - 1))?;
            }
            seq.end()
        }
    }

    struct Failing;

    impl Serialize for Failing {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(ser::Error::custom("no luck"))
        }
    }

    #[test]
    fn neither_depth_nor_a_failing_value_nor_text_that_is_no_json_does_harm() {
        let tree = read(&Deep(1_000_000), &[]).unwrap();
        let text = tree.to_string();
        assert_eq!(text.matches('[').count(), 1 + MAX_DEPTH as usize);
        assert_eq!(read(&Failing, &[]), None);
        assert_eq!(read("plain text", &[]), Some(json!("plain text")));
        let deep = "[".repeat(100_000);
        assert_eq!(read(&deep, &[]), Some(Value::from(deep)));
    }

    /// Recursion without an end, an array without an end, a panic.
    enum Hostile {
        Newtype,
        Some,
        Key,
        Variant,
        Endless,
        EndlessBelow(u32),
        Panics,
    }

    impl Serialize for Hostile {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use ser::{SerializeMap as _, SerializeSeq as _};
            match self {
                Self::Newtype => serializer.serialize_newtype_struct("N", self),
                Self::Some => serializer.serialize_some(self),
                Self::Variant => serializer.serialize_newtype_variant("E", 0, "V", self),
                Self::Key => {
                    let mut map = serializer.serialize_map(None)?;
                    map.serialize_entry(self, &1)?;
                    map.end()
                }
                Self::EndlessBelow(n @ 1..) => {
                    let mut seq = serializer.serialize_seq(None)?;
                    seq.serialize_element(&Self::EndlessBelow(n - 1))?;
                    seq.end()
                }
                Self::Endless | Self::EndlessBelow(0) => {
                    let mut seq = serializer.serialize_seq(None)?;
                    loop {
                        seq.serialize_element(&0u8)?;
                    }
                }
                Self::Panics => panic!("no luck"),
            }
        }
    }

    #[test]
    fn a_hostile_value_is_not_read() {
        for hostile in [
            Hostile::Newtype,
            Hostile::Some,
            Hostile::Key,
            Hostile::Endless,
            Hostile::EndlessBelow(64),
            Hostile::Panics,
        ] {
            assert_eq!(read(&hostile, &[]), None);
        }
        let cut = read(&Hostile::Variant, &[]).unwrap();
        assert_eq!(
            cut.to_string().matches("{\"V\":").count(),
            MAX_DEPTH as usize
        );
    }

    #[test]
    fn text_is_read_as_json_or_kept() {
        assert_eq!(read("7", &[]), Some(json!(7)));
        assert_eq!(raw("7", &[]), Some(json!("7")));
    }
}
