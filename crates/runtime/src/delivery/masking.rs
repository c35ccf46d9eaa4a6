//! The only place where records are masked: on the worker's thread, before anything else is done with them.
//! Called by `delivery` with what it took from the queue; failures are counted in the queue's ledger.

use std::sync::Arc;

use tracefuse_exporter::record::Record;
use tracefuse_mask::Masker;
use tracefuse_mask::apply::{MaskMemo, mask_score, mask_span};

use crate::ledger::Notice;
use crate::log;
use crate::queue::ExporterQueue;
use crate::queue::envelope::Queued;

/// A queue's masker, if it has one.
#[derive(Default)]
pub(crate) struct Masking {
    masker: Option<Arc<dyn Masker>>,
    memo: MaskMemo,
}

impl Masking {
    pub(crate) fn new(masker: Option<Arc<dyn Masker>>) -> Self {
        Self {
            masker,
            memo: MaskMemo::default(),
        }
    }

    /// Masks what was not masked before. Nothing may be read from a record before this was called.
    pub(crate) fn apply(&mut self, queue: &ExporterQueue, items: &mut [Queued]) {
        let Some(masker) = &self.masker else { return };
        let mut failed = 0;
        for item in items.iter_mut().filter(|item| !item.masked) {
            failed += match &mut item.record {
                Record::Span(span) => mask_span(span, &**masker, &mut self.memo).failed,
                Record::Score(score) => mask_score(score, &**masker).failed,
                _ => 0,
            };
            item.masked = true;
        }
        if failed > 0 {
            let admitted = queue.with(|state| {
                state.ledger.masking_failed(failed);
                state.notices.admit(Notice::MaskingFailed)
            });
            if let Some(suppressed) = admitted {
                log::masking_failed(&queue.name, failed, suppressed);
            }
        }
    }
}
