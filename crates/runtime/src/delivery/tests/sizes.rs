//! How many records a batch has, by their encoded bytes. The exporter says here that a record has as many as its name says.
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use super::*;

const KIB: usize = 1024;

/// Records of these sizes, and how many of them each batch has.
async fn batches(
    change: impl FnOnce(&mut PipelineConfig),
    sizes: impl IntoIterator<Item = usize>,
) -> Vec<usize> {
    let queue = queue(change);
    let (mut delivery, sent) = delivery(&queue, None, takes);
    record(&queue, sizes);
    while queue.stats().pending() > 0 {
        let before = sent.lock().unwrap().len();
        delivery.send().await;
        assert!(sent.lock().unwrap().len() > before, "nothing is sent");
    }
    sent.lock().unwrap().iter().map(Vec::len).collect()
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_the_records_that_fit_max_batch_bytes() {
    for (sizes, expected) in [
        (vec![50, 50, 50, 50], vec![2, 2]),
        (vec![50, 51, 49, 51], vec![1, 2, 1]),
        (vec![100, 1], vec![1, 1]),
        (vec![99, 1, 1], vec![2, 1]),
        // A record that is too large by itself is sent alone.
        (vec![101, 1], vec![1, 1]),
        (vec![1, 101, 1], vec![1, 1, 1]),
    ] {
        let of = batches(|config| config.max_batch_bytes = 100, sizes.clone()).await;
        assert_eq!(of, expected, "{sizes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_more_than_batch_size_records_has_512_kib_at_most() {
    // Two batches of small records come first, so that the third one may have eight.
    let small = [1; 6];
    for (size, expected) in [
        (64 * KIB, vec![8, 4]),
        (64 * KIB + 1, vec![7, 5]),
        (128 * KIB, vec![4, 4, 4]),
        (128 * KIB + 1, vec![3, 3, 3, 3]),
        (256 * KIB, vec![2; 6]),
        // A batch of `batch_size` records is not bounded by it.
        (400 * KIB, vec![2; 6]),
    ] {
        let sizes = small.into_iter().chain([size; 12]);
        let of = batches(|config| config.batch_size = 2, sizes).await;
        assert_eq!((&of[..2], &of[2..]), (&[2, 4][..], &expected[..]), "{size}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_is_taken_from_the_queue_than_is_likely_to_fit() {
    let queue = queue(|config| config.batch_size = 2);
    let (mut delivery, _) = delivery(&queue, None, takes);
    record(&queue, [100 * KIB; 30]);
    delivery.send().await;
    delivery.send().await;
    delivery.send().await;
    // Up to sixteen records may be in the next batch, of which five have 500 KiB.
    assert_eq!(delivery.take().len(), 5);
    delivery.learned_bytes = 300 * KIB;
    assert_eq!(delivery.take().len(), 3);
    delivery.learned_bytes = 16 * KIB;
    assert_eq!(delivery.take().len(), 2, "`batch_size` at least");
}

#[tokio::test(start_paused = true)]
async fn a_record_is_cut_only_if_it_is_over_the_limit() {
    let queue = queue(|config| config.max_batch_bytes = 10 * KIB);
    let (delivery, _) = delivery(&queue, None, takes);
    for (size, is_cut) in [(1, false), (10 * KIB, false), (10 * KIB + 1, true)] {
        let recorder = Recorder::new();
        let trace = recorder.tracer().trace(&size.to_string());
        trace.input("x".repeat(20 * KIB)).run(|_| {});
        let mut record = recorder.only().into();
        assert_eq!(delivery.size(&mut record), size);
        let marks = record.as_span().unwrap().metadata().count();
        assert_eq!(marks > 0, is_cut, "{size}");
    }
}
