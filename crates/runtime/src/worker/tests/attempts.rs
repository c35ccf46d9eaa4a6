//! When a batch is attempted again, and when the worker looks for more, to the moment, on paused time.
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracefuse_core::Tracer;
use tracefuse_core::record::Resource;
use tracefuse_core::testing::Recorder;
use tracefuse_exporter::{
    Batch, ExportError, ExportReport, Exporter, InMemoryExporter, async_trait,
};

use super::outage::{Push, Worker, down};
use crate::config::PipelineConfig;
use crate::delivery::Delivery;
use crate::queue::ExporterQueue;
use crate::queue::buffers::SpanBuffers;
use crate::worker::run::run;

type Calls = Arc<Mutex<Vec<Duration>>>;

/// Never answers; keeps when it was called.
struct Hangs(Instant, Calls);

#[async_trait]
impl Exporter for Hangs {
    fn name(&self) -> &str {
        "hangs"
    }
    async fn export(&self, _: &Batch) -> Result<ExportReport, ExportError> {
        self.1.lock().unwrap().push(self.0.elapsed());
        pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_attempted_again_only_within_its_time() {
    let (seconds, more) = (Duration::from_secs, Duration::from_millis(1));
    for (batch_timeout, calls_of_it) in [(seconds(10), 1), (seconds(10) + more, 2)] {
        let config = PipelineConfig {
            attempt_timeout: seconds(10),
            batch_timeout,
            retry_base: Duration::ZERO,
            ..PipelineConfig::default()
        };
        let queue = Arc::new(ExporterQueue::new("hangs".into(), config));
        let calls = Calls::default();
        let exporter = Arc::new(Hangs(Instant::now(), calls.clone()));
        let resource = Arc::new(Resource::default());
        let delivery = Delivery::new(queue.clone(), exporter, resource, None, None);
        tokio::spawn(run(delivery));
        let tracer = Tracer::builder(Push(queue.clone())).build();
        tracer.trace("t").run(|_| {});
        // The first attempt begins after 5 s, and is cut off after 15.
        sleep(seconds(20)).await;
        let calls = calls.lock().unwrap().clone();
        assert_eq!(calls, [seconds(5), seconds(15)][..calls_of_it]);
    }
}

/// Begins a shutdown when it is called first, and is down.
struct Closes(Instant, Calls, Arc<ExporterQueue>);

#[async_trait]
impl Exporter for Closes {
    fn name(&self) -> &str {
        "closes"
    }
    async fn export(&self, _: &Batch) -> Result<ExportReport, ExportError> {
        self.1.lock().unwrap().push(self.0.elapsed());
        self.2.ask_close(Duration::from_secs(30));
        Err(down())
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_between_two_batches_waits_after_each_failure() {
    let config = PipelineConfig {
        batch_size: 10,
        ..PipelineConfig::default()
    };
    let queue = Arc::new(ExporterQueue::new("closes".into(), config));
    let buffers = Arc::new(SpanBuffers::new(vec![queue.clone()], &queue.config));
    let calls = Calls::default();
    let exporter = Closes(Instant::now(), calls.clone(), queue.clone());
    let resource = Arc::new(Resource::default());
    let delivery = Delivery::new(queue.clone(), Arc::new(exporter), resource, None, None);
    tokio::spawn(run(delivery.watching(buffers.clone())));
    let recorder = Recorder::new();
    recorder.tracer().trace("t").run(|_| {});
    let span = recorder.only();
    let threads: Vec<_> = (0..6).map(|_| buffers.buffer()).collect();
    buffers.append(&threads[0], &span);
    sleep(Duration::from_millis(1)).await;
    for thread in &threads {
        (0..5).for_each(|_| buffers.append(thread, &span));
    }
    // Four batches are due at once; the first one fails, and delivery stops meanwhile.
    sleep(Duration::from_secs(30)).await;
    let calls = calls.lock().unwrap().clone();
    assert_eq!(calls[..2], [Duration::from_secs(5); 2]);
    assert!(calls[2] > calls[1], "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_worker_looks_again_each_two_milliseconds_after_a_batch() {
    let answer = |_, batch: &Batch| Ok(ExportReport::accepted(batch.len()));
    // One record is a batch, so that the worker is woken once.
    let worker = Worker::start(|config| config.batch_size = 1, answer);
    let milliseconds = Duration::from_millis;
    sleep(milliseconds(10)).await;
    worker.record(1);
    // Batches again, but the worker is not woken for them.
    for wait in [1, 20] {
        sleep(milliseconds(wait)).await;
        worker.record(1);
    }
    // 20 pauses after the last batch it waits to be woken.
    sleep(milliseconds(60)).await;
    worker.record(1);
    sleep(milliseconds(1)).await;
    let times = [10, 12, 32, 91].map(|at| (milliseconds(at), 1));
    assert_eq!(worker.calls(), times);
}

#[tokio::test(start_paused = true)]
async fn spans_wait_in_buffers_until_an_interval_brings_nothing() {
    let queue = Arc::new(ExporterQueue::new("t".into(), PipelineConfig::default()));
    let buffers = Arc::new(SpanBuffers::new(vec![queue.clone()], &queue.config));
    let exporter = Arc::new(InMemoryExporter::new());
    let resource = Arc::new(Resource::default());
    let delivery = Delivery::new(queue.clone(), exporter, resource, None, None);
    tokio::spawn(run(delivery.watching(buffers.clone())));
    let recorder = Recorder::new();
    recorder.tracer().trace("t").run(|_| {});
    let (thread, span) = (buffers.buffer(), recorder.only());
    // Whether a span waits in a buffer. If not, it goes to the queue and wakes the worker.
    let waits = || {
        let before = queue.stats().recorded;
        buffers.append(&thread, &span);
        queue.stats().recorded == before
    };
    let second = Duration::from_secs(1);
    assert!(!waits(), "no worker watches the buffers yet");
    sleep(6 * second).await;
    assert_eq!(queue.stats().exported, 1);
    assert!(waits(), "the last interval had a span in the queue");
    sleep(5 * second).await;
    assert_eq!(queue.stats().exported, 2);
    assert!(waits(), "the last interval had a span in a buffer");
    sleep(5 * second).await;
    assert_eq!(queue.stats().exported, 3);
    sleep(10 * second).await;
    assert!(!waits(), "the last interval had none");
}
