//! What a shutdown waits for, to the moment.
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use tokio::time::{Instant, advance};
use tracefuse_exporter::ExportError;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_shutdown_delivers_until_its_deadline() {
    let queue = queue(|_| {});
    let (delivery, _) = delivery(&queue, None, takes);
    assert_eq!(delivery.closing_until(), None, "none was requested");
    let deadline = Instant::now() + milliseconds(10);
    queue.ask_close(milliseconds(10));
    assert_eq!(delivery.closing_until(), Some(deadline));
    advance(milliseconds(9)).await;
    assert_eq!(delivery.closing_until(), Some(deadline));
    advance(milliseconds(1)).await;
    assert_eq!(delivery.closing_until(), None, "it is over");
    queue.stop();
    assert_eq!(delivery.closing_until(), None);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_a_pause_that_ends_before_its_deadline() {
    let queue = queue(|_| {});
    let (mut delivery, _) = delivery(&queue, None, takes);
    let pause = milliseconds(3_000);
    delivery.paused_until = Some(Instant::now() + pause);
    for (left, expected) in [(2_999, None), (3_000, None), (3_001, Some(pause))] {
        let until = Instant::now() + milliseconds(left);
        assert_eq!(delivery.closing_wait(0, until), expected, "{left}");
    }
    // One millisecond of the pause is left, then nothing: from there on a shutdown waits as after any failure.
    advance(milliseconds(2_999)).await;
    let until = Instant::now() + milliseconds(10_000);
    assert_eq!(delivery.closing_wait(0, until), Some(milliseconds(1)));
    for _ in 0..2 {
        advance(milliseconds(1)).await;
        let wait = delivery.closing_wait(0, until).unwrap();
        assert!((250..=500).contains(&wait.as_millis()), "{wait:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_no_receiver_that_refuses_us() {
    let queue = queue(|_| {});
    let (mut delivery, _) = delivery(&queue, None, |_, _| Err(ExportError::stop("401")));
    let until = Instant::now() + milliseconds(10_000);
    assert!(delivery.closing_wait(0, until).is_some());
    record(&queue, 0..1);
    delivery.send().await;
    assert_eq!(delivery.closing_wait(0, until), None);
}
