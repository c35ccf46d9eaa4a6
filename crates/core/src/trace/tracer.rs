//! The tracer: where traces begin and from where everything is flushed and shut down.
//! Built by the facade around a `Processor`; used by applications.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::record::{ScoreTarget, ScoreValue, SpanId, TraceId};
use crate::report::{Incomplete, Report, Stats};
use crate::span::feature::Recorded;
use crate::span::score::ScoreBuilder;
use crate::span::shared::TracerShared;
use crate::trace::builder::TraceBuilder;
use crate::trace::guard::TracerGuard;
use crate::trace::handle::Trace;

/// Begins traces. Cheap to clone; all clones are one tracer.
///
/// When the last clone, and the last [`Trace`] it began, is dropped, the tracer shuts down, for at
/// most its shutdown timeout (5 s by default). Call [`shutdown`](Self::shutdown) to get
/// its report. A tracer that is a `static` is never dropped: shut it down yourself.
///
/// ```
/// # let recorder = tracefuse_core::testing::Recorder::new();
/// # let tracer = recorder.tracer();
/// let answer = tracer.trace("request").run(|trace| trace.span("step").run(|_| 42));
/// assert_eq!(answer, 42);
/// tracer.shutdown().unwrap();
/// ```
#[derive(Clone)]
#[must_use = "dropping the last tracer shuts it down; bind it to a name in main"]
pub struct Tracer {
    pub(crate) owner: Option<Recorded<Arc<TracerGuard>>>,
}

impl Tracer {
    /// A tracer that records nothing: its handles do nothing and allocate nothing.
    ///
    /// ```
    /// # use tracefuse_core::Tracer;
    /// assert!(!Tracer::noop().is_enabled());
    /// ```
    pub const fn noop() -> Self {
        Self { owner: None }
    }

    /// Whether it records anything at all.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// assert!(tracer.is_enabled());
    /// ```
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.owner.is_some()
    }

    /// Describes a new trace; it begins with `run`, `run_async` or `start`.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// tracer.trace("request").user_id("user123").run(|trace| trace.set_output("done"));
    /// ```
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn trace(&self, name: &str) -> TraceBuilder {
        TraceBuilder::new(self.owner.as_ref(), name)
    }

    /// Runs a closure in a new trace: `tracer.trace(name).run(f)`.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// let answer = tracer.with_trace("request", |trace| {
    ///     trace.set_output(5);
    ///     5
    /// });
    /// assert_eq!(answer, 5);
    /// ```
    pub fn with_trace<R>(&self, name: &str, f: impl FnOnce(Trace) -> R) -> R {
        self.trace(name).run(f)
    }

    /// Runs an async closure in a new trace: `tracer.trace(name).run_async(f)`.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # futures::executor::block_on(async {
    /// let answer = tracer.with_trace_async("request", async |_| 5).await;
    /// assert_eq!(answer, 5);
    /// # });
    /// ```
    pub async fn with_trace_async<R>(&self, name: &str, f: impl AsyncFnOnce(Trace) -> R) -> R {
        self.trace(name).run_async(f).await
    }

    /// Scores a trace by its id. The trace may have ended long ago, or be another process's.
    ///
    /// With a sample rate the id says whether the trace was recorded: of a trace that this tracer's rate leaves out no
    /// score is recorded, as with Langfuse's Python SDK. So traces that an upstream service decided to record need a
    /// score from that service, or the same rate here. Any other sampler decides by
    /// [`Sampler::samples_id`](crate::Sampler::samples_id).
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// if let Some(id) = tracer.with_trace("chat", |trace| trace.id()) {
    ///     tracer.score_trace(id, "thumbs-up", true).record();
    /// }
    /// ```
    pub fn score_trace(
        &self,
        trace: TraceId,
        name: &str,
        value: impl Into<ScoreValue>,
    ) -> ScoreBuilder {
        let target = || ScoreTarget::Trace(trace);
        ScoreBuilder::new(self.core_for(trace), name, value, target)
    }

    /// Scores one observation of a trace by their ids.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// let ids = tracer.with_trace("chat", |trace| (trace.id(), trace.root().id()));
    /// if let (Some(trace), Some(span)) = ids {
    ///     tracer.score_observation(trace, span, "quality", 0.9).record();
    /// }
    /// ```
    pub fn score_observation(
        &self,
        trace: TraceId,
        span: SpanId,
        name: &str,
        value: impl Into<ScoreValue>,
    ) -> ScoreBuilder {
        let target = || ScoreTarget::Observation(trace, span);
        ScoreBuilder::new(self.core_for(trace), name, value, target)
    }

    /// `None` for a trace that the sampler leaves out by its id.
    fn core_for(&self, trace: TraceId) -> Option<&Arc<TracerShared>> {
        let sampled = |core: &&Arc<TracerShared>| core.sampler.samples_id(trace);
        // What comes after the shutdown is counted, whatever the rate.
        self.core().filter(|core| core.admits()).filter(sampled)
    }

    /// Scores a session by its id.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// tracer.score_session("chat-17", "satisfaction", 4).record();
    /// ```
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn score_session(
        &self,
        session: &str,
        name: &str,
        value: impl Into<ScoreValue>,
    ) -> ScoreBuilder {
        let target = || ScoreTarget::Session(session.to_owned());
        ScoreBuilder::new(self.core(), name, value, target)
    }

    /// Scores a run of an experiment by its id, such as the mean of its items' scores. Langfuse shows it beside the run.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// tracer.score_dataset_run("6ce9fe1e8b23d1a0", "mean-accuracy", 0.92).record();
    /// ```
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn score_dataset_run(
        &self,
        run: &str,
        name: &str,
        value: impl Into<ScoreValue>,
    ) -> ScoreBuilder {
        let target = || ScoreTarget::DatasetRun(run.to_owned());
        ScoreBuilder::new(self.core(), name, value, target)
    }

    /// Delivers everything recorded before the call, for at most the flush timeout (5 s by default).
    /// Blocks the thread, works on any, inside and outside of async runtimes.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// match tracer.flush() {
    ///     Ok(report) => println!("{} recorded", report.stats.recorded),
    ///     Err(incomplete) => eprintln!("{incomplete}"),
    /// }
    /// ```
    ///
    /// # Errors
    /// If something recorded is still waiting when time is up, or was lost since the last report.
    pub fn flush(&self) -> Result<Report, Incomplete> {
        self.flush_within(
            self.core()
                .map_or(Duration::ZERO, |core| core.flush_timeout),
        )
    }

    /// [`flush`](Self::flush) with a given limit.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// use std::time::Duration;
    /// let flushed = tracer.flush_within(Duration::from_secs(1));
    /// assert!(flushed.is_ok());
    /// ```
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub fn flush_within(&self, within: Duration) -> Result<Report, Incomplete> {
        let Some(core) = self.core() else {
            return Ok(Report::nothing());
        };
        core.complete(core.processor.flush(within))
            .into_result("flush")
    }

    /// [`flush`](Self::flush) without blocking the thread, on any executor.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # futures::executor::block_on(async {
    /// let flushed = tracer.flush_async().await;
    /// assert!(flushed.is_ok());
    /// # });
    /// ```
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub async fn flush_async(&self) -> Result<Report, Incomplete> {
        let within = self
            .core()
            .map_or(Duration::ZERO, |core| core.flush_timeout);
        self.flush_async_within(within).await
    }

    /// [`flush_async`](Self::flush_async) with its own limit.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// use std::time::Duration;
    /// # futures::executor::block_on(async {
    /// let flushed = tracer.flush_async_within(Duration::from_secs(1)).await;
    /// assert!(flushed.is_ok());
    /// # });
    /// ```
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub async fn flush_async_within(&self, within: Duration) -> Result<Report, Incomplete> {
        let Some(core) = self.core() else {
            return Ok(Report::nothing());
        };
        let report = core.processor.flush_async(within).await;
        core.complete(report).into_result("flush")
    }

    /// Ends the spans that are still open, delivers everything, for at most the shutdown timeout
    /// (5 s by default), and records nothing more. A second call gives the same report.
    /// Blocks the thread, works on any, inside and outside of async runtimes.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// match tracer.shutdown() {
    ///     Ok(report) => println!("{} recorded", report.stats.recorded),
    ///     Err(incomplete) => eprintln!("{incomplete}"),
    /// }
    /// ```
    ///
    /// # Errors
    /// If something recorded is still waiting when time is up, or was lost since the last report.
    pub fn shutdown(&self) -> Result<Report, Incomplete> {
        self.shutdown_within(
            self.core()
                .map_or(Duration::ZERO, |core| core.shutdown_timeout),
        )
    }

    /// [`shutdown`](Self::shutdown) with a given limit.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// use std::time::Duration;
    /// let done = tracer.shutdown_within(Duration::from_secs(1));
    /// assert!(done.is_ok());
    /// ```
    ///
    /// # Errors
    /// As [`shutdown`](Self::shutdown).
    pub fn shutdown_within(&self, within: Duration) -> Result<Report, Incomplete> {
        let Some(core) = self.core() else {
            return Ok(Report::nothing());
        };
        core.close();
        core.complete(core.processor.shutdown(within))
            .into_result("shutdown")
    }

    /// [`shutdown`](Self::shutdown) without blocking the thread, on any executor.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # futures::executor::block_on(async {
    /// let done = tracer.shutdown_async().await;
    /// assert!(done.is_ok());
    /// # });
    /// ```
    ///
    /// # Errors
    /// As [`shutdown`](Self::shutdown).
    pub async fn shutdown_async(&self) -> Result<Report, Incomplete> {
        let within = self
            .core()
            .map_or(Duration::ZERO, |core| core.shutdown_timeout);
        self.shutdown_async_within(within).await
    }

    /// [`shutdown_async`](Self::shutdown_async) with its own limit.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// use std::time::Duration;
    /// # futures::executor::block_on(async {
    /// let done = tracer.shutdown_async_within(Duration::from_secs(1)).await;
    /// assert!(done.is_ok());
    /// # });
    /// ```
    ///
    /// # Errors
    /// As [`shutdown`](Self::shutdown).
    pub async fn shutdown_async_within(&self, within: Duration) -> Result<Report, Incomplete> {
        let Some(core) = self.core() else {
            return Ok(Report::nothing());
        };
        core.close();
        let report = core.processor.shutdown_async(within).await;
        core.complete(report).into_result("shutdown")
    }

    /// Counts of everything that was recorded so far, by result.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// let stats = tracer.stats();
    /// assert_eq!(stats.open, 0);
    /// ```
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core().map_or_else(Stats::default, |core| {
            core.complete_stats(core.processor.stats())
        })
    }

    fn core(&self) -> Option<&Arc<TracerShared>> {
        self.owner.as_ref().map(|owner| &owner.shared)
    }
}

impl Report {
    /// Of a tracer that records nothing.
    fn nothing() -> Self {
        Self {
            complete: true,
            ..Self::default()
        }
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer")
            .field("enabled", &self.is_enabled())
            .finish_non_exhaustive()
    }
}
