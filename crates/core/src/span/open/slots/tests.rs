//! Slots under many threads, and what a look may see.

use std::collections::HashSet;
use std::sync::mpsc;
use std::sync::{Arc, Barrier, Mutex};

use super::counts::MOST_HANDLES;
use super::*;
use crate::processor::Processor;
use crate::record::SpanRecord;
use crate::span::handle::Span;
use crate::testing::Recorder;
use crate::trace::tracer::Tracer;

#[test]
fn spans_of_many_threads_end_once_while_others_look() {
    const THREADS: usize = 4;
    // Miri is slower by some hundred times.
    const SPANS: usize = if cfg!(miri) { 30 } else { 5_000 };
    let ended = Recorder::new();
    let tracer = ended.tracer();
    let trace = tracer.trace("root").start();
    let all_there = Barrier::new(THREADS + 1);
    std::thread::scope(|scope| {
        let (to, from) = mpsc::sync_channel::<Span>(64);
        for _ in 0..THREADS {
            let (to, trace, all_there) = (to.clone(), trace.clone(), &all_there);
            scope.spawn(move || {
                all_there.wait();
                for n in 0..SPANS {
                    let span = trace.span("s").start();
                    let id = span.id();
                    if n % 3 == 0 {
                        // Its slot goes to the free list of another thread.
                        to.send(span).unwrap();
                    } else {
                        let other = span.clone();
                        drop(span);
                        assert_eq!(other.id(), id, "another span sits in its slot");
                    }
                }
            });
        }
        drop(to);
        let receiver = scope.spawn(move || from.into_iter().for_each(drop));
        all_there.wait();
        // The number of open spans varies; a look neither loses nor ends one.
        while !receiver.is_finished() {
            assert!(tracer.stats().open > 0, "the root is");
        }
    });
    assert_eq!(tracer.stats().open, 1, "the root");
    drop(trace);
    let spans = ended.spans();
    let ids: HashSet<SpanId> = spans.iter().map(SpanRecord::span_id).collect();
    let twice = ids.len() != spans.len();
    assert_eq!((ids.len(), twice), (THREADS * SPANS + 1, false));
}

#[test]
fn slots_of_threads_that_have_ended_are_used_again() {
    let tracer = Recorder::new().tracer();
    let slots = || lock(&free::ALL).len();
    let round = || {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| drop(tracer.trace("t").start()));
            thread.join().unwrap();
        });
    };
    round();
    let before = slots();
    (0..if cfg!(miri) { 20 } else { 500 }).for_each(|_| round());
    // Other tests run beside this one and have open spans too.
    assert!(slots() < before + 100, "{} chunks more", slots() - before);
}

#[test]
fn a_look_sees_the_spans_of_its_own_tracer() {
    let (one, other) = (Recorder::new().tracer(), Recorder::new().tracer());
    let (_a, _b) = (one.trace("a").start(), one.trace("b").start());
    let _c = other.trace("c").start();
    assert_eq!((one.stats().open, other.stats().open), (2, 1));
    assert_eq!(one.shutdown().unwrap().unfinished, 2);
    assert_eq!((one.stats().open, other.stats().open), (0, 1));
}

#[test]
fn a_span_ends_on_its_own_thread_also_while_another_looks() {
    const SPANS: usize = if cfg!(miri) { 50 } else { 20_000 };
    #[derive(Clone, Default)]
    struct Threads(Arc<Mutex<Vec<std::thread::ThreadId>>>);
    impl Processor for Threads {
        fn on_end(&self, _: SpanRecord) {
            lock(&self.0).push(std::thread::current().id());
        }
    }
    let threads = Threads::default();
    let tracer = Tracer::builder(threads.clone()).build();
    let trace = tracer.trace("root").start();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert!(tracer.stats().open > 0);
            }
        });
        for _ in 0..SPANS {
            drop(trace.span("dropped").start());
            trace.span("run").run(|_| {});
        }
        done.store(true, Ordering::Relaxed);
    });
    let own = std::thread::current().id();
    let ended = std::mem::take(&mut *lock(&threads.0));
    assert_eq!(ended.len(), 2 * SPANS);
    assert!(ended.iter().all(|thread| *thread == own));
}

#[test]
fn a_panic_is_recorded_while_another_thread_looks() {
    const PANICS: u32 = if cfg!(miri) { 20 } else { 5_000 };
    #[derive(Clone, Default)]
    struct Panics(Arc<Mutex<u32>>);
    impl Processor for Panics {
        fn on_end(&self, span: SpanRecord) {
            *lock(&self.0) += u32::from(span.exceptions().len() == 1);
        }
    }
    let panics = Panics::default();
    let tracer = Tracer::builder(panics.clone()).build();
    let trace = tracer.trace("root").start();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let _ = tracer.stats();
            }
        });
        for _ in 0..PANICS {
            let wrapped = trace.span("wrapped").start().wrap(|| {
                std::panic::resume_unwind(Box::new("boom"));
            });
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(wrapped));
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(*lock(&panics.0), PANICS);
}

#[test]
fn no_handle_is_made_beyond_the_most_that_are_counted() {
    let tracer = Recorder::new().tracer();
    let trace = tracer.trace("t").start();
    let span = trace.span("s").start();
    let handle: &OpenSpanRef = span.open.as_ref().unwrap();
    let weak = handle.downgrade();
    let forgotten = MOST_HANDLES - 1;
    let (handles, _) = handle.0.counts.of_test();
    handles.fetch_add(forgotten, Ordering::Relaxed);
    let last = weak.handle();
    assert!(last.is_some(), "as many as may be");
    assert!(weak.handle().is_none());
    drop(last);
    assert!(weak.handle().is_some(), "one is free again");
    handles.fetch_sub(forgotten, Ordering::Relaxed);
}

#[test]
fn slots_are_allocated_in_larger_chunks_where_there_are_more() {
    let tracer = Recorder::new().tracer();
    let trace = tracer.trace("t").start();
    const SPANS: usize = if cfg!(miri) { 100 } else { 20_000 };
    let open: Vec<_> = (0..SPANS).map(|_| trace.span("s").start()).collect();
    assert_eq!(tracer.stats().open, SPANS as u64 + 1);
    let chunks = lock(&free::ALL).clone();
    // Other tests run beside this one and have open spans too.
    assert!(chunks.len() < 40, "{} chunks", chunks.len());
    let slots: HashSet<_> = chunks
        .iter()
        .copied()
        .flatten()
        .map(std::ptr::from_ref)
        .collect();
    assert!(slots.len() >= SPANS && slots.len() < 3 * SPANS + 10_000);
    drop(open);
}

#[test]
fn a_look_is_counted_until_it_is_dropped() {
    let tracer = Recorder::new().tracer();
    let span = tracer.trace("t").start();
    let handle: &OpenSpanRef = span.root().open.as_ref().unwrap();
    let looks = || handle.0.counts.of_test().1.load(Ordering::Acquire);
    let look = handle.0.look();
    assert!(looks() >= 1);
    drop(look);
    assert!(becomes_true(|| looks() == 0), "it is counted for ever");
    assert_eq!(format!("{handle:?}"), "OpenSpanRef { .. }");
}

#[test]
fn a_span_that_runs_ends_once_wherever_its_handles_are() {
    const SPANS: usize = if cfg!(miri) { 40 } else { 10_000 };
    let ended = Recorder::new();
    let tracer = ended.tracer();
    let trace = tracer.trace("root").start();
    let done = std::sync::atomic::AtomicBool::new(false);
    let (to, from) = mpsc::sync_channel::<Span>(64);
    std::thread::scope(|scope| {
        scope.spawn(move || from.into_iter().for_each(drop));
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert!(tracer.stats().open > 0);
            }
        });
        for n in 0..SPANS {
            trace.span("run").run(|span| match n % 5 {
                0 => drop(span),
                1 => to.send(span).unwrap(),
                2 => {
                    let sent = span.clone();
                    drop(span);
                    to.send(sent).unwrap();
                }
                3 => {
                    let current = Span::current();
                    drop(span);
                    assert_eq!(Span::current().id(), current.id());
                }
                _ => {
                    let other = span.clone();
                    let sent = other.clone();
                    to.send(sent).unwrap();
                    drop((span, other));
                }
            });
        }
        drop(to);
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(tracer.stats().open, 1, "the root");
    let spans = ended.spans();
    let ids: HashSet<SpanId> = spans.iter().map(SpanRecord::span_id).collect();
    assert_eq!((spans.len(), ids.len()), (SPANS, SPANS));
}

#[test]
fn a_handle_that_outlives_a_panic_is_counted() {
    let ended = Recorder::new();
    let tracer = ended.tracer();
    let trace = tracer.trace("root").start();
    for _ in 0..if cfg!(miri) { 10 } else { 2_000 } {
        let (to, from) = mpsc::channel::<Span>();
        std::thread::scope(|scope| {
            scope.spawn(move || from.into_iter().for_each(drop));
            let run = std::panic::AssertUnwindSafe(|| {
                trace.span("panics").run(|span| {
                    to.send(span).unwrap();
                    std::panic::resume_unwind(Box::new("boom"));
                });
            });
            assert!(std::panic::catch_unwind(run).is_err());
            drop(to);
        });
        assert_eq!(tracer.stats().open, 1, "the root");
    }
}

/// Other tests look at all spans for moments, and a span that ends meanwhile is freed by them.
fn becomes_true(condition: impl Fn() -> bool) -> bool {
    (0..10_000_000).any(|_| {
        std::thread::yield_now();
        condition()
    })
}

#[test]
fn the_trace_of_a_span_that_has_ended_is_kept_until_its_root_ends() {
    let tracer = Recorder::new().tracer();
    let root = tracer.trace("root").start();
    let state = Arc::downgrade(&root.root().open.as_ref().unwrap().trace);
    // The handle of the root, and the slot of the last child.
    let is_kept = becomes_true(|| {
        root.span("child").run(|_| {});
        root.span("child").run(|_| {});
        state.strong_count() == 2
    });
    assert!(is_kept);
    drop(root);
    assert!(becomes_true(|| state.strong_count() == 0));
}

#[test]
fn a_thread_that_ends_keeps_no_trace() {
    let tracer = Recorder::new().tracer();
    let root = tracer.trace("root").start();
    let state = Arc::downgrade(&root.root().open.as_ref().unwrap().trace);
    let on_a_thread = |f: &(dyn Fn() + Sync)| {
        std::thread::scope(|scope| scope.spawn(f).join().unwrap());
    };
    on_a_thread(&|| root.span("child").run(|_| {}));
    assert!(becomes_true(|| state.strong_count() == 1));
    // One that only ends a span.
    let child = Mutex::new(Some(root.span("child").start()));
    on_a_thread(&|| drop(lock(&child).take()));
    assert!(becomes_true(|| state.strong_count() == 1));
}

#[test]
fn a_late_thread_cannot_free_the_slot_of_a_later_span() {
    let counts = Counts::new();
    let end_while_looked_at = || {
        counts.open(1);
        counts.look();
        assert!(counts.has_handle());
        assert!(matches!(counts.remove(1), Then::End));
        assert!(!counts.ended(), "the look frees it");
        assert!(!counts.add_to_others());
        let ended = counts.of_test().0.load(Ordering::SeqCst);
        assert!(counts.end_look(), "it was the last one");
        ended
    };
    // What the first span left is not what the second one leaves, so the exchange of a thread that has read it fails.
    assert_ne!(end_while_looked_at(), end_while_looked_at());
    counts.look();
    assert!(!counts.has_handle() && !counts.end_look());
}
