//! Any `Serialize` as a value: a scalar as it is, everything else as bounded JSON text.
//! Called by every setter on the caller's thread. Text of arrays and objects is written by `json`. Must not
//! know records or spans.

mod error;
mod json;
pub(crate) mod noted;

use std::cell::Cell;

use serde::ser::Serialize;

use self::error::CaptureError;
use self::json::JsonWriter;
use super::feed::{Accept, Feed, Scalar, Shape, Sink, TOO_DEEP};
use super::guard::catch;
use super::value::{Value, ValueRef};

/// Gives `value` to `accept` as one `ValueRef`; `null` is not given at all.
/// A `Serialize` that fails or panics gives a text that says so. One without an end is cut.
#[inline]
pub(crate) fn capture<T: Serialize + ?Sized, F: FnMut(ValueRef<'_>)>(value: &T, accept: &mut F) {
    if is_scalar::<T>() {
        return capture_scalar(value, accept);
    }
    let mut feed = Feed::new(Top {
        accept,
        writer: None,
    });
    let captured = catch(|| value.serialize(&mut feed));
    let top = feed.sink;
    match captured {
        // A value that was cut is closed where it was cut.
        Ok(Ok(()) | Err(CaptureError::Cut)) => top.finish(),
        Ok(Err(CaptureError::Refused(error))) => {
            (top.accept)(ValueRef::Str(&format!("<not serializable: {error}>")));
        }
        Err(panic) => (top.accept)(ValueRef::Str(&format!(
            "<not serializable: its Serialize panicked: {panic}>"
        ))),
    }
}

/// [`capture`] of a value that [`is_scalar`]. Text and numbers cannot fail, and pay for neither the guard nor the writer.
#[inline(always)]
pub(super) fn capture_scalar<T: Serialize + ?Sized>(value: &T, accept: impl Accept) {
    let _ = value.serialize(&mut Feed::new(Scalar::<_, CaptureError>::new(accept)));
}

impl Value {
    /// Captures anything that is `Serialize`: scalars as they are, everything else as JSON text.
    /// `None` for `null` (and `Option::None`, `()`).
    #[must_use]
    pub fn capture<T: Serialize + ?Sized>(value: &T) -> Option<Self> {
        let mut captured = None;
        capture(value, &mut |value| captured = Some(value.to_value()));
        captured
    }
}

/// Whether `T` is text, a number or a boolean, whose `Serialize` is known. Evaluated at compile time.
#[inline]
pub(crate) fn is_scalar<T: ?Sized>() -> bool {
    let name = std::any::type_name::<T>();
    let name = name.strip_prefix('&').unwrap_or(name);
    matches!(
        name,
        "str"
            | "alloc::string::String"
            | "bool"
            | "char"
            | "f32"
            | "f64"
            | "i32"
            | "i64"
            | "u8"
            | "u16"
            | "u32"
            | "u64"
            | "usize"
    )
}

thread_local! {
    /// Text of the last array or object, kept for its capacity.
    static SCRATCH: Cell<String> = const { Cell::new(String::new()) };
}

/// A text of more capacity than this is freed.
const SCRATCH_KEPT: usize = 64 * 1024;

/// Gives a scalar to `accept` as it is, and writes anything else as JSON text.
struct Top<'a, F> {
    accept: &'a mut F,
    /// The outermost array or object, once there is one.
    writer: Option<JsonWriter>,
}

impl<F: FnMut(ValueRef<'_>)> Top<'_, F> {
    /// Gives the text of an array or an object that is complete, and keeps its memory.
    fn finish(self) {
        let Some(writer) = self.writer.filter(JsonWriter::is_complete) else {
            return;
        };
        let text = writer.into_text();
        (self.accept)(ValueRef::Json(&text));
        if text.capacity() <= SCRATCH_KEPT {
            SCRATCH.set(text);
        }
    }
}

/// The writer gets what is inside of an array or an object.
impl<F: FnMut(ValueRef<'_>)> Sink for Top<'_, F> {
    type Error = CaptureError;

    #[inline]
    fn scalar(&mut self, value: ValueRef<'_>) -> Result<(), CaptureError> {
        match &mut self.writer {
            Some(writer) => writer.scalar(value),
            None => {
                (self.accept)(value);
                Ok(())
            }
        }
    }

    fn null(&mut self) -> Result<(), CaptureError> {
        self.writer.as_mut().map_or(Ok(()), Sink::null)
    }

    fn float32(&mut self, value: f32) -> Result<(), CaptureError> {
        match &mut self.writer {
            Some(writer) => writer.float32(value),
            None => self.scalar(ValueRef::F64(value.into())),
        }
    }

    fn digits(&mut self, digits: &str) -> Result<(), CaptureError> {
        match &mut self.writer {
            Some(writer) => writer.digits(digits),
            None => self.scalar(ValueRef::Str(digits)),
        }
    }

    fn open(&mut self, shape: Shape) -> Result<(), CaptureError> {
        let new = || JsonWriter::new(SCRATCH.take());
        self.writer.get_or_insert_with(new).open(shape)
    }

    fn close(&mut self) -> Result<(), CaptureError> {
        self.writer.as_mut().map_or(Ok(()), Sink::close)
    }

    fn too_deep(&mut self, shape: Shape) -> Result<(), CaptureError> {
        let too_deep = |writer: &mut JsonWriter| writer.too_deep(shape);
        self.writer.as_mut().map_or(Ok(()), too_deep)
    }

    fn too_wrapped(&mut self) -> Result<(), CaptureError> {
        match &mut self.writer {
            Some(writer) => writer.too_wrapped(),
            None => self.scalar(ValueRef::Str(TOO_DEEP)),
        }
    }

    fn part(&mut self) -> Result<(), CaptureError> {
        self.writer.as_mut().map_or(Ok(()), Sink::part)
    }

    fn key(&mut self, key: &str) -> Result<bool, CaptureError> {
        let write = |writer: &mut JsonWriter| writer.key(key);
        self.writer.as_mut().map_or(Ok(true), write)
    }

    fn endless(&mut self) -> CaptureError {
        let end = |writer: &mut JsonWriter| writer.endless();
        self.writer.as_mut().map_or(CaptureError::Cut, end)
    }
}

#[cfg(test)]
mod tests;
