//! No log line is written under a lock: at every one of them a log subscriber records, asks for the numbers, flushes
//! and shuts down, or panics. The lines are read from the source, so that one without its scenario here fails.
//! A separate binary, since the subscriber is global to the process.
#![expect(
    clippy::disallowed_methods,
    reason = "tests are applications: they have threads, files and subscribers"
)]

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use tracefuse_core::{Tracer, TracerBuilder};
use tracefuse_exporter::record::Record;
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, Rejection, async_trait};
use tracefuse_mask::Mask;
use tracefuse_runtime::spool::SpoolConfig;
use tracefuse_runtime::{Pipeline, PipelineConfig, SpoolMode, TailSampler, TailSampling};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record as Values};
use tracing::{Event, Metadata, Subscriber};

const LINES: &str = include_str!("../src/log.rs");
/// Only a fault of our own reaches these: `worker/tests/guard.rs` has them.
const OF_OUR_FAULTS: [&str; 2] = ["delivery panicked", "the thread that delivers has ended"];
const LONG: Duration = Duration::from_secs(60);

/// What the subscriber does at each line.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reaction {
    Records,
    ShutsDown,
    Panics,
}

struct Hostile;

/// With the line that the scenario is about: a shutdown at an earlier one would end it before.
static REACTION: Mutex<Option<(Reaction, Tracer, &str)>> = Mutex::new(None);
static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl Subscriber for Hostile {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "tracefuse"
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Values<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        let reaction = REACTION.lock().unwrap().clone();
        let is_it = |line: &str| message.0.starts_with(line);
        let early = |reaction, line| reaction == Reaction::ShutsDown && !is_it(line);
        let reaction = reaction.filter(|(reaction, _, line)| !early(*reaction, line));
        SEEN.lock().unwrap().insert(message.0);
        let Some((reaction, tracer, _)) = reaction else {
            return;
        };
        if INSIDE.replace(true) {
            return;
        }
        let _out = Out;
        tracer.trace("of the subscriber").run(|trace| {
            trace
                .span("child")
                .run(|span| span.score("s", 1.0).record());
        });
        let _ = (
            tracer.stats(),
            tracer.flush_within(Duration::from_millis(20)),
        );
        match reaction {
            Reaction::Records => {}
            Reaction::ShutsDown => drop(tracer.shutdown_within(Duration::from_millis(50))),
            Reaction::Panics => panic!("in the log subscriber"),
        }
    }
}

struct Out;

impl Drop for Out {
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}

type Answer = fn(usize, &Batch) -> Result<ExportReport, ExportError>;

/// Answers by the number of the call; waits while it is held.
struct Answers {
    calls: Mutex<usize>,
    answer: Answer,
    panics: bool,
}

static HELD: AtomicBool = AtomicBool::new(false);

#[async_trait]
impl Exporter for Answers {
    fn name(&self) -> &str {
        "answers"
    }

    fn destination(&self) -> Option<String> {
        Some("answers".into())
    }

    fn size_hint(&self, record: &Record) -> usize {
        assert!(!self.panics, "in `size_hint`");
        record.size()
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        while HELD.load(Ordering::Relaxed) {
            tokio::task::yield_now().await;
        }
        let call = {
            let mut calls = self.calls.lock().unwrap();
            *calls += 1;
            *calls - 1
        };
        (self.answer)(call, batch)
    }
}

fn answers(answer: Answer) -> Answers {
    Answers {
        calls: Mutex::new(0),
        answer,
        panics: false,
    }
}

fn takes(_: usize, batch: &Batch) -> Result<ExportReport, ExportError> {
    Ok(ExportReport::accepted(batch.len()))
}

fn fails(_: usize, _: &Batch) -> Result<ExportReport, ExportError> {
    Err(ExportError::retry("503"))
}

fn pipeline(
    exporter: Answers,
    change: impl FnOnce(&mut PipelineConfig),
) -> tracefuse_runtime::PipelineBuilder {
    let mut config = PipelineConfig::default();
    config.flush_interval = Duration::from_millis(1);
    config.retry_cap = Duration::from_millis(1);
    config.circuit_breaker_reset = Duration::from_millis(5);
    change(&mut config);
    Pipeline::builder().config(config).exporter(exporter)
}

fn tracer(exporter: Answers, change: impl FnOnce(&mut PipelineConfig)) -> Tracer {
    Tracer::builder(pipeline(exporter, change).build().unwrap()).build()
}

fn has_seen(line: &str) -> bool {
    SEEN.lock()
        .unwrap()
        .iter()
        .any(|seen| seen.starts_with(line))
}

struct Scenario {
    line: &'static str,
    make: fn(&Path) -> Tracer,
    /// Beside recording.
    also: fn(&Tracer, &Path),
}

fn nothing_else(_: &Tracer, _: &Path) {}

fn spooling(exporter: Answers, dir: &Path) -> Tracer {
    let pipeline = pipeline(exporter, |config| {
        config.circuit_breaker_threshold = 1;
        config.circuit_breaker_reset = Duration::from_secs(600);
    });
    let pipeline = pipeline.spool(SpoolConfig::new(dir), SpoolMode::OnFailure);
    Tracer::builder(pipeline.build().unwrap()).build()
}

fn leaky(change: fn(TracerBuilder) -> TracerBuilder) -> Tracer {
    let pipeline = pipeline(answers(takes), |_| {}).build().unwrap();
    change(Tracer::builder(pipeline)).build()
}

fn keep_open(tracer: &Tracer, _: &Path) {
    static OPEN: Mutex<Vec<tracefuse_core::Trace>> = Mutex::new(Vec::new());
    OPEN.lock()
        .unwrap()
        .extend((0..3).map(|_| tracer.trace("kept").start()));
}

fn scenarios() -> Vec<Scenario> {
    let plain = |line, make| Scenario {
        line,
        make,
        also: nothing_else,
    };
    vec![
        Scenario {
            line: "spans are dropped: the queue is full",
            make: |_| {
                HELD.store(true, Ordering::Relaxed);
                tracer(answers(takes), |config| config.max_queue_size = 2)
            },
            also: nothing_else,
        },
        plain("an export failed", |_| {
            tracer(
                answers(|call, batch| {
                    if call % 2 == 0 {
                        fails(call, batch)
                    } else {
                        takes(call, batch)
                    }
                }),
                |_| {},
            )
        }),
        plain("the circuit breaker opened", |_| {
            tracer(answers(fails), |config| {
                config.circuit_breaker_threshold = 1
            })
        }),
        plain("the receiver answers again", |_| {
            tracer(
                answers(|call, batch| {
                    if call == 0 {
                        fails(call, batch)
                    } else {
                        takes(call, batch)
                    }
                }),
                |config| config.circuit_breaker_threshold = 1,
            )
        }),
        plain("the receiver refuses our requests", |_| {
            tracer(answers(|_, _| Err(ExportError::stop("401"))), |_| {})
        }),
        plain("spans were rejected", |_| {
            tracer(
                answers(|_, batch| {
                    let report = ExportReport::accepted(batch.len() - 1);
                    Ok(report.with_rejection(Rejection::at(0, "bad")))
                }),
                |_| {},
            )
        }),
        plain("a method of the exporter panicked", |_| {
            tracer(
                Answers {
                    panics: true,
                    ..answers(takes)
                },
                |_| {},
            )
        }),
        Scenario {
            line: "a trace has been open for a long time",
            make: |_| leaky(|builder| builder.warn_open_longer(Duration::ZERO)),
            also: keep_open,
        },
        Scenario {
            line: "many spans are open at once",
            make: |_| {
                leaky(|builder| {
                    builder
                        .warn_open_more(1)
                        .warn_open_longer(Duration::from_millis(8))
                })
            },
            also: keep_open,
        },
        Scenario {
            line: "a span was started where no trace is current",
            make: |_| tracer(answers(takes), |_| {}),
            also: |_, _| drop(tracefuse_core::Span::current().span("outside").start()),
        },
        // The lines of `tracefuse-metrics`, which calls these functions from its own loop.
        Scenario {
            line: "an export of metrics failed",
            make: |_| tracer(answers(takes), |_| {}),
            also: |_, _| tracefuse_runtime::metrics_failed("http://metrics.example", "refused"),
        },
        Scenario {
            line: "the receiver of metrics answers again",
            make: |_| tracer(answers(takes), |_| {}),
            also: |_, _| tracefuse_runtime::metrics_recovered("http://metrics.example"),
        },
        plain("the masker panicked", |_| {
            let pipeline = pipeline(answers(takes), |_| {})
                .masker(Mask::new().rewrite(|_, _| panic!("in the masker")));
            Tracer::builder(pipeline.build().unwrap()).build()
        }),
        Scenario {
            line: "traces are kept before their end is known",
            make: |_| {
                let pipeline = pipeline(answers(takes), |_| {}).build().unwrap();
                let sampling = TailSampling::new().max_spans(0);
                Tracer::builder(TailSampler::new(pipeline, sampling)).build()
            },
            also: |tracer, _| {
                tracer
                    .trace("root")
                    .run(|root| root.span("child").run(|_| {}))
            },
        },
        plain("spans were dropped after every attempt", |_| {
            tracer(answers(fails), |config| {
                (config.max_retries, config.max_age) = (0, Duration::ZERO);
                config.circuit_breaker_threshold = u32::MAX;
            })
        }),
        Scenario {
            line: "spans of an earlier process were found",
            make: |dir| {
                let first = spooling(answers(fails), dir);
                first.trace("left").run(|_| {});
                assert_eq!(
                    first.shutdown_within(LONG).unwrap().stats.exporters[0].spooled,
                    1
                );
                spooling(answers(takes), dir)
            },
            also: nothing_else,
        },
        Scenario {
            line: "the spool does not work",
            make: |dir| spooling(answers(fails), &dir.join("spool")),
            also: |_, dir| {
                let spool = dir.join("spool");
                let _ = std::fs::remove_dir_all(&spool);
                let _ = std::fs::write(&spool, "a file where the directory was");
            },
        },
        Scenario {
            line: "spans were lost from the spool",
            make: |dir| spooling(answers(fails), &dir.join("spool")),
            also: |tracer, dir| {
                if tracer.stats().exporters[0].spooled > 0 {
                    let _ = std::fs::remove_dir_all(dir.join("spool"));
                }
            },
        },
        plain(
            "spans were not delivered by the end of the shutdown",
            |_| {
                let tracer = tracer(answers(fails), |_| {});
                // Recorded first: without a span the shutdown would end at once, and refuse the later ones.
                tracer.trace("t").input("x").run(|_| {});
                let other = tracer.clone();
                // Its report is the same as the one at the end.
                std::thread::spawn(move || drop(other.shutdown_within(Duration::from_millis(100))));
                tracer
            },
        ),
    ]
}

/// The lines of `log.rs`: each begins after its macro's fields, and ends before what is put in.
fn lines() -> Vec<String> {
    let texts = LINES
        .lines()
        .map(str::trim)
        .filter_map(|line| line.strip_prefix('"'));
    let lines: Vec<String> = texts
        .map(|text| {
            text.split(['"', '{', '('])
                .next()
                .unwrap_or_default()
                .trim_end()
                .to_owned()
        })
        .collect();
    let macros = ["error", "warn", "info", "debug", "trace"];
    let written: usize = macros
        .iter()
        .map(|level| LINES.matches(&format!("tracing::{level}!")).count())
        .sum();
    assert_eq!(
        lines.len(),
        written,
        "each line's text begins its own line: {lines:#?}"
    );
    lines
}

/// Runs it on a thread; a deadlock fails and does not hang the test.
fn in_time(what: &str, work: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        work();
        let _ = done.send(());
    });
    match finished.recv_timeout(LONG) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what}: hangs"),
        _ => thread
            .join()
            .unwrap_or_else(|_| panic!("{what}: failed, see above")),
    }
}

#[test]
fn a_log_subscriber_may_do_anything_at_every_line() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        tracing::subscriber::set_global_default(Hostile).unwrap();
        // Some thousand panics are the test: their backtraces would take minutes.
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let of_test = ["in the log subscriber", "in `size_hint`", "in the masker"];
            let text = panic.payload_as_str().unwrap_or_default();
            if !of_test.contains(&text) {
                usual(panic);
            }
        }));
    });
    let mut tried = Vec::new();
    for Scenario { line, make, also } in scenarios() {
        for reaction in [Reaction::Records, Reaction::ShutsDown, Reaction::Panics] {
            in_time(&format!("{line:?} with {reaction:?}"), move || {
                let dir = tempfile::tempdir().unwrap();
                SEEN.lock().unwrap().clear();
                *REACTION.lock().unwrap() = None;
                let tracer = make(dir.path());
                *REACTION.lock().unwrap() = Some((reaction, tracer.clone(), line));
                for _ in 0..10_000 {
                    also(&tracer, dir.path());
                    tracer.trace("t").input("x").run(|_| {});
                    if has_seen(line) {
                        break;
                    }
                    std::thread::park_timeout(Duration::from_millis(1));
                }
                assert!(has_seen(line), "was not logged: {:#?}", tracer.stats());
                HELD.store(false, Ordering::Relaxed);
                let report = match tracer.shutdown_within(Duration::from_millis(300)) {
                    Ok(report) => report,
                    Err(error) => error.report().clone(),
                };
                assert!(report.stats.is_balanced(), "{report:#?}");
                assert_eq!(report.pending, 0, "{report:#?}");
                *REACTION.lock().unwrap() = None;
            });
        }
        tried.push(line);
    }
    for line in lines() {
        let is_tried = tried
            .iter()
            .any(|tried| line.starts_with(tried) || tried.starts_with(&line));
        let is_ours = OF_OUR_FAULTS.iter().any(|ours| line.starts_with(ours));
        assert!(
            is_tried != is_ours,
            "a log line without its scenario: {line:?}"
        );
    }
}
