//! Maskers made of functions of an application: of a text, or of a value and where it is.
//! Made by `Mask::text` and `Mask::rewrite`.

use tracefuse_core::record::{Value, ValueRef};

use crate::{MaskTarget, Masker};

/// Masks text at every location, and numbers by their text.
pub(crate) struct Text<F> {
    pub(crate) mask: F,
    pub(crate) numbers: bool,
}

impl<F: Fn(&str) -> Option<String> + Send + Sync + 'static> Masker for Text<F> {
    fn mask(&self, value: ValueRef<'_>, _: &MaskTarget<'_>) -> Option<Value> {
        let masked = match value {
            ValueRef::Str(text) => (self.mask)(text),
            ValueRef::U64(_) | ValueRef::I64(_) if self.numbers => (self.mask)(&value.to_string()),
            ValueRef::F64(number) if self.numbers => (self.mask)(&plain(number)),
            _ => None,
        };
        masked.map(Value::Str)
    }

    fn mask_key(&self, key: &str, _: &MaskTarget<'_>) -> Option<String> {
        (self.mask)(key)
    }
}

/// A float without `.0` or an exponent where it is whole: a card's number may have gone through one.
fn plain(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e19 {
        format!("{number:.0}")
    } else {
        ValueRef::F64(number).to_string()
    }
}

pub(crate) struct Rewrite<F>(pub(crate) F);

impl<F: Fn(ValueRef<'_>, &MaskTarget<'_>) -> Option<Value> + Send + Sync + 'static> Masker
    for Rewrite<F>
{
    fn mask(&self, value: ValueRef<'_>, at: &MaskTarget<'_>) -> Option<Value> {
        (self.0)(value, at)
    }
}
