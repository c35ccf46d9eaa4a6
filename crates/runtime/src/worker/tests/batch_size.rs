//! How many records a batch has while more than `batch_size` wait: more after fast answers, fewer after slow ones and failures.
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::sleep;
use tracefuse_core::ExporterStats;
use tracefuse_core::testing::Recorder;
use tracefuse_exporter::record::{Resource, SpanRecord};
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};

use crate::config::PipelineConfig;
use crate::delivery::Delivery;
use crate::queue::ExporterQueue;
use crate::worker::run::run;

/// What a receiver does with a call, by its number from 0 and its batch.
type Answer = fn(usize, &Batch) -> (Duration, Result<(), ExportError>);

struct Timed {
    sizes: Arc<Mutex<Vec<usize>>>,
    answer: Answer,
}

#[async_trait]
impl Exporter for Timed {
    fn name(&self) -> &str {
        "timed"
    }
    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        let call = self.sizes.lock().unwrap().len();
        self.sizes.lock().unwrap().push(batch.len());
        let (time, answer) = (self.answer)(call, batch);
        sleep(time).await;
        answer.map(|()| ExportReport::accepted(batch.len()))
    }
}

const SOON: Duration = Duration::from_millis(500);
const LATE: Duration = Duration::from_millis(501);

/// The sizes of the batches in which 150 records are sent that wait at the start; `batch_size` is 10.
async fn sizes(max_batch_size: usize, answer: Answer) -> (Vec<usize>, ExporterStats) {
    sizes_of(max_batch_size, answer, |_| 0).await
}

/// [`sizes`] of records with inputs of so many bytes, by the number of the record from 0.
async fn sizes_of(
    max_batch_size: usize,
    answer: Answer,
    input: fn(usize) -> usize,
) -> (Vec<usize>, ExporterStats) {
    let config = PipelineConfig {
        batch_size: 10,
        max_batch_size,
        ..PipelineConfig::default()
    };
    let queue = Arc::new(ExporterQueue::new("timed".into(), config));
    let recorder = Recorder::new();
    let trace = recorder.tracer().trace("root").start();
    for n in 0..150 {
        let span = trace.span(&n.to_string());
        span.input("x".repeat(input(n))).run(|_| {});
    }
    for span in recorder.spans() {
        queue.push(span.into(), None, &mut Duration::default());
    }
    let sizes = Arc::default();
    let exporter = Timed {
        sizes: Arc::clone(&sizes),
        answer,
    };
    let resource = Arc::new(Resource::default());
    let delivery = Delivery::new(queue.clone(), Arc::new(exporter), resource, None, None);
    tokio::spawn(run(delivery));
    sleep(Duration::from_secs(600)).await;
    let sizes = sizes.lock().unwrap().clone();
    (sizes, queue.stats())
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_fast_gets_larger_batches() {
    let (sizes, stats) = sizes(1000, |_, _| (SOON, Ok(()))).await;
    assert_eq!((sizes, stats.exported), (vec![10, 20, 40, 80], 150));
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_no_more_than_max_batch_size() {
    for (most, expected) in [
        (1, vec![10; 15]),
        (10, vec![10; 15]),
        (35, vec![10, 20, 35, 35, 35, 15]),
    ] {
        let (sizes, _) = sizes(most, |_, _| (SOON, Ok(()))).await;
        assert_eq!(sizes, expected, "{most}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_slow_gets_smaller_batches() {
    let (sizes, stats) = sizes(1000, |call, _| {
        (if call == 2 { LATE } else { SOON }, Ok(()))
    })
    .await;
    assert_eq!((sizes, stats.exported), (vec![10, 20, 40, 20, 40, 20], 150));
    let (sizes, _) = self::sizes(1000, |_, _| (LATE, Ok(()))).await;
    assert_eq!(sizes, [10; 15]);
}

#[tokio::test(start_paused = true)]
async fn a_larger_batch_that_fails_is_sent_in_usual_ones() {
    let (sizes, stats) = sizes(1000, |call, _| {
        let answer = if call == 2 {
            Err(ExportError::retry("503"))
        } else {
            Ok(())
        };
        (Duration::ZERO, answer)
    })
    .await;
    assert_eq!(sizes, [10, 20, 40, 10, 20, 40, 50]);
    assert_eq!((stats.exported, stats.dropped_total()), (150, 0));
}

#[tokio::test(start_paused = true)]
async fn a_larger_batch_that_is_refused_is_sent_in_usual_ones() {
    let (sizes, stats) = sizes(1000, |_, batch| {
        let bad = batch.spans().any(|span| span.name() == "63");
        let answer = if bad {
            Err(ExportError::reject("400"))
        } else {
            Ok(())
        };
        (Duration::ZERO, answer)
    })
    .await;
    // The fourth batch of ten has the bad record: the search for it halves.
    assert_eq!(
        sizes[..12],
        [10, 20, 40, 10, 10, 10, 10, 5, 2, 3, 1, 2],
        "{sizes:?}"
    );
    assert_eq!((stats.exported, stats.rejected_total()), (149, 1));
}

#[tokio::test(start_paused = true)]
async fn a_larger_batch_has_512_kib_at_most() {
    let answer: Answer = |_, batch| {
        let bytes: usize = batch.spans().map(SpanRecord::size).sum();
        assert!(
            batch.len() <= 10 || bytes <= 512 * 1024,
            "{} of {bytes}",
            batch.len()
        );
        (SOON, Ok(()))
    };
    // A record of 20 kB: 26 of them fit. The first batch of them is still sized by the small ones before.
    let (sizes, stats) = sizes_of(1000, answer, |n| if n < 70 { 0 } else { 20_000 }).await;
    assert_eq!(
        (sizes, stats.exported),
        (vec![10, 20, 40, 26, 26, 26, 2], 150)
    );
    // Of 100 kB five fit, but a batch of the usual size is not larger than usual.
    let (sizes, _) = sizes_of(1000, answer, |_| 100_000).await;
    assert_eq!(sizes, [10; 15]);
}
