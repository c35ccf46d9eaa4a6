//! The values of fields, as `tracing` gives them to a visitor: one method for each type.
//! Used by `layer` and `event`.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use tracefuse_core::AsException as _;
use tracefuse_core::bridge::text_of;
use tracefuse_semconv::Value;
use tracing_core::Field;
use tracing_core::field::Visit;

/// Gives every field to a closure. The caller has no lock locked: the user's `Debug` and `Display` run here.
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
        let exception = value.to_exception();
        let mut text = exception.message;
        for source in exception.sources.lines() {
            text.push_str(": ");
            text.push_str(source);
        }
        (self.0)(field.name(), Value::Str(Cow::Owned(text)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = text_of(format_args!("{value:?}"));
        (self.0)(field.name(), Value::Str(Cow::Owned(text)));
    }
}
