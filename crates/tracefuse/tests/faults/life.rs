//! The application's own life: shutdowns at bad moments, panics, odd values, clocks that step, runtimes that end.

use std::time::Duration;

use mock_langfuse::{Action, How, MockLangfuse, Scenario};
use tracefuse::{
    LangfuseConfig, Tracer,
    stats::Report,
    time::{Clock, ManualClock, Timestamp},
};
use tracefuse_runtime::conformance::Bounds;

use crate::case::{Case, Outcome, fault};

fn config(server: &MockLangfuse) -> LangfuseConfig {
    LangfuseConfig::new(server.public_key(), server.secret_key()).base_url(server.url())
}

fn tracer(server: &MockLangfuse) -> Tracer {
    tracefuse::langfuse(config(server)).unwrap()
}

/// A program in miniature: what it recorded must be there.
fn program(
    name: &'static str,
    spans: usize,
    run: impl FnOnce(&Tracer, &MockLangfuse) + 'static,
) -> Case {
    Case::new(name, move || {
        let server = MockLangfuse::start();
        let tracer = tracefuse::builder()
            .langfuse(config(&server))
            .configure(|config| config.delivery.max_queue_size = 20_000)
            .build()
            .unwrap();
        run(&tracer, &server);
        let report = tracer.shutdown_within(Duration::from_secs(10)).unwrap();
        delivered(&report, &server, spans)
    })
}

fn delivered(report: &Report, server: &MockLangfuse, spans: usize) -> Outcome {
    assert!(report.stats.is_balanced(), "{report:#?}");
    let stats = &report.stats.exporters[0];
    assert_eq!(
        (stats.exported, server.deliveries().len()),
        (spans as u64, spans)
    );
    assert!(
        server
            .deliveries()
            .values()
            .all(|got| got.acknowledged == 1)
    );
    Outcome {
        recorded: stats.recorded,
        exported: stats.exported,
        ..Outcome::default()
    }
}

/// A shutdown at a bad moment is over in time, and tells what it lost.
fn cut_short(name: &'static str, action: Action) -> Case {
    fault(name, Scenario::new().forever(action))
        .trial(|trial| {
            trial
                .settle(Duration::from_millis(150))
                .shutdown(Duration::from_millis(300))
        })
        .bounds(Bounds::accounted())
        .expect(|evidence, _| assert!(!evidence.report.is_lossless()))
        .into()
}

#[expect(clippy::disallowed_methods, reason = "the application's own runtimes")]
fn runtime(threads: Option<usize>) -> tokio::runtime::Runtime {
    let mut builder = match threads {
        Some(threads) => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(threads);
            builder
        }
        None => tokio::runtime::Builder::new_current_thread(),
    };
    builder.enable_all().build().unwrap()
}

/// Dropped inside a runtime, without a shutdown: the last handle delivers.
fn dropped_inside(name: &'static str, threads: Option<usize>) -> Case {
    Case::new(name, move || {
        let server = MockLangfuse::start();
        let tracer = tracer(&server);
        runtime(threads).block_on(async {
            tracer.trace("t").run_async(async |_| {}).await;
            drop(tracer);
        });
        assert!(server.wait_for(
            |server| server.deliveries().len() == 1,
            Duration::from_secs(5)
        ));
        Outcome {
            recorded: 1,
            exported: 1,
            ..Outcome::default()
        }
    })
}

fn clock_steps(name: &'static str, to: u64) -> Case {
    Case::new(name, move || {
        let server = MockLangfuse::start();
        let clock = ManualClock::at(Timestamp::from_unix_nanos(1_795_439_990_000_000_000));
        let tracer = tracefuse::builder()
            .langfuse(config(&server))
            .clock(Clock::new(clock.clone()))
            .build()
            .unwrap();
        tracer.trace("t").run(|trace| {
            trace
                .span("before")
                .run(|_| clock.advance(Duration::from_secs(1)));
            clock.step_to(Timestamp::from_unix_nanos(to));
            trace
                .span("after")
                .run(|_| clock.advance(Duration::from_secs(1)));
        });
        let report = tracer.shutdown().unwrap();
        for row in server.observations() {
            assert!(row.end_ns >= row.start_ns, "{row:?}");
        }
        delivered(&report, &server, 3)
    })
}

fn nested(depth: usize) -> serde_json::Value {
    let mut value = serde_json::Value::Null;
    for _ in 0..depth {
        value = serde_json::Value::Array(vec![value]);
    }
    value
}

pub(crate) fn cases() -> Vec<Case> {
    vec![
        cut_short(
            "shutdown_during_an_attempt",
            Action::accept_then(How::Silent),
        ),
        cut_short("shutdown_during_backoff", Action::status(503)),
        cut_short(
            "shutdown_during_429",
            Action::status(429).header("retry-after", "60"),
        ),
        cut_short("shutdown_while_refused", Action::status(401)),
        program("panic_in_a_closure", 2, |tracer, _| {
            let panicked = std::thread::scope(|scope| {
                let work = || {
                    tracer
                        .trace("t")
                        .run(|trace| trace.span("s").run(|_| panic!("the user's")))
                };
                scope.spawn(work).join()
            });
            assert!(panicked.is_err(), "the panic continues");
        }),
        program("finished_twice_and_written_late", 1, |tracer, _| {
            let trace = tracer.trace("t").start();
            trace.finish();
            trace.finish();
            trace.set_output("late");
            assert_eq!(tracer.stats().late_writes, 1);
        }),
        program("depth_10000", 10_001, |tracer, _| {
            let trace = tracer.trace("root").start();
            let mut spans = vec![trace.span("0").start()];
            for depth in 1..10_000 {
                let child = spans[depth - 1].span("child").start();
                spans.push(child);
            }
            while let Some(span) = spans.pop() {
                span.end();
            }
        }),
        program("odd_values", 6, |tracer, _| {
            let odd = [
                "\u{0}\u{1}\u{1b}[31m\u{7f}",
                "\u{202e}\u{feff}\u{fffd}",
                r#"{"lone":"\ud800"}"#,
                "",
            ];
            for text in odd {
                tracer
                    .trace(text)
                    .metadata(text, text)
                    .input(text)
                    .run(|_| {});
            }
            let numbers = serde_json::json!([i64::MIN, u64::MAX, 1e308]);
            tracer
                .trace("numbers")
                .input(&numbers)
                .metadata("nan", f64::NAN)
                .metadata("inf", f64::INFINITY)
                .run(|_| {});
            let deep = nested(120);
            tracer.trace("deep").input(&deep).run(|_| {});
        }),
        program("flush_races", 800, |tracer, _| {
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        for n in 0..100 {
                            tracer.trace("t").run(|_| {});
                            if n % 10 == 0 {
                                let report = tracer.flush_within(Duration::from_secs(10)).unwrap();
                                assert!(report.complete);
                            }
                        }
                    });
                }
            });
        }),
        program("flush_inside_every_runtime", 12, |tracer, _| {
            for threads in [None, Some(1), Some(4)] {
                runtime(threads).block_on(async {
                    for _ in 0..2 {
                        tracer.trace("a").run_async(async |_| {}).await;
                        tracer.flush_async().await.unwrap();
                        tracer.trace("b").run(|_| {});
                        // Blocking, on the runtime's only thread.
                        tracer.flush().unwrap();
                    }
                });
            }
        }),
        dropped_inside("dropped_inside_current_thread", None),
        dropped_inside("dropped_inside_one_worker", Some(1)),
        dropped_inside("dropped_inside_four_workers", Some(4)),
        clock_steps("clock_back_an_hour", 1_795_436_390_000_000_000),
        clock_steps("clock_forward_a_year", 1_826_975_990_000_000_000),
        clock_steps("clock_at_the_beginning_of_time", 0),
        Case::new("open_at_shutdown", || {
            let server = MockLangfuse::start();
            let tracer = tracer(&server);
            let trace = tracer.trace("t").start();
            let span = trace.span("s").start();
            let report = tracer.shutdown().unwrap();
            assert_eq!(report.unfinished, 2);
            assert!(
                server
                    .observations()
                    .iter()
                    .all(|row| row.level == "WARNING")
            );
            span.end();
            tracer.trace("afterwards").run(|_| {});
            assert_eq!(tracer.stats().not_recorded, 1);
            delivered(&report, &server, 2)
        }),
    ]
}
