//! The handle of a trace: its root span and what all its spans share.
//! Made by `trace::builder`, and by `Trace::current` from the current span; children start from it through `span::builder`.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::record::{
    AsException, Exception, Level, Link, ScoreTarget, ScoreValue, Status, Timestamp,
    TraceAttributes, TraceId, Value,
};
use crate::span::builder::SpanBuilder;
use crate::span::event::EventBuilder;
use crate::span::feature::{Recorded, recorded};
use crate::span::handle::Span;
use crate::span::observations::observations;
use crate::span::score::ScoreBuilder;
use crate::span::unrecorded::{ForwardGuard, Forwarded, Unrecorded};
use crate::trace::guard::TracerGuard;

/// A handle of a trace.
///
/// The trace ends, with its root span, at the end of the closure it was begun with, by [`end`](Self::end), or when
/// its last handle is dropped. Spans below it may end later; they are still recorded, with the right parent.
///
/// What is set on a trace reaches every span that ends afterwards, and always the root, which ends last: set user,
/// session and tags early.
///
/// ```
/// use tracefuse_core::Trace;
/// # let tracer = tracefuse_core::Tracer::noop();
/// tracer.trace("request").run(|trace| {
///     trace.set_user_id("user123");
///     deep_below();
///     trace.set_output("done");
/// });
///
/// /// Code that was given no handle.
/// fn deep_below() {
///     Trace::current().add_tag("slow");
/// }
/// ```
#[derive(Clone)]
pub struct Trace {
    pub(super) root: Span,
    /// Keeps the tracer open; `None` for [`Trace::current`].
    pub(super) _owner: Option<Recorded<Arc<TracerGuard>>>,
    /// Keeps what an unrecorded trace forwards.
    pub(super) _forward: Option<Recorded<Arc<ForwardGuard>>>,
}

impl Trace {
    /// The trace of the span that is current on this thread, for code that was given no handle. Where no span is
    /// current, or its trace is not recorded, the handle does nothing.
    ///
    /// It does not keep the tracer open. If the root has ended, the trace's attributes can still be set, for spans that
    /// end later; what is set on the root itself (input, output, level) is counted in
    /// [`Stats::late_writes`](crate::Stats::late_writes).
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # use tracefuse_core::Trace;
    /// fn far_below() {
    ///     Trace::current().add_tag("slow");
    /// }
    /// tracer.trace("request").run(|_| far_below());
    /// ```
    #[must_use]
    pub fn current() -> Self {
        let span = Span::current();
        let root = match &span.open {
            Some(open) if open.id != open.trace.shared.root => Span {
                open: recorded(open.trace.root_handle()),
                unrecorded: Unrecorded::NOOP,
            },
            _ => span,
        };
        Self {
            root,
            _owner: None,
            _forward: None,
        }
    }

    /// The trace's id; `None` if it is not recorded.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// assert_eq!(trace.id(), trace.root().trace_id());
    /// ```
    #[must_use]
    pub fn id(&self) -> Option<TraceId> {
        self.root.trace_id()
    }

    /// The root span: input, output, model and errors of the trace as a whole are the root's.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # use tracefuse_core::Usage;
    /// trace.root().set_usage(Usage::new(12, 3));
    /// ```
    #[must_use]
    pub fn root(&self) -> &Span {
        &self.root
    }

    /// Whether anything set on it is recorded.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// assert!(trace.is_recording());
    /// ```
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.root.is_recording()
    }

    observations!();

    /// The user it is done for.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.set_user_id("user123");
    /// ```
    pub fn set_user_id(&self, user: &str) {
        self.update(|attributes| attributes.user_id = Some(user.to_owned()));
    }

    /// The session or conversation it belongs to.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.set_session_id("chat-17");
    /// ```
    pub fn set_session_id(&self, session: &str) {
        self.update(|attributes| attributes.session_id = Some(session.to_owned()));
    }

    /// A new name for the trace; the root span keeps its own.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.set_name("weather");
    /// ```
    pub fn set_name(&self, name: &str) {
        self.update(|attributes| name.clone_into(&mut attributes.name));
    }

    /// The version of what is traced.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.set_version("2026-07");
    /// ```
    pub fn set_version(&self, version: &str) {
        self.update(|attributes| attributes.version = Some(version.to_owned()));
    }

    /// Whether anyone with the link may see it; no by default.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.set_public(true);
    /// ```
    pub fn set_public(&self, public: bool) {
        self.update(|attributes| attributes.public = public);
    }

    /// Adds metadata to the trace. A key given before gets the new value; `null` changes nothing. A trace has at most 128
    /// keys; further ones are counted in its metadata as `_dropped.trace.keys`.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.add_metadata("attempt", 2);
    /// ```
    pub fn add_metadata<T: Serialize>(&self, key: &str, value: T) {
        if self.root.open.is_some()
            && let Some(value) = Value::capture(&value)
        {
            self.update(|attributes| attributes.set_metadata(key, value));
        }
    }

    /// [`add_metadata`](Self::add_metadata) with a value that is only built if it is recorded.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.add_metadata_with("size", || "a long text".len());
    /// ```
    pub fn add_metadata_with<T: Serialize>(&self, key: &str, value: impl FnOnce() -> T) {
        if self.root.open.is_some() {
            self.add_metadata(key, value());
        }
    }

    /// Tags the trace. A trace has at most 128 tags; further ones are counted in its metadata as `_dropped.trace.tags`.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.add_tag("beta");
    /// ```
    pub fn add_tag(&self, tag: &str) {
        self.update(|attributes| attributes.add_tag(tag));
    }

    /// What went into the trace: the root span's input.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.set_input("How is the weather?");
    /// ```
    pub fn set_input<T: Serialize>(&self, value: T) {
        self.root.set_input(value);
    }

    /// [`set_input`](Self::set_input) with a value that is only built if it is recorded.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.set_input_with(|| format!("{} documents", 5));
    /// ```
    pub fn set_input_with<T: Serialize>(&self, value: impl FnOnce() -> T) {
        self.root.set_input_with(value);
    }

    /// What came out of the trace: the root span's output.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.set_output("It rains.");
    /// ```
    pub fn set_output<T: Serialize>(&self, value: T) {
        self.root.set_output(value);
    }

    /// [`set_output`](Self::set_output) with a value that is only built if it is recorded.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.set_output_with(|| vec!["rain", "wind"]);
    /// ```
    pub fn set_output_with<T: Serialize>(&self, value: impl FnOnce() -> T) {
        self.root.set_output_with(value);
    }

    /// How much attention it deserves: the root span's level.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # use tracefuse_core::Level;
    /// trace.set_level(Level::Warning);
    /// ```
    pub fn set_level(&self, level: Level) {
        self.root.set_level(level);
    }

    /// How it ended: the root span's status.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # use tracefuse_core::Status;
    /// trace.set_status(Status::error("no answer"));
    /// ```
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn set_status(&self, status: Status) {
        self.root.set_status(status);
    }

    /// Records an error on the root span.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// if let Err(error) = "five".parse::<u32>() {
    ///     trace.record_error(&error);
    /// }
    /// ```
    pub fn record_error<E: AsException<Via> + ?Sized, Via>(&self, error: &E) {
        self.root.record_error(error);
    }

    /// Records an error that has no Rust type on the root span.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # use tracefuse_core::Exception;
    /// trace.record_exception(Exception::new("RateLimit", "try again in 20 s"));
    /// ```
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn record_exception(&self, exception: Exception) {
        self.root.record_exception(exception);
    }

    /// Records on the root span that something happened now.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.record_event("cache-miss");
    /// ```
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn record_event(&self, name: &str) {
        self.root.record_event(name);
    }

    /// Describes something that happened now, on the root span.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.event("retry").metadata("attempt", 2).record();
    /// ```
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn event<'a>(&'a self, name: &'a str) -> EventBuilder<'a> {
        self.root.event(name)
    }

    /// Scores the trace as a whole; recorded by [`ScoreBuilder::record`].
    /// A trace that is not recorded takes no scores.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.score("quality", 0.9).comment("short and right").record();
    /// ```
    pub fn score(&self, name: &str, value: impl Into<ScoreValue>) -> ScoreBuilder {
        self.root
            .score_as(name, value, |trace, _| ScoreTarget::Trace(trace))
    }

    /// Ends the trace's root span now. Later calls change nothing.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.end();
    /// assert!(!trace.is_recording());
    /// ```
    pub fn end(&self) {
        self.root.end();
    }

    /// Ends the trace's root span at a given moment, for work that was measured before it is recorded. A moment before
    /// the start counts as the start.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # use tracefuse_core::Timestamp;
    /// trace.end_at(Timestamp::from_unix_nanos(1_767_225_603_000_000_000));
    /// ```
    pub fn end_at(&self, time: Timestamp) {
        self.root.end_at(time);
    }

    /// The same as [`end`](Self::end), by LLM4S's name.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.finish();
    /// assert!(!trace.is_recording());
    /// ```
    pub fn finish(&self) {
        self.end();
    }

    fn update(&self, f: impl FnOnce(&mut TraceAttributes)) {
        if let Some(open) = &self.root.open {
            open.trace.shared.update(f);
        }
    }
}

/// A link to its root; none if it is not recorded.
impl From<&Trace> for Option<Link> {
    fn from(trace: &Trace) -> Self {
        Self::from(&trace.root)
    }
}

impl AsRef<Span> for Trace {
    #[inline]
    fn as_ref(&self) -> &Span {
        &self.root
    }
}

impl Trace {
    #[cfg_attr(not(feature = "record"), inline)]
    pub(super) fn unrecorded(
        reason: Unrecorded,
        forwarded: Option<Forwarded>,
        owner: Option<Recorded<Arc<TracerGuard>>>,
    ) -> Self {
        let forward = forwarded
            .and_then(|forwarded| recorded(Arc::new(ForwardGuard::new(reason, forwarded))));
        let reason = forward.as_ref().map_or(reason, |guard| guard.unrecorded());
        Self {
            root: Span::unrecorded(reason),
            _owner: owner,
            _forward: forward,
        }
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}
