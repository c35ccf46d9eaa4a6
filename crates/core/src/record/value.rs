//! Values of attributes: as a record shows them (`ValueRef`) and as trace attributes own them (`Value`).
//! Made by `capture` from anything that is `Serialize`; read by exporters.

use std::fmt;

use serde::{Serialize, Serializer};

/// A value as a finished record shows it: borrowed, of one of six kinds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// Text as it was given, without quotes.
    Str(&'a str),
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
    /// A number with a fraction; may be NaN or infinite.
    F64(f64),
    /// The JSON text of an array or an object.
    Json(&'a str),
}

impl ValueRef<'_> {
    /// The value's own copy.
    #[must_use]
    pub fn to_value(self) -> Value {
        match self {
            Self::Str(text) => Value::Str(text.to_owned()),
            Self::Bool(v) => Value::Bool(v),
            Self::I64(v) => Value::I64(v),
            Self::U64(v) => Value::U64(v),
            Self::F64(v) => Value::F64(v),
            Self::Json(text) => Value::Json(text.to_owned()),
        }
    }

    /// Bytes of text it holds; 8 for a number.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::Str(text) | Self::Json(text) => text.len(),
            _ => 8,
        }
    }
}

/// Text unchanged, numbers in decimal, JSON as its text; NaN and infinities as `NaN`, `Infinity`, `-Infinity`.
impl fmt::Display for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Str(text) | Self::Json(text) => f.write_str(text),
            Self::Bool(v) => write!(f, "{v}"),
            Self::I64(v) => write!(f, "{v}"),
            Self::U64(v) => write!(f, "{v}"),
            Self::F64(v) => f.write_str(float(v, &mut ryu::Buffer::new())),
        }
    }
}

/// The text of a float: JSON's where JSON has one, else the name that JavaScript and Python know.
#[must_use]
pub(crate) fn float(value: f64, buffer: &mut ryu::Buffer) -> &str {
    if value.is_finite() {
        buffer.format_finite(value)
    } else if value.is_nan() {
        "NaN"
    } else if value.is_sign_positive() {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// A value that owns its text, in trace and resource attributes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Text as it was given, without quotes.
    Str(String),
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
    /// A number with a fraction; may be NaN or infinite.
    F64(f64),
    /// The JSON text of an array or an object.
    Json(String),
}

impl Value {
    /// The value, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Str(text) => ValueRef::Str(text),
            Self::Bool(v) => ValueRef::Bool(*v),
            Self::I64(v) => ValueRef::I64(*v),
            Self::U64(v) => ValueRef::U64(*v),
            Self::F64(v) => ValueRef::F64(*v),
            Self::Json(text) => ValueRef::Json(text),
        }
    }
}

/// As [`ValueRef`] does: JSON text is serialized as a string.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_ref().serialize(serializer)
    }
}

/// JSON text cannot be passed to another serializer as a tree, so it is serialized as a string.
impl Serialize for ValueRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Str(text) | Self::Json(text) => serializer.serialize_str(text),
            Self::Bool(v) => serializer.serialize_bool(v),
            Self::I64(v) => serializer.serialize_i64(v),
            Self::U64(v) => serializer.serialize_u64(v),
            Self::F64(v) => serializer.serialize_f64(v),
        }
    }
}
