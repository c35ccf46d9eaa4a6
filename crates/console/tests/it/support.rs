//! An application with a manual clock, and a screen that keeps what was written.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::executor::block_on;
use tracefuse_console::{ConsoleConfig, ConsoleExporter};
use tracefuse_core::record::{Record, Resource, Timestamp};
use tracefuse_core::testing::Recorder;
use tracefuse_core::{Clock, ManualClock, Tracer};
use tracefuse_exporter::{Batch, Exporter};

/// What an exporter wrote, write by write.
#[derive(Clone, Default)]
pub(crate) struct Screen(Arc<Mutex<Vec<String>>>);

impl Screen {
    pub(crate) fn writes(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn text(&self) -> String {
        self.writes().concat()
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        self.0.lock().unwrap().push(text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) struct App {
    pub(crate) tracer: Tracer,
    clock: ManualClock,
    ended: Recorder,
}

impl App {
    pub(crate) fn new() -> Self {
        // 2026-11-23T13:19:50.504Z
        let clock = ManualClock::at(Timestamp::from_unix_nanos(1_795_439_990_504_000_000));
        let ended = Recorder::new();
        let tracer = Tracer::builder(ended.clone())
            .clock(Clock::new(clock.clone()))
            .build();
        Self {
            tracer,
            clock,
            ended,
        }
    }

    pub(crate) fn pass(&self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
    }

    /// What ended since the last time.
    pub(crate) fn batch(&self) -> Batch {
        batch(self.records())
    }

    pub(crate) fn records(&self) -> Vec<Record> {
        self.ended.take()
    }
}

/// A batch of these records.
pub(crate) fn batch(records: Vec<Record>) -> Batch {
    let mut resource = Resource::default();
    resource.service_name = Some("shop".to_owned());
    Batch::new(Arc::new(resource), records)
}

/// An exporter in this configuration and its screen, 100 columns wide unless it says otherwise.
pub(crate) fn exporter(config: ConsoleConfig) -> (ConsoleExporter, Screen) {
    let screen = Screen::default();
    let width = config.width.unwrap_or(100);
    let config = config.width(width).writer(screen.clone());
    (ConsoleExporter::new(config), screen)
}

pub(crate) fn export(exporter: &ConsoleExporter, app: &App) {
    let batch = app.batch();
    let report = block_on(exporter.export(&batch)).unwrap();
    assert_eq!(report.accepted, batch.len());
}

pub(crate) const AGENT_TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A RAG agent of which one tool fails.
pub(crate) fn run_agent(app: &App) {
    use std::io::Error;
    use tracefuse_core::record::{Cost, Level, ObservationType, Usage};

    let trace = app
        .tracer
        .trace("support-chat")
        .trace_id(AGENT_TRACE.parse().unwrap())
        .observation_type(ObservationType::Agent)
        .user_id("user123")
        .session_id("session456")
        .tag("production")
        .tag("beta")
        .metadata("version", "1.0");
    trace.run(|trace| {
        trace.set_input("What's the weather in Berlin?\nShould I take an umbrella?");
        app.pass(4);
        trace.span("rewrite-query").run(|_| app.pass(27));
        trace
            .retriever("vector-search")
            .metadata("top_k", 5)
            .run(|span| {
                app.pass(1);
                span.event("cache-miss").level(Level::Debug).record();
                let embedding = span.embedding("embed").model("text-embedding-3-small");
                embedding.usage(Usage::new(9, 0)).run(|_| app.pass(62));
                app.pass(147);
                span.set_output([("doc-17", 0.83), ("doc-4", 0.79)]);
            });
        let tool = trace.tool("get_weather").input([("city", "Berlin")]);
        let _ = tool.try_run(|_| {
            app.pass(302);
            let refused = Error::other("connection refused (os error 111)");
            Err::<(), _>(Failure {
                source: refused,
                message: "request failed",
            })
        });
        trace.tool("get_weather").run(|span| {
            app.pass(131);
            span.set_level(Level::Warning);
            span.set_status_message("second try");
            span.set_output("12 °C, light rain");
        });
        app.pass(8);
        let answer = trace.generation("answer").model("gpt-4o");
        answer
            .model_parameter("temperature", 0.7)
            .prompt("support", 3)
            .input([
                message("system", "Be brief."),
                message("user", "Weather in Berlin?"),
            ])
            .run(|span| {
                app.pass(300);
                span.record_first_token();
                app.pass(820);
                span.set_usage(Usage::openai(1024, 200).cached_tokens(512));
                span.set_cost(Cost::new(0.0021, 0.002));
                span.set_output("Light rain until the evening, 12 °C. Yes, take one.");
            });
        app.pass(10);
        trace.set_output("Light rain until the evening, 12 °C. Yes, take one.");
    });
}

fn message(role: &str, content: &str) -> BTreeMap<String, String> {
    [("role", role), ("content", content)]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

/// An error with a source.
#[derive(Debug)]
pub(crate) struct Failure {
    source: io::Error,
    message: &'static str,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
