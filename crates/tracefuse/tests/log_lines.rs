//! The log lines that are not delivery's (those are in the runtime's own test): the facade's, Langfuse's, the prompts'. Each is
//! written once, and not under a lock: a log subscriber records, flushes, builds another tracer and shuts down in it, or
//! panics. The lines are counted in the source, so that one without its scenario here fails.
//!
//! Some lines are written once for each process, so each scenario runs in its own process: this program again.
#![expect(
    clippy::disallowed_methods,
    reason = "tests are applications: they have threads, processes and subscribers"
)]

use std::cell::Cell;
use std::fmt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mock_langfuse::{Action, MockLangfuse, Scenario};
use serde_json::json;
use tracefuse::exporter::InMemoryExporter;
use tracefuse::langfuse::prompts::PromptClient;
use tracefuse::{LangfuseConfig, Tracer};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// The scenario and the reaction of a child. Not a name that tracefuse reads.
const CHILD: &str = "LOG_LINES_CHILD";
/// Far longer than anything takes: a machine may be busy.
const LONG: Duration = Duration::from_secs(60);
/// `hello`.
const HELLO: &str = "aGVsbG8=";

/// What the subscriber does at a line, beside recording.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reaction {
    Flushes,
    ShutsDown,
    Panics,
}

const REACTIONS: [Reaction; 3] = [Reaction::Flushes, Reaction::ShutsDown, Reaction::Panics];

/// A line, the file that writes it, and what leads to it.
struct Line {
    file: &'static str,
    text: &'static str,
    run: fn(),
}

const SAY: &str = "tracefuse/src/say.rs";
const TEXT: &str = "langfuse/src/text.rs";
const UPLOAD: &str = "langfuse/src/media/upload.rs";
const TRANSFER: &str = "langfuse/src/media/transfer.rs";
const FETCH: &str = "prompts/src/fetch.rs";

const LINES: [Line; 9] = [
    Line {
        file: SAY,
        text: "tracing is off: its configuration cannot be used",
        run: || {
            react_with(other());
            // The environment of a child is empty.
            assert!(!tracefuse::from_env_or_noop().is_enabled());
        },
    },
    Line {
        file: SAY,
        text: "the public key does not begin with pk-lf-",
        run: || {
            react_with(other());
            let server = MockLangfuse::builder()
                .keys("odd", "sk-lf-1")
                .start()
                .unwrap();
            let config = LangfuseConfig::new("odd", "sk-lf-1").base_url(server.url());
            let tracer = tracefuse::langfuse(config).unwrap();
            tracer.trace("t").run(|_| {});
            tracer.shutdown_within(LONG).unwrap();
            assert_eq!(server.observations().len(), 1);
        },
    },
    Line {
        file: SAY,
        text: "traces are delivered",
        run: || {
            react_with(other());
            let server = MockLangfuse::start();
            let tracer = tracer(&server);
            tracer.trace("t").run(|_| {});
            tracer.shutdown_within(LONG).unwrap();
            assert_eq!(server.observations().len(), 1);
        },
    },
    Line {
        file: TEXT,
        text: "an environment is not sent",
        run: || {
            recorded("an environment is not sent", |tracer| {
                tracer.trace("t").run(|trace| {
                    trace.score("s", 1.0).environment("Prod.EU").record();
                });
            });
        },
    },
    Line {
        file: TEXT,
        text: "a prompt is not linked",
        run: || {
            recorded("a prompt is not linked", |tracer| {
                tracer
                    .trace("t")
                    .run(|trace| trace.span("s").prompt("p", 1).run(|_| {}));
            });
        },
    },
    Line {
        file: TEXT,
        text: "a value is longer than 200 characters",
        run: || {
            recorded("a value is longer than 200 characters", |tracer| {
                tracer.trace("t").user_id(&"u".repeat(201)).run(|_| {});
            });
        },
    },
    Line {
        file: UPLOAD,
        text: "media was not uploaded",
        run: || {
            let server = MockLangfuse::start();
            server.set_scenario(
                Scenario::new()
                    .once(Action::good())
                    .forever(Action::status(400)),
            );
            let tracer = tracer(&server);
            react_with(tracer.clone());
            see_a_picture(&tracer);
            until_logged("media was not uploaded", &tracer);
            assert_eq!(server.observations().len(), 1);
        },
    },
    Line {
        file: TRANSFER,
        text: "media are uploaded to http://localhost:",
        run: || {
            let server = MockLangfuse::start();
            let place = server.url().replace("127.0.0.1", "localhost");
            let answer = json!({ "mediaId": "m", "uploadUrl": format!("{place}/mock/upload/m") });
            server.set_scenario(
                Scenario::new()
                    .once(Action::good())
                    .once(Action::status(201).body(&answer.to_string())),
            );
            let tracer = tracer(&server);
            react_with(tracer.clone());
            see_a_picture(&tracer);
            let line = format!(
                "media are uploaded to {place}, as Langfuse at {} asks",
                server.url()
            );
            until_logged(&line, &tracer);
        },
    },
    Line {
        file: FETCH,
        text: "the prompt \"none\" with label",
        run: || {
            let server = MockLangfuse::start();
            let tracer = tracer(&server);
            let client = PromptClient::builder(config(&server))
                .timeout(LONG)
                .build()
                .unwrap();
            let again = client.clone();
            *ALSO.lock().unwrap() = Some(Arc::new(move || {
                // The cache has a lock too.
                let _ = again.stats();
                again.clear();
            }));
            react_with(tracer);
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let asked = runtime.block_on(async {
                tokio::time::timeout(LONG, client.text("none").get())
                    .await
                    .unwrap()
            });
            assert!(asked.is_err());
        },
    },
];

fn config(server: &MockLangfuse) -> LangfuseConfig {
    LangfuseConfig::new(server.public_key(), server.secret_key()).base_url(server.url())
}

fn tracer(server: &MockLangfuse) -> Tracer {
    tracefuse::langfuse(config(server)).unwrap()
}

/// A tracer that is not the one that is being built.
fn other() -> Tracer {
    tracefuse::builder()
        .exporter(InMemoryExporter::new())
        .build()
        .unwrap()
}

/// What `record` recorded is delivered, and the line logged.
fn recorded(line: &str, record: fn(&Tracer)) {
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    react_with(tracer.clone());
    record(&tracer);
    until_logged(line, &tracer);
    assert!(!server.observations().is_empty());
}

fn see_a_picture(tracer: &Tracer) {
    tracer.trace("see").run(|trace| {
        trace.set_input(format!("data:image/png;base64,{HELLO}"));
    });
}

fn until_logged(line: &str, tracer: &Tracer) {
    let began = Instant::now();
    while !SEEN
        .lock()
        .unwrap()
        .iter()
        .any(|seen| seen.starts_with(line))
    {
        assert!(began.elapsed() < LONG, "{line}: {:?}", SEEN.lock().unwrap());
        let _ = tracer.flush_within(Duration::from_millis(50));
    }
    // Delivery and uploads go on after the line, whatever the subscriber did there.
    let stats = match tracer.shutdown_within(LONG) {
        Ok(report) => report.stats,
        Err(incomplete) => incomplete.report().stats.clone(),
    };
    assert!(stats.is_balanced(), "{stats:#?}");
    assert_eq!(stats.exporters[0].pending(), 0, "{stats:#?}");
}

static TRACER: Mutex<Option<(Tracer, Reaction, &str)>> = Mutex::new(None);
/// What a subscriber does in addition, at each line.
static ALSO: Mutex<Option<Arc<dyn Fn() + Send + Sync>>> = Mutex::new(None);
static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn react_with(tracer: Tracer) {
    let (line, reaction) = child().unwrap();
    *TRACER.lock().unwrap() = Some((tracer, reaction, line.text));
}

struct Hostile;

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
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        // The lines of what is done below are not the ones that are looked for.
        if INSIDE.replace(true) {
            return;
        }
        let _out = Out;
        let mut message = Message(String::new());
        event.record(&mut message);
        let wanted = TRACER.lock().unwrap().clone();
        let also = ALSO.lock().unwrap().clone();
        let is_it = wanted
            .as_ref()
            .is_some_and(|(_, _, line)| message.0.starts_with(line));
        SEEN.lock().unwrap().push(message.0);
        let Some((tracer, reaction, _)) = wanted.filter(|_| is_it) else {
            return;
        };
        if let Some(also) = also {
            also();
        }
        tracer.trace("of the subscriber").run(|trace| {
            trace
                .span("child")
                .run(|span| _ = span.score("s", 1.0).record());
        });
        let _ = (
            tracer.stats(),
            tracer.flush_within(Duration::from_millis(20)),
        );
        drop(tracefuse::from_env_or_noop());
        match reaction {
            Reaction::Flushes => {}
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

/// The scenario of this process; `None` in the process that starts the others.
fn child() -> Option<(&'static Line, Reaction)> {
    let child = std::env::var(CHILD).ok()?;
    let (line, reaction) = child.split_once(' ')?;
    let reaction = REACTIONS[reaction.parse::<usize>().unwrap()];
    Some((&LINES[line.parse::<usize>().unwrap()], reaction))
}

#[test]
fn a_child_does_what_it_was_started_for() {
    let Some((line, _)) = child() else { return };
    tracing::subscriber::set_global_default(Hostile).unwrap();
    (line.run)();
    let seen = SEEN.lock().unwrap();
    let of_line = seen.iter().filter(|seen| seen.starts_with(line.text));
    assert_eq!(of_line.count(), 1, "{seen:#?}");
}

fn start(line: usize, reaction: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "a_child_does_what_it_was_started_for",
        ])
        .env_clear()
        .env(CHILD, format!("{line} {reaction}"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for its end; one that hangs is killed and fails.
fn finish(mut child: Child, what: &str) {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > 3 * LONG {
            child.kill().unwrap();
            panic!("{what}: hangs");
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {stderr}");
}

#[test]
fn a_log_subscriber_may_do_anything_at_every_line() {
    if child().is_some() {
        return;
    }
    for (at, line) in LINES.iter().enumerate() {
        for (reaction, name) in REACTIONS.iter().enumerate() {
            finish(start(at, reaction), &format!("{:?} {name:?}", line.text));
        }
    }
}

#[test]
fn every_line_has_its_scenario() {
    for file in [SAY, TEXT, UPLOAD, TRANSFER, FETCH] {
        let path = format!("{}/../{file}", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(&path).unwrap();
        let levels = ["error", "warn", "info", "debug", "trace"];
        let written = levels.map(|level| source.matches(&format!("tracing::{level}!")).count());
        let tried = LINES.iter().filter(|line| line.file == file).count();
        assert_eq!(written.iter().sum::<usize>(), tried, "{file}");
    }
}
