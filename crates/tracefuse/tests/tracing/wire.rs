//! What the server has of a trace that is recorded in both ways, with log lines beside it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use mock_langfuse::MockLangfuse;
use serde_json::json;
use tracefuse::Span;
use tracing::{error, info, info_span};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

use crate::support::{row, tracer};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[test]
fn a_request_with_its_agent_arrives_as_one_tree_and_log_lines_are_as_before() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    let lines = Lines::default();
    let log = fmt::layer()
        .with_writer(lines.clone())
        .with_filter(LevelFilter::INFO);
    let subscriber = registry()
        .with(log)
        .with(tracefuse::tracing::layer(&tracer));
    tracing::subscriber::with_default(subscriber, || {
        tracer.trace("request").user_id("u").run(|_| {
            info_span!("handler").in_scope(agent);
        });
    });
    tracer.shutdown().unwrap();

    assert_eq!(server.trace_ids().len(), 1);
    let rows = server.observations();
    let parent = |name: &str| {
        let parent = row(&server, name).parent_id?;
        rows.iter()
            .find(|row| row.id == parent)
            .map(|row| row.name.clone())
    };
    assert_eq!(parent("invoke_agent helper").as_deref(), Some("request"));
    for name in ["chat gpt-4o", "execute_tool add"] {
        assert_eq!(parent(name).as_deref(), Some("invoke_agent helper"));
    }
    assert_eq!(parent("lookup").as_deref(), Some("execute_tool add"));

    let agent = row(&server, "invoke_agent helper");
    assert_eq!((agent.kind.as_str(), agent.usage.len()), ("AGENT", 0));
    let chat = row(&server, "chat gpt-4o");
    assert_eq!(
        (chat.kind.as_str(), chat.model.as_deref()),
        ("GENERATION", Some("gpt-4o"))
    );
    assert_eq!(chat.usage["input"], 12);
    assert_eq!(chat.usage["input_cached_tokens"], 8);
    assert_eq!(chat.model_parameters["temperature"], json!(0.2));
    assert_eq!(chat.output.as_deref(), Some("4"));
    let tool = row(&server, "execute_tool add");
    assert_eq!((tool.kind.as_str(), tool.level.as_str()), ("TOOL", "ERROR"));
    assert_eq!(tool.status_message.as_deref(), Some("no such number"));
    assert_eq!(tool.input.as_deref(), Some(r#"{"a":2}"#));
    let event = row(&server, "no such number");
    assert_eq!(
        (event.kind.as_str(), event.level.as_str()),
        ("EVENT", "ERROR")
    );
    assert!(
        rows.iter().all(
            |row| row.user_id.as_deref() == Some("u") && row.session_id.as_deref() == Some("s")
        )
    );
    assert_eq!(rows.len(), 6);

    let lines = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(lines.contains("asking") && lines.contains("no such number"));
}

fn agent() {
    let agent = info_span!(
        "invoke_agent",
        gen_ai.operation.name = "invoke_agent",
        gen_ai.agent.name = "helper",
        gen_ai.usage.input_tokens = 20,
        langfuse.session.id = "s"
    );
    agent.in_scope(|| {
        info!("asking");
        let chat = info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "gpt-4o",
            gen_ai.request.temperature = 0.2,
            gen_ai.usage.input_tokens = 20,
            gen_ai.usage.cached_tokens = 8,
            gen_ai.completion = tracing::field::Empty
        );
        chat.record("gen_ai.completion", "4");
        drop(chat);
        let tool = info_span!(
            "execute_tool",
            gen_ai.operation.name = "execute_tool",
            gen_ai.tool.name = "add",
            gen_ai.tool.call.arguments = r#"{"a":2}"#
        );
        tool.in_scope(|| {
            Span::current().retriever("lookup").run(|_| {});
            error!("no such number");
        });
    });
}
