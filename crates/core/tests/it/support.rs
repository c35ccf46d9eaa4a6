//! A processor that keeps spans, and a tracer on a clock that does not move.

use std::sync::{Arc, Mutex};

use tracefuse_core::record::{SpanRecord, Timestamp};
use tracefuse_core::{Clock, ManualClock, Processor, Tracer};

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
            .unwrap_or_else(|| panic!("no span {name} in {:?}", self.spans()))
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

pub(crate) const EPOCH: u64 = 1_800_000_000_000_000_000;

pub(crate) fn tracer() -> (Tracer, Kept, ManualClock) {
    let kept = Kept::default();
    let clock = ManualClock::at(Timestamp::from_unix_nanos(EPOCH));
    (
        Tracer::builder(kept.clone())
            .clock(Clock::new(clock.clone()))
            .build(),
        kept,
        clock,
    )
}
