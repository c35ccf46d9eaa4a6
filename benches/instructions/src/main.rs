//! Fixed work on the caller's side, one scenario a run: `cargo xtask instructions` runs it under callgrind, which
//! counts inside of `measured` and on its thread alone. The clock is fixed, so that machines agree.

use std::hint::black_box;
use std::time::Duration;

use tracefuse_core::record::{SpanRecord, Timestamp};
use tracefuse_core::{Clock, Health, ManualClock, Processor, SampleRate, Trace, Tracer, Usage};
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter};
use tracefuse_metrics::Metrics;
use tracefuse_runtime::{Pipeline, PipelineConfig};

/// Enough that rare events, such as a growing list, have their average weight.
const SPANS: usize = 1000;

/// Takes spans and drops them, on the caller's thread.
struct Discard;

impl Processor for Discard {
    fn on_end(&self, span: SpanRecord) {
        drop(span);
    }
}

/// A receiver that takes everything.
struct Accept;

#[async_trait::async_trait]
impl Exporter for Accept {
    fn name(&self) -> &str {
        "accept"
    }
    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        Ok(ExportReport::accepted(batch.len()))
    }
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

type Work = fn(&Trace);

fn main() {
    let name = std::env::args().nth(1).unwrap_or_default();
    let standing = || Clock::new(ManualClock::at(Timestamp::from_unix_nanos(1_700_000_000_000_000_000)));
    let (tracer, work): (Tracer, Work) = match name.as_str() {
        "off" => (Tracer::noop(), attributes),
        "unsampled" => {
            let none = SampleRate::new(0.0).expect("a rate");
            (Tracer::builder(Discard).clock(standing()).sample_rate(none).build(), attributes)
        }
        "bare" => (Tracer::builder(delivering()).clock(standing()).build(), bare),
        "attributes" => (Tracer::builder(delivering()).clock(standing()).build(), attributes),
        "generation" => (Tracer::builder(delivering()).clock(standing()).build(), generation),
        "measured" => (Tracer::builder(Metrics::new().processor(delivering())).clock(standing()).build(), generation),
        "measured-unsampled" => {
            let none = SampleRate::new(0.0).expect("a rate");
            let measured = Metrics::new().processor(Discard);
            (Tracer::builder(measured).clock(standing()).sample_rate(none).build(), generation)
        }
        "no-room" => (Tracer::builder(full()).clock(standing()).build(), attributes),
        other => panic!("no scenario `{other}`"),
    };
    let trace = tracer.trace("root").user_id("user-8f31c2").session_id("session-1").tag("bench").start();
    // What happens once: pools, lists of a thread, the first span that finds no room.
    work(&trace);
    if name == "no-room" {
        until_open(&tracer);
        (0..10).for_each(|_| work(&trace));
    }
    if !matches!(name.as_str(), "off" | "unsampled" | "measured-unsampled" | "no-room") {
        // From its first batch on, the worker lets spans wait in the buffers of their threads.
        tracer.flush().expect("a flush");
        work(&trace);
    }
    measured(&trace, work);
    println!("{SPANS}");
    std::process::exit(0);
}

/// Callgrind counts in here.
#[inline(never)]
fn measured(trace: &Trace, work: Work) {
    for _ in 0..SPANS {
        black_box(work)(black_box(trace));
    }
}

#[inline(never)]
fn bare(trace: &Trace) {
    trace.span("child").run(|_| {});
}

#[inline(never)]
fn attributes(trace: &Trace) {
    let span = trace.span("child").metadata("user", black_box("user-8f31c2"));
    let span = span.metadata("stage", black_box("retrieval-augmented"));
    span.metadata("score", black_box(0.8731)).metadata("step", black_box(41_872)).run(|_| {});
}

#[inline(never)]
fn generation(trace: &Trace) {
    const TEXT: &str = match str::from_utf8(&[b'x'; 1024]) {
        Ok(text) => text,
        Err(_) => "",
    };
    let span = trace.generation("generation").input(black_box(TEXT)).output(black_box(TEXT));
    span.model("gpt-4o-2024-08-06").usage(Usage::new(812, 164).total(976)).run(|_| {});
}

/// A pipeline as by default, less its time limit, so that only full chunks are moved to the queue.
fn delivering() -> Pipeline {
    let mut config = PipelineConfig::default();
    config.flush_interval = Duration::from_secs(3600);
    Pipeline::builder().exporter(Accept).config(config).build().expect("a worker")
}

/// A pipeline with room for one span, whose breaker opens with the first failure.
fn full() -> Pipeline {
    let mut config = PipelineConfig::default();
    config.batch_size = 1;
    config.max_queue_size = 1;
    config.max_retries = 0;
    config.circuit_breaker_threshold = 1;
    config.circuit_breaker_reset = Duration::from_secs(3600);
    Pipeline::builder().exporter(Down).config(config).build().expect("a worker")
}

fn until_open(tracer: &Tracer) {
    loop {
        let stats = tracer.stats();
        if stats.exporters.iter().all(|exporter| matches!(exporter.health, Health::Open { .. })) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}
