//! Traces that wait until they end: what their spans have then, which are kept, and when they are released before.

use std::time::Duration;

use futures::executor::block_on;
use futures::{StreamExt as _, stream};
use tracefuse_core::record::{SpanRecord, Timestamp};
use tracefuse_core::{
    Clock, Cost, Level, ManualClock, ObserveStream as _, Processor, SampleRate, Stats, TraceId,
    Tracer, Usage,
};
use tracefuse_exporter::InMemoryExporter;
use tracefuse_runtime::{Pipeline, TailSampler, TailSampling};

use crate::support::assert_balanced;

pub(crate) struct Held {
    pub(crate) tracer: Tracer,
    exporter: InMemoryExporter,
    pub(crate) clock: ManualClock,
}

pub(crate) fn held(config: TailSampling) -> Held {
    let exporter = InMemoryExporter::new();
    let clock = ManualClock::at(Timestamp::from_unix_nanos(1_800_000_000_000_000_000));
    let pipeline = Pipeline::builder()
        .exporter(exporter.clone())
        .build()
        .unwrap();
    let hold = TailSampler::with_clock(pipeline, config, Clock::new(clock.clone()));
    let tracer = Tracer::builder(hold)
        .clock(Clock::new(clock.clone()))
        .build();
    Held {
        tracer,
        exporter,
        clock,
    }
}

/// A processor that may be off, and may refuse spans.
struct Inner {
    is_recording: bool,
    refuses: bool,
}

impl Processor for Inner {
    fn on_end(&self, _: SpanRecord) {}
    fn is_recording(&self) -> bool {
        self.is_recording
    }
    fn refuses(&self) -> bool {
        self.refuses
    }
}

#[test]
fn what_the_inner_processor_does_not_take_is_not_recorded() {
    for (is_recording, refuses) in [(true, false), (false, false), (true, true)] {
        let inner = Inner {
            is_recording,
            refuses,
        };
        let tracer = Tracer::builder(TailSampler::new(inner, TailSampling::new())).build();
        let recorded = tracer.trace("t").run(|trace| trace.root().is_recording());
        assert_eq!(recorded, is_recording && !refuses);
    }
}

/// None but those that a rule keeps.
pub(crate) fn none() -> TailSampling {
    TailSampling::new().rate(SampleRate::new(0.0).unwrap())
}

impl Held {
    fn names(&self) -> Vec<String> {
        let spans = self.exporter.spans();
        spans.iter().map(|span| span.name().to_owned()).collect()
    }

    fn span(&self, name: &str) -> SpanRecord {
        let spans = self.exporter.spans();
        spans.into_iter().find(|span| span.name() == name).unwrap()
    }

    /// The numbers at the end, which add up.
    #[track_caller]
    pub(crate) fn shutdown(&self) -> Stats {
        let stats = self.tracer.shutdown().unwrap().stats;
        assert_balanced(&stats);
        assert_eq!(stats.held, 0);
        assert_eq!(
            stats.recorded,
            stats.exporters[0].recorded + stats.sampled_out
        );
        stats
    }
}

#[test]
fn attributes_set_late_reach_every_span() {
    let held = held(TailSampling::new());
    held.tracer.trace("t").run(|trace| {
        trace.span("early").run(|_| {});
        assert_eq!(
            (held.tracer.stats().held, held.tracer.stats().recorded),
            (1, 1)
        );
        trace.set_user_id("u");
        trace.add_tag("late");
        trace.add_metadata("answered", true);
    });
    held.shutdown();
    assert_eq!(held.names(), ["early", "t"]);
    for span in held.exporter.spans() {
        let trace = span.trace();
        assert_eq!(
            (trace.user_id.as_deref(), &*trace.tags),
            (Some("u"), &["late".to_owned()][..])
        );
        assert_eq!(trace.metadata.len(), 1);
    }
}

#[test]
fn rules_keep_a_trace_whole_and_the_rest_is_counted() {
    let held = held(
        none()
            .keep_slower_than(Duration::from_secs(10))
            .keep_costlier_than(1.0)
            .keep_more_tokens_than(1000),
    );
    let tracer = &held.tracer;
    tracer.trace("dull").run(|trace| {
        held.clock.advance(Duration::from_secs(10));
        let usage = Usage::new(400, 600).total(1000);
        trace
            .generation("g")
            .cost(Cost::new(0.5, 0.5))
            .usage(usage)
            .run(|_| {});
    });
    tracer.trace("failed").run(|trace| {
        trace.span("child").level(Level::Error).run(|_| {});
        trace.span("other").run(|_| {});
    });
    tracer
        .trace("slow")
        .run(|_| held.clock.advance(Duration::from_millis(10_001)));
    tracer.trace("costly").run(|trace| {
        trace
            .generation("half")
            .cost(Cost::new(0.5, 0.25))
            .run(|_| {});
        trace
            .generation("more")
            .cost(Cost::new(0.5, 0.25))
            .run(|_| {});
    });
    tracer.trace("long").run(|trace| {
        trace
            .generation("many")
            .usage(Usage::new(400, 601))
            .run(|_| {});
    });
    let stats = held.shutdown();
    assert_eq!(
        held.names(),
        [
            "child", "other", "failed", "slow", "half", "more", "costly", "many", "long"
        ]
    );
    assert_eq!(
        (stats.recorded, stats.sampled_out, stats.unsampled_traces),
        (11, 2, 0)
    );
}

#[test]
fn a_stream_is_judged_by_its_whole_time() {
    let held = held(none().keep_slower_than(Duration::from_millis(200)));
    for (name, step) in [("quick", 50), ("slow", 150)] {
        let trace = held.tracer.trace(name).start();
        let generation = trace.generation("answer").start();
        let clock = held.clock.clone();
        let tokens = stream::iter(["It ", "rains."]).inspect(move |_| {
            clock.advance(Duration::from_millis(step));
        });
        let tokens = tokens.observed(generation).text();
        let mut tokens = tokens.observed(trace.root().clone()).text();
        // The function that made the stream has returned; its answer has not begun.
        drop(trace);
        let before = held.tracer.stats();
        assert_eq!(before.open, 2);
        assert_eq!(block_on(tokens.next()), Some("It "));
        assert_eq!(held.tracer.stats(), before, "not decided");
        assert_eq!(block_on(tokens.count()), 1);
    }
    assert_eq!(held.shutdown().sampled_out, 2);
    assert_eq!(held.names(), ["answer", "slow"]);
    let slow = held.span("slow");
    assert_eq!(slow.duration(), Duration::from_millis(300));
    assert_eq!(slow.output().unwrap().to_string(), "It rains.");
    assert_eq!(held.span("answer").parent_span_id(), Some(slow.span_id()));
}

#[test]
fn errors_are_kept_only_if_wanted() {
    let held = held(none().keep_errors(false));
    held.tracer
        .trace("failed")
        .run(|trace| trace.set_level(Level::Error));
    assert_eq!(held.shutdown().sampled_out, 1);
    assert!(held.names().is_empty());
}

#[test]
fn the_rate_decides_by_the_id() {
    let rate = SampleRate::new(0.5).unwrap();
    let held = held(TailSampling::new().rate(rate));
    let ids: Vec<TraceId> = (0..100).map(|_| TraceId::random()).collect();
    for id in &ids {
        held.tracer
            .trace("t")
            .trace_id(*id)
            .run(|trace| trace.span("s").run(|_| {}));
    }
    let kept: Vec<_> = ids.into_iter().filter(|id| rate.samples(*id)).collect();
    let stats = held.shutdown();
    assert_eq!(stats.sampled_out, 200 - 2 * kept.len() as u64);
    let roots: Vec<_> = held
        .exporter
        .spans()
        .iter()
        .step_by(2)
        .map(SpanRecord::trace_id)
        .collect();
    assert_eq!(roots, kept);
}

#[test]
fn spans_that_end_after_the_root_follow_its_decision() {
    for (fails, exported, sampled_out) in [(true, 2, 0), (false, 0, 2)] {
        let held = held(none());
        let late = held.tracer.trace("t").run(|trace| {
            if fails {
                trace.set_level(Level::Error);
            }
            trace.span("late").start()
        });
        late.end();
        let stats = held.shutdown();
        assert_eq!(
            (held.names().len(), stats.sampled_out),
            (exported, sampled_out)
        );
    }
}

#[test]
fn two_parts_of_one_trace_are_held_apart() {
    let held = held(none());
    let id = TraceId::random();
    let [first, second] =
        ["first", "second"].map(|user| held.tracer.trace(user).trace_id(id).user_id(user).start());
    first.span("of first").run(|_| {});
    second.span("of second").run(|_| {});
    second.set_level(Level::Error);
    drop((first, second));
    assert_eq!(held.shutdown().sampled_out, 2);
    assert_eq!(held.names(), ["of second", "second"]);
    assert_eq!(
        held.span("of second").trace().user_id.as_deref(),
        Some("second")
    );
}

#[test]
fn the_oldest_trace_is_let_go_when_too_much_is_held() {
    let by_count = none().max_spans(4);
    let by_bytes = none().max_bytes(200 * 1024);
    for (config, input) in [(by_count, 1), (by_bytes, 45 * 1024)] {
        let held = held(config);
        let traces = ["a", "b"].map(|name| held.tracer.trace(name).start());
        for trace in traces.iter().cycle().take(5) {
            trace.span("s").input("x".repeat(input)).run(|_| {});
        }
        let stats = held.tracer.stats();
        assert_eq!(
            (stats.released_early, stats.held, stats.recorded),
            (1, 2, 5)
        );
        traces[0].span("later").run(|_| {});
        let [a, b] = traces;
        drop((a, b));
        let stats = held.shutdown();
        assert_eq!(
            (stats.sampled_out, stats.released_early),
            (3, 1),
            "b is dull"
        );
        assert_eq!(held.names(), ["s", "s", "s", "later", "a"]);
    }
}

#[test]
fn a_trace_that_does_not_end_is_let_go_when_it_is_old() {
    let held = held(none().max_age(Duration::from_secs(60)));
    let endless = held.tracer.trace("endless").start();
    endless.span("first").run(|_| {});
    held.clock.advance(Duration::from_secs(59));
    held.tracer.trace("other").run(|_| {});
    assert_eq!(held.tracer.stats().held, 1);
    held.clock.advance(Duration::from_secs(1));
    held.tracer.trace("other").run(|_| {});
    let stats = held.tracer.stats();
    assert_eq!(
        (stats.held, stats.released_early, stats.sampled_out),
        (0, 1, 2)
    );
    drop(endless);
    held.shutdown();
    assert_eq!(held.names(), ["first", "endless"]);
}

#[test]
fn a_flush_delivers_what_is_held() {
    let held = held(none());
    let open = held.tracer.trace("open").start();
    open.span("done").run(|_| {});
    open.set_session_id("s");
    let report = held.tracer.flush().unwrap();
    assert_eq!(
        (
            report.stats.held,
            report.stats.recorded,
            report.stats.released_early
        ),
        (0, 1, 0)
    );
    assert_eq!(held.names(), ["done"]);
    open.span("after").run(|_| {});
    drop(open);
    assert_eq!(held.shutdown().sampled_out, 0, "it was released as kept");
    assert_eq!(held.names(), ["done", "after", "open"]);
}

#[test]
fn a_shutdown_ends_traces_and_delivers_them() {
    let held = held(TailSampling::new());
    let open = held.tracer.trace("open").start();
    open.span("done").run(|_| {});
    let child = open.span("child").start();
    open.set_user_id("u");
    let report = held.tracer.shutdown().unwrap();
    assert_eq!((report.unfinished, report.stats.recorded), (2, 3));
    assert_balanced(&report.stats);
    let mut names = held.names();
    names.sort();
    assert_eq!(names, ["child", "done", "open"]);
    assert_eq!(held.span("done").trace().user_id.as_deref(), Some("u"));
    drop((open, child));
    assert_eq!(held.tracer.stats().recorded, 3);
}

#[test]
fn a_flush_and_a_shutdown_may_be_awaited() {
    let held = held(none());
    let open = held.tracer.trace("open").start();
    open.span("done").run(|_| {});
    block_on(async {
        assert_eq!(held.tracer.flush_async().await.unwrap().stats.recorded, 1);
        open.finish();
        let stats = held.tracer.shutdown_async().await.unwrap().stats;
        assert_eq!((stats.recorded, stats.exporters[0].exported), (2, 2));
    });
    assert_eq!(held.names(), ["done", "open"]);
}

#[test]
fn the_numbers_add_up_while_threads_record() {
    let held = held(none().max_spans(50).keep_more_tokens_than(5));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..200 {
                    held.tracer.trace("t").run(|trace| {
                        trace
                            .generation("g")
                            .usage(Usage::new(n % 10, 0))
                            .run(|_| {});
                        let late = trace.span("late").start();
                        trace.finish();
                        late.end();
                    });
                    let stats = held.tracer.stats();
                    assert!(stats.is_balanced(), "{stats:?}");
                    assert!(
                        stats.exporters[0].recorded + stats.sampled_out + stats.held
                            <= stats.recorded
                    );
                }
            });
        }
    });
    let stats = held.shutdown();
    assert_eq!(stats.recorded, 2400);
    assert_eq!(stats.exporters[0].exported, 2400 - stats.sampled_out);
    assert!(stats.released_early == 0, "8 spans at most are held");
    assert_eq!(stats.sampled_out, 2400 / 10 * 6);
}

#[test]
fn a_score_is_passed_on_and_counted() {
    let held = held(none());
    held.tracer.trace("t").run(|trace| {
        trace.score("quality", 0.5).record();
        assert_eq!(held.tracer.stats().recorded, 1, "not held");
    });
    let stats = held.shutdown();
    assert_eq!(held.exporter.scores().len(), 1);
    assert_eq!((stats.exporters[0].exported, stats.sampled_out), (1, 1));
}
