//! The bridge from the OpenTelemetry SDK, from a provider's spans to what a Langfuse server has, over real sockets.

mod delivery;
mod wire;

use mock_langfuse::{MockLangfuse, Observation};
use opentelemetry::trace::{SpanBuilder, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;
use tracefuse::{LangfuseConfig, Tracer, config::TracerConfig};

fn tracer(server: &MockLangfuse, change: impl FnOnce(&mut TracerConfig)) -> Tracer {
    let config =
        LangfuseConfig::new(server.public_key(), server.secret_key()).base_url(server.url());
    tracefuse::builder()
        .langfuse(config)
        .configure(change)
        .build()
        .unwrap()
}

fn row(server: &MockLangfuse, name: &str) -> Observation {
    server
        .observations()
        .into_iter()
        .find(|row| row.name == name)
        .unwrap_or_else(|| panic!("no row {name}"))
}

/// A span that is open, as a context to start others below.
fn start<const N: usize>(
    otel: &SdkTracer,
    parent: &Context,
    name: &'static str,
    attributes: [KeyValue; N],
) -> Context {
    let builder = SpanBuilder::from_name(name).with_attributes(attributes);
    parent.with_span(otel.build_with_context(builder, parent))
}
