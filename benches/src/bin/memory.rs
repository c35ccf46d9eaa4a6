//! What the process has in memory: with spans open at once, and around a burst.
//!
//! memory --spans N [--url URL]: open spans of four attributes without a URL, else a burst that is sent there.

use std::time::{Duration, Instant};

use serde_json::json;
use tracefuse_benches::http::get;
use tracefuse_benches::measure::{arg, resident};
use tracefuse_benches::work::ATTRS;
use tracefuse_core::{Span, SpanBuilder, Trace, Tracer};
use tracefuse_langfuse::{LangfuseConfig, LangfuseExporter};
use tracefuse_runtime::{Pipeline, PipelineBuilder};

fn main() {
    let spans: usize = arg("--spans").map_or(200_000, |n| n.parse().unwrap());
    println!("{}", arg("--url").map_or_else(|| open(spans), |url| burst(spans, &url)));
    std::process::exit(0);
}

fn tracer(builder: PipelineBuilder) -> Tracer {
    Tracer::builder(builder.build().unwrap()).build()
}

fn child(trace: &Trace) -> SpanBuilder {
    let a = &*ATTRS;
    let span = trace.span("child").metadata("user", a.user.as_str()).metadata("stage", a.stage.as_str());
    span.metadata("score", a.score).metadata("step", a.step)
}

/// Nanoseconds for each span to start and to end, and bytes of each while it is open.
fn open(spans: usize) -> serde_json::Value {
    let tracer = tracer(Pipeline::builder());
    let trace = tracer.trace("root").start();
    (0..100).for_each(|_| child(&trace).run(|_| {}));
    let mut handles: Vec<Span> = Vec::with_capacity(spans);
    // The list itself is not measured.
    handles.resize(spans, Span::noop());
    handles.clear();
    let (before, begun) = (resident().0, Instant::now());
    handles.extend((0..spans).map(|_| child(&trace).start()));
    let (opened, during) = (begun.elapsed(), resident().0);
    assert_eq!(tracer.stats().open, spans as u64 + 1);
    let begun = Instant::now();
    handles.clear();
    let ended = begun.elapsed();
    let each = |took: Duration| took.as_nanos() as f64 / spans as f64;
    json!({
        "spans": spans, "start_ns": each(opened), "end_ns": each(ended),
        "bytes": (during - before) * 1024.0 * 1024.0 / spans as f64, "mib": during - before, "after_mib": resident().0 - before,
    })
}

/// MiB before a burst, at most, once it is delivered, and after a while without work.
fn burst(spans: usize, url: &str) -> serde_json::Value {
    get(url, "/reset?delay_ms=0").unwrap();
    let langfuse = LangfuseConfig::new("pk-lf-peers", "sk-lf-peers").base_url(url).gzip(false);
    let tracer = tracer(Pipeline::builder().exporter(LangfuseExporter::new(langfuse).unwrap()));
    let burst = |spans: usize| {
        for _ in 0..spans / 100 {
            tracer.trace("root").user_id("user-8f31c2").run(|trace| (0..99).for_each(|_| child(&trace).run(|_| {})));
        }
    };
    burst(1000);
    tracer.flush_within(Duration::from_secs(60)).unwrap();
    let before = resident().0;
    burst(spans);
    let flushed = tracer.flush_within(Duration::from_secs(60));
    let (delivered, most) = resident();
    std::thread::sleep(Duration::from_secs(10));
    let stats = tracer.stats();
    let sink: serde_json::Value = serde_json::from_str(&get(url, "/stats").unwrap()).unwrap();
    let (dropped, received) = (stats.exporters[0].dropped_total(), sink["spans"].as_u64().unwrap());
    assert_eq!(dropped + received, stats.recorded, "every span arrived or is counted as dropped");
    json!({
        "spans": spans, "before_mib": before, "most_mib": most, "delivered_mib": delivered, "idle_mib": resident().0,
        "complete": flushed.is_ok(), "dropped": dropped, "received": received,
    })
}
