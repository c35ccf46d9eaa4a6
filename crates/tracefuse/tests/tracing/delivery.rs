//! That delivery never records itself.

use async_trait::async_trait;
use tracefuse::exporter::{Batch, ExportError, ExportReport, Exporter};
use tracing::{info_span, warn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

/// An exporter that is instrumented, as one that uses an HTTP client may be.
struct Instrumented;

#[async_trait]
impl Exporter for Instrumented {
    fn name(&self) -> &str {
        "instrumented"
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        let span = info_span!("upload", gen_ai.prompt = batch.len());
        span.in_scope(|| warn!("uploading"));
        Ok(ExportReport::accepted(batch.len()))
    }
}

#[test]
fn delivery_is_not_recorded() {
    let tracer = tracefuse::builder().exporter(Instrumented).build().unwrap();
    let subscriber = registry().with(tracefuse::tracing::builder(&tracer).all().layer());
    // The delivery thread has no subscriber but the global one, and this test binary sets no other.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    for _ in 0..3 {
        tracer.trace("work").run(|_| {});
        tracer.flush().unwrap();
    }
    tracer.shutdown().unwrap();
    assert_eq!(tracer.stats().recorded, 3);
}
