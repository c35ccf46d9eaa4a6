//! The SDK's span processor and exporter that hands spans to a tracer.
//! Called by an `SdkTracerProvider`; gives spans to `span`, behind `filter`.

use std::fmt;
use std::future::{Future, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::SpanId;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use serde_json::{Map, Value as Json};
use tracefuse_core::bridge::is_suppressed;
use tracefuse_core::{Incomplete, Report, Tracer};

use crate::counted::Counted;
use crate::filter::Spans;
use crate::span;
use crate::value::value;

/// Hands finished spans of the OpenTelemetry SDK to a tracer; give it to an `SdkTracerProvider` as a span
/// processor, or as an exporter.
///
/// * It keeps the tracer open as long as the provider, or a clone of the provider, lives.
/// * `force_flush` flushes the tracer. `shutdown` of the provider does too, within the time it is given, and does not shut
///   the tracer down, which may have other users. Both fail if something was lost or is still waiting, and say what.
/// * A tracer that is off records nothing and looks at nothing. A tracer's sampler is asked for each span, since spans
///   end in any order: one that decides by the trace's id, as rates do, keeps traces whole.
#[must_use = "give it to an SdkTracerProvider"]
pub struct TracefuseExporter {
    tracer: Tracer,
    spans: Spans,
    log_lines: bool,
    resource: Map<String, Json>,
    counted: Counted,
    closed: AtomicBool,
}

impl TracefuseExporter {
    /// Records LLM spans, see [`is_llm`](crate::is_llm), through this tracer.
    pub fn new(tracer: &Tracer) -> Self {
        Self {
            tracer: tracer.clone(),
            spans: Spans::default(),
            log_lines: false,
            resource: Map::new(),
            counted: Counted::default(),
            closed: AtomicBool::new(false),
        }
    }

    /// Records every span but those of HTTP clients.
    pub fn all(mut self) -> Self {
        self.spans = Spans::All;
        self
    }

    /// Records the spans this says yes to, in place of those of [`is_llm`](crate::is_llm). It runs on the thread
    /// that ends the span.
    pub fn with_filter(
        mut self,
        predicate: impl Fn(&SpanData) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.spans = Spans::Chosen(Arc::new(predicate));
        self
    }

    /// Also records events that are log lines of level `INFO` and below, as `tracing-opentelemetry` writes
    /// them; left out by default, since Langfuse counts each event as an observation.
    pub fn with_log_lines(mut self) -> Self {
        self.log_lines = true;
        self
    }

    fn take(&self, data: SpanData) {
        if !data.span_context.is_sampled() {
            return;
        }
        let trace = data.span_context.trace_id();
        let above = (data.parent_span_id != SpanId::INVALID && !data.parent_span_is_remote)
            .then_some(data.parent_span_id);
        let mut counted = self.counted.take(trace, data.span_context.span_id());
        if self.spans.records(&data) {
            counted = span::record(&self.tracer, data, &self.resource, self.log_lines, counted);
        }
        if let Some(above) = above.filter(|_| counted) {
            self.counted.mark(trace, above);
        }
    }

    /// Whether there is anything to do for a span that ends here. What a delivery does is not recorded.
    fn is_open(&self) -> bool {
        self.tracer.is_enabled() && !self.closed.load(Ordering::Relaxed) && !is_suppressed()
    }

    fn keep(&mut self, resource: &Resource) {
        // The SDK's own name, and the name of a service without one, say nothing of the application.
        let is_default = |name: &str, text: &str| {
            let unnamed = name == "service.name" && text.starts_with("unknown_service");
            unnamed || name.starts_with("telemetry.sdk.")
        };
        let attributes = resource
            .iter()
            .filter(|(name, known)| !is_default(name.as_str(), &known.as_str()));
        self.resource = attributes
            .filter_map(|(name, known)| {
                let value = serde_json::to_value(value(known.clone())).ok()?;
                Some((name.to_string(), value))
            })
            .collect();
    }

    fn close(&self, timeout: Duration) -> OTelSdkResult {
        self.closed.store(true, Ordering::Relaxed);
        told(self.tracer.flush_within(timeout))
    }
}

fn told(result: Result<Report, Incomplete>) -> OTelSdkResult {
    match result {
        Ok(_) => Ok(()),
        Err(incomplete) => Err(OTelSdkError::InternalFailure(incomplete.to_string())),
    }
}

impl SpanProcessor for TracefuseExporter {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.is_open() {
            self.take(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        told(self.tracer.flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.close(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.keep(resource);
    }
}

impl SpanExporter for TracefuseExporter {
    /// Always at once: delivery has a queue and a thread of its own, and accounts for what it takes.
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        if self.closed.load(Ordering::Relaxed) {
            return ready(Err(OTelSdkError::AlreadyShutdown));
        }
        if self.is_open() {
            batch.into_iter().for_each(|span| self.take(span));
        }
        ready(Ok(()))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.close(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        told(self.tracer.flush())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.keep(resource);
    }
}

impl fmt::Debug for TracefuseExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracefuseExporter")
            .field("tracer", &self.tracer)
            .field("spans", &self.spans)
            .finish_non_exhaustive()
    }
}
