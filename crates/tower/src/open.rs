//! A trace that is open while its request is answered, by the handler or by the body of the response.
//! Used by `future` and `body`; knows neither.

use std::any::type_name;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tracefuse_core::bridge::{end_cancelled, record_panic};
use tracefuse_core::{Exception, Trace};

/// A trace that is open, and is marked as cancelled if it is dropped before it is taken.
pub(crate) struct Open {
    /// `None` once the work is done.
    pub(crate) trace: Option<Trace>,
    /// The message of the mark; `None` once the work has failed, which is no cancellation.
    pub(crate) cancelled: Option<&'static str>,
}

impl Open {
    /// Runs `f` with the root current; a panic is recorded and continues unwinding.
    pub(crate) fn run<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let entered = self.trace.as_ref().map(|trace| trace.root().enter());
        // Caught only to be recorded: the user's own state is not looked at afterwards.
        let result = catch_unwind(AssertUnwindSafe(f));
        drop(entered);
        result.unwrap_or_else(|panic| {
            if let Some(trace) = self.trace.take() {
                record_panic(trace.root(), &*panic);
            }
            resume_unwind(panic)
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        match (self.trace.take(), self.cancelled) {
            (Some(trace), Some(message)) => end_cancelled(trace.root(), message),
            (Some(trace), None) => trace.end(),
            (None, _) => {}
        }
    }
}

/// Records an error of which only the text is known.
pub(crate) fn note_error<E>(trace: &Trace, what: &str, error: &dyn fmt::Display) {
    if trace.is_recording() {
        let message = format!("{what}: {error}");
        trace.record_exception(Exception::new(type_name::<E>(), message));
    }
}
