//! `#[observe]` where no trace is current: a separate program, since the global tracer is one for the process.

use std::sync::{Arc, Mutex};

use futures::StreamExt as _;
use tracefuse::exporter::InMemoryExporter;
use tracefuse::{ObservationType, Span, observe, set_global, tracer};
use tracing::field::{Field, Visit};

#[observe(as_type = "agent", capture(question), capture_output = true)]
fn answer(question: &str) -> Result<String, std::io::Error> {
    search(question);
    match question {
        "" => Err(std::io::Error::other("no question")),
        question => Ok(question.to_uppercase()),
    }
}

#[observe]
fn search(_: &str) {}

#[observe]
async fn answer_later() {
    search("");
}

#[observe(capture_output = true)]
fn streamed() -> impl futures::Stream<Item = &'static str> {
    futures::stream::iter(["a", "b"])
}

/// Keeps the log lines of tracefuse.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Visit for Lines {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.0.lock().unwrap().push(format!("{value:?}"));
        }
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target() == "tracefuse" {
            event.record(&mut self.clone());
        }
    }
}

#[test]
fn a_call_outside_of_a_trace_is_counted_or_is_a_trace() {
    use tracing_subscriber::layer::SubscriberExt as _;

    let lines = Lines::default();
    let subscriber = tracing_subscriber::registry().with(lines.clone());
    let _quiet = tracing::subscriber::set_default(subscriber);
    let kept = InMemoryExporter::new();
    let build = || tracefuse::builder().exporter(kept.clone()).build().unwrap();

    // Without a global tracer: not recorded, counted for each call, and said once.
    let local = build();
    assert_eq!(answer("why").unwrap(), "WHY");
    Span::current().span("lost").run(|_| {});
    futures::executor::block_on(answer_later());
    assert_eq!(futures::executor::block_on(streamed().count()), 2);
    assert_eq!(local.stats().outside_trace, 6);
    let said = lines.0.lock().unwrap().clone();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("no trace is current"), "{said:?}");
    // In a trace it is its child, of any tracer.
    local.trace("local").run(|_| answer("why").unwrap());
    assert_eq!(local.stats().outside_trace, 6);
    local.shutdown().unwrap();
    assert_eq!(kept.tree(), "local\n  answer\n    search\n");

    // With one: a trace for each call.
    set_global(build()).unwrap();
    answer("why").unwrap();
    answer("").unwrap_err();
    futures::executor::block_on(answer_later());
    assert_eq!(futures::executor::block_on(streamed().count()), 2);
    tracer().trace("request").run(|_| answer("again").unwrap());
    assert_eq!(tracer().stats().outside_trace, 0);
    tracer().shutdown().unwrap();
    let tree = kept.tree();
    let tree = tree.strip_prefix("local\n  answer\n    search\n").unwrap();
    assert_eq!(
        tree,
        "answer\n  search\nanswer\n  search\nanswer_later\n  search\nstreamed\nrequest\n  answer\n    search\n"
    );
    let spans = kept.spans();
    let roots: Vec<_> = spans
        .iter()
        .filter(|span| span.name() == "answer" && span.parent_span_id().is_none())
        .collect();
    assert_eq!(roots.len(), 2);
    assert_eq!(roots[0].observation_type(), ObservationType::Agent);
    assert_eq!(roots[0].trace().name, "answer");
    assert_eq!(
        roots[0].input().unwrap().to_string(),
        r#"{"question":"why"}"#
    );
    assert_eq!(roots[0].output().unwrap().to_string(), "WHY");
    assert!(roots[1].status_message().unwrap().ends_with("no question"));
    let streamed = spans.iter().find(|span| span.name() == "streamed").unwrap();
    assert_eq!(streamed.output().unwrap().to_string(), "ab");
    // After its shutdown nothing is recorded, and nothing is taken for a mistake.
    answer("late").unwrap();
    assert_eq!(tracer().stats().outside_trace, 0);
    assert_eq!(lines.0.lock().unwrap().len(), 1);
}
