//! Anything that is `Serialize` as a JSON tree that is safe to walk and to drop, with limits on depth and size.
//! Called by `provider` and `stream` on what a provider's client returns. Must not know what the tree means.

use std::fmt;

use serde::ser::{self, Serialize};
use serde_json::{Map, Value};

use crate::llm::lenient;
use crate::record::ValueRef;
use crate::record::feed::{Feed, Shape, Sink};
use crate::record::guard::catch;

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
        Value::String(text) => Some(
            serde_json::from_str(&text)
                .ok()
                .or_else(|| lenient::parse(&text))
                .unwrap_or(Value::String(text)),
        ),
        tree => Some(tree),
    }
}

/// [`read`], but text is never parsed.
pub(crate) fn raw<T: Serialize + ?Sized>(
    value: &T,
    skip: &'static [&'static str],
) -> Option<Value> {
    let mut feed = Feed::new(Tree {
        skip,
        ..Tree::default()
    });
    catch(|| value.serialize(&mut feed)).ok()?.ok()?;
    // An array or an object that was not ended is not there.
    feed.sink.whole
}

/// A tree that is being built.
#[derive(Default)]
struct Tree {
    whole: Option<Value>,
    /// Arrays and objects that are open, outermost first.
    open: Vec<Level>,
    parts: u32,
    bytes: usize,
    skip: &'static [&'static str],
}

struct Level {
    shape: Shape,
    list: Vec<Value>,
    map: Map<String, Value>,
    key: String,
}

impl Level {
    fn new(shape: Shape) -> Self {
        Self {
            shape,
            list: Vec::new(),
            map: Map::new(),
            key: String::new(),
        }
    }

    fn value(self) -> Value {
        let value = match self.shape.is_object {
            true => Value::Object(self.map),
            false => Value::Array(self.list),
        };
        match self.shape.variant {
            None => value,
            Some(variant) => Value::Object(Map::from_iter([(variant.to_owned(), value)])),
        }
    }
}

impl Tree {
    fn put(&mut self, value: Value) -> Result<(), Unreadable> {
        match self.open.last_mut() {
            None => self.whole = Some(value),
            Some(level) if level.shape.is_object => {
                level.map.insert(std::mem::take(&mut level.key), value);
            }
            Some(level) => level.list.push(value),
        }
        Ok(())
    }

    /// Counts bytes of text.
    fn count(&mut self, text: &str) -> Result<(), Unreadable> {
        self.bytes = self.bytes.saturating_add(text.len());
        match self.bytes > MAX_BYTES {
            true => Err(Unreadable),
            false => Ok(()),
        }
    }
}

impl Sink for Tree {
    type Error = Unreadable;

    fn scalar(&mut self, value: ValueRef<'_>) -> Result<(), Unreadable> {
        let value = match value {
            ValueRef::Str(text) | ValueRef::Json(text) => {
                self.count(text)?;
                text.into()
            }
            ValueRef::Bool(v) => v.into(),
            ValueRef::I64(v) => v.into(),
            ValueRef::U64(v) => v.into(),
            ValueRef::F64(v) => v.into(),
        };
        self.put(value)
    }

    fn null(&mut self) -> Result<(), Unreadable> {
        self.put(Value::Null)
    }

    fn open(&mut self, shape: Shape) -> Result<(), Unreadable> {
        self.open.push(Level::new(shape));
        Ok(())
    }

    fn close(&mut self) -> Result<(), Unreadable> {
        let level = self.open.pop().ok_or(Unreadable)?;
        self.put(level.value())
    }

    fn too_deep(&mut self, shape: Shape) -> Result<(), Unreadable> {
        self.put(Level::new(shape).value())
    }

    fn too_wrapped(&mut self) -> Result<(), Unreadable> {
        Err(Unreadable)
    }

    fn part(&mut self) -> Result<(), Unreadable> {
        self.parts += 1;
        match self.parts > MAX_PARTS {
            true => Err(Unreadable),
            false => Ok(()),
        }
    }

    fn key(&mut self, key: &str) -> Result<bool, Unreadable> {
        self.count(key)?;
        let is_outermost = self.open.len() == 1;
        let Some(level) = self.open.last_mut() else {
            return Err(Unreadable);
        };
        key.clone_into(&mut level.key);
        Ok(!(is_outermost && self.skip.contains(&key)))
    }

    fn endless(&mut self) -> Unreadable {
        Unreadable
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
    use proptest::prelude::*;
    use serde::{Serialize, Serializer, ser};
    use serde_json::json;

    use super::{MAX_BYTES, MAX_PARTS, Tree, Unreadable, Value, raw, read};
    use crate::record as capture;
    use crate::record::feed::{MAX_DEPTH, Sink as _};

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

    /// A limit is what still fits.
    #[test]
    fn a_tree_has_limits_of_parts_and_of_text() {
        let mut tree = Tree {
            bytes: MAX_BYTES - 3,
            parts: MAX_PARTS - 1,
            ..Tree::default()
        };
        assert!(tree.count("abc").is_ok() && tree.count("d").is_err());
        assert!(tree.part().is_ok() && tree.part().is_err());
        let many = vec![0; 5000];
        assert_eq!(read(&many, &[]), Some(json!(many)));
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
        let unreadable = <Unreadable as ser::Error>::custom("no luck");
        assert_eq!(unreadable.to_string(), "not readable");
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

    /// A part that cannot be read makes the whole unreadable: a body without one of its fields says something else.
    #[test]
    fn a_hostile_part_is_not_left_out() {
        for hostile in [
            Hostile::Newtype,
            Hostile::Some,
            Hostile::Endless,
            Hostile::Panics,
        ] {
            #[derive(Serialize)]
            struct Body {
                usage: Hostile,
                model: &'static str,
            }
            let body = Body {
                usage: hostile,
                model: "m",
            };
            assert_eq!(read(&body, &[]), None);
            assert_eq!(read(&body, &["usage"]), Some(json!({ "model": "m" })));
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

    /// Any JSON of up to 70 levels.
    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i32>().prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(70, 200, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_tree_and_the_text_of_a_value_say_the_same(value in json_value()) {
            let list = vec![value];
            let tree = raw(&list, &[]).unwrap();
            let text = capture::Value::capture(&list).unwrap().as_ref().to_string();
            if tree == serde_json::json!(list) {
                prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), tree);
            } else {
                prop_assert!(text.contains("<max depth>"), "{}", text);
            }
        }
    }

    #[test]
    fn text_is_read_as_json_or_kept() {
        assert_eq!(read("7", &[]), Some(json!(7)));
        assert_eq!(raw("7", &[]), Some(json!("7")));
    }
}
