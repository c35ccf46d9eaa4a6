//! When the spans in the buffers of threads are moved to the queues, to the last span.

use std::sync::Arc;
use std::time::Duration;

use tracefuse_core::testing::Recorder;
use tracefuse_core::{DropReason, Health};
use tracefuse_exporter::record::{ScoreRecord, ScoreTarget, SpanRecord, Timestamp};

use super::guard::Lines;
use crate::config::{Overload, PipelineConfig, WhileOpen};
use crate::queue::buffers::{SpanBuffers, Watch};
use crate::queue::envelope::bytes_of;
use crate::queue::{CHUNK_BYTES, ExporterQueue};
use crate::thread_buffer::ThreadBuffer;

fn span(name: &str, input: usize) -> SpanRecord {
    let recorder = Recorder::new();
    let trace = recorder.tracer().trace(name).start();
    trace.root().set_input("x".repeat(input));
    drop(trace);
    recorder.only()
}

struct Filled {
    queue: Arc<ExporterQueue>,
    buffers: Arc<SpanBuffers>,
    threads: [Arc<ThreadBuffer>; 2],
}

/// A queue and the buffers of two threads, four spans each.
fn filled(max_queue_size: usize) -> Filled {
    let config = PipelineConfig {
        batch_size: 4,
        max_queue_size,
        overload: Overload::DropNewest,
        ..PipelineConfig::default()
    };
    let queue = Arc::new(ExporterQueue::new("t".into(), config));
    let buffers = Arc::new(SpanBuffers::new(vec![queue.clone()], &queue.config));
    let threads = [buffers.buffer(), buffers.buffer()];
    Filled {
        queue,
        buffers,
        threads,
    }
}

impl Filled {
    fn append(&self, thread: usize, spans: usize) {
        let span = span(["a", "b"][thread], 0);
        (0..spans).for_each(|_| self.buffers.append(&self.threads[thread], &span));
    }

    /// Records that come without a buffer.
    fn push(&self, records: usize) {
        for _ in 0..records {
            let record = span("x", 0).into();
            self.queue.push(record, None, &mut Duration::default());
        }
    }

    fn queued(&self) -> u64 {
        self.queue.stats().queued
    }

    fn dropped(&self) -> u64 {
        let dropped = self.queue.stats().dropped;
        dropped
            .get(&DropReason::QueueFullCount)
            .copied()
            .unwrap_or_default()
    }

    /// Takes all records out of the queue; how many have each name.
    fn take(&self) -> [usize; 3] {
        self.buffers.drain();
        let taken = self.queue.take(99);
        let bytes = bytes_of(&taken);
        self.queue.settle(taken.len(), bytes, |_| {});
        ["x", "a", "b"].map(|name| {
            let names = taken
                .iter()
                .map(|queued| queued.record.as_span().unwrap().name());
            names.filter(|known| *known == name).count()
        })
    }
}

#[test]
fn buffers_are_drained_once_before_others_take_their_room() {
    let filled = filled(12);
    let mut watch = Watch::new(filled.buffers.clone());
    watch.begin();
    for round in [2, 4] {
        filled.append(0, 3);
        assert_eq!(filled.queued(), 0, "they wait in a buffer");
        filled.push(9);
        let dropped = filled.dropped();
        // One more would take the room of those that wait.
        filled.append(1, 1);
        assert_eq!((filled.queued(), filled.dropped()), (12, dropped + 1));
        filled.append(1, 2);
        assert_eq!(filled.dropped(), dropped + 3);
        assert_eq!(filled.buffers.round(), round, "drained once");
        assert_eq!(filled.take(), [9, 3, 0]);
    }
}

#[test]
fn what_a_buffer_holds_and_a_queue_does_not_take_is_logged() {
    let filled = filled(12);
    let mut watch = Watch::new(filled.buffers.clone());
    watch.begin();
    filled.append(0, 3);
    filled.push(12);
    let lines = Lines::default();
    let _heard = lines.hear();
    assert_eq!(
        (filled.dropped(), lines.of("the queue is full").len()),
        (0, 0)
    );
    assert!(watch.drain());
    assert_eq!(
        (filled.dropped(), lines.of("the queue is full").len()),
        (3, 1)
    );
}

#[test]
fn without_a_worker_that_watches_spans_go_to_the_queue_at_once() {
    let filled = filled(99);
    filled.append(0, 3);
    assert_eq!((filled.queued(), filled.buffers.round()), (3, 1));
    let mut watch = Watch::new(filled.buffers.clone());
    watch.begin();
    filled.append(0, 3);
    assert_eq!(filled.queued(), 3);
    filled.append(0, 1);
    assert_eq!(filled.queued(), 7, "four are a chunk");
    filled.append(1, 1);
    assert!(watch.end(), "one was left");
    assert_eq!(filled.queued(), 8);
    assert!(!watch.end(), "it does not watch");
    filled.append(1, 1);
    assert_eq!(filled.queued(), 9);
}

#[test]
fn what_waits_when_the_watch_is_dropped_goes_to_the_queue() {
    let filled = filled(99);
    let mut watch = Watch::new(filled.buffers.clone());
    watch.begin();
    filled.append(0, 2);
    assert_eq!(filled.queued(), 0);
    drop(watch);
    assert_eq!(filled.queued(), 2);
    filled.append(0, 1);
    assert_eq!(filled.queued(), 3, "no worker would drain it");
}

#[test]
fn room_is_reserved_for_the_bytes_of_each_thread() {
    for (more, has_capacity) in [(0, false), (1, true)] {
        let config = PipelineConfig {
            max_queue_bytes: 3 * CHUNK_BYTES - 1 + more,
            ..PipelineConfig::default()
        };
        let queue = Arc::new(ExporterQueue::new("t".into(), config));
        let buffers = SpanBuffers::new(vec![queue.clone()], &queue.config);
        let _threads = [(); 3].map(|()| buffers.buffer());
        assert_eq!(queue.has_capacity(), has_capacity, "{more}");
    }
}

#[test]
fn a_thread_has_one_buffer_for_each_pipeline_and_none_for_one_that_is_gone() {
    let new = || {
        let queue = Arc::new(ExporterQueue::new("t".into(), PipelineConfig::default()));
        SpanBuffers::new(vec![queue.clone()], &queue.config)
    };
    let span = span("s", 0);
    let (one, other) = (new(), new());
    for _ in 0..3 {
        one.put(&span);
        other.put(&span);
    }
    let threads = |buffers: &SpanBuffers| buffers.weak_buffers().len();
    assert_eq!((threads(&one), threads(&other)), (1, 1));
    let gone = one.weak_buffers();
    drop(one);
    assert!(gone.iter().all(|buffer| buffer.upgrade().is_some()));
    new().put(&span);
    assert!(gone.iter().all(|buffer| buffer.upgrade().is_none()));
    other.put(&span);
    assert_eq!(threads(&other), 1);
}

#[test]
fn a_drain_says_whether_a_span_waited() {
    let filled = filled(12);
    let mut watch = Watch::new(filled.buffers.clone());
    watch.begin();
    for (spans, drained) in [
        ([0, 0], false),
        ([1, 0], true),
        ([0, 1], true),
        ([1, 1], true),
    ] {
        filled.append(0, spans[0]);
        filled.append(1, spans[1]);
        assert_eq!(watch.drain(), drained, "{spans:?}");
    }
    assert_eq!(filled.queued(), 4);
}

#[test]
fn a_thread_that_ended_gives_its_room_back() {
    let mut filled = filled(12);
    filled.push(6);
    assert!(!filled.queue.has_capacity());
    filled.buffers.drain();
    assert!(!filled.queue.has_capacity(), "both threads run");
    filled.threads[1] = filled.threads[0].clone();
    filled.buffers.drain();
    assert!(filled.queue.has_capacity(), "four of one thread have room");
    filled.push(2);
    assert!(filled.queue.has_capacity());
    filled.push(1);
    assert!(!filled.queue.has_capacity());
}

#[test]
fn spans_that_fill_a_chunk_with_their_bytes_do_not_wait() {
    let filled = filled(12);
    let mut watch = Watch::new(filled.buffers.clone());
    watch.begin();
    let large = span("large", CHUNK_BYTES);
    let append = |span: &SpanRecord| filled.buffers.append(&filled.threads[0], span);
    // The first span of a round, and one after another.
    append(&large);
    assert_eq!(filled.queued(), 1);
    append(&span("a", 0));
    assert_eq!(filled.queued(), 1);
    append(&large);
    assert_eq!(filled.queued(), 3);
}

#[test]
fn a_span_is_refused_only_if_every_queue_refuses_it() {
    let open = |queue: &ExporterQueue, is_open: bool| {
        let retry_in = Duration::from_secs(60);
        queue.with(|state| {
            state.health = match is_open {
                true => Health::Open { retry_in },
                false => Health::Healthy,
            }
        });
    };
    let config = || PipelineConfig {
        while_open: WhileOpen::NoOp,
        ..PipelineConfig::default()
    };
    let queue = |name: &str| Arc::new(ExporterQueue::new(name.into(), config()));
    let none = SpanBuffers::new(Vec::new(), &config());
    assert!(!none.refuse(), "no exporter would drop it");
    let queues = vec![queue("one"), queue("other")];
    let buffers = SpanBuffers::new(queues.clone(), &config());
    buffers.put_score(score());
    for (one, other, refused) in [
        (false, false, false),
        (true, false, false),
        (false, true, false),
        (true, true, true),
    ] {
        open(&queues[0], one);
        open(&queues[1], other);
        assert_eq!(buffers.refuse(), refused, "{one} {other}");
    }
    let counts: Vec<_> = queues.iter().map(|queue| queue.refused()).collect();
    assert_eq!(counts, [1, 1]);
    let stats = buffers.stats();
    assert_eq!(stats.recorded, 2, "the score and the span");
    assert!(stats.exporters.iter().all(|one| one.is_balanced()));
}

fn score() -> ScoreRecord {
    let target = ScoreTarget::Session("s".into());
    ScoreRecord::new("quality", 0.5.into(), target, Timestamp::default())
}
