//! A tracer that is measured, with a manual clock.

use std::time::Duration;

use tracefuse_core::testing::Recorder;
use tracefuse_core::{Clock, ManualClock, SampleRate, Timestamp, Tracer};
use tracefuse_metrics::Metrics;

use crate::parser::{Samples, parse};

pub(crate) struct Measured {
    pub(crate) metrics: Metrics,
    pub(crate) tracer: Tracer,
    pub(crate) recorder: Recorder,
    pub(crate) clock: ManualClock,
}

impl Measured {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self::with_rate(metrics, 1.0)
    }

    pub(crate) fn with_rate(metrics: Metrics, rate: f64) -> Self {
        let recorder = Recorder::new();
        let clock = ManualClock::at(Timestamp::from_unix_nanos(1_700_000_000_000_000_000));
        let tracer = Tracer::builder(metrics.processor(recorder.clone()))
            .clock(Clock::new(clock.clone()))
            .sample_rate(SampleRate::new(rate).unwrap())
            .build();
        metrics.watch(&tracer);
        Self {
            metrics,
            tracer,
            recorder,
            clock,
        }
    }

    pub(crate) fn passes(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    pub(crate) fn samples(&self) -> Samples {
        parse(&self.metrics.prometheus()).unwrap()
    }
}
