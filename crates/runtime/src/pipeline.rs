//! Delivery for one tracer: a `Processor` with a queue and a worker for every exporter.
//! Built by the facade; called by the core on the application's threads.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tracefuse_core::bridge::is_suppressed;
use tracefuse_core::wiring::{Leak, ReportFuture};
use tracefuse_core::{ExporterStats, Processor, Report, Stats};
use tracefuse_exporter::record::{FinishedSpan, Record, Resource, ScoreRecord, SpanRecord};
use tracefuse_exporter::{Exporter, plain_text};
use tracefuse_mask::Masker;

use crate::config::PipelineConfig;
#[cfg(feature = "spool")]
use crate::config::SpoolMode;
use crate::contain::contained;
use crate::delivery::disk::Disk;
use crate::delivery::masking::Masking;
use crate::delivery::shorten::fit;
use crate::delivery::{Delivery, HealthCallback};
use crate::ledger::Ledger;
use crate::log;
use crate::queue::ExporterQueue;
use crate::queue::buffers::SpanBuffers;
use crate::queue::phase::Phase;
#[cfg(feature = "spool")]
use crate::spool::SpoolConfig;
use crate::worker;

/// Delivers finished spans to exporters, each with its thread, its queue and its numbers: one
/// that is slow, down or broken does not touch the others.
///
/// ```
/// use tracefuse_core::Tracer;
/// use tracefuse_exporter::InMemoryExporter;
/// use tracefuse_runtime::Pipeline;
///
/// let exporter = InMemoryExporter::new();
/// let pipeline = Pipeline::builder().exporter(exporter.clone()).build()?;
/// let tracer = Tracer::builder(pipeline).build();
/// tracer.trace("request").run(|trace| trace.span("work").run(|_| {}));
/// assert!(tracer.shutdown()?.is_lossless());
/// assert_eq!(exporter.tree(), "request\n  work\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pipeline {
    shared: Arc<Shared>,
}

struct Shared {
    buffers: Arc<SpanBuffers>,
    max_span_bytes: usize,
}

/// Settings of a [`Pipeline`].
///
/// ```
/// use tracefuse_core::Tracer;
/// use tracefuse_exporter::InMemoryExporter;
/// use tracefuse_runtime::Pipeline;
///
/// let exporter = InMemoryExporter::new();
/// let pipeline = Pipeline::builder().exporter(exporter.clone()).build()?;
/// let tracer = Tracer::builder(pipeline).build();
/// tracer.trace("request").run(|_| {});
/// tracer.shutdown().unwrap();
/// assert_eq!(exporter.tree(), "request\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct PipelineBuilder {
    config: PipelineConfig,
    resource: Resource,
    exporters: Vec<Arc<dyn Exporter>>,
    masker: Option<Arc<dyn Masker>>,
    on_health: Option<HealthCallback>,
    #[cfg(feature = "spool")]
    spool: Option<(SpoolConfig, SpoolMode)>,
}

impl Pipeline {
    /// A pipeline without exporters and with default settings.
    pub fn builder() -> PipelineBuilder {
        PipelineBuilder {
            config: PipelineConfig::default(),
            resource: Resource::default(),
            exporters: Vec::new(),
            masker: None,
            on_health: None,
            #[cfg(feature = "spool")]
            spool: None,
        }
    }
}

impl PipelineBuilder {
    /// Bounds, batches and times.
    pub fn config(mut self, config: PipelineConfig) -> Self {
        self.config = config;
        self
    }

    /// Who records.
    pub fn resource(mut self, resource: Resource) -> Self {
        self.resource = resource;
        self
    }

    /// Adds an exporter.
    pub fn exporter(self, exporter: impl Exporter) -> Self {
        self.shared_exporter(Arc::new(exporter))
    }

    /// Adds an exporter that is used at other places too.
    pub fn shared_exporter(mut self, exporter: Arc<dyn Exporter>) -> Self {
        self.exporters.push(exporter);
        self
    }

    /// Removes from spans what must not leave the process; none by default. Each exporter's worker
    /// calls it, before anything else is done with a span.
    pub fn masker(self, masker: impl Masker) -> Self {
        self.shared_masker(Arc::new(masker))
    }

    /// [`masker`](Self::masker) for one that is used at other places too.
    pub fn shared_masker(mut self, masker: Arc<dyn Masker>) -> Self {
        self.masker = Some(masker);
        self
    }

    /// Calls `f` whenever the health of an exporter changes, with its numbers at that moment: on the thread
    /// that delivers, so it should return at once. A panic in it is contained.
    pub fn on_health_change(mut self, f: impl Fn(&ExporterStats) + Send + Sync + 'static) -> Self {
        self.on_health = Some(Arc::new(f));
        self
    }

    /// Keeps on disk what cannot be delivered, for every exporter that has a
    /// [`destination`](Exporter::destination), and delivers what an earlier process left there. It holds
    /// prompts in clear text, after masking, readable by this user alone; never credentials.
    #[cfg(feature = "spool")]
    #[cfg_attr(docsrs, doc(cfg(feature = "spool")))]
    pub fn spool(mut self, config: SpoolConfig, mode: SpoolMode) -> Self {
        self.spool = Some((config, mode));
        self
    }

    #[cfg(feature = "spool")]
    fn disk(
        &self,
        queue: &Arc<ExporterQueue>,
        exporter: &dyn Exporter,
    ) -> io::Result<Option<Disk>> {
        let Some((config, mode)) = &self.spool else {
            return Ok(None);
        };
        let destination = contained(|| exporter.destination())
            .map_err(|panic| panicked("destination", &panic))?;
        let Some(destination) = destination else {
            return Ok(None);
        };
        let (queue, config) = (queue.clone(), config.clone());
        Disk::open(queue, config, *mode, &destination, &self.resource).map(Some)
    }

    #[cfg(not(feature = "spool"))]
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "the twin of the one with a spool"
    )]
    fn disk(&self, _: &Arc<ExporterQueue>, _: &dyn Exporter) -> io::Result<Option<Disk>> {
        Ok(None)
    }

    /// Starts the workers.
    ///
    /// # Errors
    /// If a thread or its async runtime cannot be started, or the spool's directory not be used.
    pub fn build(self) -> io::Result<Pipeline> {
        let config = self.config.clone().bounded();
        let resource = Arc::new(self.resource.clone());
        let mut queues = Vec::new();
        let mut at_once = false;
        for exporter in &self.exporters {
            let name = contained(|| plain_text(exporter.name()).into_owned())
                .map_err(|panic| panicked("name", &panic))?;
            let interval = contained(|| exporter.flush_interval())
                .map_err(|panic| panicked("flush_interval", &panic))?;
            let mut config = config.clone();
            if let Some(interval) = interval {
                config.flush_interval = config.flush_interval.min(interval);
                at_once = true;
            }
            queues.push(Arc::new(ExporterQueue::new(name, config)));
        }
        let buffers = SpanBuffers::new(queues, &config);
        let buffers = Arc::new(if at_once { buffers.unused() } else { buffers });
        for (queue, exporter) in buffers.queues().iter().zip(&self.exporters) {
            let disk = self.disk(queue, exporter)?;
            let (resource, queue, buffers) = (resource.clone(), queue.clone(), buffers.clone());
            let (exporter, on_health) = (exporter.clone(), self.on_health.clone());
            let masking = Masking::new(self.masker.clone());
            worker::start(queue.clone(), move || {
                Delivery::new(queue, exporter, resource, disk, on_health)
                    .masking(masking)
                    .watching(buffers)
            })?;
        }
        Ok(Pipeline {
            shared: Arc::new(Shared {
                buffers,
                // A span is masked before it is cut: half a secret, or half an object, looks like none.
                max_span_bytes: match self.masker {
                    Some(_) => usize::MAX,
                    None => config.max_batch_bytes,
                },
            }),
        })
    }
}

impl Processor for Pipeline {
    fn on_end(&self, mut span: SpanRecord) {
        let limit = self.shared.max_span_bytes;
        let bytes = span.size();
        // Larger than a batch: the worker cuts it, after the exporter has taken out of it what it sends beside
        // it, such as an image. Cut here only where it would take the room that other spans need.
        if bytes > limit && !self.shared.buffers.has_room_for(bytes) {
            let mut record = Record::Span(span);
            fit(&mut record, limit, Record::size);
            let Record::Span(cut) = record else { return };
            span = cut;
        }
        self.shared.buffers.put(&span);
    }

    fn on_finish(&self, span: &FinishedSpan<'_>) {
        if span.size() > self.shared.max_span_bytes {
            self.on_end(span.to_record());
        } else {
            self.shared.buffers.put(span);
        }
    }

    #[inline]
    fn refuses(&self) -> bool {
        self.shared.buffers.refuse()
    }

    fn refusing(&self) -> Option<Arc<AtomicBool>> {
        Some(self.shared.buffers.refusing())
    }

    fn on_score(&self, score: ScoreRecord) {
        self.shared.buffers.put_score(score);
    }

    fn on_leak(&self, leak: &Leak) {
        log::leak(leak);
    }

    fn on_outside_trace(&self, span: &str) {
        log::outside_trace(span);
    }

    fn flush(&self, within: Duration) -> Report {
        self.shared.flush(within)
    }

    fn flush_async(&self, within: Duration) -> ReportFuture {
        if is_suppressed() {
            let report = self.shared.flush(within);
            return Box::pin(async { report });
        }
        let shared = self.shared.clone();
        worker::wait_on_thread(move || shared.flush(within))
    }

    fn shutdown(&self, within: Duration) -> Report {
        self.shared.shutdown(within)
    }

    fn shutdown_async(&self, within: Duration) -> ReportFuture {
        if is_suppressed() {
            let report = self.shared.shutdown(within);
            return Box::pin(async { report });
        }
        let shared = self.shared.clone();
        worker::wait_on_thread(move || shared.shutdown(within))
    }

    fn stats(&self) -> Stats {
        self.shared.buffers.stats()
    }
}

impl Shared {
    fn flush(&self, within: Duration) -> Report {
        self.buffers.drain();
        // All are requested before any is waited for: one deadline bounds the whole.
        let queues = self.buffers.queues();
        let tickets: Vec<_> = queues
            .iter()
            .map(|queue| (queue, queue.ask_flush()))
            .collect();
        let left = countdown(within);
        let complete = tickets.into_iter().fold(true, |all, (queue, ticket)| {
            queue.wait_flushed(ticket, left()) && all
        });
        self.report(complete, Ledger::report_losses)
    }

    /// The longest time that any caller allows counts for the workers; each caller waits as long as it allows
    /// itself. All callers get the same report, unless one does not wait for the end.
    fn shutdown(&self, within: Duration) -> Report {
        self.buffers.close();
        for queue in self.buffers.queues() {
            queue.ask_close(within);
        }
        let left = countdown(within);
        let stopped = self.buffers.queues().iter().fold(true, |all, queue| {
            if !queue.wait_stopped(left()) && !is_suppressed() {
                // A worker that is blocked by its exporter is left behind; what it had is counted.
                queue.stop_if_late();
            }
            queue.phase() == Phase::Stopped && all
        });
        self.report(stopped, |ledger| ledger.unreported_losses())
    }

    fn report(&self, complete: bool, losses: impl Fn(&mut Ledger) -> u64) -> Report {
        let mut report = Report::default();
        report.complete = complete;
        let queues = self.buffers.queues();
        report.lost = queues
            .iter()
            .map(|queue| queue.with(|state| losses(&mut state.ledger)))
            .sum();
        report.stats = self.buffers.stats();
        report.pending = report
            .stats
            .exporters
            .iter()
            .map(ExporterStats::pending)
            .sum();
        report
    }
}

/// The rest of a caller's time. None on a thread that delivers: a wait there, by a log subscriber or an
/// exporter, would be a wait for itself.
fn countdown(within: Duration) -> impl Fn() -> Duration {
    let clock = tracefuse_core::Clock::system();
    let start = clock.monotonic_nanos();
    let within = if is_suppressed() {
        Duration::ZERO
    } else {
        within
    };
    move || {
        let passed = clock.monotonic_nanos().saturating_sub(start);
        within.saturating_sub(Duration::from_nanos(passed))
    }
}

fn panicked(method: &str, panic: &str) -> io::Error {
    io::Error::other(format!("`{method}` of an exporter panicked: {panic}"))
}

impl Drop for Pipeline {
    /// A pipeline whose tracer is gone without a shutdown still ends its threads.
    fn drop(&mut self) {
        self.shared.buffers.close();
        for queue in self.shared.buffers.queues() {
            queue.ask_close(Duration::from_secs(5));
        }
    }
}

impl fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self
            .shared
            .buffers
            .queues()
            .iter()
            .map(|queue| queue.name.as_str())
            .collect();
        f.debug_struct("Pipeline")
            .field("exporters", &names)
            .finish()
    }
}

impl fmt::Debug for PipelineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
