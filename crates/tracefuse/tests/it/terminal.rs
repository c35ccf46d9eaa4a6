//! What the terminal shows of a program with threads, and when.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use mock_langfuse::MockLangfuse;
use tracefuse::{ConsoleConfig, InSpan, Span, Tracer};

use crate::support::config;

/// A screen that can be waited for.
#[derive(Clone, Default)]
struct Screen(Arc<(Mutex<String>, Condvar)>);

impl Screen {
    /// What is on it as soon as it has this text; what is on it after 20 s otherwise.
    fn wait_for(&self, text: &str) -> String {
        let (shown, changed) = &*self.0;
        let limit = Duration::from_secs(20);
        let guard = shown.lock().unwrap();
        let wait = changed.wait_timeout_while(guard, limit, |shown| !shown.contains(text));
        wait.unwrap().0.clone()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (shown, changed) = &*self.0;
        shown
            .lock()
            .unwrap()
            .push_str(std::str::from_utf8(bytes).unwrap());
        changed.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn console(screen: &Screen) -> ConsoleConfig {
    ConsoleConfig::new().width(80).writer(screen.clone())
}

/// Spans that end on other threads before their root.
fn fan_out(tracer: &Tracer) {
    tracer.trace("fan-out").run(|trace| {
        std::thread::scope(|scope| {
            for name in ["a", "b", "c", "d"] {
                let span = trace.span(name).start();
                scope.spawn(move || {
                    let _entered = span.enter();
                    for _ in 0..3 {
                        Span::current().tool("call").run(|_| {});
                    }
                });
            }
        });
    });
}

#[test]
fn a_trace_is_printed_whole_when_it_ends_and_others_still_batch() {
    let (server, screen) = (MockLangfuse::start(), Screen::default());
    let tracer = tracefuse::builder()
        .langfuse(config(&server))
        .console(console(&screen))
        .configure(|config| {
            config.delivery.flush_interval = Duration::from_secs(3600);
            config.delivery.batch_size = 1_000;
        })
        .build()
        .unwrap();
    for run in 1..=20 {
        fan_out(&tracer);
        let name = format!("done-{run}");
        tracer.trace(&name).run(|_| {});
        let text = screen.wait_for(&name);
        assert_eq!(text.matches("● span fan-out").count(), run, "{text}");
        assert_eq!(text.matches("tool call").count(), run * 12, "{text}");
        assert!(!text.contains('◌'), "{text}");
    }
    assert_eq!(server.observations().len(), 0, "a batch is not full");
    tracer.shutdown().unwrap();
    assert_eq!(server.observations().len(), 20 * 18);
}

#[test]
fn spans_of_spawned_tasks_are_in_the_tree_of_their_trace() {
    let screen = Screen::default();
    let tracer = tracefuse::console(console(&screen)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap();
    for run in 1..=20 {
        runtime.block_on(async {
            let trace = tracer.trace("async-operation");
            let work = async |_: tracefuse::Trace| {
                let tasks = (0..4).map(|_| {
                    let work = async { Span::current().span("step").run(|_| {}) };
                    tokio::spawn(work.in_current_span())
                });
                for task in tasks.collect::<Vec<_>>() {
                    task.await.unwrap();
                }
            };
            trace.run_async(work).await;
        });
        let name = format!("done-{run}");
        tracer.trace(&name).run(|_| {});
        let text = screen.wait_for(&name);
        assert_eq!(text.matches("span step").count(), run * 4, "{text}");
        assert!(!text.contains('◌'), "{text}");
    }
    tracer.shutdown().unwrap();
}
