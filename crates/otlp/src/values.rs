//! Values of records as values of OTLP. Used by `mapping` and by the files of both conventions.

use std::fmt::Write as _;

use tracefuse_exporter::record::{Level, ValueRef};

use crate::encode::{Any, Attributes};

/// The text of a level, unless it is the default.
pub(crate) fn level(level: Option<Level>) -> Option<&'static str> {
    level
        .filter(|level| *level != Level::Default)
        .map(Level::as_str)
}

/// Writes a value under `prefix` and `key`.
pub(crate) fn set(attributes: &mut Attributes<'_>, prefix: &str, key: &str, value: ValueRef<'_>) {
    let any = match value {
        ValueRef::Str(text) | ValueRef::Json(text) => Any::Str(text),
        ValueRef::Bool(v) => Any::Bool(v),
        ValueRef::I64(v) => Any::Int(v),
        ValueRef::U64(v) => match i64::try_from(v) {
            Ok(v) => Any::Int(v),
            Err(_) => {
                let mut text = String::new();
                let _ = write!(text, "{v}");
                return attributes.set_below(prefix, key, Any::Str(&text));
            }
        },
        ValueRef::F64(v) => Any::Double(v),
        // Kinds of values that are added later are sent as text.
        other => return attributes.set_below(prefix, key, Any::Str(&other.to_string())),
    };
    attributes.set_below(prefix, key, any);
}
