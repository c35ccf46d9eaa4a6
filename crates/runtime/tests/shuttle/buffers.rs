//! What threads lay into buffers is delivered without a flush, covered by one, counted once, and within the bounds,
//! with any thread that drains, and any moment at which the worker goes to sleep. A buffer that is not drained is found as a deadlock.

use std::sync::Arc;

use shuttle::future::block_on;
use shuttle::sync::mpsc::channel;
use shuttle::thread;
use tracefuse_core::ExporterStats;
use tracefuse_core::record::{Record, SpanRecord, Timestamp};

use crate::config::{Overload, PipelineConfig};
use crate::orders::{EVER, in_many_orders, queue};
use crate::queue::ExporterQueue;
use crate::queue::buffers::{SpanBuffers, Watch};
use crate::queue::envelope::bytes_of;
use crate::queue::phase::{Phase, WakeAt};
use crate::queue::rounds::Rounds;
use crate::worker::next::{Next, next};

fn buffers(change: impl FnOnce(&mut PipelineConfig)) -> (Arc<SpanBuffers>, Arc<ExporterQueue>) {
    let queue = queue(change);
    let buffers = SpanBuffers::new(vec![queue.clone()], &queue.config);
    (Arc::new(buffers), queue)
}

/// An buffers, its queue, and a worker that goes on until a shutdown.
fn worked(
    change: impl FnOnce(&mut PipelineConfig),
) -> (Arc<SpanBuffers>, Arc<ExporterQueue>, thread::JoinHandle<()>) {
    let (buffers, queue) = buffers(change);
    let (theirs, their_queue) = (buffers.clone(), queue.clone());
    let worker = thread::spawn(move || work(&theirs, &their_queue, u64::MAX));
    (buffers, queue, worker)
}

fn join(threads: Vec<thread::JoinHandle<()>>) {
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

fn flush(buffers: &SpanBuffers, queue: &ExporterQueue) {
    buffers.drain();
    let ticket = queue.ask_flush();
    assert!(queue.wait_flushed(ticket, EVER));
}

/// A span of the record; the buffers take nothing else.
fn span(record: &Record) -> SpanRecord {
    record.as_span().cloned().unwrap()
}

/// The loop of `worker::run` with its drains and pauses; time is up whenever it asks. Ends after `enough` or at a shutdown.
fn work(buffers: &Arc<SpanBuffers>, queue: &ExporterQueue, enough: u64) {
    let mut watch = Watch::new(buffers.clone());
    let (mut watching, mut pauses) = (false, false);
    let mut delivered = 0;
    block_on(async {
        while delivered < enough && queue.phase() == Phase::Running {
            let wake_at = match (pauses, watching) {
                (true, _) => WakeAt::Behind,
                (false, true) => WakeAt::Batch,
                (false, false) => WakeAt::Record,
            };
            let next = next(queue, wake_at);
            if watching || matches!(next, Next::Fill) {
                watch.begin();
            } else if watch.end() {
                continue;
            }
            match next {
                Next::Flush(ticket) => queue.flushed(ticket),
                Next::Idle | Next::Fill if pauses => pauses = false,
                Next::Send | Next::Fill => {
                    delivered += deliver(buffers, queue);
                    (watching, pauses) = (true, true);
                }
                Next::Idle if watching => watching = watch.drain(),
                Next::Idle => queue.wake.notified().await,
                Next::Again | Next::Close => break,
            }
        }
        drop(watch);
        if queue.phase() != Phase::Running {
            while deliver(buffers, queue) > 0 {}
            queue.stop();
        }
    });
}

fn deliver(buffers: &SpanBuffers, queue: &ExporterQueue) -> u64 {
    let count = queue.config.batch_size;
    if queue.needs_drain(count) {
        buffers.drain();
    }
    let items = queue.take(count);
    queue.settle(items.len(), bytes_of(&items), |state| {
        state.ledger.exported(items.len());
    });
    items.len() as u64
}

fn produce(buffers: &Arc<SpanBuffers>, record: &Record, spans: usize) -> thread::JoinHandle<()> {
    let (buffers, span) = (buffers.clone(), span(record));
    thread::spawn(move || {
        let buffer = buffers.buffer();
        for _ in 0..spans {
            buffers.append(&buffer, &span);
            numbers(&buffers);
        }
    })
}

fn numbers(buffers: &SpanBuffers) -> ExporterStats {
    let mut stats = buffers.stats();
    let exporter = stats.exporters.pop().unwrap();
    assert!(exporter.is_balanced(), "{exporter:?}");
    exporter
}

#[test]
fn a_span_that_is_appended_while_the_watch_ends_waits_in_no_buffer() {
    in_many_orders(|record| {
        // A chunk has room for all of them, so that only the end of the watch moves them.
        let (buffers, _queue) = buffers(|config| config.batch_size = 5);
        let mut watch = Watch::new(buffers.clone());
        watch.begin();
        let (theirs, span) = (buffers.clone(), span(record));
        let ends = thread::spawn(move || {
            let buffer = theirs.buffer();
            (0..3).for_each(|_| theirs.append(&buffer, &span));
            buffer
        });
        watch.end();
        let buffer = ends.join().unwrap();
        assert!(buffer.lock().chunk.is_empty());
        assert_eq!(numbers(&buffers).queued, 3);
    });
}

#[test]
fn buffered_spans_are_delivered_without_a_flush() {
    in_many_orders(|record| {
        let (buffers, queue) = buffers(|config| config.batch_size = 3);
        let producers: Vec<_> = (0..2).map(|_| produce(&buffers, record, 3)).collect();
        let theirs = buffers.clone();
        let worker = thread::spawn(move || work(&theirs, &queue, 6));
        join(producers);
        // It does not end before it has all of them.
        worker.join().unwrap();
        assert_eq!(numbers(&buffers).exported, 6);
    });
}

#[test]
fn a_flush_covers_buffered_spans() {
    in_many_orders(|record| {
        let (buffers, queue, worker) = worked(|_| {});
        let producers: Vec<_> = (0..2).map(|_| produce(&buffers, record, 3)).collect();
        join(producers);
        flush(&buffers, &queue);
        assert_eq!(numbers(&buffers).exported, 6);
        buffers.close();
        queue.ask_close(EVER);
        worker.join().unwrap();
    });
}

#[test]
fn a_shutdown_meanwhile_leaves_nothing_in_a_buffer() {
    in_many_orders(|record| {
        let (buffers, queue, worker) = worked(|_| {});
        let producers: Vec<_> = (0..2).map(|_| produce(&buffers, record, 3)).collect();
        buffers.close();
        queue.ask_close(EVER);
        queue.wait_stopped(EVER);
        join(producers);
        worker.join().unwrap();
        let stats = numbers(&buffers);
        assert_eq!((stats.recorded, stats.pending()), (6, 0), "{stats:?}");
        assert_eq!(buffers.stats().recorded, 6);
        assert_eq!(stats.exported + stats.dropped_total(), 6, "{stats:?}");
    });
}

#[test]
fn callers_that_wait_for_room_lose_nothing_and_dropping_ones_keep_the_bound() {
    for overload in [
        Overload::Block(EVER),
        Overload::BlockBriefly,
        Overload::DropNewest,
        Overload::DropOldest,
    ] {
        in_many_orders(move |record| {
            let (buffers, queue, worker) = worked(|config| {
                config.max_queue_size = 5;
                config.overload = overload;
            });
            let producers: Vec<_> = (0..2).map(|_| produce(&buffers, record, 5)).collect();
            for _ in 0..3 {
                let waiting = numbers(&buffers).pending();
                assert!(waiting <= 5, "{waiting} of 5");
            }
            join(producers);
            flush(&buffers, &queue);
            let stats = numbers(&buffers);
            assert_eq!(stats.exported + stats.dropped_total(), 10, "{stats:?}");
            // No time passes here, so a short wait is as good as a long one.
            if matches!(overload, Overload::Block(_) | Overload::BlockBriefly) {
                assert_eq!(stats.exported, 10, "{stats:?}");
            }
            buffers.close();
            queue.ask_close(EVER);
            worker.join().unwrap();
        });
    }
}

fn a_span_that_ended_at(nanos: u64) -> SpanRecord {
    let recorder = tracefuse_core::testing::Recorder::new();
    let trace = recorder.tracer().trace("t").start();
    let began = trace.span("s").start_at(Timestamp::from_unix_nanos(1));
    began.end_at(Timestamp::from_unix_nanos(nanos));
    recorder.only()
}

/// Takes up to `count` spans as a worker whose time is up; when they ended.
fn ends(buffers: &SpanBuffers, queue: &ExporterQueue, count: usize) -> Vec<Timestamp> {
    buffers.drain();
    let items = queue.take(count);
    queue.settle(items.len(), bytes_of(&items), |_| {});
    let ends = items
        .iter()
        .filter_map(|item| Some(item.record.as_span()?.end_time()));
    ends.collect()
}

#[test]
fn what_ended_first_on_another_thread_leaves_first() {
    let spans: Vec<_> = (1..=4).map(a_span_that_ended_at).collect();
    in_many_orders(move |_| {
        let (buffers, queue) = buffers(|config| config.batch_size = 5);
        let mut watch = Watch::new(buffers.clone());
        watch.begin();
        // Two threads, each with its buffer.
        let threads = [(); 2].map(|()| {
            let theirs = buffers.clone();
            let (send, spans) = channel::<SpanRecord>();
            let (done, ended) = channel();
            let thread = thread::spawn(move || {
                let own = theirs.buffer();
                done.send(()).unwrap();
                while let Ok(span) = spans.recv() {
                    theirs.append(&own, &span);
                    done.send(()).unwrap();
                }
            });
            // There before a drain begins, which may look into one before and into the next one after a span has ended.
            ended.recv().unwrap();
            (send, ended, thread)
        });
        let (theirs, their_queue) = (buffers.clone(), queue.clone());
        let worker = thread::spawn(move || {
            let taken = (0..4).map(|_| ends(&theirs, &their_queue, 1));
            taken.flatten().collect::<Vec<_>>()
        });
        // One after another, by turns.
        for ((send, ended, _), span) in threads.iter().cycle().zip(&spans) {
            send.send(span.clone()).unwrap();
            ended.recv().unwrap();
        }
        for (send, _, thread) in threads {
            drop(send);
            thread.join().unwrap();
        }
        let mut taken = worker.join().unwrap();
        taken.extend(ends(&buffers, &queue, 4));
        assert_eq!(taken.len(), 4);
        assert!(taken.is_sorted(), "{taken:?}");
    });
}

#[test]
fn rounds_and_room_that_change_at_once_are_both_seen() {
    in_many_orders(|_| {
        let rounds = Arc::new(Rounds::new());
        rounds.begin_watch();
        let queues = (0..2).map(|_| {
            let rounds = rounds.clone();
            thread::spawn(move || {
                for has_capacity in [false, true, false] {
                    rounds.note_capacity(has_capacity);
                    assert!(has_capacity || rounds.now().round().is_none());
                }
            })
        });
        let queues: Vec<_> = queues.collect();
        let drains = (0..2).map(|_| {
            let rounds = rounds.clone();
            thread::spawn(move || {
                rounds.begin();
            })
        });
        let drains: Vec<_> = drains.collect();
        join(queues);
        join(drains);
        assert_eq!(rounds.now().round(), None, "two queues are full");
        rounds.note_capacity(true);
        rounds.note_capacity(true);
        assert_eq!(rounds.now().round(), Some(3));
    });
}

#[test]
fn each_time_that_room_ends_the_buffers_are_drained() {
    in_many_orders(|record| {
        // A chunk has two spans, and what two threads may buffer leaves room for one more.
        let (buffers, queue) = buffers(|config| {
            config.max_queue_size = 5;
            config.overload = Overload::DropNewest;
        });
        let mut watch = Watch::new(buffers.clone());
        watch.begin();
        let one = buffers.buffer();
        for _ in 0..2 {
            buffers.append(&one, &span(record));
            let (theirs, span) = (buffers.clone(), span(record));
            let fills = thread::spawn(move || {
                let other = theirs.buffer();
                (0..5).for_each(|_| theirs.append(&other, &span));
            });
            for _ in 0..3 {
                assert!(numbers(&buffers).pending() <= 5);
            }
            fills.join().unwrap();
            let stats = numbers(&buffers);
            assert_eq!(stats.pending(), 5, "{stats:?}");
            let mut delivered = 0;
            while delivered < 5 {
                delivered += deliver(&buffers, &queue);
            }
        }
        assert_eq!(numbers(&buffers).dropped_total(), 2);
    });
}
