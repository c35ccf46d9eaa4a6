//! A trace around a closure, in four forms: with or without `await`, that can fail or not.
//! Called by applications; begins the trace by `builder` and ends it by `span::run`.

use crate::record::AsException;
use crate::span::run::{record_err, run, run_async};
use crate::trace::builder::TraceBuilder;
use crate::trace::handle::Trace;

impl TraceBuilder {
    /// Runs a closure in it and ends it. A panic ends it with [`Level::Error`](crate::Level::Error) and continues unwinding.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// let answer = tracer.trace("chat").run(|trace| {
    ///     trace.set_output("It rains.");
    ///     "It rains."
    /// });
    /// assert_eq!(answer, "It rains.");
    /// ```
    pub fn run<R>(self, f: impl FnOnce(Trace) -> R) -> R {
        let trace = self.start();
        run(&trace.root, || f(trace.clone()), |_| {})
    }

    /// [`run`](Self::run) for closures that can fail: an `Err` is recorded and returned as it is.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// let parsed = tracer.trace("job").try_run(|_| "five".parse::<u32>());
    /// assert!(parsed.is_err()); // recorded on the root span, level ERROR
    /// ```
    ///
    /// # Errors
    /// What the closure returns.
    pub fn try_run<T, E: AsException<Via>, Via>(
        self,
        f: impl FnOnce(Trace) -> Result<T, E>,
    ) -> Result<T, E> {
        let trace = self.start();
        run(
            &trace.root,
            || f(trace.clone()),
            |result| record_err(&trace.root, result),
        )
    }

    /// Runs an async closure in it and ends it; begins when first polled. A panic ends it with
    /// [`Level::Error`](crate::Level::Error) and continues unwinding; if the future is dropped, the root is marked as cancelled.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # futures::executor::block_on(async {
    /// let answer = tracer.trace("chat").run_async(async |trace| {
    ///     trace.set_output("It rains.");
    ///     "It rains."
    /// }).await;
    /// assert_eq!(answer, "It rains.");
    /// # });
    /// ```
    pub async fn run_async<R>(self, f: impl AsyncFnOnce(Trace) -> R) -> R {
        let trace = self.start();
        run_async(&trace.root, f(trace.clone()), |_| {}).await
    }

    /// [`run_async`](Self::run_async) for closures that can fail: an `Err` is recorded and returned as it is.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # futures::executor::block_on(async {
    /// let parsed = tracer.trace("job").try_run_async(async |_| "five".parse::<u32>()).await;
    /// assert!(parsed.is_err()); // recorded on the root span, level ERROR
    /// # });
    /// ```
    ///
    /// # Errors
    /// What the closure returns.
    pub async fn try_run_async<T, E: AsException<Via>, Via>(
        self,
        f: impl AsyncFnOnce(Trace) -> Result<T, E>,
    ) -> Result<T, E> {
        let trace = self.start();
        run_async(&trace.root, f(trace.clone()), |result| {
            record_err(&trace.root, result)
        })
        .await
    }
}
