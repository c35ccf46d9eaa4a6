//! The application and its plugins as the fault: absurd settings, log subscribers that call back or panic, exporters that
//! trace, shutdowns beside shutdowns, directories removed under the spool, no descriptors left.
#![expect(
    clippy::disallowed_methods,
    reason = "removes files, starts a process, and has threads as applications do"
)]

use std::cell::Cell;
use std::path::Path;
use std::sync::{Mutex, Once, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use mock_langfuse::{Action, MockLangfuse, Scenario};
use tracefuse::exporter::record::Record;
use tracefuse::exporter::{Batch, ExportError, ExportReport, Exporter};
use tracefuse::{LangfuseConfig, Tracer, config::Overload};
use tracefuse_langfuse::LangfuseExporter;
use tracefuse_runtime::conformance::{Bounds, Trial};
use tracefuse_runtime::{Pipeline, PipelineConfig, SpoolMode};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use crate::case::{Case, Outcome, fault, quick, receipts, says, wait_for};

fn langfuse(server: &MockLangfuse) -> LangfuseExporter {
    let config = LangfuseConfig::new(server.public_key(), server.secret_key());
    LangfuseExporter::new(config.base_url(server.url())).unwrap()
}

/// A good receiver, and settings that mean nothing.
fn absurd(name: &'static str, change: fn(&mut PipelineConfig)) -> Case {
    fault(name, Scenario::new())
        .trial(|_| {
            Trial::new(200)
                .config(change)
                .shutdown(Duration::from_secs(10))
        })
        .into()
}

/// What the process's log subscriber does at each line of ours.
#[derive(Clone, Copy)]
enum Reaction {
    CallsBack,
    Panics,
}

static REACTION: Mutex<Option<(Reaction, Tracer)>> = Mutex::new(None);

struct Hostile;

impl<S: tracing::Subscriber> Layer<S> for Hostile {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        thread_local! {
            static INSIDE: Cell<bool> = const { Cell::new(false) };
        }
        let reaction = REACTION.lock().unwrap().clone();
        let Some((reaction, tracer)) = reaction else {
            return;
        };
        if event.metadata().target() != "tracefuse" || INSIDE.replace(true) {
            return;
        }
        let answer = match reaction {
            Reaction::CallsBack => {
                let _ = (
                    tracer.stats(),
                    tracer.flush_within(Duration::from_millis(20)),
                );
                Ok(())
            }
            Reaction::Panics => Err("in the log subscriber"),
        };
        INSIDE.set(false);
        answer.unwrap();
    }
}

/// A server that fails at times, under the eyes of a subscriber.
fn subscriber(name: &'static str, reaction: Reaction) -> Case {
    static ONCE: Once = Once::new();
    let failing = Scenario::new().times(6, Action::status(503));
    fault(name, failing)
        .config(|config| {
            config.circuit_breaker_threshold = 2;
            config.max_queue_size = 150;
            config.overload = Overload::Block(Duration::from_secs(10));
        })
        .meanwhile(move |_, tracer| {
            ONCE.call_once(|| {
                let subscriber = tracing_subscriber::registry().with(Hostile);
                tracing::subscriber::set_global_default(subscriber).unwrap();
            });
            *REACTION.lock().unwrap() = Some((reaction, tracer.clone()));
        })
        .expect(|_, _| *REACTION.lock().unwrap() = None)
        .bounds(patient())
        .into()
}

/// Callers wait for room, as they asked to.
fn patient() -> Bounds {
    let mut bounds = Bounds::lossless();
    bounds.slow_end = Duration::from_secs(2);
    bounds.slowest_end = Duration::from_secs(10);
    bounds
}

/// Beside Langfuse's exporter: what a plugin may do in each method.
struct Plugin {
    inner: LangfuseExporter,
    size: fn(&Record) -> usize,
    tracer: Option<&'static OnceLock<Tracer>>,
}

#[async_trait]
impl Exporter for Plugin {
    fn name(&self) -> &str {
        "plugin"
    }

    fn size_hint(&self, record: &Record) -> usize {
        (self.size)(record)
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        if let Some(tracer) = self.tracer.and_then(OnceLock::get) {
            let trace = || drop(tracer.trace("of a delivery").start());
            trace();
            tokio::spawn(async move { trace() }).await.unwrap();
            tokio::task::spawn_blocking(trace).await.unwrap();
        }
        self.inner.export(batch).await
    }
}

fn plugin(
    name: &'static str,
    size: fn(&Record) -> usize,
    tracer: Option<&'static OnceLock<Tracer>>,
) -> Case {
    Case::new(name, move || {
        let server = MockLangfuse::start();
        let inner = langfuse(&server);
        let plugin = Plugin {
            inner,
            size,
            tracer,
        };
        let trial = Trial::new(200)
            .config(quick)
            .shutdown(Duration::from_secs(30));
        let evidence = trial.run(plugin, |of_trial| {
            if let Some(tracer) = tracer {
                let _ = tracer.set(of_trial.clone());
            }
        });
        Outcome::of(&evidence, &receipts(&server), &Bounds::lossless())
    })
}

/// A shutdown of 10 s and one of 50 ms that begins beside it, while the server is away for half a second.
fn two_shutdowns() -> Case {
    Case::new("shutdown_twice_the_shorter_later", || {
        let server = MockLangfuse::start();
        server.pause();
        let tracer = tracefuse::builder()
            .exporter(langfuse(&server))
            .build()
            .unwrap();
        for n in 0..100 {
            tracer.trace(&n.to_string()).run(|_| {});
        }
        let long = {
            let tracer = tracer.clone();
            std::thread::spawn(move || tracer.shutdown_within(Duration::from_secs(10)))
        };
        while tracer.stats().exporters[0].failed_attempts == 0 {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        let short = tracer
            .shutdown_within(Duration::from_millis(50))
            .unwrap_err();
        assert_eq!((short.report().lost, short.report().pending), (0, 100));
        server.resume();
        let report = long.join().unwrap().unwrap();
        assert_eq!(tracer.shutdown().unwrap(), report, "one final report");
        assert_eq!(server.deliveries().len(), 100);
        Outcome {
            recorded: report.stats.recorded,
            exported: report.stats.exporters[0].exported,
            ..Outcome::default()
        }
    })
}

/// The server comes back while the shutdown runs.
fn back_in_a_shutdown(name: &'static str, threshold: u32) -> Case {
    Case::new(name, move || {
        let server = MockLangfuse::start();
        server.pause();
        let mut config = PipelineConfig::default();
        config.circuit_breaker_threshold = threshold;
        config.circuit_breaker_reset = Duration::from_secs(60);
        config.max_retries = 0;
        let pipeline = Pipeline::builder()
            .config(config)
            .exporter(langfuse(&server));
        let tracer = Tracer::builder(pipeline.build().unwrap()).build();
        for n in 0..100 {
            tracer.trace(&n.to_string()).run(|_| {});
        }
        let report = std::thread::scope(|scope| {
            let shutdown = scope.spawn(|| tracer.shutdown_within(Duration::from_secs(20)));
            while tracer.stats().exporters[0].failed_attempts < 4 {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            server.resume();
            shutdown.join().unwrap().unwrap()
        });
        assert_eq!(server.deliveries().len(), 100);
        Outcome {
            recorded: report.stats.recorded,
            exported: report.stats.exporters[0].exported,
            ..Outcome::default()
        }
    })
}

/// Removes a directory in which the worker may make a file meanwhile.
fn remove(directory: &Path) {
    while std::fs::remove_dir_all(directory).is_err() && directory.exists() {
        std::thread::yield_now();
    }
}

/// Something happens to the spool's directory while spans are in it, and the server comes back later.
fn spool_loses(name: &'static str, damage: fn(&Path)) -> Case {
    Case::new(name, move || {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spool");
        let server = MockLangfuse::start();
        server.pause();
        let trial = Trial::new(200)
            .config(quick)
            .config(|config| config.circuit_breaker_reset = Duration::from_millis(600))
            .spool(&path, SpoolMode::WriteAhead)
            .settle(Duration::from_secs(10));
        let evidence = trial.run(langfuse(&server), |tracer| {
            let spooled = || tracer.stats().exporters[0].spooled;
            while spooled() < 50 {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            damage(&path);
            server.resume();
        });
        let stats = &evidence.stats;
        assert!(
            stats.dropped_total() >= 1,
            "what was lost is counted: {stats:?}"
        );
        assert_eq!(
            stats.spooled, 0,
            "nothing is called safe that is not: {stats:?}"
        );
        Outcome::of(&evidence, &receipts(&server), &Bounds::accounted())
    })
}

/// The disk fails when the outage begins and works again before the program ends.
fn spool_well_again() -> Case {
    Case::new("spool_well_again_at_the_end", || {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spool");
        let server = MockLangfuse::start();
        server.pause();
        let trial = Trial::new(200)
            .config(quick)
            .config(|config| config.circuit_breaker_reset = Duration::from_secs(60))
            .spool(&path, SpoolMode::OnFailure)
            .settle(Duration::from_millis(300))
            .shutdown(Duration::from_secs(2));
        let evidence = trial.run(langfuse(&server), |tracer| {
            std::fs::remove_dir_all(&path).unwrap();
            std::fs::write(&path, "in the way").unwrap();
            while tracer.stats().exporters[0].failed_attempts < 3 {
                std::thread::park_timeout(Duration::from_millis(2));
            }
            // Long enough for the disk to be asked and to fail.
            std::thread::park_timeout(Duration::from_millis(200));
            std::fs::remove_file(&path).unwrap();
        });
        assert_eq!(evidence.stats.spooled, 200, "{:?}", evidence.stats);
        assert!(evidence.report.is_lossless());
        Outcome::of(&evidence, &receipts(&server), &Bounds::accounted())
    })
}

/// Runs the row that follows in a process that may open a few files only.
fn out_of_descriptors() -> Case {
    const ALONE: &str = "TRACEFUSE_FAULTS_FEW_FILES";
    Case::new("out_of_descriptors", || {
        if std::env::var_os(ALONE).is_some() {
            return few_files();
        }
        let program = std::env::current_exe().unwrap();
        let child = std::process::Command::new("sh")
            .args(["-c", "ulimit -n 64; exec \"$0\" out_of_descriptors"])
            .arg(program)
            .env(ALONE, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout).into_owned();
        let verdict = if child.status.success() {
            Ok(())
        } else {
            Err(format!("{said}{}", String::from_utf8_lossy(&child.stderr)))
        };
        Outcome {
            verdict,
            ..Outcome::default()
        }
    })
}

fn few_files() -> Outcome {
    fault("few_files", Scenario::new())
        .meanwhile(|_, tracer| {
            let mut files = Vec::new();
            while let Ok(file) = std::fs::File::open("/dev/null") {
                files.push(file);
            }
            // An attempt that has a connection already fails otherwise: the server cannot accept it.
            let error = || {
                let error = tracer.stats().exporters[0].last_error.clone();
                error.unwrap_or_default()
            };
            let found = wait_for(|| error().contains("Too many open files"));
            drop(files);
            assert!(found, "{:?}", error());
        })
        .outcome()
}

/// A receiver that fails, and then hangs until the shutdown's time is over.
fn first_cause() -> Case {
    let scenario = Scenario::new()
        .times(3, Action::status(503).body("the reason"))
        .forever(Action::accept_then(mock_langfuse::How::Silent));
    fault("the_first_cause_is_kept", scenario)
        .hopeless()
        .expect(|evidence, _| says(evidence, &["503", "the reason"]))
        .into()
}

pub(crate) fn cases() -> Vec<Case> {
    static OF_PLUGIN: OnceLock<Tracer> = OnceLock::new();
    let real: fn(&Record) -> usize = |record| record.size();
    vec![
        absurd("settings_batch_of_a_billion", |config| {
            config.batch_size = 1_000_000_000;
        }),
        absurd("settings_all_zero", |config| {
            (config.batch_size, config.max_batch_bytes) = (0, 0);
            config.flush_interval = Duration::ZERO;
            (config.retry_base, config.retry_cap) = (Duration::ZERO, Duration::ZERO);
            (config.batch_timeout, config.circuit_breaker_reset) = (Duration::ZERO, Duration::ZERO);
            (config.max_retries, config.circuit_breaker_threshold) = (0, 0);
        }),
        absurd("settings_all_at_their_maximum", |config| {
            (config.batch_size, config.max_batch_bytes) = (usize::MAX, usize::MAX);
            (config.max_queue_size, config.max_queue_bytes) = (usize::MAX, usize::MAX);
            (config.retry_base, config.retry_cap) = (Duration::MAX, Duration::MAX);
            (config.flush_interval, config.attempt_timeout) = (Duration::MAX, Duration::MAX);
            (config.batch_timeout, config.max_age) = (Duration::MAX, Duration::MAX);
            config.circuit_breaker_reset = Duration::MAX;
            (config.max_retries, config.circuit_breaker_threshold) = (u32::MAX, u32::MAX);
            config.overload = Overload::Block(Duration::MAX);
        }),
        fault("queue_smaller_than_a_batch", Scenario::new())
            .config(|config| {
                (config.batch_size, config.max_queue_size) = (100, 50);
                config.flush_interval = Duration::from_secs(3600);
                config.overload = Overload::Block(Duration::from_secs(10));
            })
            .trial(|trial| trial.settle(Duration::from_millis(200)))
            .bounds(patient())
            .into(),
        subscriber("log_subscriber_calls_back", Reaction::CallsBack),
        subscriber("log_subscriber_panics", Reaction::Panics),
        plugin("exporter_traces_with_its_tracer", real, Some(&OF_PLUGIN)),
        plugin(
            "exporter_size_hint_panics",
            |_| panic!("in size_hint"),
            None,
        ),
        plugin("exporter_size_hint_is_the_maximum", |_| usize::MAX, None),
        two_shutdowns(),
        back_in_a_shutdown("back_during_the_shutdown", u32::MAX),
        back_in_a_shutdown("back_during_the_shutdown_breaker_open", 1),
        first_cause(),
        spool_loses("spool_removed_while_running", |path| {
            remove(path);
        }),
        spool_loses("spool_replaced_while_running", |path| {
            for process in std::fs::read_dir(path.join("v1")).unwrap() {
                let process = process.unwrap().path();
                remove(&process);
                // The worker may have made it again.
                let made = std::fs::create_dir(&process);
                assert!(made.is_ok() || process.is_dir(), "{made:?}");
            }
        }),
        spool_well_again(),
        out_of_descriptors(),
    ]
}
