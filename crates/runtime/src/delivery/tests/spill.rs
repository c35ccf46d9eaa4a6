//! What goes to disk and when, and a disk that refuses a write.
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use std::path::Path;

use tokio::time::{Instant, advance};
use tracefuse_core::DropReason;
use tracefuse_exporter::ExportError;

use super::*;
use crate::config::SpoolMode;
use crate::queue::envelope::Queued;
use crate::spool::SpoolConfig;

fn disk(queue: &Arc<ExporterQueue>, dir: &Path, mode: SpoolMode) -> Disk {
    let resource = Resource::default();
    Disk::open(
        queue.clone(),
        SpoolConfig::new(dir),
        mode,
        "here",
        &resource,
    )
    .unwrap()
}

/// Delivery with a disk that is used when the receiver fails.
fn on_failure(queue: &Arc<ExporterQueue>, dir: &Path, answer: Answer) -> (Delivery, Sent) {
    let disk = disk(queue, dir, SpoolMode::OnFailure);
    delivery(queue, Some(disk), answer)
}

/// Puts a file in the place of the spool's directory, so that the next write fails.
fn break_disk(dir: &Path) {
    std::fs::remove_dir_all(dir.join("v1")).unwrap();
    std::fs::write(dir.join("v1"), "a file in the way").unwrap();
}

fn mend_disk(dir: &Path) {
    std::fs::remove_file(dir.join("v1")).unwrap();
}

/// Takes all records out of the queue and gives them to the disk; how many come back.
fn store(delivery: &mut Delivery) -> usize {
    let items = delivery.queue.take(usize::MAX);
    let left = delivery.store(items);
    let count = left.len();
    delivery.queue.put_back(left);
    count
}

#[tokio::test(start_paused = true)]
async fn a_part_of_a_shutdowns_time_is_kept_for_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(|_| {});
    let (without, _) = delivery(&queue, None, takes);
    let (with, _) = on_failure(&queue, dir.path(), takes);
    for (left, kept) in [
        (10_000, 500),
        (2_000, 500),
        (1_996, 499),
        (1_000, 250),
        (4, 1),
        (0, 0),
    ] {
        let deadline = Instant::now() + milliseconds(left);
        assert_eq!(without.before(deadline), deadline);
        assert_eq!(with.before(deadline), deadline - milliseconds(kept));
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_should_not_wait_in_memory_goes_to_disk() {
    // Three quarters of eight records are no crowd, seven are.
    for (mode, is_open, records, on_disk) in [
        (SpoolMode::OnFailure, false, 6, 0),
        (SpoolMode::OnFailure, false, 7, 7),
        (SpoolMode::OnFailure, true, 1, 2),
        (SpoolMode::WriteAhead, false, 1, 1),
        (SpoolMode::WriteAhead, true, 7, 8),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(|config| {
            (config.max_queue_size, config.max_retries) = (8, 0);
            config.circuit_breaker_threshold = if is_open { 1 } else { 100 };
        });
        let disk = disk(&queue, dir.path(), mode);
        let (mut delivery, _) = delivery(&queue, Some(disk), fails);
        if is_open {
            record(&queue, 0..1);
            delivery.send().await;
        }
        record(&queue, 0..records);
        delivery.tend();
        assert_eq!(
            queue.stats().spooled,
            on_disk,
            "{mode:?}, {is_open}, {records}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_parked_batch_goes_to_disk_only_while_the_breaker_is_open() {
    for (threshold, on_disk) in [(2, 7), (1, 8)] {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(|config| {
            (config.max_queue_size, config.max_retries) = (8, 0);
            config.circuit_breaker_threshold = threshold;
        });
        let (mut delivery, _) = on_failure(&queue, dir.path(), fails);
        record(&queue, 0..1);
        delivery.send().await;
        record(&queue, 0..7);
        delivery.tend();
        let stats = queue.stats();
        assert_eq!((stats.spooled, stats.pending()), (on_disk, 8 - on_disk));
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_being_written_ends_with_a_flush_and_counts() {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(|config| config.batch_size = 2);
    let (mut without, _) = delivery(&queue, None, takes);
    assert_eq!(without.seal(), 0);
    let (mut delivery, _) = on_failure(&queue, dir.path(), takes);
    for (records, batches) in [(0, 0), (1, 1), (3, 3), (2, 4)] {
        record(&queue, 0..records);
        assert_eq!(store(&mut delivery), 0);
        assert_eq!(queue.stats().queued_bytes, 0, "none is in memory");
        assert_eq!(delivery.seal(), batches, "{records}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_on_disk_stays_the_first_unless_its_retries_are_used_up() {
    let pauses: Answer = |call, batch| match call {
        0 => Err(ExportError::pause(None, "429")),
        _ => takes(call, batch),
    };
    let once: Answer = |call, batch| match call {
        0 => fails(call, batch),
        _ => takes(call, batch),
    };
    for (answer, expected) in [(pauses, ["0", "0", "1"]), (once, ["0", "1", "0"])] {
        let dir = tempfile::tempdir().unwrap();
        let queue = queue(|config| (config.batch_size, config.max_retries) = (1, 0));
        let (mut delivery, sent) = on_failure(&queue, dir.path(), answer);
        record(&queue, 0..2);
        assert_eq!(store(&mut delivery), 0);
        for _ in 0..3 {
            delivery.send_stored().await;
            advance(milliseconds(2_000)).await;
        }
        assert_eq!(sent.lock().unwrap().concat(), expected);
        assert_eq!(queue.stats().exported, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn the_worker_looks_after_the_disk_when_a_batch_ends_or_a_broken_one_may_work() {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(|config| config.flush_interval = milliseconds(40_000));
    let (without, _) = delivery(&queue, None, takes);
    assert_eq!(without.disk_due(), None);
    let (mut delivery, _) = on_failure(&queue, dir.path(), takes);
    assert_eq!(delivery.disk_due(), None, "nothing is there to do");
    let begun = Instant::now();
    break_disk(dir.path());
    record(&queue, 0..1);
    assert_eq!(store(&mut delivery), 1, "it does not take it");
    assert_eq!(delivery.disk_due(), Some(begun + milliseconds(30_000)));
    mend_disk(dir.path());
    advance(milliseconds(30_000)).await;
    assert_eq!(delivery.disk_due(), None, "it may be used");
    assert_eq!(store(&mut delivery), 0);
    assert_eq!(delivery.disk_due(), Some(begun + milliseconds(70_000)));
    delivery.seal();
    assert_eq!(delivery.disk_due(), None);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_refused_a_write_is_left_alone_for_30_seconds() {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(|_| {});
    let (without, _) = delivery(&queue, None, takes);
    assert!(!without.has_usable_disk() && !without.has_broken_disk());
    let (mut delivery, _) = on_failure(&queue, dir.path(), takes);
    assert!(delivery.has_usable_disk() && !delivery.has_broken_disk());
    break_disk(dir.path());
    record(&queue, 0..3);
    assert_eq!(store(&mut delivery), 3);
    mend_disk(dir.path());
    for wait in [0, 29_999] {
        advance(milliseconds(wait)).await;
        assert!(!delivery.has_usable_disk() && delivery.has_broken_disk());
        assert_eq!(store(&mut delivery), 3, "it works, but is not asked");
    }
    advance(milliseconds(1)).await;
    assert!(delivery.has_usable_disk() && !delivery.has_broken_disk());
    assert_eq!((store(&mut delivery), queue.stats().spooled), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_process_asks_a_disk_again_that_refused_a_write() {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(|_| {});
    let (mut delivery, _) = on_failure(&queue, dir.path(), takes);
    break_disk(dir.path());
    record(&queue, 0..3);
    assert_eq!(store(&mut delivery), 3);
    mend_disk(dir.path());
    delivery.retry_disk();
    assert!(delivery.has_usable_disk());
    delivery.save();
    assert_eq!(queue.stats().spooled, 3);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_no_receiver_if_the_disk_takes_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(|_| {});
    let (mut delivery, _) = on_failure(&queue, dir.path(), takes);
    let until = Instant::now() + milliseconds(10_000);
    assert_eq!(delivery.closing_wait(0, until), None);
    break_disk(dir.path());
    record(&queue, 0..1);
    store(&mut delivery);
    assert!(delivery.closing_wait(0, until).is_some());
}

#[tokio::test(start_paused = true)]
async fn only_a_loss_on_disk_is_counted_and_logged_as_one() {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(|config| config.batch_size = 2);
    let (mut delivery, _) = on_failure(&queue, dir.path(), takes);
    record(&queue, 0..4);
    store(&mut delivery);
    delivery.send_stored().await;
    let stats = queue.stats();
    assert_eq!((stats.spooled, stats.exported), (2, 2));
    assert!(stats.dropped.is_empty(), "{stats:?}");
    assert!(!is_noted(&queue, Notice::SpoolLost));

    advance(milliseconds(60_000)).await;
    std::fs::remove_dir_all(dir.path().join("v1")).unwrap();
    delivery.save();
    let stats = queue.stats();
    assert_eq!(stats.spooled, 0);
    let lost = [(DropReason::SpoolCorrupt, 2)];
    assert_eq!(stats.dropped.into_iter().collect::<Vec<_>>(), lost);
    assert!(is_noted(&queue, Notice::SpoolLost));
}

#[tokio::test(start_paused = true)]
async fn records_that_did_not_get_to_disk_are_in_the_queue_again_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let queue = queue(|_| {});
    let (mut delivery, _) = on_failure(&queue, dir.path(), takes);
    break_disk(dir.path());
    record(&queue, 0..3);
    delivery.empty_queue();
    assert_eq!(queue.stats().queued, 3);
    let items: Vec<Queued> = queue.take(3);
    let names = items.iter().map(|item| {
        let span = item.record.as_span().unwrap();
        span.name().to_owned()
    });
    assert_eq!(names.collect::<Vec<_>>(), ["0", "1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_on_disk_is_left_to_the_next_process() {
    let dir = tempfile::tempdir().unwrap();
    let first = queue(|_| {});
    let (mut delivery, _) = on_failure(&first, dir.path(), takes);
    record(&first, 0..3);
    store(&mut delivery);
    delivery.save();
    for (is_released, expected) in [(false, 0), (true, 3)] {
        if is_released {
            delivery.release_disk();
        }
        let second = queue(|_| {});
        let disk = disk(&second, dir.path(), SpoolMode::OnFailure);
        let ready = (disk.ready() > 0, second.stats().recovered);
        assert_eq!(ready, (is_released, expected));
    }
}
