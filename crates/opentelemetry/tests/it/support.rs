//! A recorder, and providers before it.

use opentelemetry::trace::{SpanBuilder, TraceContextExt as _, Tracer as _, TracerProvider as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracefuse_core::Tracer;
use tracefuse_core::record::SpanRecord;
pub(crate) use tracefuse_core::testing::Recorder;
use tracefuse_opentelemetry::TracefuseExporter;

/// What is recorded of what `f` does, as `choose` says.
pub(crate) fn recorded(
    choose: impl FnOnce(TracefuseExporter) -> TracefuseExporter,
    f: impl FnOnce(&SdkTracer),
) -> Recorder {
    let kept = Recorder::default();
    through(&Tracer::builder(kept.clone()).build(), choose, f);
    kept
}

pub(crate) fn through(
    tracer: &Tracer,
    choose: impl FnOnce(TracefuseExporter) -> TracefuseExporter,
    f: impl FnOnce(&SdkTracer),
) {
    let provider = SdkTracerProvider::builder()
        .with_span_processor(choose(TracefuseExporter::new(tracer)))
        .build();
    f(&provider.tracer("app"));
}

/// A span that is open, as a context to start others below.
pub(crate) fn start(
    otel: &SdkTracer,
    parent: &Context,
    name: &'static str,
    attributes: impl IntoIterator<Item = KeyValue>,
) -> Context {
    let builder = SpanBuilder::from_name(name).with_attributes(attributes);
    parent.with_span(otel.build_with_context(builder, parent))
}

/// An attribute that makes a span one about a language model.
pub(crate) fn llm() -> KeyValue {
    KeyValue::new("gen_ai.request.model", "m")
}

pub(crate) fn metadata(span: &SpanRecord, key: &str) -> Option<String> {
    let found = span.metadata().find(|(known, _)| *known == key);
    found.map(|(_, value)| value.to_string())
}
