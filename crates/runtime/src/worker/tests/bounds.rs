//! What a queue does where it is full or at its end: what it counts and logs, whom it wakes, and that a loss of nothing is none.

use std::sync::Arc;
use std::time::Duration;

use tracefuse_core::testing::Recorder;
use tracefuse_core::{DropReason, Health};

use super::chunks::chunk_at;
use super::guard::Lines;
use super::queue::{Filled, queue};
use crate::config::{Overload, PipelineConfig};
use crate::queue::buffers::{SpanBuffers, Watch};
use crate::queue::envelope::bytes_of;
use crate::queue::phase::WakeAt;
use crate::queue::{CHUNK_BYTES, ExporterQueue, Source};
use crate::worker::next::next;

const FULL: &str = "the queue is full";
const LOST: &str = "lost";

/// A queue of so many records that drops the newest.
fn full(max_queue_size: usize) -> Filled {
    let filled = queue(|config| {
        config.max_queue_size = max_queue_size;
        config.overload = Overload::DropNewest;
    });
    filled.record(max_queue_size);
    filled
}

#[test]
fn a_full_queue_takes_no_chunk_of_one_span() {
    let filled = full(3);
    filled.hand_over(1, false);
    assert_eq!(filled.queue.stats().queued, 3);
    assert_eq!(filled.dropped(DropReason::QueueFullCount), 1);
}

#[test]
fn a_chunk_that_comes_after_the_end_is_counted_as_that() {
    let filled = queue(|_| {});
    filled.queue.stop();
    filled.hand_over(3, false);
    assert_eq!(filled.queue.stats().queued, 0);
    assert_eq!(filled.dropped(DropReason::AfterShutdown), 3);
}

#[test]
fn a_worker_is_woken_once_to_make_room() {
    let filled = full(4);
    next(&filled.queue, WakeAt::Batch);
    filled.is_woken();
    filled.record(1);
    assert!(filled.is_woken());
    filled.record(1);
    assert!(!filled.is_woken(), "woken already");
    filled.queue.take(1);
    filled.record(2);
    assert!(
        filled.is_woken(),
        "it took some, and one more found no room"
    );
}

#[test]
fn a_caller_that_waits_wakes_the_worker() {
    let filled = queue(|config| {
        config.max_queue_size = 1;
        config.overload = Overload::Block(Duration::ZERO);
    });
    filled.record(1);
    next(&filled.queue, WakeAt::Batch);
    filled.is_woken();
    filled.record(1);
    assert!(filled.is_woken());
}

#[test]
fn a_caller_waits_as_long_as_the_setting_says() {
    let longest = Duration::from_millis(60);
    let filled = queue(|config| {
        config.max_queue_size = 1;
        config.overload = Overload::Block(longest);
    });
    filled.record(1);
    let recorder = Recorder::new();
    recorder.tracer().trace("t").run(|_| {});
    let mut waited = Duration::ZERO;
    let record = recorder.only().into();
    filled.queue.push(record, None, &mut waited);
    assert!(waited >= longest, "{waited:?}");
    assert_eq!(filled.dropped(DropReason::QueueFullCount), 1);
}

#[test]
fn a_loss_of_nothing_is_neither_counted_nor_logged() {
    let lines = Lines::default();
    let _hears = lines.hear();
    let retry_in = Duration::from_secs(60);
    for health in [Health::Healthy, Health::Refused { retry_in }] {
        let filled = queue(|_| {});
        assert_eq!(filled.queue.lose_in_flight("a panic"), 0);
        filled.queue.with(|state| state.health = health);
        filled.queue.stop();
        let stats = filled.queue.stats();
        assert!(stats.dropped.is_empty(), "{stats:?}");
        assert!(stats.rejected.is_empty(), "{stats:?}");
        assert_eq!(stats.health, Health::Stopped);
    }
    assert!(lines.of(LOST).is_empty(), "{:?}", lines.of(LOST));
    let filled = queue(|_| {});
    filled.record(2);
    filled.queue.stop();
    assert_eq!(lines.of(LOST).len(), 1);
}

#[test]
fn a_batch_that_is_accepted_makes_the_receiver_healthy_until_the_end() {
    let filled = queue(|_| {});
    filled.queue.with(|state| state.health = Health::Degraded);
    filled.queue.succeeded();
    assert_eq!(filled.queue.stats().health, Health::Healthy);
    filled.queue.stop();
    filled.queue.succeeded();
    assert_eq!(filled.queue.stats().health, Health::Stopped);
}

#[test]
fn a_flush_waits_for_what_is_in_flight() {
    let filled = queue(|_| {});
    filled.record(1);
    let taken = filled.queue.take(1);
    let ticket = filled.queue.ask_flush();
    assert!(!filled.queue.wait_flushed(ticket, Duration::ZERO));
    let bytes = bytes_of(&taken);
    filled
        .queue
        .settle(1, bytes, |state| state.ledger.exported(1));
    assert!(filled.queue.wait_flushed(ticket, Duration::ZERO));
}

#[test]
fn the_part_of_a_chunk_that_left_gives_its_bytes_back() {
    let filled = queue(|_| {});
    filled.hand_over(8, false);
    let bytes = || filled.queue.stats().queued_bytes;
    let all = bytes();
    let taken = filled.queue.take(6);
    let taken_bytes = bytes_of(&taken);
    filled
        .queue
        .settle(6, taken_bytes, |state| state.ledger.exported(6));
    assert_eq!(bytes(), all - taken_bytes as u64);
}

#[test]
fn the_oldest_is_dropped_also_if_another_thread_was_first() {
    let filled = queue(|config| {
        config.max_queue_size = 3;
        config.overload = Overload::DropOldest;
    });
    for thread in [1, 2, 1] {
        let from = Source { thread, round: 1 };
        let chunk = chunk_at(1, 1_000);
        filled.queue.push_chunk(&chunk, from, false).settle();
    }
    filled.record(2);
    let left: Vec<u64> = filled.queue.take(9).iter().map(|left| left.seq).collect();
    assert_eq!(left, [3, 4, 5]);
}

/// A queue with these bounds, and the buffers in front of it.
fn buffered(change: impl FnOnce(&mut PipelineConfig)) -> (Arc<ExporterQueue>, Arc<SpanBuffers>) {
    let mut config = PipelineConfig {
        overload: Overload::DropNewest,
        ..PipelineConfig::default()
    };
    change(&mut config);
    let queue = Arc::new(ExporterQueue::new("t".into(), config));
    let buffers = Arc::new(SpanBuffers::new(vec![queue.clone()], &queue.config));
    (queue, buffers)
}

#[test]
fn room_is_kept_for_the_bytes_of_every_thread() {
    for (bytes, has_capacity) in [(3 * CHUNK_BYTES, true), (3 * CHUNK_BYTES - 1, false)] {
        let (queue, buffers) = buffered(|config| config.max_queue_bytes = bytes);
        let _threads = [(); 3].map(|()| buffers.buffer());
        assert_eq!(queue.has_capacity(), has_capacity, "{bytes}");
    }
}

#[test]
fn what_a_buffer_holds_is_logged_if_the_queue_has_no_room() {
    let lines = Lines::default();
    let _hears = lines.hear();
    let (queue, buffers) = buffered(|config| config.max_queue_size = 100);
    let mut watch = Watch::new(buffers.clone());
    watch.begin();
    let recorder = Recorder::new();
    recorder.tracer().trace("t").run(|_| {});
    let span = recorder.only();
    let thread = buffers.buffer();
    buffers.append(&thread, &span);
    assert_eq!(queue.stats().queued, 0, "it waits in the buffer");
    for _ in 0..100 {
        queue.push(span.clone().into(), None, &mut Duration::default());
    }
    assert!(lines.of(FULL).is_empty());
    assert!(buffers.drain());
    assert_eq!(lines.of(FULL).len(), 1);
}

#[test]
fn without_its_worker_no_span_stays_in_a_buffer() {
    let (queue, buffers) = buffered(|_| {});
    let recorder = Recorder::new();
    recorder.tracer().trace("t").run(|_| {});
    let span = recorder.only();
    let thread = buffers.buffer();
    let mut watch = Watch::new(buffers.clone());
    watch.begin();
    buffers.append(&thread, &span);
    assert_eq!(queue.stats().queued, 0, "it waits in the buffer");
    drop(watch);
    assert_eq!(queue.stats().queued, 1);
    buffers.append(&thread, &span);
    assert_eq!(queue.stats().queued, 2);
}
