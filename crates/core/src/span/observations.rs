//! The ten kinds of child, one method each.
//! A macro, because traces and spans have the same methods; used in `span::handle` and `trace::handle`.

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
