//! The values of fields, as `tracing` hands them to a visitor, one kind of them each.
//! Used by `layer` and `event`.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Write as _};

use tracefuse_semconv::Value;
use tracing_core::Field;
use tracing_core::field::Visit;

/// Sources beyond this are not followed: an error that is its own source must not hang its recorder.
const MAX_SOURCES: usize = 32;

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
