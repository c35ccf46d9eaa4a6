//! Anything that is `Serialize` as a JSON tree that is safe to walk and to drop: 64 levels at most.
//! Called by `provider` and `stream` on what a provider's client hands out.

use std::fmt;

use serde::ser::{self, Serialize, Serializer};
use serde_json::{Map, Value};

/// Parts below this are left out, so that neither building nor dropping the tree overflows a stack.
const MAX_DEPTH: u32 = 64;

/// The tree of `value`, without the values of `skip` among its outermost keys: what is not needed may
/// be large. JSON text, such as a response's body, is read as what it says. `None` if it cannot be read.
pub(crate) fn read<T: Serialize + ?Sized>(
    value: &T,
    skip: &'static [&'static str],
) -> Option<Value> {
    match value.serialize(Reader { depth: 0, skip }).ok()? {
        // The parser refuses text of more than 128 levels.
        Value::String(text) => serde_json::from_str(&text).ok(),
        tree => Some(tree),
    }
}

#[derive(Clone, Copy)]
struct Reader {
    depth: u32,
    skip: &'static [&'static str],
}

impl Reader {
    fn parts(self, variant: Option<&'static str>) -> Parts {
        Parts {
            inner: Self {
                depth: self.depth + 1,
                skip: &[],
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
struct Parts {
    inner: Reader,
    skip: &'static [&'static str],
    variant: Option<&'static str>,
    list: Vec<Value>,
    map: Map<String, Value>,
    key: String,
}

impl Parts {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unreadable> {
        if self.inner.depth <= MAX_DEPTH {
            self.list.push(value.serialize(self.inner)?);
        }
        Ok(())
    }

    fn entry<T: Serialize + ?Sized>(&mut self, key: String, value: &T) -> Result<(), Unreadable> {
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

impl Serializer for Reader {
    type Ok = Value;
    type Error = Unreadable;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    scalars! {
        serialize_bool(bool), serialize_str(&str),
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

    fn serialize_char(self, v: char) -> Result<Value, Unreadable> {
        Ok(Value::from(v.to_string()))
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<Value, Unreadable> {
        Ok(Value::from(String::from_utf8_lossy(v).as_ref()))
    }

    fn serialize_none(self) -> Result<Value, Unreadable> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Unreadable> {
        value.serialize(self)
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
        value.serialize(self)
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

    fn serialize_seq(self, _: Option<usize>) -> Result<Parts, Unreadable> {
        Ok(self.parts(None))
    }

    fn serialize_tuple(self, _: usize) -> Result<Parts, Unreadable> {
        Ok(self.parts(None))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Parts, Unreadable> {
        Ok(self.parts(None))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts, Unreadable> {
        Ok(self.parts(Some(variant)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts, Unreadable> {
        Ok(self.parts(None))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts, Unreadable> {
        Ok(self.parts(None))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts, Unreadable> {
        Ok(self.parts(Some(variant)))
    }
}

macro_rules! compounds {
    ($($trait:ident $method:ident $($key:ident)? => $end:ident);* $(;)?) => {
        $(impl ser::$trait for Parts {
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

impl ser::SerializeMap for Parts {
    type Ok = Value;
    type Error = Unreadable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unreadable> {
        self.key = match key.serialize(self.inner)? {
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

/// What a user's `Serialize` says of why it failed interests nobody here.
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

    use super::{MAX_DEPTH, read};

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
        assert_eq!(read("plain text", &[]), None);
        assert_eq!(read(&"[".repeat(100_000), &[]), None);
    }
}
