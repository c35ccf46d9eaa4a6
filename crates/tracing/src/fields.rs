//! The values of fields, as `tracing` hands them to a visitor, one kind of them each.
//! Fed by `layer` and `event`; drained by `mapping`.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write as _};

use serde::{Serialize, Serializer};
use tracing_core::Field;
use tracing_core::field::Visit;

/// Sources beyond this are not followed: an error that is its own source must not hang its recorder.
const MAX_SOURCES: usize = 32;

/// A field's value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Str(Cow<'a, str>),
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
}

impl Value<'_> {
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Str(text) => Cow::Borrowed(text),
            Self::Bool(v) => Cow::Borrowed(if *v { "true" } else { "false" }),
            Self::I64(v) => Cow::Owned(v.to_string()),
            Self::U64(v) => Cow::Owned(v.to_string()),
            Self::F64(v) => Cow::Owned(v.to_string()),
        }
    }

    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Str(text) => text.into_owned(),
            other => other.text().into_owned(),
        }
    }

    pub(crate) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Str(text) => Value::Str(Cow::Owned(text.into_owned())),
            Self::Bool(v) => Value::Bool(v),
            Self::I64(v) => Value::I64(v),
            Self::U64(v) => Value::U64(v),
            Self::F64(v) => Value::F64(v),
        }
    }

    /// A count; also one that was given as text.
    pub(crate) fn count(&self) -> Option<u64> {
        match self {
            Self::U64(v) => Some(*v),
            Self::I64(v) => u64::try_from(*v).ok(),
            Self::Str(text) => text.parse().ok(),
            Self::Bool(_) | Self::F64(_) => None,
        }
    }

    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::F64(v) => Some(*v),
            Self::Str(text) => text.parse().ok(),
            other => Some(other.count()? as f64),
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
        }
    }
}

/// Gives every field to a closure. No lock may be held: `Debug` and `Display` of the user's run here.
pub(crate) struct Fields<F>(pub(crate) F);

impl<F: FnMut(&'static str, Value<'_>)> Visit for Fields<F> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        (self.0)(field.name(), Value::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        (self.0)(field.name(), Value::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        (self.0)(field.name(), Value::U64(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        (self.0)(field.name(), Value::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        (self.0)(field.name(), Value::Str(Cow::Borrowed(value)));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        for _ in 0..MAX_SOURCES {
            let Some(error) = source else { break };
            // Writing into a String cannot fail; a Display that fails leaves what it wrote.
            let _ = write!(text, ": {error}");
            source = error.source();
        }
        (self.0)(field.name(), Value::Str(Cow::Owned(text)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        (self.0)(field.name(), Value::Str(Cow::Owned(text)));
    }
}
