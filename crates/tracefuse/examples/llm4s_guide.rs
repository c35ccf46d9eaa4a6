//! The snippets of LLM4S's tracing guide (Scala), ported one by one. Run it with `TRACING_MODE=print`.
//!
//! Each function is one snippet of the guide; its first line names what the guide calls there.

#![expect(
    clippy::disallowed_methods,
    reason = "an application has its own runtime"
)]

use std::time::Duration;

use serde_json::json;
use tracefuse::{
    ConsoleConfig, Exception, InSpan as _, LangfuseConfig, Level, Span, Status, Trace, Tracer,
    Usage,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // `TracingFactory.create()`: TRACING_MODE chooses between Langfuse, the terminal and nothing.
    let tracer = tracefuse::from_env().or_else(|_| tracefuse::console(ConsoleConfig::new()))?;

    quick_start(&tracer);
    trace_operations(&tracer);
    let _refused = trace_error(&tracer);
    nested_spans(&tracer);
    let _failed = span_status(&tracer);
    span_events(&tracer);
    with_trace(&tracer);
    llm_call(&tracer);
    tool_call(&tracer);
    traced_agent(&tracer);
    rag_pipeline(&tracer);
    async_operation(&tracer).await;
    let _parsed = finish_in_every_case(&tracer, "12 apples");

    tracer.shutdown_async().await?; // the guide's automatic flush at shutdown
    configured_in_code()?.shutdown_async().await?;
    Ok(())
}

/// `createTrace(name, userId, sessionId, metadata)`, `trace.span(name) { span => .. }`, `trace.finish()`.
fn quick_start(tracer: &Tracer) {
    let trace = tracer
        .trace("user-query")
        .user_id("user-123")
        .session_id("session-456")
        .metadata("source", "web")
        .metadata("version", "1.0")
        .start();
    trace.span("process-query").run(|span| {
        span.add_metadata("query_type", "question");
        span.set_output("processed");
    });
    trace.finish();
}

/// `addMetadata`, `addTag`, `setInput`, `setOutput` of a trace.
fn trace_operations(tracer: &Tracer) {
    let trace = tracer.trace("conversation").start();
    trace.add_metadata("model", "gpt-4o"); // metadata: it does not make a generation, see `llm_call`
    trace.add_tag("production");
    trace.add_tag("chat");
    trace.set_input(json!({ "question": "What is Rust?" }));
    trace.set_output(json!({ "answer": "A systems programming language." }));
    trace.finish();
}

/// `trace.recordError(new RuntimeException(..))`.
fn trace_error(tracer: &Tracer) -> Result<(), std::num::ParseIntError> {
    let trace = tracer.trace("failing-conversation").start();
    trace.record_exception(Exception::new("RateLimit", "too many requests")); // by type and message
    "many"
        .parse::<u32>()
        .map(drop)
        .inspect_err(|error| trace.record_error(error))
}

/// Spans within spans.
fn nested_spans(tracer: &Tracer) {
    let trace = tracer.trace("nested-operations").start();
    trace.span("parent-operation").run(|parent| {
        parent.add_metadata("level", "parent");
        parent
            .span("child-operation-1")
            .run(|child| child.set_output("first"));
        parent.span("child-operation-2").run(|child| {
            child
                .span("grandchild")
                .run(|span| span.set_output("second"));
        });
    });
}

/// `span.setStatus(..)`, `span.recordError(..)`, and the error thrown again.
fn span_status(tracer: &Tracer) -> Result<(), std::io::Error> {
    tracer.trace("risky-operations").run(|trace| {
        trace
            .span("succeeds")
            .run(|span| span.set_status(Status::Ok));
        trace.span("judged-by-hand").run(|span| {
            span.set_status(Status::error("the answer is empty"));
        });
        // `try_run` is the guide's try, catch, recordError, setStatus and throw.
        trace
            .span("fails")
            .try_run(|_| Err(std::io::Error::other("the index is gone")))
    })
}

/// `span.recordEvent(name, attributes)`.
fn span_events(tracer: &Tracer) {
    tracer.trace("events").run(|trace| {
        trace.span("cached-operation").run(|span| {
            span.record_event("started");
            span.event("cache-miss")
                .metadata("key", "user:123")
                .metadata("shard", 3)
                .record();
            span.event("slow").level(Level::Warning).record();
        });
    });
}

/// `withTrace(name) { trace => .. }`.
fn with_trace(tracer: &Tracer) {
    let length = tracer.with_trace("automatic", |trace| {
        trace.set_input("hello");
        trace.span("work").run(|_| "hello".len())
    });
    assert_eq!(length, 5, "a closure's value is returned as it is");
}

/// The LLM call. The guide writes model and token counts as metadata; a generation has both as fields, priced by Langfuse.
fn llm_call(tracer: &Tracer) {
    tracer.trace("llm-call").run(|trace| {
        trace
            .generation("llm-completion")
            .model("gpt-4o")
            .model_parameter("temperature", 0.7)
            .model_parameter("max_tokens", 1000)
            .input(json!([{ "role": "user", "content": "Explain quantum computing" }]))
            .run(|span| {
                span.set_usage(Usage::openai(12, 164));
                span.set_output("Quantum computers use qubits.");
            });
    });
}

/// The span `tool-$name` with a tag and the time that the tool took.
fn tool_call(tracer: &Tracer) {
    tracer.trace("tool-execution").run(|trace| {
        trace
            .tool("calculator")
            .tag("tool")
            .input(json!({ "expression": "2 + 2" }))
            .run(|span| {
                span.add_metadata("success", true);
                span.add_metadata("execution_time_ms", Duration::from_millis(3).as_millis());
                span.set_output(4);
            });
    });
}

/// `TracedAgent`: a loop that counts its iterations in a variable outside of the closures.
fn traced_agent(tracer: &Tracer) {
    tracer
        .trace("agent-execution")
        .input("What is 6 times 7?")
        .run(|trace| {
            let mut iteration = 0;
            let mut answer = None;
            while answer.is_none() {
                trace.agent(&format!("iteration-{iteration}")).run(|step| {
                    iteration += 1;
                    step.add_metadata("iteration", iteration);
                    answer = think(&step, iteration);
                });
            }
            trace.add_metadata("total_iterations", iteration);
            trace.set_output(answer);
        });
}

fn think(step: &Span, iteration: u32) -> Option<u32> {
    step.generation("think")
        .model("gpt-4o-mini")
        .run(|span| span.set_usage(Usage::openai(40, 8)));
    if iteration > 1 {
        return Some(42);
    }
    step.tool("multiply")
        .input([6, 7])
        .run(|span| span.set_output(42));
    None
}

/// The RAG pipeline: embed, search, build the prompt, answer.
fn rag_pipeline(tracer: &Tracer) {
    let question = "How do I configure tracing?";
    tracer.trace("rag-pipeline").input(question).run(|trace| {
        let vector = trace
            .embedding("embed-query")
            .model("text-embedding-3-small")
            .run(|span| {
                span.set_usage(Usage::openai(7, 0));
                [0.1, 0.2, 0.3]
            });
        let docs = trace
            .retriever("vector-search")
            .metadata("top_k", 2)
            .input(vector)
            .run(|span| {
                let docs = ["configuration.md", "terminal.md"];
                span.set_output(docs);
                docs
            });
        let prompt = trace
            .span("build-prompt")
            .run(|_| format!("{question} Use {}.", docs.join(", ")));
        trace
            .generation("answer")
            .model("gpt-4o")
            .input(&prompt)
            .run(|span| {
                span.set_usage(Usage::openai(312, 48));
                span.set_output("Set TRACING_MODE.");
            });
        trace.set_output("Set TRACING_MODE.");
    });
}

/// `withTraceAsync(name) { trace => .. }` with two futures that run at the same time on the runtime's threads.
async fn async_operation(tracer: &Tracer) {
    tracer
        .with_trace_async("async-operation", async |trace: Trace| {
            let first = tokio::spawn(fetch("users").in_span(trace.span("fetch-users").start()));
            let second = tokio::spawn(fetch("orders").in_span(trace.span("fetch-orders").start()));
            let _ = tokio::join!(first, second);
        })
        .await;
}

async fn fetch(table: &str) {
    tokio::task::yield_now().await;
    Span::current().set_output(format!("all {table}"));
}

/// `try { .. } finally { trace.finish() }`: the trace ends with its closure, on success, on an error and on a panic.
fn finish_in_every_case(tracer: &Tracer, text: &str) -> Result<u32, std::num::ParseIntError> {
    tracer
        .trace("parse")
        .input(text)
        .try_run(|_| text.parse::<u32>())
}

/// `TraceManagerConfig(..)`: the settings and the keys in code. The guide's defaults are ours: 100 spans or 5 s.
/// Nothing is recorded with this tracer, so that the example needs no server.
fn configured_in_code() -> anyhow::Result<Tracer> {
    let langfuse =
        LangfuseConfig::new("pk-lf-example", "sk-lf-example").base_url("http://localhost:3000");
    let tracer = tracefuse::builder()
        .configure(|config| {
            config.delivery.batch_size = 100;
            config.delivery.flush_interval = Duration::from_secs(5);
            config.delivery.max_retries = 3;
            config.delivery.circuit_breaker_threshold = 5;
            config.delivery.circuit_breaker_reset = Duration::from_secs(60);
            config.environment = Some("production".into());
            config.release = Some("1.0.0".into());
        })
        .langfuse(langfuse)
        .build()?;
    Ok(tracer)
}
