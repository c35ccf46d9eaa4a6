//! What the server has of spans of the SDK.

use mock_langfuse::MockLangfuse;
use opentelemetry::trace::{Status, TraceContextExt as _, TracerProvider as _};
use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::json;
use tracefuse::opentelemetry::TracefuseExporter;

use crate::start;
use crate::support::{row, tracer};

#[test]
fn nested_spans_arrive_as_one_tree_with_all_they_say() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    let provider = SdkTracerProvider::builder()
        .with_span_processor(TracefuseExporter::new(&tracer))
        .with_resource(
            Resource::builder_empty()
                .with_attributes([KeyValue::new("service.name", "helpdesk")])
                .build(),
        )
        .build();
    let scope = InstrumentationScope::builder("my-agents")
        .with_version("1.2")
        .build();
    let otel = provider.tracer_with_scope(scope);
    let agent = start(
        &otel,
        &Context::new(),
        "invoke_agent helper",
        [
            KeyValue::new("gen_ai.operation.name", "invoke_agent"),
            KeyValue::new("gen_ai.agent.name", "helper"),
            KeyValue::new("gen_ai.usage.input_tokens", 20),
            KeyValue::new("user.id", "u"),
            KeyValue::new("session.id", "s"),
        ],
    );
    let chat = start(
        &otel,
        &agent,
        "chat",
        [
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.request.model", "gpt-4o"),
            KeyValue::new("gen_ai.request.temperature", 0.2),
            KeyValue::new(
                "gen_ai.input.messages",
                r#"[{"role":"user","content":"hi"}]"#,
            ),
            KeyValue::new("gen_ai.usage.input_tokens", 20),
            KeyValue::new("gen_ai.usage.cache_read.input_tokens", 8),
            KeyValue::new("gen_ai.usage.output_tokens", 3),
            KeyValue::new("gen_ai.response.time_to_first_chunk", 0.25),
            KeyValue::new(
                "gen_ai.response.finish_reasons",
                Value::Array(Array::String(vec![StringValue::from("stop")])),
            ),
        ],
    );
    chat.span()
        .set_attribute(KeyValue::new("gen_ai.output.messages", "hello"));
    chat.span()
        .add_event("retry", vec![KeyValue::new("attempt", 2)]);
    chat.span().end();
    let tool = start(
        &otel,
        &agent,
        "execute_tool",
        [
            KeyValue::new("gen_ai.operation.name", "execute_tool"),
            KeyValue::new("gen_ai.tool.name", "add"),
            KeyValue::new("gen_ai.tool.call.arguments", r#"{"a":2}"#),
        ],
    );
    tool.span().add_event(
        "exception",
        vec![
            KeyValue::new("exception.type", "ValueError"),
            KeyValue::new("exception.message", "no such number"),
            KeyValue::new("exception.stacktrace", "at line 1"),
        ],
    );
    tool.span().set_status(Status::error("it did not work"));
    tool.span().end();
    agent.span().end();
    provider.shutdown().unwrap();

    assert_eq!(tracer.stats().recorded, 3);
    assert!(tracer.shutdown().unwrap().is_lossless());
    let ids = agent.span().span_context().clone();
    assert_eq!(server.trace_ids(), [ids.trace_id().to_string()]);

    let agent = row(&server, "invoke_agent helper");
    assert_eq!(
        (agent.id.as_str(), agent.parent_id.as_deref()),
        (ids.span_id().to_string().as_str(), None)
    );
    assert_eq!((agent.kind.as_str(), agent.usage.len()), ("AGENT", 0));
    assert_eq!(
        (agent.user_id.as_deref(), agent.session_id.as_deref()),
        (Some("u"), Some("s"))
    );
    assert_eq!(agent.trace_name.as_deref(), Some("invoke_agent helper"));
    assert_eq!(agent.metadata["gen_ai.usage.input_tokens"], json!(20));
    assert_eq!(agent.metadata["otel.scope.name"], json!("my-agents"));
    assert_eq!(agent.metadata["otel.scope.version"], json!("1.2"));
    assert_eq!(
        agent.metadata["otel.resource"]["service.name"],
        json!("helpdesk")
    );

    let chat = row(&server, "chat gpt-4o");
    assert_eq!(chat.parent_id.as_deref(), Some(agent.id.as_str()));
    assert_eq!(
        (chat.kind.as_str(), chat.model.as_deref()),
        ("GENERATION", Some("gpt-4o"))
    );
    assert_eq!(chat.model_parameters["temperature"], json!(0.2));
    assert_eq!(chat.usage["input"], 12);
    assert_eq!(chat.usage["input_cached_tokens"], 8);
    assert_eq!(chat.usage["output"], 3);
    assert_eq!(
        chat.input.as_deref(),
        Some(r#"[{"role":"user","content":"hi"}]"#)
    );
    assert_eq!(chat.output.as_deref(), Some("hello"));
    assert_eq!(
        chat.metadata["gen_ai.response.finish_reasons"],
        json!(["stop"])
    );
    assert!(chat.completion_start_time.is_some());

    let event = row(&server, "retry");
    assert_eq!(
        (event.kind.as_str(), event.parent_id.as_deref()),
        ("EVENT", Some(chat.id.as_str()))
    );
    assert_eq!(event.metadata["attempt"], json!(2));

    let tool = row(&server, "execute_tool add");
    assert_eq!((tool.kind.as_str(), tool.level.as_str()), ("TOOL", "ERROR"));
    assert_eq!(tool.status_message.as_deref(), Some("it did not work"));
    assert_eq!(tool.input.as_deref(), Some(r#"{"a":2}"#));
    assert_eq!(tool.metadata["exception.type"], json!("ValueError"));
    assert_eq!(tool.metadata["exception.message"], json!("no such number"));
    assert_eq!(server.observations().len(), 4);
}
