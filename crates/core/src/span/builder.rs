//! The builder of a span: how the span starts, and the four forms of closures that run in it. Its setters are in `setters`.
//! Created by traces and spans. A builder owns its buffer, so its attributes need no lock. Must not know delivery.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use serde::Serialize;

use crate::record::{AsException, Buffer, ObservationType, Role, SpanId, Timestamp};
use crate::span::current;
use crate::span::feature::{RECORDS, Recorded, recorded, unwrap};
use crate::span::handle::Span;
use crate::span::open::OpenSpan;
use crate::span::open::slots::UnstartedSpan;
use crate::span::outside;
use crate::span::run::{record_err, record_panic, run, run_async};
use crate::span::unrecorded::Unrecorded;

/// Describes an observation that has not started.
///
/// It starts with [`run`](Self::run), [`try_run`](Self::try_run), their async forms (when first
/// polled), or [`start`](Self::start). Dropped before that, nothing is recorded.
///
/// ```
/// # let recorder = tracefuse_core::testing::Recorder::new();
/// # let tracer = recorder.tracer();
/// let trace = tracer.trace("request").start();
/// let answer = trace.generation("answer").model("gpt-4o").input("How is the weather?").run(|span| {
///     span.set_output("It rains.");
///     "It rains."
/// });
/// assert_eq!(answer, "It rains.");
/// ```
#[must_use = "nothing is recorded until `run`, `run_async` or `start`"]
pub struct SpanBuilder(State);

/// Two words, with the flag in place of a pointer, so that a builder is passed from call to call in registers. A third word
/// was written as a byte and read as eight bytes, which stalled each call for some 12 cycles.
enum State {
    Recording(Recording),
    Disabled(Unrecorded),
}

const _: () = assert!(size_of::<SpanBuilder>() <= 2 * size_of::<usize>());

impl SpanBuilder {
    #[inline]
    pub(crate) fn below(parent: &Span, name: &str, kind: ObservationType) -> Self {
        match &parent.open {
            None => {
                if RECORDS && parent.unrecorded.is_outside() {
                    outside::note(name);
                }
                Self(State::Disabled(parent.unrecorded))
            }
            Some(open) => Self(match Recording::of(open, kind) {
                Some(mut draft) => {
                    draft.buffer.begin_name(name);
                    State::Recording(draft)
                }
                None => State::Disabled(open.trace.unrecorded()),
            }),
        }
    }

    /// Starts it and returns the handle. It ends by [`Span::end`] or with its last handle.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// let span = trace.span("work").start();
    /// span.set_output("done");
    /// span.end();
    /// ```
    #[inline]
    #[must_use = "dropping the last handle ends the span"]
    pub fn start(self) -> Span {
        match self.0 {
            State::Recording(draft) => Span {
                open: recorded(OpenSpan::open(unwrap(draft.span), draft.buffer)),
                unrecorded: Unrecorded::NOOP,
            },
            State::Disabled(reason) => Span::unrecorded(reason),
        }
    }

    /// [`start`](Self::start) at a time in the past, for work that was measured by other means.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # use tracefuse_core::Timestamp;
    /// let at = |seconds: u64| Timestamp::from_unix_nanos(seconds * 1_000_000_000);
    /// trace.span("imported").start_at(at(1_767_225_600)).end_at(at(1_767_225_602));
    /// ```
    #[must_use = "dropping the last handle ends the span"]
    pub fn start_at(self, time: Timestamp) -> Span {
        let span = self.start();
        span.write(|buffer| buffer.head.set_start(time));
        span
    }

    /// Runs a closure in it and ends it. A panic ends it with [`Level::Error`](crate::Level::Error) and continues.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// let answer = trace.generation("answer").run(|span| {
    ///     span.set_output("It rains.");
    ///     "It rains."
    /// });
    /// assert_eq!(answer, "It rains.");
    /// ```
    #[inline]
    pub fn run<R>(self, f: impl FnOnce(Span) -> R) -> R {
        match self.0 {
            State::Recording(draft) => draft.run(f),
            State::Disabled(reason) => {
                let work = || f(Span::unrecorded(reason));
                if RECORDS && reason.is_carried() {
                    current::suppressed(reason, work)
                } else {
                    current::without_current(work)
                }
            }
        }
    }

    /// [`run`](Self::run) for closures that can fail: an `Err` is recorded and returned as it is.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// let parsed = trace.span("parse").try_run(|_| "five".parse::<u32>());
    /// assert!(parsed.is_err()); // recorded on the span, level ERROR
    /// ```
    ///
    /// # Errors
    /// What the closure returns.
    pub fn try_run<T, E: AsException<Via>, Via>(
        self,
        f: impl FnOnce(Span) -> Result<T, E>,
    ) -> Result<T, E> {
        let span = self.start();
        run(
            &span,
            || f(span.clone()),
            |result| record_err(&span, result),
        )
    }

    /// Runs an async closure in it and ends it; starts when first polled. A panic ends it with
    /// [`Level::Error`](crate::Level::Error) and continues; if the future is dropped, the span is marked as cancelled.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # futures::executor::block_on(async {
    /// let answer = trace.generation("answer").run_async(async |span| {
    ///     span.set_output("It rains.");
    ///     "It rains."
    /// }).await;
    /// assert_eq!(answer, "It rains.");
    /// # });
    /// ```
    pub async fn run_async<R>(self, f: impl AsyncFnOnce(Span) -> R) -> R {
        let span = self.start();
        run_async(&span, f(span.clone()), |_| {}).await
    }

    /// [`run_async`](Self::run_async) for closures that can fail: an `Err` is recorded and returned as it is.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # futures::executor::block_on(async {
    /// let parsed = trace.span("parse").try_run_async(async |_| "five".parse::<u32>()).await;
    /// assert!(parsed.is_err()); // recorded on the span, level ERROR
    /// # });
    /// ```
    ///
    /// # Errors
    /// What the closure returns.
    pub async fn try_run_async<T, E: AsException<Via>, Via>(
        self,
        f: impl AsyncFnOnce(Span) -> Result<T, E>,
    ) -> Result<T, E> {
        let span = self.start();
        run_async(&span, f(span.clone()), |result| record_err(&span, result)).await
    }

    /// Whether what is set on it is recorded.
    #[inline]
    pub(super) fn records(&self) -> bool {
        matches!(self.0, State::Recording(_))
    }

    /// Whether an input or an output given to it is recorded.
    #[inline]
    pub(super) fn captures(&self) -> bool {
        matches!(&self.0, State::Recording(draft) if draft.span.captures())
    }

    #[inline]
    pub(super) fn with_metadata<T: Serialize>(self, key: &str, value: T) -> Self {
        match self.0 {
            State::Recording(draft) => Self(State::Recording(draft.metadata(key, value))),
            disabled @ State::Disabled(_) => Self(disabled),
        }
    }

    #[inline]
    pub(super) fn with(self, f: impl FnOnce(&mut Buffer)) -> Self {
        match self.0 {
            State::Recording(draft) => Self(State::Recording(draft.written(f))),
            disabled @ State::Disabled(_) => Self(disabled),
        }
    }
}

/// In the file of its builder: in another file the compiler passes it through memory, which doubles the cost of a span that
/// is switched off.
struct Recording {
    span: Recorded<UnstartedSpan>,
    buffer: Box<Buffer>,
}

impl Recording {
    /// `None` if it is not recorded. It has no name yet. Not inlined, as [`run`](Self::run).
    #[inline(never)]
    fn of(open: &OpenSpan, kind: ObservationType) -> Option<Self> {
        if !open.trace.core.admits() {
            return None;
        }
        let (span, mut buffer) = OpenSpan::draft(&open.trace, SpanId::random, kind);
        buffer.head.set_parent(Some(open.id));
        recorded(span).map(|span| Self { span, buffer })
    }

    /// Not inlined, so that callers stay small if tracing is switched off.
    #[inline(never)]
    fn run<R>(mut self, f: impl FnOnce(Span) -> R) -> R {
        let span = unwrap(self.span);
        span.begin(&mut self.buffer);
        // One handle is given to the closure; the other one makes the span current while the closure runs.
        let (handle, own) = span.start_to_run(Some(self.buffer));
        let of = |open| Span {
            open: recorded(open),
            unrecorded: Unrecorded::NOOP,
        };
        let handle = of(handle);
        let current = current::in_closure(&own);
        // Caught to be recorded, then resumed, so no code here reads what it left inconsistent.
        let result = catch_unwind(AssertUnwindSafe(|| f(handle)));
        let own = own.into_handle();
        drop(current);
        match result {
            Ok(value) => {
                own.end_with_work();
                value
            }
            Err(panic) => {
                record_panic(&of(own), &*panic);
                resume_unwind(panic)
            }
        }
    }

    /// As [`written`](Self::written), without a closure that would be built also if nothing is recorded.
    #[inline]
    fn metadata<T: Serialize>(mut self, key: &str, value: T) -> Self {
        self.buffer.put_any(Role::Metadata, key, value);
        self
    }

    /// By value, so that a draft stays in registers: behind a reference it would be written to memory for each call, and read
    /// back too soon.
    #[inline]
    fn written(mut self, f: impl FnOnce(&mut Buffer)) -> Self {
        f(&mut self.buffer);
        self
    }
}

impl fmt::Debug for SpanBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.0 {
            State::Recording(draft) => Some(draft.buffer.name()),
            State::Disabled(_) => None,
        };
        f.debug_struct("SpanBuilder")
            .field("name", &name)
            .finish_non_exhaustive()
    }
}
