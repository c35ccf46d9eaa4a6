//! What is set on an open span: the attributes that its handle takes.
//! Called by applications, from any thread. Writes into the buffer of the open span, under its lock.

use serde::Serialize;

use crate::record::{
    Cost, Level, Link, ObservationType, Role, Status, Usage, ValueRef, capture, is_scalar, noted_in,
};
use crate::span::handle::Span;

impl Span {
    /// A better name than the one it was started with.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.set_name("weather");
    /// ```
    pub fn set_name(&self, name: &str) {
        self.write(|buffer| buffer.put(Role::Name, "", ValueRef::Str(name)));
    }

    /// The kind of work, for a kind that is only known once it has started.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// # use tracefuse_core::ObservationType;
    /// span.set_observation_type(ObservationType::Tool);
    /// ```
    pub fn set_observation_type(&self, kind: ObservationType) {
        self.write(|buffer| buffer.head.set_kind(kind));
    }

    /// Adds metadata. A key given before gets the new value; `null` changes nothing.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.add_metadata("attempt", 2);
    /// ```
    pub fn add_metadata<T: Serialize>(&self, key: &str, value: T) {
        self.set(Role::Metadata, key, value);
    }

    /// [`add_metadata`](Self::add_metadata) with a value that is only built if it is recorded.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.add_metadata_with("size", || "a long text".len());
    /// ```
    pub fn add_metadata_with<T: Serialize>(&self, key: &str, value: impl FnOnce() -> T) {
        if self.open.is_some() {
            self.add_metadata(key, value());
        }
    }

    /// Tags this span alone. Langfuse has tags for traces only and shows these among the metadata.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.add_tag("beta");
    /// ```
    pub fn add_tag(&self, tag: &str) {
        self.write(|buffer| buffer.add_tag(tag));
    }

    /// Links it to another span, which is no parent of it and may belong to another trace: the attempt before a retry,
    /// the requests of a batch, the request that started a job. Takes a [`Link`](crate::Link), `&Span`, `&Trace`
    /// (its root) or [`&RemoteContext`](crate::propagation::RemoteContext); one that is not recorded adds nothing. A
    /// span has at most 128 links; further ones are counted in its metadata as `_dropped.links`.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// let trace = tracer.trace("request").start();
    /// let first = trace.generation("answer").start();
    /// first.end();
    /// let second = trace.generation("answer").start();
    /// second.add_link(&first);
    /// ```
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn add_link(&self, to: impl Into<Option<Link>>) {
        if self.open.is_some()
            && let Some(link) = to.into()
        {
            self.write(|buffer| buffer.add_link(link));
        }
    }

    /// What went in: text, a number, or anything that is `Serialize`.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.set_input("How is the weather?");
    /// ```
    pub fn set_input<T: Serialize>(&self, value: T) {
        if self.captures() {
            self.set(Role::Input, "", value);
        }
    }

    /// [`set_input`](Self::set_input) with a value that is only built if it is recorded.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.set_input_with(|| format!("{} documents", 5));
    /// ```
    pub fn set_input_with<T: Serialize>(&self, value: impl FnOnce() -> T) {
        if self.captures() {
            self.set_input(value());
        }
    }

    /// What came out: text, a number, or anything that is `Serialize`.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.set_output("It rains.");
    /// ```
    pub fn set_output<T: Serialize>(&self, value: T) {
        if self.captures() {
            self.set(Role::Output, "", value);
        }
    }

    /// [`set_output`](Self::set_output) with a value that is only built if it is recorded.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.set_output_with(|| vec!["rain", "wind"]);
    /// ```
    pub fn set_output_with<T: Serialize>(&self, value: impl FnOnce() -> T) {
        if self.captures() {
            self.set_output(value());
        }
    }

    /// The model that answered, as the provider names it.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.set_model("gpt-4o-2024-11-20");
    /// ```
    pub fn set_model(&self, model: &str) {
        self.write(|buffer| buffer.set_model(model));
    }

    /// A parameter of the model call, such as `temperature`.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.add_model_parameter("temperature", 0.2);
    /// ```
    pub fn add_model_parameter<T: Serialize>(&self, name: &str, value: T) {
        self.set(Role::ModelParameter, name, value);
    }

    /// Tokens used, over what was set before.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// # use tracefuse_core::Usage;
    /// span.set_usage(Usage::openai(812, 164));
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "callers build it in place")]
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn set_usage(&self, usage: Usage) {
        self.write(|buffer| buffer.set_usage(&usage));
    }

    /// Cost in US dollars, over what was set before. Without it Langfuse computes it from the usage.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// # use tracefuse_core::Cost;
    /// span.set_cost(Cost::new(0.002, 0.001));
    /// ```
    #[expect(clippy::needless_pass_by_value, reason = "callers build it in place")]
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn set_cost(&self, cost: Cost) {
        self.write(|buffer| buffer.set_cost(&cost));
    }

    /// The managed prompt the input was made from.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.set_prompt("support-answer", 3);
    /// ```
    pub fn set_prompt(&self, name: &str, version: u32) {
        self.write(|buffer| buffer.set_prompt(name, version));
    }

    /// Marks now as the moment the first token arrived; later calls change nothing.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// for chunk in ["It ", "rains."] {
    ///     span.record_first_token(); // the first call counts
    ///     print!("{chunk}");
    /// }
    /// ```
    pub fn record_first_token(&self) {
        let Some(open) = &self.open else { return };
        let now = open.trace.now();
        open.write(|buffer| {
            if !buffer.has(Role::CompletionStart) {
                buffer.set_completion_start(now);
            }
        });
    }

    /// How much attention it deserves.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// # use tracefuse_core::Level;
    /// span.set_level(Level::Warning);
    /// ```
    pub fn set_level(&self, level: Level) {
        self.write(|buffer| buffer.set_level(level));
    }

    /// How it ended. The last status counts.
    ///
    /// [`Status::Error`] gives the span [`Level::Error`] unless a level was set. [`Status::Ok`] and
    /// [`Status::Unset`] take back the level and the message that an error gave it, as after an error that
    /// was handled; the errors themselves stay recorded.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// # use tracefuse_core::Status;
    /// span.set_status(Status::error("no answer"));
    /// ```
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn set_status(&self, status: Status) {
        self.write(|buffer| buffer.set_status(status));
    }

    /// A short message for people about how it is going or how it ended.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// span.set_status_message("2 of 3 documents found");
    /// ```
    pub fn set_status_message(&self, message: &str) {
        self.write(|buffer| buffer.set_status_message(message));
    }

    /// Captures a value outside of the lock, since a user's `Serialize` may come back to this span.
    fn set<T: Serialize>(&self, role: Role, key: &str, value: T) {
        let Some(open) = &self.open else { return };
        match castaway::cast!(value, String) {
            Ok(text) => open.write(|buffer| buffer.put_string(role, key, text)),
            Err(value) if role != Role::Input || is_scalar::<T>() => {
                capture(&value, &mut |value| {
                    open.write(|buffer| buffer.put_value(role, key, value));
                });
            }
            Err(value) => {
                let noted = noted_in(|| {
                    capture(&value, &mut |value| {
                        open.write(|buffer| buffer.put_value(role, key, value));
                    });
                });
                if noted.is_some() {
                    open.write(|buffer| buffer.link(noted));
                }
            }
        }
    }
}
