//! What a span costs as a trace grows: with more spans, deeper, beside more traces, with more attributes, with more spans
//! open at once.
//!
//! growth --series spans|depth|traces|attributes|same-key|open [--quick]: points (x, ns per span) as JSON.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use serde_json::json;
use tracefuse_benches::measure::arg;
use tracefuse_core::{Span, Tracer};
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter};
use tracefuse_runtime::{Pipeline, PipelineConfig};

#[derive(Clone, Default)]
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

/// Spans between two flushes, which are not timed: the queue never overflows.
const ROUND: usize = 8192;

/// A span keeps 128 keys; further ones are dropped and counted.
const ATTRIBUTES: [usize; 11] = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

fn main() {
    let series = arg("--series").expect("--series");
    let quick = std::env::args().any(|a| a == "--quick");
    let mut config = PipelineConfig::default();
    config.max_queue_size = 2_000_000;
    config.max_queue_bytes = 1 << 30;
    let pipeline = Pipeline::builder().config(config).exporter(Counter::default()).build().unwrap();
    let tracer = Tracer::builder(pipeline).build();
    // Warm up: the clock of a process is calibrated once.
    let begun = Instant::now();
    while begun.elapsed().as_millis() < 200 {
        tracer.trace("root").run(|trace| trace.span("child").run(|_| {}));
    }
    let powers = |to: usize| (0..).map(|i| 10usize.pow(i)).take_while(move |n| *n <= to);
    let points: Vec<(usize, f64)> = match series.as_str() {
        "spans" => powers(if quick { 10_000 } else { 1_000_000 }).map(|n| (n, spans(&tracer, n))).collect(),
        "depth" => powers(10_000).map(|n| (n, depth(&tracer, n))).collect(),
        "traces" => powers(1_000).map(|n| (n, traces(&tracer, n))).collect(),
        "attributes" => ATTRIBUTES.map(|n| (n, attributes(&tracer, n, |i| format!("attribute-{i}")))).to_vec(),
        "same-key" => ATTRIBUTES.map(|n| (n, attributes(&tracer, n, |_| "attribute".into()))).to_vec(),
        "open" => powers(if quick { 10_000 } else { 1_000_000 }).map(|n| (n, open(&tracer, n))).collect(),
        other => panic!("no series {other}"),
    };
    println!("{}", json!(points));
}

/// The least of several rounds, each of about `ROUND` spans.
fn least(tracer: &Tracer, mut round: impl FnMut() -> usize) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..15 {
        let start = Instant::now();
        let made = round();
        least = least.min(start.elapsed().as_nanos() as f64 / made as f64);
        let _ = tracer.flush();
    }
    least
}

/// Traces of `n` children each; the last ones of a large trace are what is timed.
fn spans(tracer: &Tracer, n: usize) -> f64 {
    if n <= ROUND {
        return least(tracer, || {
            (0..ROUND / n).for_each(|_| {
                tracer.trace("root").run(|trace| (0..n).for_each(|_| trace.span("child").run(|_| {})));
            });
            ROUND / n * n
        });
    }
    tracer.trace("root").run(|trace| {
        for _ in 0..n / ROUND {
            (0..ROUND).for_each(|_| trace.span("child").run(|_| {}));
            let _ = tracer.flush();
        }
        least(tracer, || {
            (0..ROUND).for_each(|_| trace.span("child").run(|_| {}));
            ROUND
        })
    })
}

/// Chains of spans, each the child and made current within the one before.
fn depth(tracer: &Tracer, n: usize) -> f64 {
    least(tracer, || {
        for _ in 0..(ROUND / n).max(1) {
            tracer.trace("root").run(|_| {
                let mut open = Vec::with_capacity(n);
                for _ in 0..n {
                    let span = Span::current().span("child").start();
                    open.push((span.enter(), span));
                }
                while let Some((entered, span)) = open.pop() {
                    drop(entered);
                    span.end();
                }
            });
        }
        (ROUND / n).max(1) * n
    })
}

/// `n` traces open at once, a span in each in turn.
fn traces(tracer: &Tracer, n: usize) -> f64 {
    let open: Vec<_> = (0..n).map(|_| tracer.trace("root").start()).collect();
    least(tracer, || {
        (0..ROUND).for_each(|i| open[i % n].span("child").run(|_| {}));
        ROUND
    })
}

fn attributes(tracer: &Tracer, n: usize, key: impl Fn(usize) -> String) -> f64 {
    let keys: Vec<String> = (0..n).map(key).collect();
    // Rounds of about a millisecond, of which some are not interrupted by other work.
    let spans = (ROUND / 4).min(ROUND * 4 / n.max(1));
    tracer.trace("root").run(|trace| {
        least(tracer, || {
            for _ in 0..spans {
                let span = keys.iter().fold(trace.span("child"), |span, key| span.metadata(key, "some text"));
                span.run(|_| {});
            }
            spans
        })
    })
}

/// Starts `n` spans before it ends the first of them.
fn open(tracer: &Tracer, n: usize) -> f64 {
    let trace = tracer.trace("root").start();
    least(tracer, || {
        let rounds = (ROUND / n).max(1);
        for _ in 0..rounds {
            let open: Vec<Span> = (0..n).map(|_| trace.span("child").start()).collect();
            drop(open);
        }
        rounds * n
    })
}
