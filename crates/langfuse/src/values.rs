//! Values of records as Langfuse reads them. Used by `mapping`; knows no names of attributes.

use std::fmt::Write as _;

use tracefuse_exporter::record::{Level, ValueRef};
use tracefuse_otlp::encode::Any;

use crate::text;

/// Rounds dollars to twelve decimal places, which is what the server stores. A sum of fractions may have more.
pub(crate) fn to_picodollars(dollars: f64) -> f64 {
    let rounded = (dollars * 1e12).round() / 1e12;
    if rounded.is_finite() {
        rounded
    } else {
        dollars
    }
}

/// The level to write. DEFAULT is left out: with a failed status it would replace the ERROR that the status gives (`docs/langfuse.md` 2.5).
pub(crate) fn level(level: Option<Level>, failed: bool) -> Option<Level> {
    match level {
        Some(Level::Default) | None => failed.then_some(Level::Error),
        level => level,
    }
}

/// Input and output are sent as text. Langfuse shows JSON text as JSON.
pub(crate) fn as_text<'a>(value: ValueRef<'a>, scratch: &'a mut String) -> Any<'a> {
    match value {
        ValueRef::Str(text) | ValueRef::Json(text) => Any::Str(text),
        value => {
            scratch.clear();
            let _ = write!(scratch, "{value}");
            Any::Str(scratch)
        }
    }
}

/// A value of metadata. The server stores metadata as text and parses it as JSON on reading (`docs/langfuse.md` 2.5), so a
/// text that is JSON is quoted: it is read back as that text.
pub(crate) fn metadata<'a>(value: ValueRef<'a>, scratch: &'a mut String) -> Any<'a> {
    match value {
        ValueRef::Str(text) if text::reads_as_json(text) => {
            scratch.clear();
            text::quote(scratch, text);
            Any::Str(scratch)
        }
        value => any(value, scratch),
    }
}

/// 2^53: up to here a double represents every integer.
const EXACT: u64 = 1 << 53;

pub(crate) fn any<'a>(value: ValueRef<'a>, scratch: &'a mut String) -> Any<'a> {
    match value {
        ValueRef::Str(text) | ValueRef::Json(text) => return Any::Str(text),
        ValueRef::Bool(v) => return Any::Bool(v),
        ValueRef::I64(v) if v.unsigned_abs() <= EXACT => return Any::Int(v),
        ValueRef::U64(v) if v <= EXACT => return Any::Int(v as i64),
        ValueRef::F64(v) if v.is_finite() => return Any::Double(v),
        _ => {}
    }
    scratch.clear();
    // The server reads numbers as doubles, which would lose digits. A quoted text keeps them.
    let _ = write!(scratch, "\"{value}\"");
    Any::Str(scratch)
}
