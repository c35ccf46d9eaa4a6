//! tracing spans turned into OpenTelemetry spans by tracing-opentelemetry, default settings.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;

use super::otel;
use super::tracing_registry::spans;
use crate::peer::{Peer, Target};
use crate::work::Generation;

struct TracingOtel {
    provider: SdkTracerProvider,
    delivered: Option<Arc<AtomicU64>>,
    patient: bool,
}

pub fn open(target: &Target) -> Box<dyn Peer> {
    let (provider, delivered) = otel::provider(target);
    // Off: the layer is installed and the sampler declines everything.
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("peers"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
    let delivered = matches!(target, Target::Discard).then_some(delivered);
    Box::new(TracingOtel { provider, delivered, patient: otel::patient(target) })
}

impl Peer for TracingOtel {
    fn bare(&self, n: usize) {
        spans::bare(n);
    }
    fn attrs(&self, n: usize) {
        spans::attrs(n);
    }
    fn generations(&self, n: usize, g: &Generation) {
        spans::generations(n, g);
    }
    fn agent(&self) {
        spans::agent();
    }
    fn flush(&self) {
        let _ = self.provider.force_flush();
    }
    fn delivered(&self) -> Option<u64> {
        self.delivered.as_ref().map(|d| d.load(Relaxed))
    }
    fn finish(self: Box<Self>) {
        otel::finish(&self.provider, self.patient);
    }
}
