//! One check for any exporter under any fault: every record is accounted for, and no caller waits for delivery.
//! Used by tests: of this workspace for its catalogue of faults, and of every author of an exporter.

mod evidence;

use std::collections::BTreeSet;
use std::time::Duration;

use tracefuse_core::{Clock, Processor, Tracer};
use tracefuse_exporter::Exporter;

use crate::config::{PipelineConfig, SpoolMode};
use crate::pipeline::{Pipeline, PipelineBuilder};

pub use evidence::{Bounds, Evidence, Receipt, Violations};

/// An exporter under load, from the first span to the shutdown.
///
/// ```
/// use std::collections::BTreeMap;
/// use tracefuse_exporter::InMemoryExporter;
/// use tracefuse_runtime::conformance::{Bounds, Receipt, Trial};
///
/// let exporter = InMemoryExporter::new();
/// let evidence = Trial::new(200).scores(10).run(exporter.clone(), |_tracer| {
///     // Here a receiver may fail and come back.
/// });
/// // What the receiver has: spans by their ids, scores by theirs.
/// let spans = exporter.spans().into_iter().map(|span| span.span_id().to_string());
/// let scores = exporter.scores().into_iter().map(|score| score.id.clone());
/// let receipts = spans.chain(scores).map(|id| (id, Receipt::new(1, 1)));
/// evidence.check(&receipts.collect::<BTreeMap<_, _>>(), &Bounds::lossless())?;
/// # Ok::<(), tracefuse_runtime::conformance::Violations>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a trial does nothing until `run`"]
pub struct Trial {
    spans: usize,
    scores: usize,
    threads: usize,
    input_bytes: usize,
    config: PipelineConfig,
    settle: Duration,
    shutdown: Duration,
    spool: Option<(std::path::PathBuf, SpoolMode)>,
}

impl Trial {
    /// A trial with so many spans, recorded at full speed.
    pub fn new(spans: usize) -> Self {
        Self {
            spans,
            scores: 0,
            threads: 1,
            input_bytes: 20,
            config: PipelineConfig::default(),
            settle: Duration::from_secs(20),
            shutdown: Duration::from_secs(5),
            spool: None,
        }
    }

    /// Scores that are recorded beside the spans; none by default. An exporter that does not write scores must not
    /// count them as accepted.
    pub fn scores(mut self, scores: usize) -> Self {
        self.scores = scores;
        self
    }

    /// Settings of delivery.
    pub fn config(mut self, change: impl FnOnce(&mut PipelineConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// Threads that record at once; 1 by default.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Bytes of input of each span; 20 by default.
    pub fn input_bytes(mut self, bytes: usize) -> Self {
        self.input_bytes = bytes;
        self
    }

    /// The longest wait for every span to have an outcome before the shutdown; 20 s by default.
    pub fn settle(mut self, within: Duration) -> Self {
        self.settle = within;
        self
    }

    /// The time the shutdown has; 5 s by default.
    pub fn shutdown(mut self, within: Duration) -> Self {
        self.shutdown = within;
        self
    }

    /// Keeps on disk what cannot be delivered. Does nothing without the feature `spool`.
    pub fn spool(mut self, dir: impl Into<std::path::PathBuf>, mode: SpoolMode) -> Self {
        self.spool = Some((dir.into(), mode));
        self
    }

    /// Records, calls `meanwhile` beside that with the tracer, waits for outcomes, shuts down.
    ///
    /// # Panics
    /// If delivery cannot be started.
    pub fn run(self, exporter: impl Exporter, meanwhile: impl FnOnce(&Tracer)) -> Evidence {
        let clock = Clock::system();
        let builder = Pipeline::builder()
            .config(self.config.clone())
            .exporter(exporter);
        let pipeline = match self.on_disk(builder).build() {
            Ok(pipeline) => pipeline,
            Err(error) => fail(&error),
        };
        let pipeline = std::sync::Arc::new(pipeline);
        let tracer = Tracer::builder(pipeline.clone()).build();
        let input = "i".repeat(self.input_bytes);
        let (mut recorded, mut ends) = (BTreeSet::new(), Vec::with_capacity(self.spans));
        let mut nameless = self.spans;
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads)
                .map(|thread| {
                    let (tracer, clock, input) = (&tracer, &clock, &input);
                    let mine = (thread..self.spans).step_by(self.threads);
                    scope.spawn(move || record(tracer, clock, input, mine))
                })
                .collect();
            let scores = 0..self.scores;
            recorded.extend(scores.filter_map(|n| {
                let score = tracer.score_session("conformance", "score", n as f64);
                score.record()
            }));
            meanwhile(&tracer);
            for (ids, times) in threads.into_iter().filter_map(|thread| thread.join().ok()) {
                nameless = nameless.saturating_sub(ids.len());
                recorded.extend(ids);
                ends.extend(times);
            }
        });
        let started = clock.monotonic_nanos();
        let waited = || Duration::from_nanos(clock.monotonic_nanos() - started);
        while waited() < self.settle
            && pipeline
                .stats()
                .exporters
                .iter()
                .any(|stats| stats.pending() + stats.spooled > 0)
        {
            std::thread::park_timeout(Duration::from_millis(2));
        }
        let closing = clock.monotonic_nanos();
        let report = match tracer.shutdown_within(self.shutdown) {
            Ok(report) => report,
            Err(incomplete) => incomplete.report().clone(),
        };
        let took = Duration::from_nanos(clock.monotonic_nanos() - closing);
        // A span that is refused when it starts has no id. It is counted, and does not arrive.
        let off = usize::try_from(report.stats.not_recorded).unwrap_or(usize::MAX);
        let refused = 0..nameless.saturating_sub(off);
        recorded.extend(refused.map(|n| format!("refused {n}")));
        ends.sort_unstable();
        Evidence {
            recorded,
            stats: report.stats.exporters.first().cloned().unwrap_or_default(),
            report,
            slowest_end: ends.last().copied().unwrap_or_default(),
            slow_end: nine_of_ten(&ends),
            closing: (took, self.shutdown),
        }
    }

    #[cfg(feature = "spool")]
    fn on_disk(&self, builder: PipelineBuilder) -> PipelineBuilder {
        match &self.spool {
            Some((dir, mode)) => builder.spool(crate::spool::SpoolConfig::new(dir), *mode),
            None => builder,
        }
    }

    #[cfg(not(feature = "spool"))]
    fn on_disk(&self, builder: PipelineBuilder) -> PipelineBuilder {
        builder
    }
}

/// The 90th percentile of these times.
fn nine_of_ten(sorted: &[Duration]) -> Duration {
    let at = sorted.len() * 9 / 10;
    sorted.get(at).copied().unwrap_or_default()
}

#[expect(clippy::panic, reason = "documented; the kit is for tests")]
fn fail(error: &std::io::Error) -> ! {
    panic!("delivery cannot be started: {error}")
}

/// Traces of one span, named by their number.
fn record(
    tracer: &Tracer,
    clock: &Clock,
    input: &str,
    numbers: impl Iterator<Item = usize>,
) -> (Vec<String>, Vec<Duration>) {
    let (mut ids, mut times) = (Vec::new(), Vec::new());
    for number in numbers {
        let trace = tracer.trace(&number.to_string()).input(input).start();
        ids.extend(trace.root().id().map(|id| id.to_string()));
        let before = clock.monotonic_nanos();
        trace.finish();
        times.push(Duration::from_nanos(clock.monotonic_nanos() - before));
    }
    (ids, times)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_of_ten_leaves_out_the_longest_tenth() {
        let times = |count: u64| (0..count).map(Duration::from_millis).collect::<Vec<_>>();
        for (count, below) in [(0, 0), (1, 0), (10, 9), (11, 9), (100, 90)] {
            let below = Duration::from_millis(below);
            assert_eq!(nine_of_ten(&times(count)), below, "{count}");
        }
    }
}
