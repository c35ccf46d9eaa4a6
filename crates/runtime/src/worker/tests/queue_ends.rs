//! What a queue counts and says when little or nothing waits, how long callers wait for it, and when a batch needs a drain.
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracefuse_core::{DropReason, Health};

use super::chunks::chunk;
use super::guard::Lines;
use super::queue::{Filled, brief, queue};
use crate::config::Overload;
use crate::queue::Source;
use crate::queue::envelope::bytes_of;
use crate::queue::phase::WakeAt;
use crate::queue::rounds::Rounds;
use crate::worker::next::next;

impl Filled {
    /// Hands over a chunk that a thread filled in this round.
    fn fill_in_round(&self, round: u64, spans: usize) {
        let from = Source { thread: 1, round };
        self.queue.push_chunk(&chunk(spans), from, false).settle();
    }

    /// How long it takes to record a span, by a clock that no test moves.
    fn time_to_record(&self) -> Duration {
        let start = Instant::now();
        self.record(1);
        start.elapsed()
    }
}

/// A queue of so many records, full, that drops the newest.
fn full(max_queue_size: usize) -> Filled {
    let filled = queue(|config| {
        config.max_queue_size = max_queue_size;
        config.overload = Overload::DropNewest;
    });
    filled.record(max_queue_size);
    filled
}

#[test]
fn an_end_without_records_counts_and_logs_no_loss() {
    let refused = Health::Refused {
        retry_in: Duration::ZERO,
    };
    for health in [Health::Healthy, refused] {
        let lines = Lines::default();
        let _heard = lines.hear();
        let filled = queue(|_| {});
        filled.queue.with(|state| state.health = health);
        assert_eq!(filled.queue.lose_in_flight("a panic"), 0);
        filled.queue.stop();
        let stats = filled.queue.stats();
        assert!(stats.dropped.is_empty() && stats.rejected.is_empty());
        assert_eq!(stats.health, Health::Stopped);
        assert_eq!(lines.of(""), []);
    }
}

#[test]
fn a_success_makes_a_queue_healthy_unless_it_has_stopped() {
    let filled = queue(|_| {});
    filled.queue.with(|state| state.health = Health::Degraded);
    filled.queue.succeeded();
    assert_eq!(filled.queue.stats().health, Health::Healthy);
    filled.queue.stop();
    filled.queue.succeeded();
    assert_eq!(filled.queue.stats().health, Health::Stopped);
}

#[test]
fn what_waits_makes_as_many_batches_as_it_fills_or_begins() {
    let filled = queue(|config| config.batch_size = 2);
    for batches in [0, 1, 1, 2, 2, 3] {
        assert_eq!(filled.queue.batches(), batches);
        filled.record(1);
    }
}

#[test]
fn an_empty_queue_takes_of_a_chunk_no_more_than_its_bound() {
    for (spans, queued, dropped) in [(1, 1, 0), (2, 2, 0), (3, 2, 1)] {
        let filled = queue(|config| {
            config.max_queue_size = 2;
            config.overload = Overload::DropNewest;
        });
        filled.fill_in_round(1, spans);
        assert_eq!(filled.queue.stats().queued, queued);
        assert_eq!(filled.dropped(DropReason::QueueFullCount), dropped);
    }
}

#[test]
fn a_queue_that_closes_takes_no_chunk() {
    let filled = queue(|_| {});
    filled.queue.ask_close(Duration::from_secs(5));
    filled.fill_in_round(1, 2);
    assert_eq!(filled.queue.stats().queued, 0);
    assert_eq!(filled.dropped(DropReason::AfterShutdown), 2);
}

#[test]
fn a_batch_needs_a_drain_if_it_has_spans_of_a_round_that_is_not_drained() {
    let filled = queue(|_| {});
    filled.fill_in_round(1, 3);
    assert!(!filled.queue.needs_drain(3), "of no buffers");
    let filled = queue(|_| {});
    filled.queue.order_by_rounds(&Arc::new(Rounds::new()));
    assert!(!filled.queue.needs_drain(1), "nothing waits");
    filled.fill_in_round(1, 3);
    assert!(filled.queue.needs_drain(1));
    filled.queue.note_drained(1);
    assert!(!filled.queue.needs_drain(9), "there are no others");
    filled.fill_in_round(2, 2);
    let needs = || [2, 3, 4, 5].map(|count| filled.queue.needs_drain(count));
    assert_eq!(needs(), [false, false, true, true]);
    // What came back from an attempt counts, beside what is in chunks.
    filled.queue.put_back(filled.queue.take(1));
    assert_eq!(needs(), [false, false, true, true]);
}

#[test]
fn a_caller_may_wait_as_long_as_its_policy_allows() {
    const LONGEST: Duration = Duration::from_millis(60);
    let filled = queue(|config| {
        config.max_queue_size = 1;
        config.overload = Overload::Block(LONGEST);
    });
    filled.record(1);
    assert!(filled.time_to_record() >= LONGEST);
    assert_eq!(filled.dropped(DropReason::QueueFullCount), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_over_uses_up_no_more_of_the_time_for_waits() {
    let filled = brief(1);
    filled.record(1);
    for wait in 0..3 {
        let took = filled.time_to_record();
        assert!(took >= Duration::from_millis(10), "{wait}: {took:?}");
        // More than all time for waits in a row. The receiver has accepted nothing meanwhile, so little of it counts.
        tokio::time::advance(Duration::from_secs(4)).await;
    }
}

#[test]
fn a_caller_that_waits_wakes_the_worker_once() {
    let filled = brief(1);
    filled.record(1);
    assert!(filled.is_woken());
    filled.record(1);
    assert!(filled.is_woken(), "to make room");
    filled.record(1);
    assert!(!filled.is_woken(), "it was woken for that");
}

#[test]
fn a_flush_waits_for_what_is_in_flight_though_nothing_else_is_left() {
    let filled = queue(|_| {});
    filled.record(1);
    let ticket = filled.queue.ask_flush();
    let taken = filled.queue.take(1);
    filled.record(1);
    let is_flushed = || filled.queue.wait_flushed(ticket, Duration::ZERO);
    assert!(!is_flushed());
    filled.queue.settle(1, bytes_of(&taken), |_| {});
    assert!(is_flushed());
}

#[test]
fn a_flush_that_cannot_be_done_now_is_given_up_at_once() {
    const LONG: Duration = Duration::from_secs(60);
    let filled = queue(|_| {});
    filled.record(1);
    let ticket = filled.queue.ask_flush();
    let begun = Instant::now();
    let is_done = std::thread::scope(|scope| {
        let waits = scope.spawn(|| filled.queue.wait_flushed(ticket, LONG));
        filled.queue.give_up_flush();
        waits.join().unwrap()
    });
    assert!(!is_done, "the record has no outcome");
    assert!(begun.elapsed() < LONG);
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
fn a_caller_without_time_to_wait_wakes_the_worker() {
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
fn a_full_queue_takes_no_chunk_of_one_span() {
    let filled = full(3);
    filled.fill_in_round(1, 1);
    assert_eq!(filled.queue.stats().queued, 3);
    assert_eq!(filled.dropped(DropReason::QueueFullCount), 1);
}
