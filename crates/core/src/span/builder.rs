//! The builder of a span, and the four forms of closures that run in it.
//! Created by traces and spans. A builder owns its buffer, so its attributes need no lock. Must not know delivery.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use serde::Serialize;

use crate::record::{
    AsException, Buffer, Cost, Level, Link, ObservationType, Role, SpanId, Timestamp, Usage,
};
use crate::span::current;
use crate::span::feature::{RECORDS, Recorded, recorded, unwrap};
use crate::span::handle::Span;
use crate::span::open::OpenSpan;
use crate::span::open::slots::UnstartedSpan;
use crate::span::outside;
use crate::span::run::{record_err, record_panic, run, run_async};
use crate::span::unrecorded::Unrecorded;

/// The ten kinds of child that traces and spans have; both get the same methods.
macro_rules! observations {
    () => {
        /// Describes a child of any type.
        ///
        /// ```
        /// # let recorder = tracefuse_core::testing::Recorder::new();
        /// # let tracer = recorder.tracer();
        /// # let trace = tracer.trace("request").start();
        /// # use tracefuse_core::ObservationType;
        /// trace.observation("rank", ObservationType::Chain).run(|span| span.set_output(3));
        /// ```
        #[inline]
        pub fn observation(
            &self,
            name: &str,
            kind: $crate::record::ObservationType,
        ) -> SpanBuilder {
            SpanBuilder::below(self.as_ref(), name, kind)
        }

        /// Describes a child: any unit of work.
        ///
        /// ```
        /// # let recorder = tracefuse_core::testing::Recorder::new();
        /// # let tracer = recorder.tracer();
        /// # let trace = tracer.trace("request").start();
        /// let parsed = trace.span("parse").input("42").run(|_| 42);
        /// assert_eq!(parsed, 42);
        /// ```
        #[inline]
        pub fn span(&self, name: &str) -> SpanBuilder {
            self.observation(name, $crate::record::ObservationType::Span)
        }

        /// Describes a child: a call to a language model.
        ///
        /// ```
        /// # let recorder = tracefuse_core::testing::Recorder::new();
        /// # let tracer = recorder.tracer();
        /// # let trace = tracer.trace("request").start();
        /// trace.generation("answer").model("gpt-4o").run(|span| span.set_output("It rains."));
        /// ```
        #[inline]
        pub fn generation(&self, name: &str) -> SpanBuilder {
            self.observation(name, $crate::record::ObservationType::Generation)
        }

        /// Describes a child: a call to an embedding model.
        ///
        /// ```
        /// # let recorder = tracefuse_core::testing::Recorder::new();
        /// # let tracer = recorder.tracer();
        /// # let trace = tracer.trace("request").start();
        /// trace.embedding("embed").model("text-embedding-3-small").input("rain").run(|_| {});
        /// ```
        #[inline]
        pub fn embedding(&self, name: &str) -> SpanBuilder {
            self.observation(name, $crate::record::ObservationType::Embedding)
        }

        /// Describes a child: a system that decides what to do next.
        ///
        /// ```
        /// # let recorder = tracefuse_core::testing::Recorder::new();
        /// # let tracer = recorder.tracer();
        /// # let trace = tracer.trace("request").start();
        /// trace.agent("planner").run(|agent| agent.tool("weather").run(|_| {}));
        /// ```
        #[inline]
        pub fn agent(&self, name: &str) -> SpanBuilder {
            self.observation(name, $crate::record::ObservationType::Agent)
        }

        /// Describes a child: the use of a tool.
        ///
        /// ```
        /// # let recorder = tracefuse_core::testing::Recorder::new();
        /// # let tracer = recorder.tracer();
        /// # let trace = tracer.trace("request").start();
        /// trace.tool("weather").input("Lyon").run(|span| span.set_output("rain"));
        /// ```
        #[inline]
        pub fn tool(&self, name: &str) -> SpanBuilder {
            self.observation(name, $crate::record::ObservationType::Tool)
        }

        /// Describes a child: a link between steps.
        ///
        /// ```
        /// # let recorder = tracefuse_core::testing::Recorder::new();
        /// # let tracer = recorder.tracer();
        /// # let trace = tracer.trace("request").start();
        /// trace.chain("retrieve-and-answer").run(|chain| chain.retriever("search").run(|_| {}));
        /// ```
        #[inline]
        pub fn chain(&self, name: &str) -> SpanBuilder {
            self.observation(name, $crate::record::ObservationType::Chain)
        }

        /// Describes a child: a search for documents.
        ///
        /// ```
        /// # let recorder = tracefuse_core::testing::Recorder::new();
        /// # let tracer = recorder.tracer();
        /// # let trace = tracer.trace("request").start();
        /// trace.retriever("search").metadata("top_k", 5).run(|span| span.set_output(["doc 1"]));
        /// ```
        #[inline]
        pub fn retriever(&self, name: &str) -> SpanBuilder {
            self.observation(name, $crate::record::ObservationType::Retriever)
        }

        /// Describes a child: a judgement of an output's quality.
        ///
        /// ```
        /// # let recorder = tracefuse_core::testing::Recorder::new();
        /// # let tracer = recorder.tracer();
        /// # let trace = tracer.trace("request").start();
        /// trace.evaluator("judge").run(|span| span.set_output(0.9));
        /// ```
        #[inline]
        pub fn evaluator(&self, name: &str) -> SpanBuilder {
            self.observation(name, $crate::record::ObservationType::Evaluator)
        }

        /// Describes a child: a protection against unwanted content.
        ///
        /// ```
        /// # let recorder = tracefuse_core::testing::Recorder::new();
        /// # let tracer = recorder.tracer();
        /// # let trace = tracer.trace("request").start();
        /// trace.guardrail("no-secrets").run(|span| span.set_output("passed"));
        /// ```
        #[inline]
        pub fn guardrail(&self, name: &str) -> SpanBuilder {
            self.observation(name, $crate::record::ObservationType::Guardrail)
        }
    };
}
pub(crate) use observations;

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

    /// The kind of work, for a kind that is only known at run time.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # use tracefuse_core::ObservationType;
    /// let kind = ObservationType::Retriever; // known at run time
    /// trace.span("step").observation_type(kind).run(|_| {});
    /// ```
    #[inline]
    pub fn observation_type(self, kind: ObservationType) -> Self {
        self.with(|buffer| buffer.head.set_kind(kind))
    }

    /// Metadata. A key given before gets the new value; `null` changes nothing.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.generation("answer").metadata("top_k", 5).run(|_| {});
    /// ```
    #[inline]
    pub fn metadata<T: Serialize>(self, key: &str, value: T) -> Self {
        match self.0 {
            State::Recording(draft) => Self(State::Recording(draft.metadata(key, value))),
            disabled @ State::Disabled(_) => Self(disabled),
        }
    }

    /// [`metadata`](Self::metadata) with a value that is only built if it is recorded.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.generation("answer").metadata_with("size", || "a long text".len()).run(|_| {});
    /// ```
    #[inline]
    pub fn metadata_with<T: Serialize>(self, key: &str, value: impl FnOnce() -> T) -> Self {
        if matches!(self.0, State::Recording(_)) {
            self.metadata(key, value())
        } else {
            self
        }
    }

    /// Tags only this span, see [`Span::add_tag`].
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.generation("answer").tag("beta").run(|_| {});
    /// ```
    #[inline]
    pub fn tag(self, tag: &str) -> Self {
        self.with(|buffer| buffer.add_tag(tag))
    }

    /// Links it to another span, see [`Span::add_link`].
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let first = trace.generation("answer").start();
    /// trace.generation("answer").link(&first).run(|_| {}); // a retry
    /// ```
    #[inline]
    pub fn link(self, to: impl Into<Option<Link>>) -> Self {
        if matches!(self.0, State::Disabled(_)) {
            return self;
        }
        match to.into() {
            Some(link) => self.with(|buffer| buffer.add_link(link)),
            None => self,
        }
    }

    /// What goes in: text, a number, or anything that is `Serialize`.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.generation("answer").input("How is the weather?").run(|_| {});
    /// ```
    #[inline]
    pub fn input<T: Serialize>(self, value: T) -> Self {
        if self.captures() {
            self.with(|buffer| buffer.put_any(Role::Input, "", value))
        } else {
            self
        }
    }

    /// [`input`](Self::input) with a value that is only built if it is recorded.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.generation("answer").input_with(|| vec!["doc 1", "doc 2"]).run(|_| {});
    /// ```
    #[inline]
    pub fn input_with<T: Serialize>(self, value: impl FnOnce() -> T) -> Self {
        if self.captures() {
            self.input(value())
        } else {
            self
        }
    }

    /// What came out, for work that is recorded after it was done.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.generation("answer").output("It rains.").run(|_| {});
    /// ```
    #[inline]
    pub fn output<T: Serialize>(self, value: T) -> Self {
        if self.captures() {
            self.with(|buffer| buffer.put_any(Role::Output, "", value))
        } else {
            self
        }
    }

    /// [`output`](Self::output) with a value that is only built if it is recorded.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.generation("answer").output_with(|| vec!["rain", "wind"]).run(|_| {});
    /// ```
    #[inline]
    pub fn output_with<T: Serialize>(self, value: impl FnOnce() -> T) -> Self {
        if self.captures() {
            self.output(value())
        } else {
            self
        }
    }

    /// The model that is asked, as the provider names it.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.generation("answer").model("gpt-4o").run(|_| {});
    /// ```
    #[inline]
    pub fn model(self, model: &str) -> Self {
        self.with(|buffer| buffer.set_model(model))
    }

    /// A parameter of the model call, such as `temperature`.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.generation("answer").model_parameter("temperature", 0.2).run(|_| {});
    /// ```
    #[inline]
    pub fn model_parameter<T: Serialize>(self, name: &str, value: T) -> Self {
        self.with(|buffer| {
            buffer.put_any(Role::ModelParameter, name, value);
        })
    }

    /// Tokens used, for work that is recorded after it was done.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # use tracefuse_core::Usage;
    /// trace.generation("answer").usage(Usage::openai(812, 164)).run(|_| {});
    /// ```
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "callers build it in place")]
    pub fn usage(self, usage: Usage) -> Self {
        self.with(|buffer| buffer.set_usage(&usage))
    }

    /// Cost in US dollars, for work that is recorded after it was done.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # use tracefuse_core::Cost;
    /// trace.generation("answer").cost(Cost::total(0.003)).run(|_| {});
    /// ```
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "callers build it in place")]
    pub fn cost(self, cost: Cost) -> Self {
        self.with(|buffer| buffer.set_cost(&cost))
    }

    /// The managed prompt the input was made from. Langfuse links a prompt to a generation only, and versions from 1 to
    /// 32,767; any other prompt is sent as metadata, and logged once.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// trace.generation("answer").prompt("support-answer", 3).run(|_| {});
    /// ```
    #[inline]
    pub fn prompt(self, name: &str, version: u32) -> Self {
        self.with(|buffer| {
            buffer.set_prompt(name, version);
        })
    }

    /// How much attention it deserves.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # use tracefuse_core::Level;
    /// trace.span("debugging").level(Level::Debug).run(|_| {});
    /// ```
    #[inline]
    pub fn level(self, level: Level) -> Self {
        self.with(|buffer| buffer.head.set_level(Some(level)))
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

    /// Runs a closure in it and ends it. A panic ends it with [`Level::Error`] and continues.
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
    /// [`Level::Error`] and continues; if the future is dropped, the span is marked as cancelled.
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

    /// Whether an input or an output given to it is recorded.
    #[inline]
    fn captures(&self) -> bool {
        matches!(&self.0, State::Recording(draft) if draft.span.captures())
    }

    #[inline]
    fn with(self, f: impl FnOnce(&mut Buffer)) -> Self {
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
        // One handle for the closure; the other one is what makes it current meanwhile.
        let (handle, own) = span.start_twice(Some(self.buffer));
        let of = |open| Span {
            open: recorded(open),
            unrecorded: Unrecorded::NOOP,
        };
        let handle = of(handle);
        let current = current::in_closure(&own);
        // Caught to be recorded, then resumed, so no code here reads what it left inconsistent.
        let result = catch_unwind(AssertUnwindSafe(|| f(handle)));
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
