//! Delivery at scale, and that it never records itself.

use std::time::Duration;

use async_trait::async_trait;
use mock_langfuse::MockLangfuse;
use tracefuse::Overload;
use tracefuse::exporter::{Batch, ExportError, ExportReport, Exporter};
use tracing::{info_span, warn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

use crate::tracer;

#[test]
fn twenty_thousand_spans_and_events_arrive() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server, |config| {
        config.overload = Overload::Block(Duration::from_secs(60));
    });
    let subscriber = registry().with(tracefuse::tracing_layer(&tracer));
    tracing::subscriber::with_default(subscriber, || {
        for n in 0..2_000 {
            info_span!("agent", gen_ai.agent.name = "a", n).in_scope(|| {
                for _ in 0..4 {
                    info_span!("chat", gen_ai.request.model = "m").in_scope(|| warn!("slow"));
                }
                warn!("done");
            });
        }
    });
    let report = tracer.shutdown_within(Duration::from_secs(60)).unwrap();
    assert!(report.is_lossless());
    let rows = server.observations();
    assert_eq!(rows.len(), 20_000);
    let count = |kind: &str| rows.iter().filter(|row| row.kind == kind).count();
    assert_eq!(
        (count("AGENT"), count("GENERATION"), count("EVENT")),
        (2_000, 8_000, 10_000)
    );
}

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
    let subscriber = registry().with(tracefuse::tracing_layer_builder(&tracer).all().layer());
    // The delivery thread has no subscriber but the global one, and this test binary sets no other.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    for _ in 0..3 {
        tracer.trace("work").run(|_| {});
        tracer.flush().unwrap();
    }
    tracer.shutdown().unwrap();
    assert_eq!(tracer.stats().recorded, 3);
}
