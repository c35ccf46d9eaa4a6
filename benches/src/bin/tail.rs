//! How long the end of a span takes its caller, and what a burst loses.
//!
//! tail --peer nothing|tracefuse|tracefuse-drop|tracefuse-block|fastrace|otel --threads N --url URL [--delay-ms N]
//!      [--rate SPANS_PER_S] [--spans N] [--work small|generation]
//!
//! Without a rate all spans come as fast as the threads can. A generation has 4 KiB of input and 4 KiB of output.
use std::sync::Barrier;
use std::time::{Duration, Instant};

use serde_json::json;
use tracefuse_benches::http::get;
use tracefuse_benches::measure::{arg, usage};
use tracefuse_benches::work::{ATTRS, Generation};
use tracefuse_core::Tracer;
use tracefuse_langfuse::{LangfuseConfig, LangfuseExporter};
use tracefuse_runtime::{Overload, Pipeline, PipelineConfig};

#[inline(always)]
fn ticks() -> u64 {
    unsafe { core::arch::x86_64::_rdtsc() }
}

fn switches() -> (i64, i64) {
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_THREAD, &mut usage);
        (usage.ru_nvcsw, usage.ru_nivcsw)
    }
}

trait Subject: Sync {
    /// A trace of `n` spans; calls `ended` with the ticks of each end, and `whole` with those of the whole span.
    fn trace(&self, n: usize, note: &mut dyn FnMut(u64, u64));
    /// Spans that were lost, where it says so.
    fn finish(&self) -> Option<u64> {
        None
    }
}

struct Nothing;
impl Subject for Nothing {
    fn trace(&self, n: usize, note: &mut dyn FnMut(u64, u64)) {
        for _ in 0..n {
            let a = ticks();
            let b = std::hint::black_box(ticks());
            let c = ticks();
            note(c - b, c - a);
        }
    }
}

struct Ours(Tracer, Option<Generation>);
impl Subject for Ours {
    fn trace(&self, n: usize, note: &mut dyn FnMut(u64, u64)) {
        self.0.trace("root").user_id("user-8f31c2").session_id("session-1").tag("bench").run(|trace| {
            for _ in 0..n {
                let a = ticks();
                let span = match &self.1 {
                    Some(texts) => trace.generation("generation").input(texts.input.as_str()).output(texts.output.as_str()).start(),
                    None => {
                        let span = trace.span("child").metadata("user", ATTRS.user.as_str());
                        let span = span.metadata("stage", ATTRS.stage.as_str());
                        span.metadata("score", ATTRS.score).metadata("step", ATTRS.step).start()
                    }
                };
                let b = ticks();
                span.end();
                drop(span);
                let c = ticks();
                note(c - b, c - a);
            }
        });
    }
    fn finish(&self) -> Option<u64> {
        let lost = match self.0.shutdown_within(Duration::from_secs(60)) {
            Ok(report) => report.lost,
            Err(error) => error.report().lost,
        };
        Some(lost)
    }
}

struct Fast;
impl Subject for Fast {
    fn trace(&self, n: usize, note: &mut dyn FnMut(u64, u64)) {
        use fastrace::prelude::*;
        let root = Span::root("root", SpanContext::random());
        let guard = root.set_local_parent();
        for _ in 0..n {
            let a = ticks();
            let span = LocalSpan::enter_with_local_parent("child").with_properties(|| {
                let a = &*ATTRS;
                [("user", a.user.clone()), ("stage", a.stage.clone()), ("score", a.score.to_string()), ("step", a.step.to_string())]
            });
            let b = ticks();
            drop(span);
            let c = ticks();
            note(c - b, c - a);
        }
        // The end of the root is where it pays.
        let b = ticks();
        drop(guard);
        drop(root);
        let c = ticks();
        note(c - b, c - b);
    }
    fn finish(&self) -> Option<u64> {
        fastrace::flush();
        None
    }
}

struct Otel(opentelemetry_sdk::trace::SdkTracerProvider);
impl Subject for Otel {
    fn trace(&self, n: usize, note: &mut dyn FnMut(u64, u64)) {
        use opentelemetry::trace::{Span, TraceContextExt, Tracer as _, TracerProvider as _};
        use opentelemetry::{Context, KeyValue};
        let tracer = self.0.tracer("peers");
        let root = tracer.start("root");
        let context = Context::current_with_span(root);
        for _ in 0..n {
            let a = ticks();
            let mut span = tracer.start_with_context("child", &context);
            let at = &*ATTRS;
            span.set_attribute(KeyValue::new("user", at.user.clone()));
            span.set_attribute(KeyValue::new("stage", at.stage.clone()));
            span.set_attribute(KeyValue::new("score", at.score));
            span.set_attribute(KeyValue::new("step", at.step));
            let b = ticks();
            span.end();
            let c = ticks();
            note(c - b, c - a);
        }
    }
    fn finish(&self) -> Option<u64> {
        let _ = self.0.shutdown();
        None
    }
}

fn main() {
    let peer = arg("--peer").expect("--peer");
    let threads: usize = arg("--threads").map_or(1, |n| n.parse().unwrap());
    let wanted: usize = arg("--spans").map_or(400_000, |n| n.parse().unwrap());
    let rate: f64 = arg("--rate").map_or(0.0, |n| n.parse().unwrap());
    let url = arg("--url").unwrap_or_default();
    if !url.is_empty() {
        let delay = arg("--delay-ms").unwrap_or_else(|| "0".into());
        get(&url, &format!("/reset?delay_ms={delay}")).unwrap();
    }
    let generations = arg("--work").as_deref() == Some("generation");
    let ours = |overload: Option<Overload>| {
        let mut config = PipelineConfig::default();
        config.overload = overload.unwrap_or(config.overload);
        let langfuse = LangfuseConfig::new("pk-lf-peers", "sk-lf-peers").base_url(&url).gzip(true);
        let pipeline = Pipeline::builder().exporter(LangfuseExporter::new(langfuse).unwrap()).config(config).build().unwrap();
        Ours(Tracer::builder(pipeline).build(), generations.then(|| Generation::of(4096)))
    };
    let subject: Box<dyn Subject> = match peer.as_str() {
        "nothing" => Box::new(Nothing),
        "tracefuse" => Box::new(ours(None)),
        "tracefuse-drop" => Box::new(ours(Some(Overload::DropNewest))),
        "tracefuse-block" => Box::new(ours(Some(Overload::Block(Duration::from_secs(10))))),
        "fastrace" => {
            use tracefuse_benches::peer::{Profile, Target};
            let peer = tracefuse_benches::peers::find("fastrace-local");
            std::mem::forget((peer.open)(&Target::Http { url: url.clone(), profile: Profile::Default }));
            Box::new(Fast)
        }
        "otel" => {
            let exporter = tracefuse_benches::peers::otel::exporter(&url, tracefuse_benches::peer::Profile::Default);
            let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().with_batch_exporter(exporter).build();
            Box::new(Otel(provider))
        }
        other => panic!("no {other}"),
    };
    let subject = &*subject;
    std::sync::LazyLock::force(&ATTRS);
    // ns per tick
    let (t0, i0) = (ticks(), Instant::now());
    std::thread::sleep(Duration::from_millis(50));
    let per_ns = (ticks() - t0) as f64 / i0.elapsed().as_nanos() as f64;

    let barrier = Barrier::new(threads);
    let per_thread = wanted / threads;
    let results: Vec<_> = std::thread::scope(|s| {
        let handles: Vec<_> = (0..threads)
            .map(|_| {
                s.spawn(|| {
                    let mut ends: Vec<u32> = Vec::with_capacity(per_thread + per_thread / 50 + 1000);
                    let mut wholes: Vec<u32> = Vec::with_capacity(per_thread + per_thread / 50 + 1000);
                    subject.trace(10, &mut |_, _| {});
                    let before = switches();
                    // Slow ends during which this thread gave the processor away by itself, as in a wait for a lock.
                    let (mut known, mut slow_waits, mut slow) = (before, 0u64, 0u64);
                    barrier.wait();
                    let begun = Instant::now();
                    let mut done = 0;
                    while done < per_thread {
                        subject.trace(100, &mut |end, whole| {
                            ends.push(end.min(u32::MAX as u64) as u32);
                            wholes.push(whole.min(u32::MAX as u64) as u32);
                            if end as f64 > 100_000.0 * per_ns {
                                slow += 1;
                                let now = switches();
                                slow_waits += u64::from(now.0 > known.0);
                                known = now;
                            }
                        });
                        done += 100;
                        if rate > 0.0 {
                            let due = done as f64 / (rate / threads as f64);
                            let early = due - begun.elapsed().as_secs_f64();
                            if early > 0.0 {
                                std::thread::sleep(Duration::from_secs_f64(early));
                                known = switches();
                            }
                        }
                    }
                    let after = switches();
                    (ends, wholes, after.0 - before.0, after.1 - before.1, slow, slow_waits)
                })
            })
            .collect();
        handles.into_iter().map(|h| h.join().unwrap()).collect()
    });
    let stat = |values: &mut Vec<u32>| {
        values.sort_unstable();
        let at = |q: f64| (f64::from(values[((values.len() - 1) as f64 * q) as usize]) / per_ns).round();
        let over = values.iter().filter(|v| f64::from(**v) / per_ns > 100_000.0).count();
        json!({"p50": at(0.5), "p99": at(0.99), "p999": at(0.999), "p9999": at(0.9999), "max": at(1.0), "over_100us": over})
    };
    let mut ends: Vec<u32> = results.iter().flat_map(|r| r.0.iter().copied()).collect();
    let mut wholes: Vec<u32> = results.iter().flat_map(|r| r.1.iter().copied()).collect();
    let (vol, invol): (i64, i64) = (results.iter().map(|r| r.2).sum(), results.iter().map(|r| r.3).sum());
    let (slow, waits): (u64, u64) = (results.iter().map(|r| r.4).sum(), results.iter().map(|r| r.5).sum());
    let (_, rss) = usage();
    let lost = subject.finish();
    let received = if url.is_empty() { String::new() } else { get(&url, "/stats").unwrap() };
    let stats: serde_json::Value = serde_json::from_str(&received).unwrap_or_default();
    println!(
        "{}",
        json!({"peer": peer, "threads": threads, "rate": rate, "spans": ends.len(), "end": stat(&mut ends), "whole": stat(&mut wholes),
            "lost": lost, "rss_mib": rss, "voluntary": vol, "involuntary": invol, "slow": slow, "slow_waits": waits, "received": stats["spans"]})
    );
    std::process::exit(0);
}
