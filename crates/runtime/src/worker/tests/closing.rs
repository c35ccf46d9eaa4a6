//! A shutdown uses its time: on paused time, against receivers that come back, or do not.
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::{Instant, sleep};
use tracefuse_core::{DropReason, RejectReason};
use tracefuse_exporter::{ExportError, ExportReport};

use super::outage::{Worker, down};
use crate::queue::phase::Phase;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Asks for a shutdown and waits for its end; how long it took.
async fn close(worker: &Worker, within: Duration) -> Duration {
    let began = Instant::now();
    worker.queue.ask_close(within);
    while worker.queue.phase() != Phase::Stopped {
        sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

fn back_after(time: Duration) -> Worker {
    Worker::start(
        |config| config.max_retries = 0,
        move |now, batch| {
            if now < time {
                Err(down())
            } else {
                Ok(ExportReport::accepted(batch.len()))
            }
        },
    )
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_a_receiver_that_comes_back() {
    // The breaker has opened for a minute when the shutdown begins.
    let worker = back_after(seconds(53));
    worker.record(250);
    sleep(seconds(50)).await;
    let took = close(&worker, seconds(90)).await;
    let stats = worker.stats();
    assert_eq!((stats.exported, stats.dropped_total()), (250, 0));
    assert!(
        took < seconds(20),
        "it ends when all is delivered: {took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_tries_until_its_last_moment_and_not_in_a_storm() {
    let worker = back_after(seconds(9_999));
    worker.record(250);
    sleep(seconds(50)).await;
    let before = worker.calls().len();
    let took = close(&worker, seconds(30)).await;
    assert!(took >= seconds(29) && took <= seconds(31), "{took:?}");
    let calls = worker.calls()[before..].to_vec();
    assert!((10..40).contains(&calls.len()), "{calls:?}");
    assert!(calls.last().unwrap().0 > seconds(79), "{calls:?}");
    let stats = worker.stats();
    assert_eq!(stats.dropped[&DropReason::ShutdownDeadline], 250);
    assert_eq!(
        stats.last_error.as_deref(),
        Some("503"),
        "the cause, not the time"
    );
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_fails_in_a_shutdown_lets_the_others_pass() {
    let worker = Worker::start(
        |config| config.batch_size = 10,
        |_, batch| {
            if batch.spans().any(|span| span.name() == "0") {
                Err(down())
            } else {
                Ok(ExportReport::accepted(batch.len()))
            }
        },
    );
    worker.record(50);
    close(&worker, seconds(5)).await;
    let stats = worker.stats();
    assert_eq!((stats.exported, stats.dropped_total()), (40, 10));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_refuses_us_ends_a_shutdown_at_once() {
    let worker = Worker::start(|_| {}, |_, _| Err(ExportError::stop("401")));
    worker.record(5);
    assert!(close(&worker, seconds(60)).await < seconds(1));
    assert_eq!(worker.stats().rejected[&RejectReason::Unauthorized], 5);
}

#[tokio::test(start_paused = true)]
async fn a_pause_longer_than_a_shutdown_ends_it_at_once() {
    for error in [
        || ExportError::pause(Some(Duration::from_secs(60)), "429: slow down"),
        || ExportError::retry("429: slow down").with_retry_after(Duration::from_secs(60)),
    ] {
        let worker = Worker::start(|_| {}, move |_, _| Err(error()));
        worker.record(5);
        assert!(close(&worker, seconds(5)).await < seconds(1));
        let stats = worker.stats();
        assert_eq!(stats.dropped[&DropReason::ShutdownDeadline], 5);
        assert_eq!(stats.last_error.as_deref(), Some("429: slow down"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_in_a_shutdown_is_cut_off_at_its_end() {
    let worker = Worker::start(|_| {}, |_, _| Err(down()));
    worker.record(5);
    // The first attempt has failed; the retry waits for its turn when the shutdown begins.
    sleep(seconds(5) + Duration::from_millis(1)).await;
    let took = close(&worker, seconds(3)).await;
    assert!(
        took >= Duration::from_millis(2_900) && took <= seconds(4),
        "{took:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever the state of the breaker, what a receiver can take before three quarters of the time are over
    /// is delivered.
    #[test]
    fn what_comes_back_in_time_gets_everything(
        before in 0u64..200,
        closing in 2_000u64..100_000,
        share in 0u64..70,
        spans in 1usize..300,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let stats = runtime.block_on(async {
            let worker = back_after(seconds(before) + Duration::from_millis(closing * share / 100));
            worker.record(spans);
            sleep(seconds(before)).await;
            close(&worker, Duration::from_millis(closing)).await;
            worker.stats()
        });
        prop_assert_eq!(stats.exported, spans as u64, "{:?}", stats);
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_as_long_as_the_receiver_asks() {
    let worker = Worker::start(|_| {}, |_, _| Err(down().with_retry_after(seconds(3))));
    worker.record(5);
    close(&worker, seconds(10)).await;
    let calls = worker.calls();
    assert!((3..=4).contains(&calls.len()), "{calls:?}");
    for pair in calls.windows(2) {
        assert!(pair[1].0 - pair[0].0 >= seconds(3), "{calls:?}");
    }
}
