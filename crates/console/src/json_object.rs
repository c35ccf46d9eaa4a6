//! Objects of the line of JSON: entries without value are left out.
//! Used by `json`, which has the schema.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use tracefuse_exporter::record::{Value, ValueRef};

/// A value; JSON text is embedded as JSON.
pub(crate) struct Typed<'a>(pub(crate) ValueRef<'a>);
pub(crate) struct Object<'a>(Vec<(&'a str, Typed<'a>)>);

impl<'a> Object<'a> {
    pub(crate) fn of(pairs: impl Iterator<Item = (&'a str, ValueRef<'a>)>) -> Self {
        Self(pairs.map(|(key, value)| (key, Typed(value))).collect())
    }

    pub(crate) fn owned(pairs: &'a [(String, Value)]) -> Self {
        Self::of(
            pairs
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_ref())),
        )
    }
}

/// Writes an entry if there is something to write.
pub(crate) fn entry<M: SerializeMap>(
    map: &mut M,
    key: &str,
    value: Option<impl Serialize>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| map.serialize_entry(key, &value))
}

pub(crate) fn list<T>(items: Vec<T>) -> Option<Vec<T>> {
    Some(items).filter(|items| !items.is_empty())
}

pub(crate) fn object(object: Object<'_>) -> Option<Object<'_>> {
    Some(object).filter(|object| !object.0.is_empty())
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl Serialize for Typed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            // A masking function may have changed it to invalid JSON: then it is written as a text.
            ValueRef::Json(text) => match serde_json::from_str::<&RawValue>(text) {
                Ok(json) => json.serialize(serializer),
                Err(_) => serializer.serialize_str(text),
            },
            ValueRef::F64(number) if !number.is_finite() => serializer.collect_str(&self.0),
            value => value.serialize(serializer),
        }
    }
}
