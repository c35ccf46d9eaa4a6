//! One check for any exporter under any fault: every record is accounted for, and no caller waits for delivery.
//! Used by tests: of this workspace for its catalogue of faults, and of every author of an exporter.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use tracefuse_core::{Clock, ExporterStats, Processor, Report, Tracer};
use tracefuse_exporter::Exporter;

use crate::config::{PipelineConfig, SpoolMode};
use crate::pipeline::{Pipeline, PipelineBuilder};

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

/// What a trial saw from the application's side.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evidence {
    /// Ids of what was recorded: of spans as 16 hex digits, of scores as they are.
    pub recorded: BTreeSet<String>,
    /// The exporter's numbers at the end.
    pub stats: ExporterStats,
    /// The report of the shutdown, whether it was lossless or not.
    pub report: Report,
    /// The longest that ending a span took.
    pub slowest_end: Duration,
    /// The longest that nine of ten spans took to end.
    pub slow_end: Duration,
    /// How long the shutdown took, and how long it might.
    pub closing: (Duration, Duration),
}

/// How often a receiver got a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Times it was received, with any answer.
    pub received: u32,
    /// Times that was acknowledged.
    pub acknowledged: u32,
}

impl Receipt {
    /// A span that was taken in and acknowledged so many times.
    #[must_use]
    pub fn new(received: u32, acknowledged: u32) -> Self {
        Self {
            received,
            acknowledged,
        }
    }
}

/// What the fault allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Bounds {
    /// Every span must have been exported.
    pub lossless: bool,
    /// An answer may have been lost, so that a span was sent again that had been taken.
    pub duplicates: bool,
    /// Whether the receiver's count is compared: not if a proxy may have answered for it.
    pub trusted: bool,
    /// The longest one end of a span may take; 1 s, since a loaded machine may stop any thread.
    pub slowest_end: Duration,
    /// The longest that nine of ten spans may take to end; 5 ms. A loaded machine stops some threads for longer.
    pub slow_end: Duration,
}

impl Bounds {
    /// Nothing may be lost.
    pub const fn lossless() -> Self {
        Self {
            lossless: true,
            ..Self::accounted()
        }
    }

    /// What is lost must be accounted for.
    pub const fn accounted() -> Self {
        Self {
            lossless: false,
            duplicates: false,
            trusted: true,
            slowest_end: Duration::from_secs(1),
            slow_end: Duration::from_millis(5),
        }
    }

    /// Answers may be lost, so that spans arrive twice.
    pub const fn with_duplicates(mut self) -> Self {
        self.duplicates = true;
        self
    }

    /// The receiver's own count may differ from the answers we got.
    pub const fn untrusted(mut self) -> Self {
        self.trusted = false;
        self
    }
}

/// Rules that did not hold, in words.
#[derive(Clone, PartialEq, Eq)]
pub struct Violations(Vec<String>);

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Violations {}

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

impl Evidence {
    /// The check after every fault, always the same: compares what the receiver got with our numbers.
    ///
    /// # Errors
    /// Every rule that did not hold.
    pub fn check(
        &self,
        receipts: &BTreeMap<String, Receipt>,
        bounds: &Bounds,
    ) -> Result<(), Violations> {
        let stats = &self.stats;
        let mut broken = Vec::new();
        let mut rule = |holds: bool, words: &dyn Fn() -> String| {
            if !holds {
                broken.push(words());
            }
        };
        let recorded = self.recorded.len() as u64;
        rule(stats.is_balanced(), &|| {
            format!("the numbers do not add up: {stats:?}")
        });
        rule(stats.recorded == recorded + stats.recovered, &|| {
            format!(
                "{recorded} records were made, {} were counted",
                stats.recorded
            )
        });
        let foreign = receipts
            .keys()
            .filter(|id| !self.recorded.contains(*id))
            .count() as u64;
        rule(foreign <= stats.recovered, &|| {
            format!("{foreign} records arrived that were not recorded")
        });
        let acknowledged = receipts.values().filter(|got| got.acknowledged > 0).count() as u64;
        if bounds.trusted {
            let doubtful = stats.maybe_delivered + stats.spooled + stats.pending();
            rule(
                stats.exported <= acknowledged && acknowledged <= stats.exported + doubtful,
                &|| {
                    format!(
                        "{} exported, {acknowledged} acknowledged, {doubtful} in doubt",
                        stats.exported
                    )
                },
            );
        }
        let twice = self.duplicates(receipts);
        rule(bounds.duplicates || twice == 0, &|| {
            format!("spans acknowledged twice: {twice}")
        });
        // A span that is counted as lost, and not as perhaps delivered, must not have arrived.
        let arrived = |id: &String| receipts.get(id).is_some_and(|got| got.received > 0);
        let missing = self.recorded.iter().filter(|id| !arrived(id)).count() as u64;
        let lost = stats.dropped_total().saturating_sub(stats.maybe_delivered);
        rule(lost <= missing + stats.recovered, &|| {
            format!("spans reported as lost: {lost}, but only {missing} did not arrive")
        });
        if bounds.lossless {
            rule(stats.exported == stats.recorded, &|| {
                format!("not everything was exported: {stats:?}")
            });
        }
        rule(self.slowest_end <= bounds.slowest_end, &|| {
            format!("ending a span took {:?}", self.slowest_end)
        });
        rule(self.slow_end <= bounds.slow_end, &|| {
            format!("one of ten ends took {:?}", self.slow_end)
        });
        let (took, might) = self.closing;
        // A tenth of a second by the specification, and more for a loaded machine.
        rule(took <= might + Duration::from_millis(600), &|| {
            format!("the shutdown took {took:?} of {might:?}")
        });
        if broken.is_empty() {
            Ok(())
        } else {
            Err(Violations(broken))
        }
    }

    /// Spans that a receiver acknowledged more than once.
    #[must_use]
    pub fn duplicates(&self, receipts: &BTreeMap<String, Receipt>) -> usize {
        receipts.values().filter(|got| got.acknowledged > 1).count()
    }
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
