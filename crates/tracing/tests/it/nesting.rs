//! Parents, in both directions, across tasks and threads, and past spans that are not recorded.

use tracefuse_core::{InSpan as _, SampleRate, Span, Tracer};
use tracing::{Instrument as _, info_span};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::{Recorder, recorded, tracer, under};

#[test]
fn spans_of_both_kinds_nest_in_either_order() {
    let kept = recorded(
        |layer| layer.all(),
        |tracer| {
            tracer.trace("ours").run(|_| {
                info_span!("theirs").in_scope(|| {
                    Span::current().generation("ours again").run(|_| {
                        info_span!("theirs again").in_scope(|| {});
                    });
                });
            });
        },
    );
    assert_eq!(
        kept.tree(),
        "ours\n  theirs\n    ours again\n      theirs again\n"
    );
}

#[test]
fn a_span_without_a_parent_begins_a_trace() {
    let kept = recorded(
        |layer| layer.all(),
        |tracer| {
            info_span!("first").in_scope(|| info_span!("child").in_scope(|| {}));
            info_span!("third").in_scope(|| info_span!(parent: None, "second").in_scope(|| {}));
            tracer.trace("ours").run(|_| {
                // Without a current `tracing` span this has no effect.
                info_span!(parent: None, "below ours").in_scope(|| {});
            });
        },
    );
    assert_eq!(
        kept.tree(),
        "first\n  child\nthird\nsecond\nours\n  below ours\n"
    );
    assert_eq!(kept.named("first").trace().name, "first");
}

#[test]
fn an_explicit_parent_wins_over_the_current_span() {
    let kept = recorded(
        |layer| layer.all(),
        |tracer| {
            let parent = info_span!("parent");
            tracer
                .trace("ours")
                .run(|_| info_span!(parent: &parent, "child").in_scope(|| {}));
        },
    );
    assert_eq!(kept.tree(), "parent\n  child\nours\n");
}

#[test]
fn a_span_that_is_not_recorded_passes_its_parent_on() {
    let kept = recorded(
        |layer| layer.filter(|span| span.name() != "left out"),
        |_| {
            let left_out = info_span!("a").in_scope(|| info_span!("left out"));
            // Entered where its parent is not.
            left_out.in_scope(|| {
                info_span!("b").in_scope(|| {});
                Span::current().span("c").run(|_| {});
            });
            info_span!("left out").in_scope(|| info_span!("d").in_scope(|| {}));
        },
    );
    assert_eq!(kept.tree(), "a\n  b\n  c\nd\n");
}

#[test]
fn futures_keep_their_spans_across_threads() {
    let (tracer, kept) = tracer();
    let subscriber =
        tracing_subscriber::registry().with(tracefuse_tracing::builder(&tracer).all().layer());
    let dispatch = tracing::Dispatch::new(subscriber);
    let runtime = {
        let dispatch = dispatch.clone();
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .on_thread_start(move || {
                // For as long as the thread runs.
                std::mem::forget(tracing::dispatcher::set_default(&dispatch));
            })
            .build()
            .unwrap()
    };
    let work = async move |n: usize| {
        for _ in 0..10 {
            tokio::task::yield_now().await;
            info_span!("step", n).in_scope(|| {});
        }
    };
    tracing::dispatcher::with_default(&dispatch, || {
        let tasks: Vec<_> = (0..20)
            .map(|n| runtime.spawn(work(n).instrument(info_span!("task", n))))
            .collect();
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
    });
    let spans = kept.spans();
    let tasks: Vec<_> = spans.iter().filter(|span| span.name() == "task").collect();
    assert_eq!((tasks.len(), spans.len()), (20, 220));
    let n = |span: &tracefuse_core::record::SpanRecord| {
        span.metadata()
            .find(|(key, _)| *key == "n")
            .unwrap()
            .1
            .to_value()
    };
    for task in tasks {
        let steps = spans
            .iter()
            .filter(|span| span.parent_span_id() == Some(task.span_id()));
        let steps: Vec<_> = steps.map(n).collect();
        assert_eq!(steps, vec![n(task); 10]);
    }
}

#[test]
fn spans_exited_out_of_order_stay_current_until_their_own_exit() {
    let kept = recorded(
        |layer| layer.all(),
        |_| {
            let (a, b) = (info_span!("a"), info_span!("b"));
            let in_a = a.entered();
            let in_b = b.entered();
            drop(in_a);
            Span::current().span("in b").run(|_| {});
            drop(in_b);
            assert!(Span::current().id().is_none());
        },
    );
    assert_eq!(
        kept.named("in b").parent_span_id(),
        Some(kept.named("b").span_id())
    );
}

#[test]
fn a_trace_that_is_not_sampled_is_left_out_whole() {
    let kept = Recorder::default();
    let tracer = Tracer::builder(kept.clone())
        .sample_rate(SampleRate::new(0.0).unwrap())
        .build();
    under(
        &tracer,
        |layer| layer.all(),
        || {
            info_span!("root").in_scope(|| info_span!("child").in_scope(|| {}));
            assert_eq!(tracer.stats().unsampled_traces, 1);
            tracer.trace("ours").run(|_| {
                info_span!("below ours").in_scope(|| info_span!("child").in_scope(|| {}));
            });
            tracer.trace("ours").run(|trace| {
                let child = trace.span("child").start();
                let below = async { info_span!("below child").in_scope(|| {}) };
                futures::executor::block_on(below.in_span(child));
            });
            info_span!("root").in_scope(|| {});
        },
    );
    assert!(kept.spans().is_empty());
    assert_eq!(tracer.stats().unsampled_traces, 4);
}

#[test]
fn a_span_that_outlives_the_tracer_is_harmless() {
    let (tracer, kept) = tracer();
    let layer = tracefuse_tracing::builder(&tracer).all().layer();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let open = info_span!("open");
        tracer.shutdown().unwrap();
        drop(tracer);
        open.in_scope(|| info_span!("after").in_scope(|| {}));
        info_span!("root after").in_scope(|| {});
    });
    assert_eq!(kept.only().name(), "open");
}

#[test]
fn a_span_that_follows_from_another_is_linked_to_it() {
    let kept = recorded(
        |layer| layer.all(),
        |_| {
            let first = info_span!("first");
            let second = info_span!("second");
            second.follows_from(&first);
            second.follows_from(None::<tracing::Id>);
        },
    );
    let (first, second) = (kept.named("first"), kept.named("second"));
    let links: Vec<_> = second
        .links()
        .map(|link| (link.trace_id(), link.span_id()))
        .collect();
    assert_eq!(links, [(first.trace_id(), first.span_id())]);
    assert_eq!(first.links().count(), 0);
}
