//! The value of an attribute, whichever tracing system it comes from.
//! Made by the bridges; read by `observation`, `gen_ai` and `langfuse`.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::Value as Json;
use tracefuse_core::bridge;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// Text.
    Str(Cow<'a, str>),
    /// True or false.
    Bool(bool),
    /// A whole number.
    I64(i64),
    /// A whole number that is not negative.
    U64(u64),
    /// A number.
    F64(f64),
    /// Several values.
    List(Vec<Self>),
}

impl Value<'_> {
    /// As text; a list as JSON.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Str(text) => Cow::Borrowed(text),
            Self::Bool(v) => Cow::Borrowed(if *v { "true" } else { "false" }),
            Self::I64(v) => Cow::Owned(v.to_string()),
            Self::U64(v) => Cow::Owned(v.to_string()),
            Self::F64(v) => Cow::Owned(v.to_string()),
            Self::List(values) => Cow::Owned(serde_json::to_string(values).unwrap_or_default()),
        }
    }

    /// [`text`](Self::text), moved if it is one.
    #[must_use]
    pub fn into_text(self) -> String {
        match self {
            Self::Str(text) => text.into_owned(),
            other => other.text().into_owned(),
        }
    }

    /// The same without what it borrowed.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Str(text) => Value::Str(Cow::Owned(text.into_owned())),
            Self::Bool(v) => Value::Bool(v),
            Self::I64(v) => Value::I64(v),
            Self::U64(v) => Value::U64(v),
            Self::F64(v) => Value::F64(v),
            Self::List(values) => Value::List(values.into_iter().map(Value::into_owned).collect()),
        }
    }

    /// A count; also one that was given as a float or as text.
    pub(crate) fn count(&self) -> Option<u64> {
        bridge::count(&self.scalar()?)
    }

    /// A number, also one that was given as text.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::F64(number) => Some(*number),
            Self::Str(text) => text.trim().parse().ok(),
            Self::I64(number) => Some(*number as f64),
            Self::U64(number) => Some(*number as f64),
            Self::Bool(_) | Self::List(_) => None,
        }
    }

    /// As JSON: text stays text.
    pub(crate) fn json(&self) -> Json {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The texts of a list, or the one text.
    pub(crate) fn texts(&self) -> Vec<String> {
        match self {
            Self::List(values) => values
                .iter()
                .map(|value| value.text().into_owned())
                .collect(),
            one => vec![one.text().into_owned()],
        }
    }

    fn scalar(&self) -> Option<Json> {
        match self {
            Self::Bool(_) | Self::List(_) => None,
            scalar => Some(scalar.json()),
        }
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Str(text) => serializer.serialize_str(text),
            Self::Bool(v) => serializer.serialize_bool(*v),
            Self::I64(v) => serializer.serialize_i64(*v),
            Self::U64(v) => serializer.serialize_u64(*v),
            Self::F64(v) => serializer.serialize_f64(*v),
            Self::List(values) => serializer.collect_seq(values),
        }
    }
}
