//! More than fits, larger than fits, and exporters that misbehave beside one that does not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mock_langfuse::{Action, How, MockLangfuse, Scenario};
use tracefuse::exporter::{Batch, ExportError, ExportReport, Exporter};
use tracefuse::{
    LangfuseConfig,
    config::{Overload, WhileOpen},
    stats::DropReason,
};
use tracefuse_runtime::conformance::{Bounds, Receipt, Trial};

use crate::case::{Case, Outcome, fault, quick};

fn stuck() -> Scenario {
    Scenario::new().forever(Action::accept_then(How::Silent))
}

/// Fails in its own way, and keeps a ledger of what it accepted.
#[derive(Clone)]
struct Odd {
    way: Way,
    accepted: Arc<Mutex<BTreeMap<String, Receipt>>>,
}

#[derive(Clone, Copy)]
enum Way {
    Panics,
    Hangs,
    Errors,
    Slow,
    /// Says that it rejected more than there was.
    False,
}

impl Odd {
    fn new(way: Way) -> Self {
        let accepted = Arc::default();
        Self { way, accepted }
    }
}

#[async_trait]
impl Exporter for Odd {
    fn name(&self) -> &str {
        "odd"
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        match self.way {
            Way::Panics => panic!("a bug in the exporter"),
            Way::Hangs => std::future::pending().await,
            Way::Errors => Err(ExportError::retry("it always fails")),
            Way::Slow => {
                // Slow by giving its turn away, not by the clock.
                for _ in 0..1_000 {
                    tokio::task::yield_now().await;
                }
                let ids = batch.spans().map(|span| span.span_id().to_string());
                let receipts = ids.map(|id| (id, Receipt::new(1, 1)));
                self.accepted.lock().unwrap().extend(receipts);
                Ok(ExportReport::accepted(batch.len()))
            }
            Way::False => {
                let report = ExportReport::accepted(0);
                Ok((0..batch.len() * 2).fold(report, |report, _| {
                    report.with_rejection(tracefuse::exporter::Rejection::unknown("no"))
                }))
            }
        }
    }
}

fn exporter(name: &'static str, way: Way, bounds: Bounds) -> Case {
    Case::new(name, move || {
        let odd = Odd::new(way);
        let trial = Trial::new(200)
            .config(quick)
            .config(|config| config.attempt_timeout = Duration::from_millis(50))
            .settle(Duration::from_millis(600))
            .shutdown(Duration::from_millis(500));
        let evidence = trial.run(odd.clone(), |_| {});
        let receipts = odd.accepted.lock().unwrap().clone();
        Outcome::of(&evidence, &receipts, &bounds)
    })
}

/// A good exporter beside one that fails in each way: it loses nothing.
fn neighbours() -> Case {
    Case::new("a_good_exporter_beside_bad_ones", || {
        let server = MockLangfuse::start();
        let config =
            LangfuseConfig::new(server.public_key(), server.secret_key()).base_url(server.url());
        let tracer = [Way::Panics, Way::Hangs, Way::Errors, Way::False]
            .into_iter()
            .fold(tracefuse::builder(), |builder, way| {
                builder.exporter(Odd::new(way))
            })
            .langfuse(config)
            .build()
            .unwrap();
        for n in 0..300 {
            tracer.trace(&n.to_string()).run(|_| {});
        }
        let report = tracer.shutdown_within(Duration::from_secs(2)).unwrap_err();
        let report = report.report();
        assert!(report.stats.is_balanced(), "{report:#?}");
        let good = report.stats.exporters.last().unwrap();
        assert_eq!((good.name.as_str(), good.exported), ("langfuse", 300));
        assert_eq!(server.deliveries().len(), 300);
        Outcome {
            recorded: good.recorded,
            exported: good.exported,
            ..Outcome::default()
        }
    })
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        fault("queue_full_by_count", stuck())
            .trial(|trial| {
                trial.config(|config| {
                    config.max_queue_size = 50;
                    config.overload = Overload::DropNewest;
                })
            })
            .hopeless()
            .expect(|evidence, _| {
                assert!(evidence.stats.dropped[&DropReason::QueueFullCount] >= 150);
            })
            .into(),
        fault("queue_full_by_bytes", stuck())
            .trial(|trial| trial.input_bytes(20_000))
            .config(|config| {
                config.max_queue_bytes = 400_000;
                config.overload = Overload::DropNewest;
            })
            .hopeless()
            .expect(|evidence, _| {
                assert!(evidence.stats.dropped[&DropReason::QueueFullBytes] >= 180);
            })
            .into(),
        fault("queue_full_oldest_go", stuck())
            .config(|config| {
                config.max_queue_size = 50;
                config.overload = Overload::DropOldest;
            })
            .hopeless()
            .into(),
        fault(
            "queue_full_and_the_caller_waits",
            Scenario::new().forever(Action::good().delay_ms(5)),
        )
        .config(|config| {
            config.max_queue_size = 40;
            config.overload = Overload::Block(Duration::from_secs(10));
        })
        .bounds({
            // Waiting is what was asked for.
            let mut bounds = Bounds::lossless();
            bounds.slow_end = Duration::from_secs(2);
            bounds.slowest_end = Duration::from_secs(10);
            bounds
        })
        .into(),
        fault(
            "breaker_open_and_no_op",
            Scenario::new().forever(Action::status(503)),
        )
        .config(|config| {
            config.while_open = WhileOpen::NoOp;
            config.circuit_breaker_threshold = 1;
            config.max_retries = 0;
        })
        .hopeless()
        .into(),
        // Two bursts at default settings. The time is a limit: unoptimized, the server takes some thousand spans a second.
        fault("burst_of_200000", Scenario::new())
            .trial(|_| {
                Trial::new(200_000)
                    .threads(8)
                    .settle(Duration::from_secs(1200))
                    .shutdown(Duration::from_secs(60))
            })
            .into(),
        fault(
            "burst_of_20001_to_a_receiver_of_5000_a_second",
            Scenario::new().forever(Action::good().delay_ms(20)),
        )
        .trial(|_| {
            Trial::new(20_001)
                .threads(8)
                .settle(Duration::from_secs(1200))
                .shutdown(Duration::from_secs(60))
        })
        .into(),
        fault("outage_with_a_million_bytes_a_span", Scenario::new())
            .down()
            .trial(|_| {
                Trial::new(300)
                    .config(quick)
                    .input_bytes(1_000_000)
                    .settle(Duration::from_millis(100))
                    .shutdown(Duration::from_millis(500))
            })
            .bounds(Bounds::accounted())
            .expect(|evidence, _| {
                assert!(
                    evidence.stats.dropped_total() == 300,
                    "{:?}",
                    evidence.stats
                );
            })
            .into(),
        fault("fifty_megabytes_in_one_prompt", Scenario::new())
            .trial(|_| {
                Trial::new(1)
                    .input_bytes(50 << 20)
                    .shutdown(Duration::from_secs(60))
            })
            .reach(|config, _| config.timeout(Duration::from_secs(20)))
            .bounds({
                // Shortened on the caller's thread, which reads the prompt once; unoptimized that takes its time.
                let mut bounds = Bounds::lossless();
                bounds.slow_end = Duration::from_secs(3);
                bounds.slowest_end = Duration::from_secs(3);
                bounds
            })
            .into(),
        fault("a_thousand_threads", Scenario::new())
            .trial(|_| {
                Trial::new(10_000)
                    .threads(1000)
                    .shutdown(Duration::from_secs(60))
            })
            .bounds({
                // A thousand threads take turns on the machine's few cores.
                let mut bounds = Bounds::lossless();
                bounds.slow_end = Duration::from_secs(1);
                bounds.slowest_end = Duration::from_secs(5);
                bounds
            })
            .into(),
        exporter("exporter_panics", Way::Panics, Bounds::accounted()),
        exporter("exporter_hangs", Way::Hangs, Bounds::accounted()),
        exporter("exporter_always_fails", Way::Errors, Bounds::accounted()),
        exporter("exporter_is_slow", Way::Slow, Bounds::lossless()),
        exporter(
            "exporter_rejects_more_than_there_is",
            Way::False,
            Bounds::accounted(),
        ),
        neighbours(),
    ]
}
