//! A scripted exporter and tracers on it.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tracefuse_core::{Stats, Tracer};
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};
use tracefuse_runtime::{Pipeline, PipelineConfig};

pub(crate) type Answer = Box<dyn Fn(&Batch) -> Result<ExportReport, ExportError> + Send>;

/// Answers by a script, then accepts; keeps the names of what it accepted and the size of every batch.
#[derive(Clone, Default)]
pub(crate) struct Scripted {
    inner: Arc<(Mutex<Inner>, Condvar)>,
}

#[derive(Default)]
struct Inner {
    script: VecDeque<Answer>,
    accepted: Vec<String>,
    batches: Vec<usize>,
    held: bool,
}

impl Scripted {
    pub(crate) fn then(
        self,
        answer: impl Fn(&Batch) -> Result<ExportReport, ExportError> + Send + 'static,
    ) -> Self {
        self.inner
            .0
            .lock()
            .unwrap()
            .script
            .push_back(Box::new(answer));
        self
    }

    pub(crate) fn times(self, n: usize, answer: fn() -> ExportError) -> Self {
        (0..n).fold(self, |this, _| this.then(move |_| Err(answer())))
    }

    pub(crate) fn accepted(&self) -> Vec<String> {
        self.inner.0.lock().unwrap().accepted.clone()
    }

    pub(crate) fn batches(&self) -> Vec<usize> {
        self.inner.0.lock().unwrap().batches.clone()
    }

    /// Makes calls block their thread until `release`.
    pub(crate) fn hold(&self) {
        self.inner.0.lock().unwrap().held = true;
    }

    pub(crate) fn release(&self) {
        self.inner.0.lock().unwrap().held = false;
        self.inner.1.notify_all();
    }

    /// Waits until `n` batches were offered.
    pub(crate) fn wait_batches(&self, n: usize) {
        let guard = self.inner.0.lock().unwrap();
        let waited = self
            .inner
            .1
            .wait_timeout_while(guard, Duration::from_secs(20), |inner| {
                inner.batches.len() < n
            });
        assert!(!waited.unwrap().1.timed_out(), "no {n} batches within 20 s");
    }
}

#[async_trait]
impl Exporter for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn destination(&self) -> Option<String> {
        Some("scripted".to_owned())
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        let mut inner = self.inner.0.lock().unwrap();
        inner.batches.push(batch.len());
        self.inner.1.notify_all();
        while inner.held {
            inner = self.inner.1.wait(inner).unwrap();
        }
        let answer = inner.script.pop_front();
        let result = answer.map_or_else(
            || Ok(ExportReport::accepted(batch.len())),
            |answer| answer(batch),
        );
        if result.is_ok() {
            inner
                .accepted
                .extend(batch.spans().map(|span| span.name().to_owned()));
        }
        result
    }
}

pub(crate) fn tracer_with(
    exporter: impl Exporter,
    change: impl FnOnce(&mut PipelineConfig),
) -> Tracer {
    let mut config = PipelineConfig::default();
    change(&mut config);
    Tracer::builder(
        Pipeline::builder()
            .config(config)
            .exporter(exporter)
            .build()
            .unwrap(),
    )
    .build()
}

pub(crate) fn tracer(exporter: impl Exporter) -> Tracer {
    tracer_with(exporter, |_| {})
}

/// Records `n` traces of one span each, named by their number.
pub(crate) fn record(tracer: &Tracer, numbers: std::ops::Range<usize>) {
    for n in numbers {
        tracer.trace(&n.to_string()).run(|_| {});
    }
}

pub(crate) fn names(numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|n| n.to_string()).collect()
}

#[track_caller]
pub(crate) fn assert_balanced(stats: &Stats) {
    assert!(stats.is_balanced(), "{stats:#?}");
}
