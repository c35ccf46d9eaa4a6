//! The settings of a tracer, and how a tracer is made from them.
//! Called by applications and by the facade; the tracer itself does not use this module.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use crate::clock::Clock;
use crate::contained::ContainedProcessor;
use crate::processor::Processor;
use crate::span::feature::{RECORDS, recorded};
use crate::span::outside;
use crate::span::shared::TracerShared;
use crate::trace::guard::TracerGuard;
use crate::trace::leak::{LeakLimits, LeakWatch};
use crate::trace::sampler::{ContainedSampler, SampleRate, Sampler};
use crate::trace::tracer::Tracer;

impl Tracer {
    /// A tracer that passes finished spans to `processor`.
    ///
    /// ```
    /// use tracefuse_core::{Tracer, testing::Recorder};
    ///
    /// let recorder = Recorder::new();
    /// let tracer = Tracer::builder(recorder.clone()).backtraces(true).build();
    /// tracer.trace("request").run(|_| {});
    /// assert_eq!(recorder.tree(), "request\n");
    /// ```
    pub fn builder(processor: impl Processor) -> TracerBuilder {
        TracerBuilder {
            processor: Arc::new(processor),
            clock: Clock::system(),
            sampler: Arc::new(SampleRate::ALL),
            backtraces: false,
            leak_limits: LeakLimits::default(),
            capture_content: true,
            shutdown_timeout: Duration::from_secs(5),
            flush_timeout: Duration::from_secs(5),
        }
    }
}

/// Settings of a [`Tracer`].
///
/// ```
/// use std::time::Duration;
/// use tracefuse_core::{SampleRate, Tracer, testing::Recorder};
///
/// let tracer = Tracer::builder(Recorder::new())
///     .sample_rate(SampleRate::ALL)
///     .shutdown_timeout(Duration::from_secs(2))
///     .build();
/// assert!(tracer.is_enabled());
/// ```
#[derive(Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct TracerBuilder {
    processor: Arc<dyn Processor>,
    clock: Clock,
    sampler: Arc<dyn Sampler>,
    backtraces: bool,
    leak_limits: LeakLimits,
    capture_content: bool,
    shutdown_timeout: Duration,
    flush_timeout: Duration,
}

impl TracerBuilder {
    /// The clock that gives spans their times; the system's by default.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The share of traces that is recorded; all by default.
    pub fn sample_rate(self, rate: SampleRate) -> Self {
        self.sampler(rate)
    }

    /// Decides which traces are recorded; replaces the rate.
    pub fn sampler(mut self, sampler: impl Sampler) -> Self {
        self.sampler = Arc::new(sampler);
        self
    }

    /// Whether a stack trace is captured with each recorded error; off by default, since it costs
    /// microseconds to milliseconds.
    pub fn backtraces(mut self, capture: bool) -> Self {
        self.backtraces = capture;
        self
    }

    /// How long a trace may be open before it is reported as a leak, once for each name; 10 minutes by default.
    pub fn warn_open_longer(mut self, age: Duration) -> Self {
        self.leak_limits.age = age;
        self
    }

    /// How many spans may be open before that is reported as a leak; 10,000 by default.
    pub fn warn_open_more(mut self, spans: u64) -> Self {
        self.leak_limits.open = spans;
        self
    }

    /// Whether inputs and outputs are recorded, of spans and of events; they are by default. Switched
    /// off, everything else is kept, and closures that would build them are not called.
    pub fn capture_content(mut self, capture: bool) -> Self {
        self.capture_content = capture;
        self
    }

    /// The longest a shutdown may take, also the one on drop; 5 s by default.
    pub fn shutdown_timeout(mut self, within: Duration) -> Self {
        self.shutdown_timeout = within;
        self
    }

    /// The longest a flush may take; 5 s by default.
    pub fn flush_timeout(mut self, within: Duration) -> Self {
        self.flush_timeout = within;
        self
    }

    /// The tracer.
    pub fn build(self) -> Tracer {
        let processor = ContainedProcessor::new(self.processor);
        let core = TracerShared {
            measures: processor.measures(),
            processor,
            clock: self.clock,
            sampler: ContainedSampler::new(self.sampler),
            backtraces: self.backtraces,
            capture_content: self.capture_content,
            shutdown_timeout: self.shutdown_timeout,
            flush_timeout: self.flush_timeout,
            closed: AtomicBool::new(false),
            unsampled: AtomicU64::new(0),
            not_recorded: AtomicU64::new(0),
            late_writes: AtomicU64::new(0),
            unfinished: AtomicU64::new(0),
            outside_before: outside::started(),
        };
        let shared = Arc::new(core);
        if RECORDS {
            outside::watch(&shared);
        }
        Tracer {
            owner: recorded(Arc::new(TracerGuard {
                shared,
                leaks: LeakWatch::new(self.leak_limits),
            })),
        }
    }
}

impl fmt::Debug for TracerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracerBuilder")
            .field("shutdown_timeout", &self.shutdown_timeout)
            .field("flush_timeout", &self.flush_timeout)
            .finish_non_exhaustive()
    }
}
