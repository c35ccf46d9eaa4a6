//! The bridge from the OpenTelemetry SDK, from a provider's spans to what a Langfuse server has, over real sockets.

mod delivery;
#[expect(
    dead_code,
    reason = "shared with another test binary, which uses the rest"
)]
#[path = "../it/support.rs"]
mod support;
mod wire;

use opentelemetry::trace::{SpanBuilder, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;

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
