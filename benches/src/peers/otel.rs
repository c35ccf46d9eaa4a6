//! opentelemetry_sdk used directly, behind its BatchSpanProcessor; end to end through opentelemetry-otlp,
//! protobuf over HTTP. The exporter is also fastrace's, the provider also tracing-opentelemetry's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use opentelemetry::trace::{Span as _, SpanBuilder, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfig, BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracer, SdkTracerProvider, Span, SpanData,
    SpanExporter,
};

use crate::peer::{AGENT_ITERATIONS, AGENT_STEPS, Peer, Profile, Target};
use crate::work::{ATTRS, Generation};

pub fn resource() -> Resource {
    Resource::builder().with_service_name("peers").build()
}

pub fn exporter(url: &str, profile: Profile) -> opentelemetry_otlp::SpanExporter {
    let mut builder = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(reqwest::blocking::Client::new())
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{url}/v1/traces"));
    if profile != Profile::Default {
        builder = builder.with_max_request_body_size(usize::MAX);
    }
    builder.build().unwrap()
}

#[derive(Debug)]
struct Counter(Arc<AtomicU64>);

impl SpanExporter for Counter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.fetch_add(batch.len() as u64, Relaxed);
        Ok(())
    }
}

fn batching(profile: Profile) -> BatchConfig {
    match profile {
        Profile::Default => BatchConfig::default(),
        Profile::Lossless(spans) => BatchConfigBuilder::default().with_max_queue_size(spans).build(),
    }
}

/// The provider both OpenTelemetry peers share. Micro runs get a queue that cannot overflow, so
/// that they time recording and not dropping.
pub fn provider(target: &Target) -> (SdkTracerProvider, Arc<AtomicU64>) {
    let delivered = Arc::<AtomicU64>::default();
    let builder = SdkTracerProvider::builder().with_resource(resource());
    let provider = match target {
        Target::Off => builder.with_sampler(Sampler::AlwaysOff).build(),
        Target::Discard => {
            let processor = BatchSpanProcessor::new(Counter(delivered.clone()), batching(Profile::Lossless(16_384)));
            builder.with_span_processor(processor).build()
        }
        Target::Http { url, profile } => {
            let processor = BatchSpanProcessor::new(exporter(url, *profile), batching(*profile));
            builder.with_span_processor(processor).build()
        }
    };
    (provider, delivered)
}

pub struct Otel {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    delivered: Option<Arc<AtomicU64>>,
    patient: bool,
}

pub fn open(target: &Target) -> Box<dyn Peer> {
    let (provider, delivered) = provider(target);
    let tracer = provider.tracer("peers");
    let delivered = matches!(target, Target::Discard).then_some(delivered);
    Box::new(Otel { provider, tracer, delivered, patient: patient(target) })
}

/// Whether to wait past the five seconds a shutdown allows by default.
pub fn patient(target: &Target) -> bool {
    !matches!(target, Target::Http { profile: Profile::Default, .. })
}

pub fn finish(provider: &SdkTracerProvider, patient: bool) {
    if patient {
        for _ in 0..60 {
            if provider.force_flush().is_ok() {
                break;
            }
        }
    }
    let _ = provider.shutdown();
}

fn attrs() -> Vec<KeyValue> {
    let a = &*ATTRS;
    vec![
        KeyValue::new("user", a.user.clone()),
        KeyValue::new("stage", a.stage.clone()),
        KeyValue::new("score", a.score),
        KeyValue::new("step", a.step),
    ]
}

impl Otel {
    #[inline(always)]
    fn trace(&self, children: impl FnOnce(&Context)) {
        let root = self.tracer.start_with_context("root", &Context::new());
        children(&Context::new().with_span(root));
    }

    #[inline(always)]
    fn child(&self, name: &'static str, cx: &Context, attrs: Vec<KeyValue>) -> Span {
        self.tracer.build_with_context(SpanBuilder::from_name(name).with_attributes(attrs), cx)
    }
}

impl Peer for Otel {
    fn bare(&self, n: usize) {
        self.trace(|cx| {
            for _ in 0..n {
                self.tracer.start_with_context("child", cx).end();
            }
        });
    }
    fn attrs(&self, n: usize) {
        self.trace(|cx| {
            for _ in 0..n {
                self.child("child", cx, attrs()).end();
            }
        });
    }
    fn generations(&self, n: usize, g: &Generation) {
        self.trace(|cx| {
            for _ in 0..n {
                let attrs = vec![
                    KeyValue::new("input", g.input.clone()),
                    KeyValue::new("output", g.output.clone()),
                    KeyValue::new("model", g.model.clone()),
                    KeyValue::new("usage.input", g.usage[0]),
                    KeyValue::new("usage.output", g.usage[1]),
                    KeyValue::new("usage.total", g.usage[2]),
                ];
                self.child("generation", cx, attrs).end();
            }
        });
    }
    fn agent(&self) {
        self.trace(|cx| {
            for iteration in 0..AGENT_ITERATIONS {
                for name in AGENT_STEPS {
                    let attrs =
                        vec![KeyValue::new("stage", ATTRS.stage.clone()), KeyValue::new("iteration", iteration)];
                    self.child(name, cx, attrs).end();
                }
            }
        });
    }
    fn flush(&self) {
        let _ = self.provider.force_flush();
    }
    fn delivered(&self) -> Option<u64> {
        self.delivered.as_ref().map(|d| d.load(Relaxed))
    }
    fn finish(self: Box<Self>) {
        finish(&self.provider, self.patient);
    }
}
