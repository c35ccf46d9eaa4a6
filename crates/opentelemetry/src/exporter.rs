//! The SDK's span processor and exporter that gives spans to a tracer.
//! Called by an `SdkTracerProvider`; `filter` decides which spans are recorded, `ancestors` finds their parents, `span` records
//! them.

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

use crate::ancestors::Ancestors;
use crate::counted::Counted;
use crate::filter::Spans;
use crate::span;
use crate::value::value;

/// Gives finished spans of the OpenTelemetry SDK to a tracer; pass it to an `SdkTracerProvider` as a span
/// processor, or as an exporter.
///
/// * It keeps the tracer open as long as the provider, or a clone of it, exists.
/// * `force_flush` flushes the tracer. `shutdown` of the provider does too, within the time it is given, and does not shut
///   the tracer down, which may have other users. Both fail if something was lost or is still waiting, and say what.
/// * A disabled tracer records nothing. A tracer's sampler is asked for each span, because spans end in any order: one that
///   decides by the trace's id, as rates do, keeps traces whole.
/// * The parent of a recorded span is its nearest ancestor that is recorded; without one it is a root of its trace. As a
///   span processor it waits for the end of a parent that may be left out, for at most 30 s, and delivers before a
///   `force_flush` or a `shutdown` returns.
///
/// ```
/// use opentelemetry_sdk::trace::SdkTracerProvider;
/// use tracefuse_opentelemetry::TracefuseExporter;
///
/// let tracer = tracefuse_core::Tracer::noop();
/// let provider = SdkTracerProvider::builder().with_span_processor(TracefuseExporter::new(&tracer)).build();
/// # drop(provider);
/// ```
#[must_use = "give it to an SdkTracerProvider"]
pub struct TracefuseExporter {
    tracer: Tracer,
    spans: Spans,
    log_lines: bool,
    resource: Map<String, Json>,
    counted: Counted,
    ancestors: Ancestors,
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
            ancestors: Ancestors::default(),
            closed: AtomicBool::new(false),
        }
    }

    /// Records every span but those of HTTP clients.
    pub fn all(mut self) -> Self {
        self.spans = Spans::All;
        self
    }

    /// Records the spans for which this is true, in place of those of [`is_llm`](crate::is_llm). It runs on the thread
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

    fn take(&self, spans: impl IntoIterator<Item = SpanData>) {
        let spans = spans
            .into_iter()
            .filter(|span| span.span_context.is_sampled());
        let spans: Vec<_> = spans
            .map(|span| {
                let is_recorded = self.spans.records(&span);
                if !is_recorded {
                    self.pass_count(&span);
                }
                (span, is_recorded)
            })
            .collect();
        self.record(self.ancestors.ended(spans));
    }

    fn record(&self, spans: Vec<SpanData>) {
        for data in spans {
            let (trace, own) = (data.span_context.trace_id(), data.span_context.span_id());
            let above = local_parent(&data);
            let counted = self.counted.take(trace, own);
            let counted = span::record(&self.tracer, data, &self.resource, self.log_lines, counted);
            if let Some(above) = above.filter(|_| counted) {
                self.counted.mark(trace, above);
            }
        }
    }

    /// Notes at the parent what was counted below a span that was left out.
    fn pass_count(&self, data: &SpanData) {
        let trace = data.span_context.trace_id();
        let counted = self.counted.take(trace, data.span_context.span_id());
        if let Some(above) = local_parent(data).filter(|_| counted) {
            self.counted.mark(trace, above);
        }
    }

    /// Records what waits for its parent.
    fn release(&self) {
        if self.is_open() {
            self.record(self.ancestors.release());
        }
    }

    /// Whether spans on this thread are recorded. Those of a delivery thread are not.
    fn is_open(&self) -> bool {
        self.tracer.is_enabled() && !self.closed.load(Ordering::Relaxed) && !is_suppressed()
    }

    fn keep(&mut self, resource: &Resource) {
        // The name of the SDK, and the name that it gives to a service without one, do not describe the application.
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
        self.release();
        self.closed.store(true, Ordering::Relaxed);
        result_of(self.tracer.flush_within(timeout))
    }
}

fn local_parent(data: &SpanData) -> Option<SpanId> {
    let is_local = data.parent_span_id != SpanId::INVALID && !data.parent_span_is_remote;
    is_local.then_some(data.parent_span_id)
}

fn result_of(result: Result<Report, Incomplete>) -> OTelSdkResult {
    match result {
        Ok(_) => Ok(()),
        Err(incomplete) => Err(OTelSdkError::InternalFailure(incomplete.to_string())),
    }
}

impl SpanProcessor for TracefuseExporter {
    fn on_start(&self, span: &mut Span, _: &Context) {
        if self.is_open()
            && let Some(data) = span.exported_data()
            && data.span_context.is_sampled()
        {
            let key = (data.span_context.trace_id(), data.span_context.span_id());
            let parent = (data.parent_span_id, data.parent_span_is_remote);
            self.ancestors
                .started(key, parent, self.spans.certainly_records(&data));
        }
    }

    fn on_end(&self, span: SpanData) {
        if self.is_open() {
            self.take([span]);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.release();
        result_of(self.tracer.flush())
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.close(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.keep(resource);
    }
}

impl SpanExporter for TracefuseExporter {
    /// Returns at once: delivery has its own queue and thread, and accounts for what it takes.
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        if self.closed.load(Ordering::Relaxed) {
            return ready(Err(OTelSdkError::AlreadyShutdown));
        }
        if self.is_open() {
            self.take(batch);
        }
        ready(Ok(()))
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.close(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        result_of(self.tracer.flush())
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
