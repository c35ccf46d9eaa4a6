//! What is set on a span before it starts: the attributes that its builder takes.
//! Called by applications. Writes into the buffer of the builder, without a lock.

use serde::Serialize;

use crate::record::{Cost, Level, Link, ObservationType, Role, Usage};
use crate::span::builder::SpanBuilder;

impl SpanBuilder {
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
        self.with_metadata(key, value)
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
        if self.records() {
            self.metadata(key, value())
        } else {
            self
        }
    }

    /// Tags only this span, see [`Span::add_tag`](crate::Span::add_tag).
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

    /// Links it to another span, see [`Span::add_link`](crate::Span::add_link).
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
        if !self.records() {
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
}
