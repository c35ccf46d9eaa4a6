//! Tail sampling at its bounds, and beside a processor that measures what is not sampled.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracefuse_core::record::{FinishedSpan, SpanRecord};
use tracefuse_core::testing::Recorder;
use tracefuse_core::wiring::Leak;
use tracefuse_core::{Processor, SampleRate, Tracer};
use tracefuse_exporter::InMemoryExporter;
use tracefuse_runtime::{Pipeline, TailSampler, TailSampling};

use crate::tail_sampling::{held, none};

#[test]
fn a_trace_is_held_up_to_the_bounds_themselves() {
    let early = |config: TailSampling, advance: u64| {
        let held = held(config);
        let trace = held.tracer.trace("t").start();
        trace.span("first").run(|_| {});
        held.clock.advance(Duration::from_secs(advance));
        trace.span("second").run(|_| {});
        let early = held.tracer.stats().released_early;
        trace.finish();
        held.shutdown();
        early
    };
    let spans = |bound| early(TailSampling::new().max_spans(bound), 0);
    assert_eq!((spans(2), spans(1)), (0, 1));
    let age = |bound| early(TailSampling::new().max_age(Duration::from_secs(bound)), 10);
    assert_eq!((age(11), age(10)), (0, 1));
    let (exporter, size) = (InMemoryExporter::new(), |bytes| {
        early(TailSampling::new().max_bytes(bytes), 0)
    });
    let pipeline = Pipeline::builder()
        .exporter(exporter.clone())
        .build()
        .unwrap();
    let tracer = Tracer::builder(pipeline).build();
    tracer.trace("t").run(|trace| {
        trace.span("first").run(|_| {});
        trace.span("second").run(|_| {});
    });
    tracer.shutdown().unwrap();
    let spans = exporter.spans();
    let both: usize = spans
        .iter()
        .filter(|span| span.name() != "t")
        .map(SpanRecord::size)
        .sum();
    assert_eq!((size(both), size(both - 1)), (0, 1));
}

/// Counts the spans of traces that the sampler left out.
#[derive(Default)]
struct Measures(AtomicU64);

impl Processor for Measures {
    fn on_end(&self, _: SpanRecord) {}
    fn measures(&self) -> bool {
        true
    }
    fn on_unsampled(&self, _: &FinishedSpan<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A processor that does not measure.
struct Plain;

impl Processor for Plain {
    fn on_end(&self, _: SpanRecord) {}
}

#[test]
fn an_inner_processor_that_measures_sees_what_is_not_sampled() {
    let inner = Arc::new(Measures::default());
    let sampler = TailSampler::new(inner.clone(), none());
    let rate = SampleRate::new(0.0).unwrap();
    let tracer = Tracer::builder(sampler).sample_rate(rate).build();
    tracer.trace("t").run(|trace| trace.span("s").run(|_| {}));
    assert!(!TailSampler::new(Plain, none()).measures());
    assert_eq!(inner.0.load(Ordering::Relaxed), 2);
}

#[test]
fn a_trace_that_left_makes_room_for_the_next_ones() {
    // Room for one trace of two spans at a time, by spans and by bytes.
    for config in [none().max_spans(2), none().max_bytes(60 * 1024)] {
        let held = held(config);
        for _ in 0..10 {
            let trace = held.tracer.trace("t").start();
            trace.span("s").input("x".repeat(40 * 1024)).run(|_| {});
            assert_eq!(held.tracer.stats().held, 1);
            trace.finish();
            assert_eq!(held.tracer.stats().held, 0);
        }
        assert_eq!(held.shutdown().released_early, 0);
    }
}

#[test]
fn after_a_shutdown_no_span_waits() {
    let recorder = Recorder::new();
    recorder
        .tracer()
        .trace("t")
        .run(|trace| trace.span("s").run(|_| {}));
    let sampler = TailSampler::new(Plain, none());
    let spans = recorder.spans();
    sampler.on_end(spans[0].clone());
    assert_eq!(sampler.stats().held, 1);
    sampler.flush(Duration::ZERO);
    assert_eq!(sampler.stats().held, 0, "released");
    sampler.on_end(spans[0].clone());
    assert_eq!(sampler.stats().held, 0, "its trace was released");
    sampler.shutdown(Duration::ZERO);
    let other = Recorder::new();
    other
        .tracer()
        .trace("t")
        .run(|trace| trace.span("s").run(|_| {}));
    sampler.on_end(other.spans()[0].clone());
    assert_eq!(sampler.stats().held, 0, "closed");
}

/// Keeps what it gets beside spans, and says that it may refuse spans.
#[derive(Clone, Default)]
struct Notes {
    lines: Arc<Mutex<Vec<String>>>,
    refusing: Arc<AtomicBool>,
}

impl Notes {
    fn add(&self, line: String) {
        self.lines.lock().unwrap().push(line);
    }
}

impl Processor for Notes {
    fn on_end(&self, _: SpanRecord) {}
    fn refusing(&self) -> Option<Arc<AtomicBool>> {
        Some(self.refusing.clone())
    }
    fn on_leak(&self, leak: &Leak) {
        self.add(format!("{leak:?}"));
    }
    fn on_outside_trace(&self, span: &str) {
        self.add(span.to_owned());
    }
}

#[test]
fn the_inner_processor_learns_of_leaks_and_of_spans_outside_a_trace() {
    let notes = Notes::default();
    let sampler = TailSampler::new(notes.clone(), none());
    sampler.on_outside_trace("lost");
    let leak = Leak::Many { open: 3 };
    sampler.on_leak(&leak);
    assert_eq!(
        *notes.lines.lock().unwrap(),
        ["lost".to_owned(), format!("{leak:?}")]
    );
    let refusing = sampler.refusing().unwrap();
    assert!(Arc::ptr_eq(&refusing, &notes.refusing));
}

#[test]
fn builders_and_samplers_show_their_settings() {
    let mut config = tracefuse_runtime::PipelineConfig::default();
    config.batch_size = 77;
    let shown = format!("{:?}", Pipeline::builder().config(config));
    assert!(
        shown.starts_with("PipelineBuilder") && shown.contains("batch_size: 77"),
        "{shown}"
    );
    let pipeline = Pipeline::builder()
        .exporter(InMemoryExporter::new())
        .build();
    let shown = format!("{:?}", pipeline.unwrap());
    assert!(
        shown.starts_with("Pipeline") && shown.contains("in-memory"),
        "{shown}"
    );
    let shown = format!("{:?}", TailSampler::new(Plain, none()));
    assert!(shown.starts_with("TailSampler"), "{shown}");
}

/// The spans of one trace: one of `bytes` of input, and its root.
fn spans_of_a_trace(bytes: usize) -> [SpanRecord; 2] {
    let recorder = Recorder::new();
    recorder.tracer().trace("root").run(|trace| {
        trace.span("s").input("x".repeat(bytes)).run(|_| {});
    });
    recorder.spans().try_into().unwrap()
}

#[test]
fn the_bytes_of_a_trace_that_left_are_no_longer_counted_and_those_of_the_others_are() {
    const INPUT: usize = 10_000;
    // The traces that wait beside one that ends, and whether a further one is too much then.
    for (beside, early) in [(1, 0), (2, 1)] {
        let sampler = TailSampler::new(Plain, none().max_bytes(5 * INPUT / 2));
        let take = |span: &SpanRecord| sampler.on_end(span.clone());
        let [span, root] = spans_of_a_trace(INPUT / 4);
        take(&span);
        for _ in 0..beside {
            take(&spans_of_a_trace(INPUT)[0]);
        }
        take(&root);
        assert_eq!(
            (sampler.stats().held, sampler.stats().released_early),
            (beside, 0)
        );
        take(&spans_of_a_trace(INPUT)[0]);
        assert_eq!(sampler.stats().released_early, early, "{beside}");
    }
}
