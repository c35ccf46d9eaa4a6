//! Chunks of a thread's spans that are given to a queue: what of them it takes.

use std::time::Duration;

use tracefuse_core::record::{Chunk, SharedChunk, Timestamp};
use tracefuse_core::testing::Recorder;
use tracefuse_core::{Clock, DropReason, Health, ManualClock, Tracer};

use super::queue::{Filled, queue};
use crate::config::{Overload, WhileOpen};
use crate::queue::Source;
use crate::queue::envelope::{Queued, bytes_of};

impl Filled {
    /// Hands over a chunk of so many spans, as a thread's buffer does.
    pub(super) fn hand_over(&self, spans: usize, force: bool) {
        let chunk = chunk(spans);
        let from = Source {
            thread: 1,
            round: 1,
        };
        self.queue.push_chunk(&chunk, from, force).settle();
    }
}

pub(super) fn chunk(spans: usize) -> SharedChunk {
    chunk_at(spans, 1_000)
}

/// A chunk of spans that end one nanosecond after another, from this one on.
fn chunk_at(spans: usize, nanos: u64) -> SharedChunk {
    let recorder = Recorder::new();
    let clock = ManualClock::at(Timestamp::from_unix_nanos(nanos));
    let tracer = Tracer::builder(recorder.clone()).clock(Clock::new(clock.clone()));
    let tracer = tracer.build();
    for _ in 0..spans {
        tracer.trace("t").run(|_| {});
        clock.advance(Duration::from_nanos(1));
    }
    let mut chunk = Chunk::default();
    for span in recorder.spans() {
        chunk.push_record(&span);
    }
    chunk.into()
}

#[test]
fn of_a_chunk_a_queue_takes_what_it_has_room_for() {
    let by_count = queue(|config| {
        config.max_queue_size = 5;
        config.overload = Overload::DropNewest;
    });
    for (spans, queued, dropped) in [(3, 3, 0), (3, 5, 1), (2, 5, 3)] {
        by_count.hand_over(spans, false);
        assert_eq!(by_count.queue.stats().queued, queued);
        assert_eq!(by_count.dropped(DropReason::QueueFullCount), dropped);
    }
    by_count.hand_over(2, true);
    assert_eq!(by_count.queue.stats().queued, 7, "where callers wait");
    let by_bytes = queue(|config| {
        config.max_queue_bytes = chunk(3).size();
        config.overload = Overload::DropNewest;
    });
    by_bytes.hand_over(3, false);
    by_bytes.hand_over(1, false);
    assert_eq!(by_bytes.queue.stats().queued, 3);
    assert_eq!(by_bytes.dropped(DropReason::QueueFullBytes), 1);
}

#[test]
fn of_a_chunk_one_span_is_a_probe_and_none_is_taken_at_the_end() {
    for force in [false, true] {
        let filled = queue(|config| config.while_open = WhileOpen::NoOp);
        let retry_in = Duration::from_secs(60);
        filled
            .queue
            .with(|state| state.health = Health::Open { retry_in });
        filled.hand_over(3, force);
        assert_eq!(filled.queue.stats().queued, 1);
        assert_eq!(filled.dropped(DropReason::CircuitOpen), 2);
        filled.queue.ask_close(Duration::from_secs(5));
        filled.hand_over(2, force);
        assert_eq!(filled.dropped(DropReason::AfterShutdown), 2);
    }
}

#[test]
fn spans_of_threads_that_come_alone_leave_in_the_order_they_ended() {
    let recorder = Recorder::new();
    let clock = ManualClock::at(Timestamp::from_unix_nanos(1));
    let tracer = Tracer::builder(recorder.clone())
        .clock(Clock::new(clock.clone()))
        .build();
    for name in ["first", "second", "third"] {
        clock.advance(Duration::from_secs(1));
        tracer.trace(name).run(|_| {});
    }
    let spans = recorder.spans();
    let filled = queue(|_| {});
    for (at, thread) in [(1, 2), (0, 1), (2, 2)] {
        let from = Source { thread, round: 1 };
        let waited = &mut Duration::default();
        filled
            .queue
            .push(spans[at].clone().into(), Some(from), waited);
    }
    let taken = filled.queue.take(3);
    let names = taken
        .iter()
        .map(|queued| queued.record.as_span().unwrap().name());
    assert_eq!(names.collect::<Vec<_>>(), ["first", "second", "third"]);
}

/// A queue of eight records, full: chunks of two threads, and a single record before, between and behind them.
fn mixed() -> Filled {
    let filled = queue(|config| {
        config.max_queue_size = 8;
        config.overload = Overload::DropOldest;
    });
    let hand_over = |thread, spans| {
        let from = Source { thread, round: 1 };
        // Threads are merged by the ends of their spans.
        let chunk = chunk_at(spans, thread * 1_000);
        filled.queue.push_chunk(&chunk, from, false).settle();
    };
    filled.single();
    hand_over(1, 2);
    filled.single();
    hand_over(2, 3);
    filled.single();
    filled
}

impl Filled {
    /// Pushes a record that comes alone.
    fn single(&self) {
        let recorder = Recorder::new();
        recorder.tracer().trace("single").run(|_| {});
        let record = recorder.only().into();
        self.queue.push(record, None, &mut Duration::default());
    }

    /// The numbers of all records, in the order in which they leave, `count` at a time.
    fn numbers(&self, count: usize) -> Vec<u64> {
        let next = || Some(self.queue.take(count)).filter(|taken| !taken.is_empty());
        let batches: Vec<_> = std::iter::from_fn(next).collect();
        let whole = batches
            .iter()
            .rev()
            .skip(1)
            .all(|batch| batch.len() == count);
        assert!(whole, "{count}");
        batches.iter().flatten().map(|queued| queued.seq).collect()
    }
}

#[test]
fn single_records_leave_between_the_spans_of_chunks() {
    for count in 1..=8 {
        assert_eq!(
            mixed().numbers(count),
            (1..=8).collect::<Vec<_>>(),
            "{count}"
        );
    }
}

#[test]
fn the_oldest_record_is_dropped_wherever_it_waits() {
    for more in 1..=8 {
        let filled = mixed();
        (0..more).for_each(|_| filled.single());
        let left: Vec<_> = (more + 1..=more + 8).collect();
        assert_eq!(filled.numbers(8), left, "{more}");
        assert_eq!(filled.dropped(DropReason::QueueFullCount), more);
    }
}

#[test]
fn of_threads_the_one_with_the_oldest_record_loses_it() {
    let filled = queue(|config| {
        config.max_queue_size = 3;
        config.overload = Overload::DropOldest;
    });
    for thread in [1, 2, 1] {
        let from = Source { thread, round: 1 };
        filled.queue.push_chunk(&chunk(1), from, false).settle();
    }
    filled.single();
    filled.single();
    assert_eq!(filled.numbers(8), [3, 4, 5]);
}

#[test]
fn spans_that_are_added_to_a_chunk_leave_by_their_numbers() {
    let filled = queue(|_| {});
    let push = |name: &str, from: Option<Source>| {
        let recorder = Recorder::new();
        recorder.tracer().trace(name).run(|_| {});
        let waited = &mut Duration::default();
        filled.queue.push(recorder.only().into(), from, waited);
    };
    let from = Source {
        thread: 1,
        round: 1,
    };
    // The first three are one chunk, so they have the numbers 1 to 3; the one that comes between them has 2.
    push("a", Some(from));
    push("alone", None);
    push("b", Some(from));
    push("c", Some(from));
    let taken = filled.queue.take(4);
    let name = |queued: &Queued| queued.record.as_span().map(|span| span.name().to_owned());
    let names: Vec<_> = taken.iter().filter_map(name).collect();
    assert_eq!(names, ["a", "b", "alone", "c"]);
}

#[test]
fn bytes_leave_with_their_spans() {
    let filled = queue(|_| {});
    filled.hand_over(3, false);
    let bytes = || filled.queue.stats().queued_bytes as usize;
    for left in [2, 1, 0] {
        let before = bytes();
        let taken = filled.queue.take(1);
        let own = bytes_of(&taken);
        filled
            .queue
            .settle(1, own, |state| state.ledger.exported(1));
        assert_eq!(bytes(), before - own, "{left} are left");
    }
    assert_eq!(bytes(), 0);
}
