//! What an answer changes: the numbers, the log, the health, and the size of the next batches.
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use tokio::time::advance;
use tracefuse_core::RejectReason;
use tracefuse_exporter::Rejection;

use super::*;
use crate::delivery::Store;

#[tokio::test(start_paused = true)]
async fn a_report_names_what_was_not_exported() {
    let named = |accepted, rejected: usize| {
        (0..rejected).fold(ExportReport::accepted(accepted), |report, at| {
            report.with_rejection(Rejection::at(at, "bad"))
        })
    };
    for (report, exported) in [
        (named(4, 0), 4),
        (named(9, 0), 4),
        (named(3, 1), 3),
        (named(4, 1), 3),
        (named(0, 4), 0),
        // Rejected or not exported, without a word about which.
        (named(3, 0), 3),
        (named(0, 0), 0),
    ] {
        let queue = queue(|_| {});
        let (mut delivery, _) = delivery(&queue, None, takes);
        record(&queue, 0..4);
        let items = queue.take(4);
        let metas: Vec<_> = items.into_iter().map(|item| item.split().0).collect();
        delivery.accept(&metas, &report, Store::Memory);
        let stats = queue.stats();
        assert!(stats.is_balanced(), "{stats:?}");
        let rejected: Vec<_> = stats.rejected.into_iter().collect();
        let expected = [(RejectReason::Invalid, 4 - exported)];
        let expected = if exported == 4 { &[] } else { &expected[..] };
        assert_eq!((stats.exported, &rejected[..]), (exported, expected));
        assert_eq!(
            is_noted(&queue, Notice::Rejected),
            exported < 4,
            "{report:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn after_fifty_batches_a_size_that_was_learned_grows_by_a_tenth() {
    for (learned, grown) in [(100_000, 110_000), (109, 119), (9, 9), (190_000, 200_000)] {
        let queue = queue(|config| config.max_batch_bytes = 200_000);
        let (mut delivery, _) = delivery(&queue, None, takes);
        delivery.learned_bytes = learned;
        let mut sizes = Vec::new();
        for _ in 0..100 {
            delivery.accept(&[], &ExportReport::accepted(0), Store::Memory);
            sizes.push(delivery.learned_bytes);
        }
        assert_eq!(sizes[..49], [learned; 49]);
        assert_eq!(sizes[49..99], [grown; 50]);
        assert_eq!(sizes[99], (grown + grown / 10).min(200_000));
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_failure_is_logged_as_a_failed_export() {
    let answers: [(Answer, bool); 5] = [
        (takes, false),
        (fails, true),
        (|_, _| Err(ExportError::pause(None, "429")), false),
        (|_, _| Err(ExportError::reject("400")), false),
        // Logged as such.
        (|_, _| Err(ExportError::stop("401")), false),
    ];
    for (at, (answer, is_failure)) in answers.into_iter().enumerate() {
        let queue = queue(|config| config.max_retries = 0);
        let (mut delivery, _) = delivery(&queue, None, answer);
        record(&queue, 0..1);
        delivery.send().await;
        assert_eq!(is_noted(&queue, Notice::ExportFailed), is_failure, "{at}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_given_up_may_have_been_delivered_if_one_attempt_may_have() {
    let maybe = |maybe| Err(ExportError::retry("503").with_maybe_delivered(maybe));
    for (first, second) in [(false, false), (true, false), (false, true), (true, true)] {
        let expected = if first || second { 2 } else { 0 };
        let queue = queue(|config| {
            (config.max_retries, config.max_age) = (0, milliseconds(1_000));
        });
        let exporter = move |call, _: &Batch| maybe(if call == 0 { first } else { second });
        let (mut delivery, sent) = delivery(&queue, None, exporter);
        record(&queue, 0..2);
        delivery.send().await;
        delivery.again().await;
        assert_eq!(sent.lock().unwrap().len(), 2);
        advance(milliseconds(1_001)).await;
        delivery.again().await;
        let stats = queue.stats();
        assert_eq!(
            (stats.dropped_total(), stats.maybe_delivered),
            (2, expected),
            "{first}, {second}"
        );
    }
}
