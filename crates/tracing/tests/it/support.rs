//! A processor that keeps spans, and subscribers with the layer.

use std::sync::{Arc, Mutex};

use tracefuse_core::record::SpanRecord;
use tracefuse_core::{Processor, Tracer};
use tracefuse_tracing::LayerBuilder;
use tracing_subscriber::layer::SubscriberExt as _;

#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<SpanRecord>>>);

impl Processor for Kept {
    fn on_end(&self, span: SpanRecord) {
        self.0.lock().unwrap().push(span);
    }
}

impl Kept {
    pub(crate) fn spans(&self) -> Vec<SpanRecord> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn only(&self) -> SpanRecord {
        let spans = self.spans();
        assert_eq!(spans.len(), 1, "{spans:?}");
        spans.into_iter().next().unwrap()
    }

    pub(crate) fn named(&self, name: &str) -> SpanRecord {
        self.spans()
            .into_iter()
            .find(|span| span.name() == name)
            .unwrap_or_else(|| panic!("no span {name}"))
    }

    /// Names, children indented below their parent in the order they finished.
    pub(crate) fn tree(&self) -> String {
        let spans = self.spans();
        let mut text = String::new();
        for root in spans.iter().filter(|span| span.parent_span_id().is_none()) {
            branch(&spans, root, 0, &mut text);
        }
        text
    }
}

fn branch(spans: &[SpanRecord], span: &SpanRecord, depth: usize, text: &mut String) {
    text.push_str(&format!("{}{}\n", "  ".repeat(depth), span.name()));
    for child in spans
        .iter()
        .filter(|child| child.parent_span_id() == Some(span.span_id()))
    {
        assert_eq!(child.trace_id(), span.trace_id());
        branch(spans, child, depth + 1, text);
    }
}

pub(crate) fn tracer() -> (Tracer, Kept) {
    let kept = Kept::default();
    (Tracer::builder(kept.clone()).build(), kept)
}

/// Runs `f` with a subscriber that records as `choose` says, and gives what was recorded.
pub(crate) fn recorded(
    choose: impl FnOnce(LayerBuilder) -> LayerBuilder,
    f: impl FnOnce(&Tracer),
) -> Kept {
    let (tracer, kept) = tracer();
    under(&tracer, choose, || f(&tracer));
    kept
}

pub(crate) fn under<R>(
    tracer: &Tracer,
    choose: impl FnOnce(LayerBuilder) -> LayerBuilder,
    f: impl FnOnce() -> R,
) -> R {
    let layer = choose(tracefuse_tracing::builder(tracer)).layer();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), f)
}
