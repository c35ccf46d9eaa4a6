//! Values of every shape, and hostile ones: without an end, too deep, failing, panicking.

use super::super::feed::MAX_SKIPPED;
use super::super::value::Value;
use super::json::MAX_BYTES;
use proptest::prelude::*;
use serde::{Serialize, Serializer};
use std::cell::Cell;
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

thread_local! {
    /// The parts of [`TooDeep`] that were passed over.
    static PASSED: Cell<u32> = const { Cell::new(0) };
}

/// An array without an end whose parts are below the deepest level: nothing of it is written.
struct TooDeep;

impl Serialize for TooDeep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        PASSED.set(0);
        let mut seq = serializer.serialize_seq(None)?;
        loop {
            seq.serialize_element(&0u8)?;
            PASSED.set(PASSED.get() + 1);
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
    let json = text(Nested(63));
    assert_eq!(PASSED.get(), MAX_SKIPPED - 1);
    assert_eq!(
        json,
        format!("{}\"<max depth>\"{}", "[".repeat(64), "]".repeat(64))
    );
    let deeper = text(Nested(70));
    assert_eq!(deeper, json, "what is in it is not asked for");
}

#[test]
fn what_follows_something_too_deep_is_written() {
    struct Pair(u32);
    impl Serialize for Pair {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            match self.0 {
                0 => ([1], 2).serialize(serializer),
                n => (Self(n - 1), n).serialize(serializer),
            }
        }
    }
    // Arrays in the place of the 65th level, before and after a number.
    let json = text(Pair(63));
    let inner = r#"["<max depth>",2]"#;
    assert!(json.contains(&format!("{inner},1],2],3]")), "{json}");
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value[1], 63);
}

#[test]
fn many_values_that_are_wrapped_side_by_side_are_written() {
    #[derive(Serialize)]
    struct New(Option<u32>);
    let value: Vec<_> = (0..500).map(|n| New(Some(n))).collect();
    assert_eq!(text(&value), serde_json::to_string(&value).unwrap());
}

#[test]
fn values_of_every_type_read_as_serde_json_writes_them() {
    struct Bytes;
    impl Serialize for Bytes {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes("bytes \u{1f980}".as_bytes())
        }
    }
    #[derive(Serialize)]
    struct Unit;
    assert_eq!(text(Bytes), "bytes \u{1f980}");
    assert_eq!(Value::capture(&Unit), None);
    assert_eq!(text([Unit]), "[null]");
    for (value, alone) in [
        (u128::from(u64::MAX), Value::U64(u64::MAX)),
        (
            u128::from(u64::MAX) + 1,
            Value::Str("18446744073709551616".into()),
        ),
    ] {
        assert_eq!(Value::capture(&value), Some(alone));
        assert_eq!(text([value]), format!("[{value}]"));
    }
    assert_eq!(text([i128::MIN]), format!("[{}]", i128::MIN));
    let key = u128::from(u64::MAX) + 1;
    assert_eq!(
        text(BTreeMap::from([(key, true)])),
        format!("{{\"{key}\":true}}")
    );
    // A float of 32 bits has the digits that it needs.
    assert_eq!(text([0.1f32, f32::NAN, -1.5]), r#"[0.1,"NaN",-1.5]"#);
    assert_eq!(text([0.1f64]), "[0.1]");
    assert_eq!(Value::capture(&Some(0.5f32)), Some(Value::F64(0.5)));
    assert_eq!(Value::capture(&'x'), Some(Value::Str("x".into())));
    let escaped = "\u{8}\u{c}\n\r\t\u{1f}\u{7f}\"\\";
    assert_eq!(text([escaped]), serde_json::to_string(&[escaped]).unwrap());
}

#[test]
fn a_value_that_ends_without_its_parts_is_not_recorded() {
    struct Unfinished;
    impl Serialize for Unfinished {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let _array = serializer.serialize_seq(None)?;
            Err(serde::ser::Error::custom("no luck"))
        }
    }
    struct PassesOver;
    impl Serialize for PassesOver {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut array = serializer.serialize_seq(None)?;
            let _ = array.serialize_element(&Unfinished);
            array.end()
        }
    }
    assert_eq!(Value::capture(&PassesOver), None);
    assert_eq!(text([1]), "[1]");
}

#[test]
fn no_part_is_added_once_the_text_has_its_most_bytes() {
    // Before the second part there are two quotes, a bracket and a comma.
    for (bytes, is_cut) in [(MAX_BYTES - 5, false), (MAX_BYTES - 4, true)] {
        let json = text(["x".repeat(bytes), "y".to_owned()]);
        assert_eq!(json.ends_with(r#""<truncated>"]"#), is_cut);
        assert_eq!(json.ends_with(r#","y"]"#), !is_cut);
    }
}

#[test]
fn the_memory_of_a_text_is_kept_unless_it_is_large() {
    let kept = || {
        let text = super::SCRATCH.take();
        let capacity = text.capacity();
        super::SCRATCH.set(text);
        capacity
    };
    super::SCRATCH.set(String::new());
    text(["x".repeat(1_000)]);
    assert!((1_000..=super::SCRATCH_KEPT).contains(&kept()));
    text(["x".repeat(super::SCRATCH_KEPT + 1)]);
    assert_eq!(kept(), 0);
    super::SCRATCH.set(String::with_capacity(super::SCRATCH_KEPT));
    text([1]);
    assert_eq!(kept(), super::SCRATCH_KEPT);
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
