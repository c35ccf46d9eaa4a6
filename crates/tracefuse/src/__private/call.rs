//! A call of an observed function: the span it runs in.
//! Called by expansions of `#[observe]`; the handles of core do the work.

use serde::ser::Serialize;
use tracefuse_core::{ObservationType, Span, SpanBuilder, TraceBuilder, bridge};

/// A call that has not begun.
#[expect(clippy::exhaustive_enums, reason = "expansions pass it on as it is")]
#[expect(missing_debug_implementations, reason = "not a public API")]
pub enum Call {
    /// Below the current span.
    Child(SpanBuilder),
    /// Where no span is current: a trace of the global tracer.
    Root(Box<TraceBuilder>),
}

/// A child of the current span, or a trace of the global tracer.
pub fn call(name: &str, kind: ObservationType) -> Call {
    let current = Span::current();
    if bridge::is_outside_trace(&current)
        && let Some(tracer) = crate::global::get()
    {
        let trace = tracer.trace(name).observation_type(kind);
        return Call::Root(Box::new(trace));
    }
    Call::Child(current.observation(name, kind))
}

impl Call {
    /// Its input, built only if it is recorded.
    #[must_use]
    pub fn input_with<T: Serialize>(self, value: impl FnOnce() -> T) -> Self {
        match self {
            Self::Child(span) => Self::Child(span.input_with(value)),
            Self::Root(trace) => Self::Root(Box::new(trace.input_with(value))),
        }
    }

    pub(super) fn start(self) -> Span {
        match self {
            Self::Child(span) => span.start(),
            Self::Root(trace) => trace.start().root().clone(),
        }
    }
}
