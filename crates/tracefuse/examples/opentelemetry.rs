//! An application that is traced with the OpenTelemetry SDK: its LLM spans go where tracefuse sends them.
//! `TRACING_MODE=print cargo run --example opentelemetry --features opentelemetry`

use opentelemetry::trace::{Status, TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracefuse::opentelemetry::TracefuseExporter;

fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env().or_else(|_| tracefuse::console(Default::default()))?;
    let provider = SdkTracerProvider::builder()
        .with_span_processor(TracefuseExporter::new(&tracer)) // beside your own
        .build();

    let otel = provider.tracer("helpdesk");
    let agent = otel
        .span_builder("invoke_agent helper")
        .with_attributes([
            KeyValue::new("gen_ai.operation.name", "invoke_agent"),
            KeyValue::new("gen_ai.agent.name", "helper"),
            KeyValue::new("user.id", "user123"),
        ])
        .start(&otel);
    let context = Context::current_with_span(agent);
    chat(&otel, &context);
    look_up(&otel, &context);
    context.span().end();

    provider.shutdown()?; // delivers what the provider had
    tracer.shutdown()?; // and whatever else was recorded
    Ok(())
}

fn chat(otel: &SdkTracer, parent: &Context) {
    let span = otel
        .span_builder("chat gpt-4o")
        .with_attributes([
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.request.model", "gpt-4o"),
            KeyValue::new("gen_ai.request.temperature", 0.2),
            KeyValue::new("gen_ai.prompt", "Where is my order?"),
        ])
        .start_with_context(otel, parent);
    let call = parent.with_span(span);
    // call your model here
    call.span().set_attributes([
        KeyValue::new("gen_ai.usage.input_tokens", 12),
        KeyValue::new("gen_ai.usage.output_tokens", 5),
        KeyValue::new("gen_ai.completion", "I shall look it up."),
    ]);
    call.span().end();
}

fn look_up(otel: &SdkTracer, parent: &Context) {
    let span = otel
        .span_builder("execute_tool orders")
        .with_attributes([
            KeyValue::new("gen_ai.operation.name", "execute_tool"),
            KeyValue::new("gen_ai.tool.name", "orders"),
        ])
        .start_with_context(otel, parent);
    let tool = parent.with_span(span);
    tool.span()
        .record_error(&std::io::Error::other("the warehouse does not answer"));
    tool.span()
        .set_status(Status::error("the warehouse does not answer"));
    tool.span().end();
}
