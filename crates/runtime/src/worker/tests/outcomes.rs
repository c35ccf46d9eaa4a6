//! What a queue does when records leave it: flushes that are done, losses that are counted, its health, and its batches.

use std::time::Duration;

use tracefuse_core::Health;

use super::guard::Lines;
use super::queue::queue;
use crate::queue::envelope::bytes_of;
use crate::queue::phase::WakeAt;
use crate::worker::next::{Next, next};

#[test]
fn a_flush_waits_for_records_in_flight() {
    let filled = queue(|_| {});
    filled.record(1);
    let taken = filled.queue.take(1);
    let ticket = filled.queue.ask_flush();
    assert!(!matches!(
        next(&filled.queue, WakeAt::Record),
        Next::Flush(_)
    ));
    filled
        .queue
        .settle(1, bytes_of(&taken), |state| state.ledger.exported(1));
    let Next::Flush(due) = next(&filled.queue, WakeAt::Record) else {
        panic!("the flush is due");
    };
    filled.queue.flushed(due);
    assert!(filled.queue.wait_flushed(ticket, Duration::ZERO));
}

#[test]
fn where_nothing_was_lost_no_loss_is_counted_or_logged() {
    let retry_in = Duration::from_secs(60);
    for health in [Health::Healthy, Health::Refused { retry_in }] {
        let lines = Lines::default();
        let _guard = lines.hear();
        let filled = queue(|_| {});
        filled.queue.with(|state| state.health = health);
        assert_eq!(filled.queue.lose_in_flight("none"), 0);
        filled.queue.stop();
        let stats = filled.queue.stats();
        assert!(
            stats.dropped.is_empty() && stats.rejected.is_empty(),
            "{stats:?}"
        );
        assert_eq!(lines.of(""), []);
    }
}

#[test]
fn after_a_success_a_queue_is_healthy_until_it_stops() {
    let filled = queue(|_| {});
    let retry_in = Duration::from_secs(60);
    filled
        .queue
        .with(|state| state.health = Health::Open { retry_in });
    filled.queue.succeeded();
    assert_eq!(filled.queue.stats().health, Health::Healthy);
    filled.queue.stop();
    filled.queue.succeeded();
    assert_eq!(filled.queue.stats().health, Health::Stopped);
}

#[test]
fn what_waits_is_counted_in_batches() {
    let filled = queue(|config| config.batch_size = 2);
    for batches in [0, 1, 1, 2, 2, 3] {
        assert_eq!(filled.queue.batches(), batches);
        filled.record(1);
    }
}
