//! tracefuse as an application uses it: the core's handles, the pipeline behind them, and end to end
//! the Langfuse exporter. Every trace has a user, a session and a tag.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tracefuse_core::{ExporterStats, Health, SampleRate, Trace, Tracer, Usage};
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter};
use tracefuse_langfuse::{LangfuseConfig, LangfuseExporter};
use tracefuse_runtime::{Overload, Pipeline, PipelineConfig};

use crate::peer::{AGENT_ITERATIONS, AGENT_STEPS, Peer, Profile, Target};
use crate::work::{ATTRS, Generation};

struct Counter(Arc<AtomicU64>);

#[async_trait::async_trait]
impl Exporter for Counter {
    fn name(&self) -> &str {
        "counter"
    }
    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        self.0.fetch_add(batch.len() as u64, Relaxed);
        Ok(ExportReport::accepted(batch.len()))
    }
}

/// `RUN` selects closures, which make the span current, over `start` and the end of the handle.
struct Ours<const RUN: bool> {
    tracer: Tracer,
    delivered: Option<Arc<AtomicU64>>,
}

/// The form of the README: `run`.
pub fn run(target: &Target) -> Box<dyn Peer> {
    open::<true>(target, false, Overload::default())
}

/// Handles alone, nothing made current.
pub fn start(target: &Target) -> Box<dyn Peer> {
    open::<false>(target, false, Overload::default())
}

pub fn gzip(target: &Target) -> Box<dyn Peer> {
    open::<true>(target, true, Overload::default())
}

/// Waits for room instead of dropping, as batch programs do.
pub fn block(target: &Target) -> Box<dyn Peer> {
    open::<true>(target, false, Overload::Block(Duration::from_secs(10)))
}

pub fn unsampled(_: &Target) -> Box<dyn Peer> {
    let (counter, delivered) = counter();
    let pipeline = Pipeline::builder().exporter(counter).build().unwrap();
    let none = SampleRate::new(0.0).unwrap();
    let tracer = Tracer::builder(pipeline).sample_rate(none).build();
    Box::new(Ours::<true> { tracer, delivered: Some(delivered) })
}

/// A receiver that is down.
struct Down;

#[async_trait::async_trait]
impl Exporter for Down {
    fn name(&self) -> &str {
        "down"
    }
    async fn export(&self, _: &Batch) -> Result<ExportReport, ExportError> {
        Err(ExportError::retry("down"))
    }
}

/// The circuit breaker is open and the queue full: every span is refused, and counted.
pub fn no_room(_: &Target) -> Box<dyn Peer> {
    let mut config = PipelineConfig::default();
    config.batch_size = 1;
    config.max_queue_size = 1;
    config.max_retries = 0;
    config.circuit_breaker_threshold = 1;
    config.circuit_breaker_reset = Duration::from_secs(3600);
    let pipeline = Pipeline::builder().exporter(Down).config(config).build().unwrap();
    let tracer = Tracer::builder(pipeline).build();
    tracer.trace("first").run(|_| {});
    let is_open = |exporter: &ExporterStats| matches!(exporter.health, Health::Open { .. });
    while !tracer.stats().exporters.iter().all(is_open) {
        std::thread::sleep(Duration::from_millis(1));
    }
    Box::new(Ours::<true> { tracer, delivered: None })
}

fn counter() -> (Counter, Arc<AtomicU64>) {
    let delivered = Arc::<AtomicU64>::default();
    (Counter(delivered.clone()), delivered)
}

fn open<const RUN: bool>(target: &Target, gzip: bool, overload: Overload) -> Box<dyn Peer> {
    let mut config = PipelineConfig::default();
    config.overload = overload;
    let (builder, delivered) = match target {
        Target::Off => return Box::new(Ours::<RUN> { tracer: Tracer::noop(), delivered: None }),
        // As for the others: a queue that cannot overflow, so that recording is timed and not dropping.
        Target::Discard => {
            config.max_queue_size = 16_384;
            config.max_queue_bytes = 1 << 30;
            let (counter, delivered) = counter();
            (Pipeline::builder().exporter(counter), Some(delivered))
        }
        Target::Http { url, profile } => {
            if let Profile::Lossless(spans) = profile {
                config.max_queue_size = *spans;
                config.max_queue_bytes = 1 << 30;
            }
            let langfuse = LangfuseConfig::new("pk-lf-peers", "sk-lf-peers").base_url(url).gzip(gzip);
            (Pipeline::builder().exporter(LangfuseExporter::new(langfuse).unwrap()), None)
        }
    };
    let pipeline = builder.config(config).build().unwrap();
    Box::new(Ours::<RUN> { tracer: Tracer::builder(pipeline).build(), delivered })
}

impl<const RUN: bool> Ours<RUN> {
    #[inline(always)]
    fn trace(&self, children: impl FnOnce(&Trace)) {
        let builder = self.tracer.trace("root").user_id("user-8f31c2").session_id("session-1").tag("bench");
        builder.run(|trace| children(&trace));
    }

    #[inline(always)]
    fn end(&self, span: tracefuse_core::SpanBuilder) {
        if RUN { span.run(|_| {}) } else { drop(span.start()) }
    }
}

impl<const RUN: bool> Peer for Ours<RUN> {
    fn bare(&self, n: usize) {
        self.trace(|trace| (0..n).for_each(|_| self.end(trace.span("child"))));
    }
    fn attrs(&self, n: usize) {
        let a = &*ATTRS;
        self.trace(|trace| {
            for _ in 0..n {
                let span = trace.span("child").metadata("user", a.user.as_str());
                let span = span.metadata("stage", a.stage.as_str());
                self.end(span.metadata("score", a.score).metadata("step", a.step));
            }
        });
    }
    fn generations(&self, n: usize, g: &Generation) {
        self.trace(|trace| {
            for _ in 0..n {
                let [input, output, total] = g.usage.map(|units| units as u64);
                let usage = Usage::new(input, output).total(total);
                let span = trace.generation("generation").input(g.input.as_str());
                self.end(span.output(g.output.as_str()).model(&g.model).usage(usage));
            }
        });
    }
    fn agent(&self) {
        self.trace(|trace| {
            for iteration in 0..AGENT_ITERATIONS {
                for step in AGENT_STEPS {
                    let span = trace.span(step).metadata("stage", ATTRS.stage.as_str());
                    self.end(span.metadata("iteration", iteration));
                }
            }
        });
    }
    fn flush(&self) {
        let _ = self.tracer.flush();
    }
    fn delivered(&self) -> Option<u64> {
        self.delivered.as_ref().map(|d| d.load(Relaxed))
    }
    fn finish(self: Box<Self>) {
        let _ = self.tracer.shutdown_within(Duration::from_secs(30));
    }
}
