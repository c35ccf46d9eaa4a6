//! A processor that keeps what was recorded.

use std::sync::{Arc, Mutex};

use tracefuse_core::Processor;
use tracefuse_core::record::{ScoreRecord, SpanRecord};

#[derive(Clone, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<SpanRecord>>>, Arc<Mutex<Vec<ScoreRecord>>>);

impl Processor for Kept {
    fn on_end(&self, span: SpanRecord) {
        self.0.lock().unwrap().push(span);
    }

    fn on_score(&self, score: ScoreRecord) {
        self.1.lock().unwrap().push(score);
    }
}

impl Kept {
    pub(crate) fn spans(&self) -> Vec<SpanRecord> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn scores(&self) -> Vec<ScoreRecord> {
        self.1.lock().unwrap().clone()
    }

    pub(crate) fn only(&self) -> SpanRecord {
        let spans = self.spans();
        assert_eq!(spans.len(), 1, "{spans:?}");
        spans.into_iter().next().unwrap()
    }
}
