//! When a batch is sent again at once, after a wait, parked, or put back into the queue.
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use tokio::time::{Instant, advance};

use super::*;
use crate::delivery::{DropReason, Parked};

/// Records of a queue, and of its parked batches.
fn waiting(queue: &ExporterQueue) -> (usize, Vec<usize>) {
    let mut parked = Vec::new();
    while let Some(Parked { items, .. }) = queue.take_aside() {
        parked.push(items.len());
    }
    (queue.take(usize::MAX).len(), parked)
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_is_parked_and_one_of_more_than_batch_size_put_back() {
    // The first batch is taken soon, so the second one may have twice as many records.
    let second: Answer = |call, batch| match call {
        0 => takes(call, batch),
        _ => fails(call, batch),
    };
    for (records, expected) in [(3, (0, vec![1])), (4, (0, vec![2])), (5, (3, vec![]))] {
        let queue = queue(|config| (config.batch_size, config.max_retries) = (2, 0));
        let (mut delivery, sent) = delivery(&queue, None, second);
        record(&queue, 0..records);
        delivery.send().await;
        delivery.send().await;
        let sizes: Vec<_> = sent.lock().unwrap().iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, records - 2]);
        assert_eq!(waiting(&queue), expected, "{records}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_larger_batch_waits_after_a_failure_but_is_not_sent_again_as_it_is() {
    let second: Answer = |call, batch| match call {
        0 => takes(call, batch),
        _ => Err(ExportError::retry("503").with_retry_after(milliseconds(5_000))),
    };
    let queue = queue(|config| config.batch_size = 2);
    let (mut delivery, sent) = delivery(&queue, None, second);
    record(&queue, 0..5);
    delivery.send().await;
    let begun = Instant::now();
    delivery.send().await;
    assert!(begun.elapsed() >= milliseconds(5_000));
    assert_eq!(sent.lock().unwrap().len(), 2);
    assert_eq!(waiting(&queue), (3, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ends_after_the_time_of_a_batch_is_not_begun() {
    let answer: Answer =
        |_, _| Err(ExportError::retry("503").with_retry_after(milliseconds(5_000)));
    for (batch_timeout, calls) in [(5_000, 1), (6_001, 2)] {
        let queue = queue(|config| config.batch_timeout = milliseconds(batch_timeout));
        let (mut delivery, sent) = delivery(&queue, None, answer);
        record(&queue, 0..1);
        let begun = Instant::now();
        delivery.send().await;
        assert_eq!(sent.lock().unwrap().len(), calls);
        let waited = begun.elapsed();
        assert_eq!(waited >= milliseconds(5_000), calls == 2, "{waited:?}");
        assert_eq!(waiting(&queue), (0, vec![1]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_which_the_breaker_opens_is_put_back_without_a_wait() {
    let queue = queue(|config| config.circuit_breaker_threshold = 1);
    let (mut delivery, sent) = delivery(&queue, None, fails);
    record(&queue, 0..1);
    let begun = Instant::now();
    delivery.send().await;
    assert_eq!(
        (begun.elapsed(), sent.lock().unwrap().len()),
        (milliseconds(0), 1)
    );
    assert_eq!(waiting(&queue), (1, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_the_wait_for_a_retry() {
    let answer: Answer =
        |_, _| Err(ExportError::retry("503").with_retry_after(milliseconds(5_000)));
    let queue = queue(|_| {});
    let (mut delivery, sent) = delivery(&queue, None, answer);
    record(&queue, 0..1);
    let closes = queue.clone();
    tokio::spawn(async move {
        tokio::time::sleep(milliseconds(1_000)).await;
        closes.ask_close(milliseconds(60_000));
    });
    let begun = Instant::now();
    delivery.send().await;
    assert_eq!(
        (begun.elapsed(), sent.lock().unwrap().len()),
        (milliseconds(1_000), 1)
    );
    assert_eq!(waiting(&queue), (1, vec![]));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_while_the_breaker_is_open_or_the_receiver_asked_for_a_pause() {
    let queue = queue(|config| {
        config.circuit_breaker_threshold = 1;
        config.circuit_breaker_reset = milliseconds(10_000);
    });
    let (mut delivery, _) = delivery(&queue, None, fails);
    assert_eq!(delivery.blocked(), None);
    delivery.paused_until = Some(Instant::now() + milliseconds(2_000));
    assert_eq!(delivery.blocked(), Some(milliseconds(2_000)));
    advance(milliseconds(1_999)).await;
    assert_eq!(delivery.blocked(), Some(milliseconds(1)));
    advance(milliseconds(1)).await;
    assert_eq!(delivery.blocked(), None);
    record(&queue, 0..1);
    delivery.send().await;
    let open = delivery.blocked().unwrap();
    assert!((10_000..=11_000).contains(&open.as_millis()), "{open:?}");
    for (pause, longer) in [(9_999, open), (11_001, milliseconds(11_001))] {
        delivery.paused_until = Some(Instant::now() + milliseconds(pause));
        assert_eq!(delivery.blocked(), Some(longer), "the longer of the two");
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_is_dropped_when_its_first_failure_is_longer_ago_than_max_age() {
    let queue = queue(|config| config.max_age = milliseconds(1_000));
    let (delivery, _) = delivery(&queue, None, takes);
    record(&queue, 0..3);
    let mut items = queue.take(3);
    let now = Instant::now();
    items[1].tried = Some(now);
    items[2].tried = Some(now - milliseconds(1));
    advance(milliseconds(999)).await;
    let mut items = delivery.drop_old(items);
    assert_eq!(items.len(), 3, "one is exactly as old as it may be");
    for left in [2, 1, 1] {
        advance(milliseconds(1)).await;
        items = delivery.drop_old(items);
        assert_eq!(items.len(), left);
    }
    assert_eq!(queue.stats().dropped[&DropReason::MaxAge], 2);
}

#[tokio::test(start_paused = true)]
async fn a_parked_batch_is_dropped_when_its_retries_are_used_up_the_third_time() {
    for (rounds, is_dropped) in [(0, false), (1, false), (2, true), (3, true)] {
        let queue = queue(|config| config.max_retries = 0);
        let (mut delivery, _) = delivery(&queue, None, fails);
        record(&queue, 0..2);
        let items = queue.take(2);
        queue.park(Parked { items, rounds });
        delivery.again().await;
        let dropped = queue.stats().dropped_total();
        assert_eq!(dropped, if is_dropped { 2 } else { 0 }, "{rounds}");
        assert_eq!(queue.stats().pending(), 2 - dropped);
    }
}
