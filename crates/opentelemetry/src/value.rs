//! Values and times of OpenTelemetry as ours.
//! Used by `span` and `event`.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::{Array, Value};
use tracefuse_core::Timestamp;
use tracefuse_semconv::Value as Ours;

/// Text is moved; a type that OpenTelemetry adds later becomes its text.
pub(crate) fn value(value: Value) -> Ours<'static> {
    let text = |text: String| Ours::Str(Cow::Owned(text));
    match value {
        Value::Bool(v) => Ours::Bool(v),
        Value::I64(v) => Ours::I64(v),
        Value::F64(v) => Ours::F64(v),
        Value::String(v) => text(v.into()),
        Value::Array(Array::Bool(all)) => Ours::List(all.into_iter().map(Ours::Bool).collect()),
        Value::Array(Array::I64(all)) => Ours::List(all.into_iter().map(Ours::I64).collect()),
        Value::Array(Array::F64(all)) => Ours::List(all.into_iter().map(Ours::F64).collect()),
        Value::Array(Array::String(all)) => {
            Ours::List(all.into_iter().map(|v| text(v.into())).collect())
        }
        other => text(other.to_string()),
    }
}

/// A time before 1970 becomes 1970.
pub(crate) fn time(time: SystemTime) -> Timestamp {
    let nanos = time.duration_since(UNIX_EPOCH).map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    });
    Timestamp::from_unix_nanos(nanos)
}
