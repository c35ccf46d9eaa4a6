//! The worker's loop under a clock that the tests move: minutes and hours of outages in milliseconds.
//! Drives `worker::run` without its thread.
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracefuse_core::record::{Resource, SpanRecord};
use tracefuse_core::{DropReason, ExporterStats, Health, Processor, Tracer};
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};

use crate::config::PipelineConfig;
use crate::delivery::{Delivery, HealthCallback};
use crate::queue::ExporterQueue;
use crate::queue::buffers::SpanBuffers;
use crate::thread_buffer::ThreadBuffer;
use crate::worker::run::run;

type Answer = Box<dyn Fn(Duration, &Batch) -> Result<ExportReport, ExportError> + Send + Sync>;
type Calls = Arc<Mutex<Vec<(Duration, usize)>>>;

/// Answers by the time since the beginning; keeps when it was called and with how much.
pub(super) struct Timed {
    began: Instant,
    calls: Calls,
    answer: Answer,
    is_shut_down: Arc<AtomicBool>,
}

#[async_trait]
impl Exporter for Timed {
    fn name(&self) -> &str {
        "timed"
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        let now = self.began.elapsed();
        self.calls.lock().unwrap().push((now, batch.len()));
        (self.answer)(now, batch)
    }

    async fn shutdown(&self) -> Result<(), ExportError> {
        self.is_shut_down.store(true, Ordering::Relaxed);
        Ok(())
    }
}

pub(super) struct Push(pub(super) Arc<ExporterQueue>);

impl Processor for Push {
    fn on_end(&self, span: SpanRecord) {
        self.0.push(span.into(), None, &mut Duration::default());
    }
}

pub(super) struct Worker {
    pub(super) queue: Arc<ExporterQueue>,
    pub(super) tracer: Tracer,
    calls: Calls,
    pub(super) healths: Arc<Mutex<Vec<Health>>>,
    /// Set by the exporter's `shutdown`.
    pub(super) is_shut_down: Arc<AtomicBool>,
}

impl Worker {
    pub(super) fn start(
        change: impl FnOnce(&mut PipelineConfig),
        answer: impl Fn(Duration, &Batch) -> Result<ExportReport, ExportError> + Send + Sync + 'static,
    ) -> Self {
        Self::start_with(change, answer, None)
    }

    /// `at_tend` is called whenever delivery looks after the disk: at every step of the loop.
    pub(super) fn start_with(
        change: impl FnOnce(&mut PipelineConfig),
        answer: impl Fn(Duration, &Batch) -> Result<ExportReport, ExportError> + Send + Sync + 'static,
        at_tend: Option<fn()>,
    ) -> Self {
        let mut config = PipelineConfig::default();
        change(&mut config);
        let queue = Arc::new(ExporterQueue::new("timed".into(), config));
        let (calls, healths) = (Calls::default(), Arc::new(Mutex::new(Vec::new())));
        let is_shut_down = Arc::new(AtomicBool::new(false));
        let exporter = Timed {
            began: Instant::now(),
            calls: calls.clone(),
            answer: Box::new(answer),
            is_shut_down: is_shut_down.clone(),
        };
        let changes = healths.clone();
        let on_health: HealthCallback =
            Arc::new(move |stats: &ExporterStats| changes.lock().unwrap().push(stats.health));
        let mut delivery = Delivery::new(
            queue.clone(),
            Arc::new(exporter),
            Arc::new(Resource::default()),
            None,
            Some(on_health),
        );
        delivery.at_tend = at_tend;
        tokio::spawn(run(delivery));
        let tracer = Tracer::builder(Push(queue.clone())).build();
        Self {
            queue,
            tracer,
            calls,
            healths,
            is_shut_down,
        }
    }

    pub(super) fn record(&self, spans: usize) {
        for n in 0..spans {
            self.tracer.trace(&n.to_string()).run(|_| {});
        }
    }

    pub(super) fn stats(&self) -> ExporterStats {
        let stats = self.queue.stats();
        assert!(stats.is_balanced(), "{stats:#?}");
        stats
    }

    pub(super) fn calls(&self) -> Vec<(Duration, usize)> {
        self.calls.lock().unwrap().clone()
    }
}

pub(super) fn down() -> ExportError {
    ExportError::retry("503")
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_down_and_back_cost_ten_probes_and_no_span() {
    let minutes = |n: u64| Duration::from_secs(n * 60);
    let worker = Worker::start(
        |_| {},
        move |now, batch| {
            if now < minutes(10) {
                Err(down())
            } else {
                Ok(ExportReport::accepted(batch.len()))
            }
        },
    );
    for _ in 0..60 {
        worker.record(100);
        sleep(Duration::from_secs(10)).await;
    }
    let while_down = worker.calls().len();
    assert!(
        (11..=16).contains(&while_down),
        "5 attempts and a probe a minute: {while_down}"
    );
    assert_eq!((worker.stats().exported, worker.stats().queued), (0, 6_000));
    sleep(minutes(2)).await;
    assert_eq!(worker.stats().exported, 6_000);
    assert_eq!(worker.stats().dropped_total(), 0);
    let healths = worker.healths.lock().unwrap().clone();
    assert!(
        matches!(
            healths.as_slice(),
            [Health::Degraded, Health::Open { .. }, .., Health::Healthy]
        ),
        "{healths:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn after_its_first_failure_a_record_is_kept_for_an_hour_and_then_counted() {
    let worker = Worker::start(|_| {}, |_, _| Err(down()));
    worker.record(50);
    sleep(Duration::from_secs(59 * 60)).await;
    assert_eq!(worker.stats().pending(), 50);
    sleep(Duration::from_secs(4 * 60)).await;
    let stats = worker.stats();
    assert_eq!(
        (stats.pending(), stats.dropped[&DropReason::MaxAge]),
        (0, 50)
    );
}

/// A worker without a circuit breaker whose receiver fails, and that drops what failed for longer than ten seconds.
fn failing_without_breaker() -> Worker {
    Worker::start(
        |config| {
            (config.max_retries, config.max_age) = (0, Duration::from_secs(10));
            config.circuit_breaker_threshold = u32::MAX;
            config.circuit_breaker_reset = Duration::from_secs(30);
            config.flush_interval = Duration::from_millis(100);
        },
        |_, _| Err(down()),
    )
}

#[tokio::test(start_paused = true)]
async fn a_parked_batch_is_tried_again_though_others_fail_meanwhile() {
    let worker = failing_without_breaker();
    for _ in 0..60 {
        worker.record(1);
        sleep(Duration::from_secs(1)).await;
    }
    let dropped = worker.stats().dropped;
    assert!(dropped.contains_key(&DropReason::MaxAge), "{dropped:?}");
}

#[tokio::test(start_paused = true)]
async fn each_parked_batch_is_tried_again_though_nothing_else_happens() {
    let worker = failing_without_breaker();
    for _ in 0..3 {
        worker.record(1);
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(worker.stats().pending(), 3);
    sleep(Duration::from_secs(120)).await;
    let stats = worker.stats();
    assert_eq!(
        (stats.pending(), stats.dropped[&DropReason::MaxAge]),
        (0, 3)
    );
}

#[tokio::test(start_paused = true)]
async fn a_batch_with_a_long_retry_after_lets_the_others_pass() {
    let worker = Worker::start(
        |config| config.batch_size = 10,
        |_, batch| {
            if batch.spans().any(|span| span.name() == "0") {
                Err(down().with_retry_after(Duration::from_secs(50)))
            } else {
                Ok(ExportReport::accepted(batch.len()))
            }
        },
    );
    worker.record(30);
    // One retry, since a second would be past 60 s; then a round after each success.
    sleep(Duration::from_secs(600)).await;
    let stats = worker.stats();
    assert_eq!(
        (stats.exported, stats.dropped[&DropReason::RetriesExhausted]),
        (20, 10)
    );
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_as_long_as_the_receiver_asks() {
    let worker = Worker::start(
        |_| {},
        |now, batch| {
            if now < Duration::from_secs(20) {
                Err(down().with_retry_after(Duration::from_secs(10)))
            } else {
                Ok(ExportReport::accepted(batch.len()))
            }
        },
    );
    worker.record(5);
    sleep(Duration::from_secs(60)).await;
    let times: Vec<_> = worker.calls().iter().map(|(at, _)| *at).collect();
    assert_eq!(times.len(), 3, "{times:?}");
    for pair in times.windows(2) {
        let wait = (pair[1] - pair[0]).as_secs_f64();
        assert!((10.0..12.0).contains(&wait), "{times:?}");
    }
    assert_eq!(worker.stats().exported, 5);
}

#[tokio::test(start_paused = true)]
async fn what_the_receiver_asks_for_is_waited_for_by_everything() {
    let worker = Worker::start(
        |config| (config.batch_size, config.max_batch_size) = (10, 10),
        |now, batch| {
            if now < Duration::from_secs(1) {
                Err(ExportError::pause(Some(Duration::from_secs(30)), "429"))
            } else {
                Ok(ExportReport::accepted(batch.len()))
            }
        },
    );
    worker.record(100);
    sleep(Duration::from_secs(60)).await;
    let calls = worker.calls();
    assert_eq!(calls.len(), 11);
    assert!(
        calls[1].0 >= Duration::from_secs(30) && calls[1].0 <= Duration::from_secs(32),
        "{calls:?}"
    );
    assert_eq!(worker.stats().exported, 100);
}

#[tokio::test(start_paused = true)]
async fn a_size_that_was_refused_is_remembered_and_tried_again_after_fifty_batches() {
    let size = |batch: &Batch| {
        batch
            .records()
            .iter()
            .map(|record| record.size())
            .sum::<usize>()
    };
    let worker = Worker::start(
        |config| config.flush_interval = Duration::from_millis(100),
        move |now, batch| {
            if now < Duration::from_secs(60) && size(batch) > 200_000 {
                Err(ExportError::split("413"))
            } else {
                Ok(ExportReport::accepted(batch.len()))
            }
        },
    );
    let input = "x".repeat(10_000);
    let burst = || {
        for n in 0..100 {
            worker
                .tracer
                .trace(&n.to_string())
                .input(&input)
                .run(|_| {});
        }
    };
    burst();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(worker.stats().exported, 100);
    let refused = worker.calls().len();
    burst();
    sleep(Duration::from_secs(50)).await;
    let largest =
        |calls: &[(Duration, usize)]| calls.iter().map(|(_, spans)| *spans).max().unwrap();
    let calls = worker.calls();
    assert!(largest(&calls[refused..]) <= 25, "learned: {calls:?}");
    // The receiver takes more from now on; the limit is raised a tenth at a time.
    for _ in 0..200 {
        burst();
        sleep(Duration::from_secs(5)).await;
    }
    let calls = worker.calls();
    assert!(largest(&calls[calls.len() - 10..]) > 40, "raised again");
    let mut most = 25;
    for (_, spans) in &calls[refused..] {
        assert!(*spans <= most + most / 10 + 1, "{spans} after {most}");
        most = most.max(*spans);
    }
    assert_eq!(worker.stats().exported, 20_200);
}

#[tokio::test(start_paused = true)]
async fn a_size_that_is_refused_is_halved_to_16_kib() {
    // A record is some 3,100 bytes: a batch has as many as fit the size that was learned.
    let fits = |refusals: usize| async move {
        let worker = Worker::start(
            |config| config.max_batch_bytes = 128 * 1024,
            |_, batch| {
                if batch.spans().any(|span| span.name() == "refused") {
                    Err(ExportError::split("413"))
                } else {
                    Ok(ExportReport::accepted(batch.len()))
                }
            },
        );
        let input = "x".repeat(3_000);
        let record = |name: &str| worker.tracer.trace(name).input(&input).run(|_| {});
        for _ in 0..refusals {
            record("refused");
            sleep(Duration::from_secs(10)).await;
        }
        let before = worker.calls().len();
        (0..50).for_each(|_| record("t"));
        sleep(Duration::from_secs(10)).await;
        worker.calls()[before].1
    };
    for (refusals, expected) in [(0, 42), (1, 21), (2, 10), (3, 5), (9, 5)] {
        assert_eq!(fits(refusals).await, expected, "{refusals}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_cut_off_after_its_time_and_the_batch_sent_again() {
    struct HangsOnce(AtomicBool);
    #[async_trait]
    impl Exporter for HangsOnce {
        fn name(&self) -> &str {
            "hangs once"
        }
        async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
            if !self.0.swap(true, Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            Ok(ExportReport::accepted(batch.len()))
        }
    }
    let queue = Arc::new(ExporterQueue::new(
        "hangs once".into(),
        PipelineConfig::default(),
    ));
    let exporter = Arc::new(HangsOnce(false.into()));
    let resource = Arc::new(Resource::default());
    let delivery = Delivery::new(queue.clone(), exporter, resource, None, None);
    tokio::spawn(run(delivery));
    let tracer = Tracer::builder(Push(queue.clone())).build();
    tracer.trace("t").run(|_| {});
    sleep(Duration::from_secs(30)).await;
    assert_eq!(
        (queue.stats().exported, queue.stats().failed_attempts),
        (1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_callback_for_health_ends_there() {
    let queue = Arc::new(ExporterQueue::new(
        "timed".into(),
        PipelineConfig::default(),
    ));
    let exporter = Timed {
        began: Instant::now(),
        calls: Calls::default(),
        is_shut_down: Arc::default(),
        answer: Box::new(|now, batch| {
            if now < Duration::from_secs(1) {
                Err(down())
            } else {
                Ok(ExportReport::accepted(batch.len()))
            }
        }),
    };
    let on_health: HealthCallback = Arc::new(|_: &ExporterStats| panic!("the user's"));
    let resource = Arc::new(Resource::default());
    let delivery = Delivery::new(
        queue.clone(),
        Arc::new(exporter),
        resource,
        None,
        Some(on_health),
    );
    tokio::spawn(run(delivery));
    let tracer = Tracer::builder(Push(queue.clone())).build();
    tracer.trace("t").run(|_| {});
    sleep(Duration::from_secs(120)).await;
    assert_eq!(queue.stats().exported, 1);
}

#[tokio::test(start_paused = true)]
async fn spans_in_many_buffers_wait_no_longer_than_the_flush_interval() {
    let queue = Arc::new(ExporterQueue::new(
        "timed".into(),
        PipelineConfig::default(),
    ));
    let calls = Calls::default();
    let exporter = Timed {
        began: Instant::now(),
        calls: calls.clone(),
        is_shut_down: Arc::default(),
        answer: Box::new(|_, batch| Ok(ExportReport::accepted(batch.len()))),
    };
    let buffers = Arc::new(SpanBuffers::new(vec![queue.clone()], &queue.config));
    let resource = Arc::new(Resource::default());
    let delivery = Delivery::new(queue.clone(), Arc::new(exporter), resource, None, None);
    tokio::spawn(run(delivery.watching(buffers.clone())));
    let span = a_span();
    let append = |buffer: &ThreadBuffer| buffers.append(buffer, &span);
    let thread_buffers: Vec<_> = (0..10).map(|_| buffers.buffer()).collect();
    // Goes to the queue, since no worker watches yet, and wakes the worker.
    append(&thread_buffers[0]);
    sleep(Duration::from_millis(1)).await;
    for buffer in &thread_buffers {
        (0..20).for_each(|_| append(buffer));
    }
    sleep(Duration::from_secs(4)).await;
    assert_eq!(
        (queue.stats().recorded, calls.lock().unwrap().len()),
        (1, 0)
    );
    assert_eq!(buffers.stats().exporters[0].queued, 201);
    sleep(Duration::from_secs(1)).await;
    let sizes: Vec<_> = calls
        .lock()
        .unwrap()
        .iter()
        .map(|(_, spans)| *spans)
        .collect();
    assert_eq!(sizes, [100, 101]);
    // The flag is cleared once there is nothing more, and the next span wakes the worker again.
    sleep(Duration::from_secs(60)).await;
    append(&thread_buffers[0]);
    assert_eq!(queue.stats().recorded, 202);
    sleep(Duration::from_secs(6)).await;
    assert_eq!(queue.stats().exported, 202);
}

fn a_span() -> SpanRecord {
    let recorder = tracefuse_core::testing::Recorder::new();
    recorder.tracer().trace("t").run(|_| {});
    recorder.only()
}
