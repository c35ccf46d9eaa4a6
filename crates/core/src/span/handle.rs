//! The handle of an open span: its ids, its children, its errors and events, and the ways it ends. Its setters are in `setters`.
//! Given to closures by `builder` and kept by applications; writes through `open`.

use std::fmt;

use crate::record::{
    AsException, Buffer, Exception, Link, ScoreTarget, ScoreValue, SpanId, Timestamp, TraceId,
};
use crate::span::builder::SpanBuilder;
use crate::span::current::{self, Entered};
use crate::span::event::EventBuilder;
use crate::span::feature::Recorded;
use crate::span::observations::observations;
use crate::span::open::OpenSpan;
use crate::span::open::slots::OpenSpanRef;
use crate::span::score::ScoreBuilder;
use crate::span::unrecorded::{ForwardGuard, Unrecorded};

/// A handle of an observation: a span, a generation, a tool call, ...
///
/// Handles are cheap to clone and may be used from any thread. The span ends at the end of the
/// closure it was started with, by [`end`](Self::end), or when its last handle is dropped; whichever
/// comes first. What is set after that is ignored and counted in [`Stats::late_writes`](crate::Stats).
///
/// The handle of a trace that is not recorded does nothing and allocates nothing.
///
/// ```
/// # let recorder = tracefuse_core::testing::Recorder::new();
/// # let tracer = recorder.tracer();
/// let trace = tracer.trace("request").start();
/// let span = trace.tool("weather").start();
/// span.set_output("rain");
/// span.end();
/// assert_eq!(recorder.names(), ["weather"]);
/// ```
#[derive(Clone)]
pub struct Span {
    pub(crate) open: Option<Recorded<OpenSpanRef>>,
    /// Why it is not recorded, if it is not.
    pub(crate) unrecorded: Unrecorded,
}

impl Span {
    /// A handle that does nothing.
    ///
    /// ```
    /// # use tracefuse_core::Span;
    /// assert!(!Span::noop().is_recording());
    /// ```
    #[must_use]
    pub const fn noop() -> Self {
        Self {
            open: None,
            unrecorded: Unrecorded::NOOP,
        }
    }

    #[inline]
    pub(crate) const fn unrecorded(reason: Unrecorded) -> Self {
        Self {
            open: None,
            unrecorded: reason,
        }
    }

    /// The span whose closure or future is running on this thread. Where there is none, the handle does nothing, and
    /// spans that are started below it are counted in [`Stats::outside_trace`](crate::Stats::outside_trace) and
    /// reported once in the log.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # use tracefuse_core::Span;
    /// fn far_below() {
    ///     Span::current().record_event("found");
    /// }
    /// tracer.trace("request").run(|_| far_below());
    /// ```
    #[must_use]
    pub fn current() -> Self {
        current::current()
    }

    /// Whether what is set on it is recorded. Where spans are measured before sampling, that is so for spans of
    /// unsampled traces too, which have no id.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// assert!(span.is_recording());
    /// ```
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.is_open())
    }

    /// The id of its trace; `None` if it is not recorded.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// assert_eq!(span.trace_id(), trace.id());
    /// ```
    #[must_use]
    pub fn trace_id(&self) -> Option<TraceId> {
        self.sampled().map(|open| open.trace.shared.id)
    }

    /// Its own id; `None` if it is not recorded.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// assert!(span.id().is_some());
    /// ```
    #[must_use]
    pub fn id(&self) -> Option<SpanId> {
        self.sampled().map(|open| open.id)
    }

    observations!();

    /// Records an error: type, message and sources. The first one also gives the span
    /// [`Level::Error`](crate::Level::Error), an error status and its message.
    ///
    /// A `Display` that fails or panics is recorded as a text that says so. An error that a span below
    /// this one recorded before is marked, see [`ExceptionRef::is_propagated`](crate::record::ExceptionRef::is_propagated).
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// if let Err(error) = "five".parse::<u32>() {
    ///     span.record_error(&error);
    /// }
    /// ```
    pub fn record_error<E: AsException<Via> + ?Sized, Via>(&self, error: &E) {
        if self.open.is_some() {
            self.record_exception(Exception::read(error));
        }
    }

    /// Records an error that has no Rust type, such as one a server described.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// # use tracefuse_core::Exception;
    /// span.record_exception(Exception::new("RateLimit", "try again in 20 s"));
    /// ```
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn record_exception(&self, exception: Exception) {
        self.record_failure(exception, false);
    }

    /// Records an error. `returned`: the span's work ends with it, so the span itself may have recorded it.
    pub(crate) fn record_failure(&self, mut exception: Exception, returned: bool) {
        let Some(open) = &self.open else { return };
        let backtrace = open.trace.core.backtraces && open.trace.is_sampled();
        if backtrace && exception.stacktrace.is_none() {
            exception.stacktrace = Some(std::backtrace::Backtrace::force_capture().to_string());
        }
        open.add_exception(open.trace.now(), exception, returned);
    }

    /// Records that something happened now.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.record_event("cache-miss");
    /// ```
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn record_event(&self, name: &str) {
        self.event(name).record();
    }

    /// Describes something that happened now, with metadata, level, input or output; ends with `record`.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.event("retry").metadata("attempt", 2).record();
    /// ```
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn event<'a>(&'a self, name: &'a str) -> EventBuilder<'a> {
        EventBuilder::new(self, name)
    }

    /// Ends the span now. Later calls change nothing.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.end();
    /// assert!(!span.is_recording());
    /// ```
    pub fn end(&self) {
        if let Some(open) = &self.open {
            open.end(|_| {});
        }
    }

    /// Ends the span at a given moment, for work that was measured by other means.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// # use tracefuse_core::Timestamp;
    /// span.end_at(Timestamp::from_unix_nanos(1_767_225_603_000_000_000));
    /// ```
    pub fn end_at(&self, time: Timestamp) {
        if let Some(open) = &self.open {
            open.end_at(time);
        }
    }

    /// Scores this observation, which may have ended; recorded by [`ScoreBuilder::record`].
    /// A span that is not recorded takes no scores.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.score("quality", 0.9).comment("short and right").record();
    /// ```
    pub fn score(&self, name: &str, value: impl Into<ScoreValue>) -> ScoreBuilder {
        self.score_as(name, value, ScoreTarget::Observation)
    }

    pub(crate) fn score_as(
        &self,
        name: &str,
        value: impl Into<ScoreValue>,
        target: impl FnOnce(TraceId, SpanId) -> ScoreTarget,
    ) -> ScoreBuilder {
        let Some(open) = self.sampled() else {
            return ScoreBuilder::off();
        };
        let score = ScoreBuilder::new(Some(&open.trace.core), name, value, || {
            target(open.trace.shared.id, open.id)
        });
        let environment = open.trace.shared.attributes().environment.clone();
        score.with(|score| score.environment = environment)
    }

    /// Makes it the current span of this thread until the guard is dropped.
    ///
    /// The guard stays on its thread, so it cannot be held across an `.await` of a future that
    /// moves between threads; use [`InSpan`](crate::InSpan) there.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// # use tracefuse_core::Span;
    /// let entered = span.enter();
    /// assert_eq!(Span::current().id(), span.id());
    /// drop(entered);
    /// ```
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn enter(&self) -> Entered {
        current::enter(self)
    }

    /// The open span, if its trace is sampled. Spans of other traces are open too where spans are measured.
    #[inline]
    pub(crate) fn sampled(&self) -> Option<&OpenSpan> {
        let open = self.open.as_ref().map(|open| -> &OpenSpan { open });
        open.filter(|open| open.trace.is_sampled())
    }

    /// Why it is not recorded, if it is not; also of a span that is only measured.
    pub(crate) fn reason(&self) -> Unrecorded {
        let open = self.open.as_ref();
        let measured = open.and_then(|open| open.trace.unsampled.as_ref());
        measured.map_or(self.unrecorded, ForwardGuard::unrecorded)
    }

    /// Whether an input or an output set on it is recorded.
    pub(crate) fn captures(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.captures())
    }

    /// Whether no other handle of it exists.
    #[inline]
    pub(crate) fn is_last(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.is_last())
    }

    pub(crate) fn write(&self, f: impl FnOnce(&mut Buffer)) {
        if let Some(open) = &self.open {
            open.write(f);
        }
    }
}

/// A link to it; none if it is not recorded.
impl From<&Span> for Option<Link> {
    fn from(span: &Span) -> Self {
        Some(Link::local(span.trace_id()?, span.id()?))
    }
}

impl AsRef<Self> for Span {
    #[inline]
    fn as_ref(&self) -> &Self {
        self
    }
}

/// Name and ids only: what it holds may be a prompt.
impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.open {
            None => f.write_str("Span(noop)"),
            Some(open) => f
                .debug_struct("Span")
                .field("trace_id", &open.trace.shared.id)
                .field("id", &open.id)
                .finish(),
        }
    }
}
