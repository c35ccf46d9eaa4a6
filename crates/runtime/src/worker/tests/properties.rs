//! The worker's loop against receivers that do anything, under loads and settings of any kind, on paused time:
//! the numbers add up at every look, the conformance check holds at the end, batches keep their bounds.
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tokio::time::sleep;
use tracefuse_core::record::{Resource, SpanRecord};
use tracefuse_core::{Processor, Report, Tracer};
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, Rejection, async_trait};

use crate::config::{Overload, PipelineConfig, WhileOpen};
use crate::conformance::{Bounds, Evidence, Receipt};
use crate::delivery::Delivery;
use crate::queue::ExporterQueue;
use crate::queue::phase::Phase;
use crate::worker::run;

/// What a receiver does with one attempt.
#[derive(Clone, Copy, Debug)]
enum Act {
    Take,
    /// Takes all but so many.
    TakeSome(usize),
    TakeSlowly(Duration),
    /// Fails, perhaps after it has read everything.
    Fail {
        read: bool,
        after: Option<Duration>,
    },
    Pause(Option<Duration>),
    Split,
    Reject,
    /// Rejects what holds a span whose number can be divided by this.
    RejectPoison(usize),
    Stop,
    Panic,
    Hang,
}

fn act() -> impl Strategy<Value = Act> {
    let wait = || prop::option::of((0u64..90).prop_map(Duration::from_secs));
    prop_oneof![
        4 => Just(Act::Take),
        1 => (1usize..4).prop_map(Act::TakeSome),
        1 => (0u64..20_000).prop_map(|ms| Act::TakeSlowly(Duration::from_millis(ms))),
        4 => (any::<bool>(), wait()).prop_map(|(read, after)| Act::Fail { read, after }),
        1 => wait().prop_map(Act::Pause),
        1 => Just(Act::Split),
        1 => Just(Act::Reject),
        1 => (2usize..9).prop_map(Act::RejectPoison),
        1 => Just(Act::Stop),
        1 => Just(Act::Panic),
        1 => Just(Act::Hang),
    ]
}

/// Traces recorded at once, their spans, bytes of input of each, and the time until the next.
#[derive(Clone, Debug)]
struct Burst {
    traces: usize,
    spans: usize,
    bytes: usize,
    then: Duration,
}

fn burst() -> impl Strategy<Value = Burst> {
    let then = prop_oneof![Just(0u64), 1u64..3_000, 60_000u64..400_000];
    (1usize..30, 1usize..4, 0usize..4_000, then).prop_map(|(traces, spans, bytes, then)| Burst {
        traces,
        spans,
        bytes,
        then: Duration::from_millis(then),
    })
}

fn config() -> impl Strategy<Value = PipelineConfig> {
    let overload = prop_oneof![Just(Overload::DropNewest), Just(Overload::DropOldest)];
    let open = prop_oneof![Just(WhileOpen::Hold), Just(WhileOpen::NoOp)];
    let counts = (1usize..20, 20usize..200, 0u32..4, 1u32..6, 1usize..60);
    let bytes = (16_384usize..60_000, 50_000usize..400_000);
    (overload, open, counts, bytes, 0u64..8_000).prop_map(
        |(overload, while_open, counts, bytes, interval)| PipelineConfig {
            overload,
            while_open,
            batch_size: counts.0,
            max_batch_size: counts.4,
            max_queue_size: counts.1,
            max_retries: counts.2,
            circuit_breaker_threshold: counts.3,
            max_batch_bytes: bytes.0,
            max_queue_bytes: bytes.1,
            flush_interval: Duration::from_millis(interval),
            ..PipelineConfig::default()
        },
    )
}

/// Acts by a script, over and over, and keeps what it got.
#[derive(Clone)]
struct Receiver {
    script: Arc<[Act]>,
    limits: (usize, usize),
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    calls: usize,
    receipts: BTreeMap<String, Receipt>,
    /// Names of what was taken, in order.
    taken: Vec<String>,
    /// Batches over a limit.
    excess: Vec<String>,
}

impl Seen {
    fn receive(&mut self, batch: &Batch) {
        for span in batch.spans() {
            let receipt = self.receipts.entry(span.span_id().to_string());
            receipt.or_default().received += 1;
        }
    }

    fn take(&mut self, batch: &Batch, count: usize) {
        self.receive(batch);
        for span in batch.spans().take(count) {
            let receipt = self.receipts.entry(span.span_id().to_string());
            receipt.or_default().acknowledged += 1;
            self.taken.push(span.name().to_owned());
        }
    }
}

#[async_trait]
impl Exporter for Receiver {
    fn name(&self) -> &str {
        "receiver"
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        let act = {
            let mut seen = self.seen.lock().unwrap();
            let bytes: usize = batch.records().iter().map(|record| record.size()).sum();
            let (most, most_bytes) = self.limits;
            if batch.len() > most || batch.is_empty() || (bytes > most_bytes && batch.len() > 1) {
                seen.excess
                    .push(format!("{} records, {bytes} bytes", batch.len()));
            }
            seen.calls += 1;
            self.script[(seen.calls - 1) % self.script.len()]
        };
        let seen = || self.seen.lock().unwrap();
        let all = batch.len();
        match act {
            Act::Take => seen().take(batch, all),
            Act::TakeSome(refused) => {
                let taken = all.saturating_sub(refused);
                seen().take(batch, taken);
                let report = ExportReport::accepted(taken);
                return Ok((taken..all).fold(report, |report, _| {
                    report.with_rejection(Rejection::unknown("some"))
                }));
            }
            Act::TakeSlowly(wait) => {
                sleep(wait).await;
                seen().take(batch, all);
            }
            Act::Fail { read, after } => {
                if read {
                    seen().receive(batch);
                }
                let error = ExportError::retry("503").with_maybe_delivered(read);
                return Err(match after {
                    Some(after) => error.with_retry_after(after),
                    None => error,
                });
            }
            Act::Pause(after) => return Err(ExportError::pause(after, "429")),
            Act::Split => return Err(ExportError::split("413")),
            Act::Reject => return Err(ExportError::reject("400")),
            Act::RejectPoison(divisor) => {
                let bad = |name: &str| name.len().is_multiple_of(divisor);
                if batch.spans().any(|span| bad(span.name())) {
                    return Err(ExportError::reject("400"));
                }
                seen().take(batch, all);
            }
            Act::Stop => return Err(ExportError::stop("401")),
            Act::Panic => {
                seen().receive(batch);
                panic!("in the receiver");
            }
            Act::Hang => {
                seen().receive(batch);
                std::future::pending::<()>().await;
            }
        }
        Ok(ExportReport::accepted(all))
    }
}

/// Into the queue, and notes who was.
struct Push {
    queue: Arc<ExporterQueue>,
    recorded: Arc<Mutex<Vec<(String, String)>>>,
}

impl Processor for Push {
    fn on_end(&self, span: SpanRecord) {
        let known = (span.span_id().to_string(), span.name().to_owned());
        self.recorded.lock().unwrap().push(known);
        self.queue.push(span.into(), None, &mut Duration::default());
        let stats = self.queue.stats();
        assert!(stats.is_balanced(), "{stats:?}");
    }
}

struct Outcome {
    evidence: Evidence,
    seen: Seen,
    /// Names of all that was recorded, in order.
    names: Vec<String>,
}

/// Records the bursts, looks at the numbers all the while, shuts down.
fn outcome(
    config: &PipelineConfig,
    script: &[Act],
    bursts: &[Burst],
    closing: Duration,
) -> Outcome {
    let receiver = Receiver {
        script: script.into(),
        limits: (
            config.batch_size.max(config.max_batch_size),
            config.max_batch_bytes,
        ),
        seen: Arc::default(),
    };
    let recorded = Arc::new(Mutex::new(Vec::new()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let (stats, took) = runtime.block_on(async {
        let queue = Arc::new(ExporterQueue::new("receiver".into(), config.clone()));
        let delivery = Delivery::new(
            queue.clone(),
            Arc::new(receiver.clone()),
            Arc::new(Resource::default()),
            None,
            None,
        );
        let done = tokio::spawn(run::run(delivery));
        let push = Push {
            queue: queue.clone(),
            recorded: recorded.clone(),
        };
        let tracer = Tracer::builder(push).build();
        for (number, burst) in bursts.iter().enumerate() {
            let input = "i".repeat(burst.bytes);
            for n in 0..burst.traces {
                let name = format!("{number}.{n}");
                let trace = tracer.trace(&name).input(&input).start();
                for n in 1..burst.spans {
                    trace.span(&format!("{name}.{n}")).input(&input).run(|_| {});
                }
                trace.finish();
            }
            if number % 3 == 1 {
                queue.ask_flush();
            }
            sleep(burst.then).await;
            let stats = queue.stats();
            assert!(stats.is_balanced(), "{stats:?}");
            assert!(stats.pending() <= config.max_queue_size as u64, "{stats:?}");
        }
        let began = tokio::time::Instant::now();
        queue.ask_close(closing);
        // What `Pipeline::shutdown` does, which would block this thread.
        let _ = tokio::time::timeout(closing, done).await;
        let took = began.elapsed();
        queue.stop();
        assert_eq!(queue.phase(), Phase::Stopped);
        (queue.stats(), took)
    });
    // Attempts that were cut off end with it.
    drop(runtime);
    let mut report = Report::default();
    report.stats.exporters.push(stats.clone());
    let recorded = std::mem::take(&mut *recorded.lock().unwrap());
    let seen = std::mem::take(&mut *receiver.seen.lock().unwrap());
    let (ids, names): (BTreeSet<String>, Vec<String>) = recorded.into_iter().unzip();
    Outcome {
        evidence: Evidence {
            recorded: ids,
            stats,
            report,
            slowest_end: Duration::ZERO,
            slow_end: Duration::ZERO,
            closing: (took, closing),
        },
        seen,
        names,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn whatever_a_receiver_does_every_record_has_one_outcome(
        config in config(),
        script in prop::collection::vec(act(), 1..12),
        bursts in prop::collection::vec(burst(), 1..6),
        closing in 0u64..20_000,
    ) {
        let Outcome { evidence, seen, .. } = outcome(&config, &script, &bursts, Duration::from_millis(closing));
        let stats = &evidence.stats;
        prop_assert_eq!(stats.pending(), 0, "{:?}", stats);
        prop_assert_eq!(seen.excess, Vec::<String>::new());
        // What is sent again after an answer was lost arrives twice.
        let bounds = Bounds::accounted().with_duplicates();
        if let Err(violations) = evidence.check(&seen.receipts, &bounds) {
            return Err(TestCaseError::fail(format!("{violations}: {stats:?}")));
        }
    }

    #[test]
    fn batches_keep_their_bounds_and_their_order(
        config in config(),
        script in prop::collection::vec(prop_oneof![
            4 => Just(Act::Take),
            1 => (0u64..9_000).prop_map(|ms| Act::TakeSlowly(Duration::from_millis(ms))),
            1 => Just(Act::Fail { read: false, after: None }),
            1 => Just(Act::Pause(None)),
        ], 1..8),
        bursts in prop::collection::vec(burst(), 1..6),
    ) {
        // Nothing is set parked for others, and there is room for all.
        let config = PipelineConfig {
            max_retries: 50,
            retry_cap: Duration::from_millis(100),
            batch_timeout: Duration::from_secs(100_000),
            max_queue_size: 10_000,
            max_queue_bytes: 100_000_000,
            while_open: WhileOpen::Hold,
            ..config
        };
        let mut script = script;
        script.push(Act::Take);
        // An end that waits for every probe: if every second answer is a failure, each of some 400 batches of one record waits
        // for the breaker seven times, 66 seconds at most.
        let mut bursts = bursts;
        let then = Duration::from_secs(300_000);
        bursts.push(Burst { traces: 1, spans: 1, bytes: 0, then });
        let Outcome { evidence, seen, names } = outcome(&config, &script, &bursts, Duration::from_secs(50_000));
        prop_assert_eq!(&seen.excess, &Vec::<String>::new());
        prop_assert_eq!(seen.taken, names);
        let checked = evidence.check(&seen.receipts, &Bounds::lossless());
        prop_assert!(checked.is_ok(), "{:?}", checked);
    }
}
