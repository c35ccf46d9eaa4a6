//! The queue's bounds and numbers to the last record and byte, when its worker is woken, and when spans may wait in buffers.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use tokio::time::Instant;
use tracefuse_core::record::Record;
use tracefuse_core::testing::Recorder;
use tracefuse_core::{DropReason, Health, Tracer};

use super::outage::Push;
use crate::config::{Overload, PipelineConfig, WhileOpen};
use crate::queue::ExporterQueue;
use crate::queue::envelope::bytes_of;
use crate::queue::phase::{Phase, WakeAt};
use crate::queue::rounds::Rounds;
use crate::worker::next::{Next, next};

pub(super) struct Filled {
    pub(super) queue: Arc<ExporterQueue>,
    tracer: Tracer,
}

pub(super) fn queue(change: impl FnOnce(&mut PipelineConfig)) -> Filled {
    let mut config = PipelineConfig::default();
    change(&mut config);
    let queue = Arc::new(ExporterQueue::new("t".into(), config));
    let tracer = Tracer::builder(Push(queue.clone())).build();
    Filled { queue, tracer }
}

impl Filled {
    /// Records spans of the same size.
    pub(super) fn record(&self, spans: usize) {
        for _ in 0..spans {
            self.tracer.trace("t").run(|_| {});
        }
    }

    pub(super) fn is_woken(&self) -> bool {
        self.queue.wake.notified().now_or_never().is_some()
    }

    pub(super) fn dropped(&self, reason: DropReason) -> u64 {
        self.queue
            .stats()
            .dropped
            .get(&reason)
            .copied()
            .unwrap_or_default()
    }
}

/// Bytes of a span as `record` makes it.
fn size() -> usize {
    let filled = queue(|_| {});
    filled.record(1);
    filled.queue.stats().queued_bytes as usize
}

#[test]
fn bytes_in_flight_count_until_they_are_settled() {
    let filled = queue(|_| {});
    filled.record(5);
    let bytes = || filled.queue.stats().queued_bytes as usize;
    let all = 5 * size();
    let taken = filled.queue.take(2);
    assert_eq!((taken.len(), bytes()), (2, all));
    filled.queue.put_back(taken);
    assert_eq!(bytes(), all);
    let taken = filled.queue.take(2);
    filled
        .queue
        .settle(2, bytes_of(&taken), |state| state.ledger.exported(2));
    assert_eq!(bytes(), 3 * size());
    let rest = filled.queue.take(9);
    filled
        .queue
        .settle(3, bytes_of(&rest), |state| state.ledger.exported(3));
    assert_eq!((bytes(), filled.queue.stats().pending()), (0, 0));
}

#[test]
fn a_queue_that_is_emptied_again_and_again_is_never_full() {
    let filled = queue(|config| config.max_queue_bytes = 3 * size());
    for _ in 0..50 {
        filled.record(3);
        let taken = filled.queue.take(3);
        filled
            .queue
            .settle(3, bytes_of(&taken), |state| state.ledger.exported(3));
    }
    assert_eq!(filled.queue.stats().exported, 150);
}

#[test]
fn a_queue_takes_what_its_bounds_say_and_no_more() {
    let filled = queue(|config| config.max_queue_size = 4);
    filled.record(6);
    assert_eq!(
        (
            filled.queue.stats().queued,
            filled.dropped(DropReason::QueueFullCount)
        ),
        (4, 2)
    );
    for (bytes, taken) in [(3 * size(), 3), (3 * size() - 1, 2), (1, 1)] {
        let filled = queue(|config| config.max_queue_bytes = bytes);
        filled.record(4);
        assert_eq!(filled.queue.stats().queued, taken, "{bytes}");
        assert_eq!(filled.dropped(DropReason::QueueFullBytes), 4 - taken);
    }
}

#[test]
fn a_worker_is_woken_once_when_it_sleeps_and_once_for_a_batch() {
    let filled = queue(|config| config.batch_size = 5);
    assert_eq!(next(&filled.queue, WakeAt::Record), Next::Idle);
    filled.record(1);
    assert!(filled.is_woken(), "it slept");
    filled.record(3);
    assert!(!filled.is_woken(), "no batch yet");
    filled.record(1);
    assert!(filled.is_woken(), "a batch of five");
    filled.record(1);
    assert!(!filled.is_woken(), "woken already");
}

#[test]
fn a_worker_that_pauses_is_woken_for_a_quarter_of_the_queue() {
    let by_count = queue(|config| (config.batch_size, config.max_queue_size) = (2, 40));
    let by_bytes = queue(|config| {
        (config.max_batch_bytes, config.max_queue_bytes) = (2 * size(), 40 * size());
    });
    for filled in [by_count, by_bytes] {
        assert_eq!(next(&filled.queue, WakeAt::Behind), Next::Idle);
        filled.record(9);
        assert!(!filled.is_woken(), "it looks again by itself");
        filled.record(1);
        assert!(filled.is_woken());
    }
}

#[test]
fn a_worker_that_pauses_is_woken_for_512_kib() {
    let filled = queue(|_| {});
    assert_eq!(next(&filled.queue, WakeAt::Behind), Next::Idle);
    let most = (512 * 1024 - 1) / size();
    filled.record(most);
    assert!(!filled.is_woken(), "{most} spans");
    filled.record(1);
    assert!(filled.is_woken());
}

#[test]
fn a_worker_that_works_is_not_woken_for_a_batch() {
    let filled = queue(|config| config.batch_size = 2);
    filled.record(2);
    assert!(filled.is_woken());
    assert_eq!(next(&filled.queue, WakeAt::Record), Next::Send);
    filled.queue.take(2);
    filled.record(2);
    assert!(!filled.is_woken(), "it looks after the batch");
    assert_eq!(next(&filled.queue, WakeAt::Record), Next::Send);
}

#[test]
fn a_worker_is_woken_for_a_batch_of_bytes() {
    let filled = queue(|config| config.max_batch_bytes = 3 * size());
    filled.record(2);
    assert!(!filled.is_woken());
    assert_eq!(next(&filled.queue, WakeAt::Record), Next::Fill);
    filled.record(1);
    assert!(filled.is_woken());
    assert_eq!(next(&filled.queue, WakeAt::Record), Next::Send);
}

#[test]
fn a_queue_is_crowded_beyond_three_quarters() {
    let by_count = queue(|config| config.max_queue_size = 20);
    let by_bytes = queue(|config| config.max_queue_bytes = 20 * size());
    for filled in [by_count, by_bytes] {
        filled.record(15);
        assert!(!filled.queue.is_crowded() && !filled.is_woken());
        assert_eq!(next(&filled.queue, WakeAt::Batch), Next::Fill);
        filled.record(1);
        assert!(filled.queue.is_crowded() && filled.is_woken());
        assert_eq!(
            next(&filled.queue, WakeAt::Batch),
            Next::Send,
            "before it is full"
        );
        filled.record(1);
        assert!(!filled.is_woken(), "woken already");
    }
}

#[test]
fn a_record_without_room_lets_what_waits_be_sent() {
    // Never crowded: one record is less than three quarters, and two are too much.
    let filled = queue(|config| config.max_queue_bytes = size() * 3 / 2);
    filled.record(1);
    assert_eq!(next(&filled.queue, WakeAt::Batch), Next::Fill);
    filled.record(2);
    assert!(filled.is_woken());
    assert_eq!(next(&filled.queue, WakeAt::Batch), Next::Send);
    let taken = filled.queue.take(9);
    filled.queue.put_back(taken);
    assert_eq!(
        next(&filled.queue, WakeAt::Batch),
        Next::Fill,
        "until it has taken some"
    );
}

#[test]
fn what_is_left_after_a_batch_still_counts_its_bytes() {
    let filled = queue(|config| config.max_batch_bytes = 3 * size());
    filled.record(5);
    let taken = filled.queue.take(2);
    assert_eq!(
        next(&filled.queue, WakeAt::Batch),
        Next::Send,
        "three are a batch"
    );
    assert_eq!(filled.queue.take(1).len(), 1);
    assert_eq!(
        next(&filled.queue, WakeAt::Batch),
        Next::Fill,
        "two are not"
    );
    drop(taken);
}

pub(super) fn brief(queue_size: usize) -> Filled {
    let filled = queue(|config| {
        config.max_queue_size = queue_size;
        config.overload = Overload::BlockBriefly;
    });
    filled.queue.succeeded();
    filled
}

impl Filled {
    /// The receiver takes so many.
    fn deliver(&self, records: usize) {
        let taken = self.queue.take(records);
        self.queue.settle(records, bytes_of(&taken), |state| {
            state.ledger.exported(records)
        });
    }

    /// How long it took to record a span, by a clock that may be coarse.
    fn waits(&self) -> bool {
        let start = Instant::now();
        self.record(1);
        start.elapsed() >= Duration::from_millis(10)
    }
}

#[test]
fn a_caller_waits_briefly_for_room_while_the_receiver_is_well() {
    let filled = brief(1);
    filled.record(1);
    assert!(filled.waits());
    assert_eq!(filled.dropped(DropReason::QueueFullCount), 1);
}

#[test]
fn callers_that_wait_early_are_taken_until_the_queue_is_full() {
    let filled = brief(16);
    filled.record(14);
    for dropped in [0, 0, 1, 2] {
        assert!(filled.waits());
        assert_eq!(filled.dropped(DropReason::QueueFullCount), dropped);
    }
    assert_eq!(filled.queue.stats().queued, 16);
}

#[test]
fn callers_wait_from_seven_eighths_until_a_sixteenth_is_free() {
    let by_count = brief(160);
    let by_bytes = queue(|config| {
        config.max_queue_bytes = 160 * size();
        config.overload = Overload::BlockBriefly;
    });
    for filled in [by_count, by_bytes] {
        filled.queue.succeeded();
        filled.record(139);
        assert!(filled.queue.has_capacity());
        filled.record(1);
        assert!(!filled.queue.has_capacity());
        filled.deliver(10);
        assert!(!filled.queue.has_capacity(), "130 are left");
        filled.deliver(1);
        assert!(filled.queue.has_capacity());
        filled.record(10);
        assert!(filled.queue.has_capacity(), "139 again");
    }
}

#[test]
fn no_caller_waits_for_a_receiver_that_fails() {
    let filled = brief(16);
    filled.record(14);
    assert!(!filled.queue.has_capacity());
    for health in [
        Health::Degraded,
        Health::Open {
            retry_in: Duration::ZERO,
        },
    ] {
        filled.queue.with(|state| state.health = health);
        assert!(filled.queue.has_capacity());
        filled.queue.with(|state| state.health = Health::Healthy);
        assert!(!filled.queue.has_capacity(), "it is back");
    }
    filled.queue.ask_close(Duration::from_secs(5));
    assert!(filled.queue.has_capacity(), "nothing is waited for then");
}

#[test]
fn a_caller_waits_for_two_queues_no_longer_than_for_one() {
    let (one, other) = (brief(1), brief(1));
    let recorder = Recorder::new();
    recorder.tracer().trace("t").run(|_| {});
    let span = recorder.only();
    let record = || Record::from(span.clone());
    let mut waited = Duration::ZERO;
    one.queue.push(record(), None, &mut waited);
    assert_eq!(waited, Duration::ZERO);
    one.queue.push(record(), None, &mut waited);
    let at_most = waited;
    assert!(at_most >= Duration::from_millis(15));
    other.queue.push(record(), None, &mut waited);
    other.queue.push(record(), None, &mut waited);
    assert_eq!(waited, at_most);
    assert_eq!(other.dropped(DropReason::QueueFullCount), 1);
}

/// Whether spans are refused at their start, at each number of records that wait while the receiver is away.
fn refused_while_open(change: impl FnOnce(&mut PipelineConfig), records: usize) -> Vec<bool> {
    let filled = queue(change);
    let retry_in = Duration::from_secs(60);
    filled
        .queue
        .with(|state| state.health = Health::Open { retry_in });
    let mut refused = vec![filled.queue.refuses()];
    for _ in 0..records {
        filled.record(1);
        refused.push(filled.queue.refuses());
    }
    filled.queue.with(|state| state.health = Health::Healthy);
    assert!(!filled.queue.refuses(), "it is back");
    refused
}

#[test]
fn spans_are_refused_at_their_start_where_they_would_be_dropped() {
    let no_op = |config: &mut PipelineConfig| config.while_open = WhileOpen::NoOp;
    // One is needed as a probe.
    assert_eq!(refused_while_open(no_op, 1), [false, true]);
    let full = |config: &mut PipelineConfig| config.max_queue_size = 2;
    assert_eq!(refused_while_open(full, 2), [false, false, true]);
    let oldest_go = |config: &mut PipelineConfig| {
        config.max_queue_size = 1;
        config.overload = Overload::DropOldest;
    };
    assert_eq!(refused_while_open(oldest_go, 2), [false; 3]);
}

#[test]
fn the_oldest_go_where_that_is_asked_for() {
    let filled = queue(|config| {
        config.max_queue_size = 3;
        config.overload = Overload::DropOldest;
    });
    filled.record(5);
    let left: Vec<u64> = filled
        .queue
        .take(9)
        .iter()
        .map(|queued| queued.seq)
        .collect();
    assert_eq!(
        (left, filled.dropped(DropReason::QueueFullCount)),
        (vec![3, 4, 5], 2)
    );
}

#[test]
fn spans_wait_only_in_an_open_round_while_every_queue_has_room() {
    let rounds = Rounds::new();
    let seen = || (rounds.now().round(), rounds.now().has_capacity());
    assert_eq!(seen(), (None, true), "no worker watches");
    rounds.begin_watch();
    assert_eq!(seen(), (Some(1), true));
    // Two queues: there is room again when both have some.
    rounds.note_capacity(false);
    rounds.note_capacity(false);
    assert_eq!((rounds.begin(), rounds.current()), (1, 2));
    rounds.note_capacity(true);
    assert_eq!(seen(), (None, false));
    rounds.note_capacity(true);
    assert_eq!(seen(), (Some(2), true));
    assert!(rounds.now().is_round(2) && !rounds.now().is_round(1));
    rounds.note_capacity(false);
    rounds.close();
    rounds.note_capacity(true);
    rounds.begin();
    assert_eq!(seen(), (None, true), "closed for good");
}

/// How long a shutdown has that is asked for with these times, in this order.
fn given(asked: &[Duration]) -> std::ops::RangeInclusive<Duration> {
    let filled = queue(|_| {});
    let before = Instant::now();
    asked.iter().for_each(|time| filled.queue.ask_close(*time));
    let Phase::Closing(deadline) = filled.queue.phase() else {
        panic!("{asked:?}");
    };
    deadline - Instant::now()..=deadline - before
}

#[test]
fn a_shutdown_may_be_given_a_year() {
    let days = |days: u64| Duration::from_secs(days * 24 * 3600);
    for (asked, expected) in [
        (days(364), days(364)),
        (days(365), days(365)),
        (Duration::MAX, days(365)),
    ] {
        assert!(given(&[asked]).contains(&expected), "{asked:?}");
    }
}

#[test]
fn of_two_shutdowns_the_longer_one_counts() {
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    assert!(given(&[hours(5), hours(9)]).contains(&hours(9)));
    assert!(given(&[hours(9), hours(2)]).contains(&hours(9)));
}

#[test]
fn a_flush_is_done_when_the_last_record_before_it_has_left() {
    let filled = queue(|_| {});
    filled.record(1);
    let ticket = filled.queue.ask_flush();
    filled.record(1);
    assert!(!filled.queue.wait_flushed(ticket, Duration::ZERO));
    let ticket = filled.queue.ask_flush();
    let taken = filled.queue.take(1);
    assert!(
        !filled.queue.wait_flushed(ticket, Duration::ZERO),
        "in flight"
    );
    let bytes = bytes_of(&taken);
    filled.queue.settle(1, bytes, |_| {});
    assert!(
        !filled.queue.wait_flushed(ticket, Duration::ZERO),
        "one waits"
    );
    let taken = filled.queue.take(1);
    filled.queue.settle(1, bytes_of(&taken), |_| {});
    filled.record(1);
    assert!(
        filled.queue.wait_flushed(ticket, Duration::ZERO),
        "only a later one"
    );
}
