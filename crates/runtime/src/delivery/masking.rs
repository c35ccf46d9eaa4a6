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

#[cfg(test)]
mod tests {
    use tracefuse_core::testing::Recorder;
    use tracefuse_exporter::record::{ScoreRecord, ScoreTarget, Timestamp, ValueRef};
    use tracefuse_mask::Mask;

    use super::*;
    use crate::config::PipelineConfig;

    fn span(input: &str) -> Queued {
        let recorder = Recorder::new();
        recorder.tracer().trace("t").input(input).run(|_| {});
        Queued::new(recorder.only().into(), 1, 1)
    }

    fn score(comment: &str) -> Queued {
        let target = ScoreTarget::Session("s".into());
        let mut score = ScoreRecord::new("quality", 0.5.into(), target, Timestamp::default());
        score.comment = Some(comment.into());
        Queued::new(score.into(), 1, 1)
    }

    /// The input of a span, the comment of a score.
    fn text(item: &Queued) -> &str {
        let score = item
            .record
            .as_score()
            .and_then(|score| score.comment.as_deref());
        let span = item.record.as_span().and_then(|span| match span.input() {
            Some(ValueRef::Str(text)) => Some(text),
            _ => None,
        });
        score.or(span).unwrap()
    }

    #[test]
    fn spans_and_scores_are_masked_once_and_what_fails_is_counted() {
        let mail = "joe@example.com";
        let mask = Mask::new().emails().rewrite(|value, _| match value {
            ValueRef::Str("boom") => panic!("this is what the test is about"),
            _ => None,
        });
        let mut masking = Masking::new(Some(Arc::new(mask)));
        for (inputs, failures) in [(["a", mail], 0), ([mail, "boom"], 2), (["boom"; 2], 4)] {
            let queue = ExporterQueue::new("t".into(), PipelineConfig::default());
            let mut items: Vec<_> = inputs
                .into_iter()
                .flat_map(|text| [span(text), score(text)])
                .collect();
            // As one that was put back.
            let mut before = span(mail);
            before.masked = true;
            items.push(before);
            masking.apply(&queue, &mut items);
            for (item, input) in items
                .iter()
                .zip([inputs[0], inputs[0], inputs[1], inputs[1]])
            {
                let expected = match input {
                    "boom" => "<masking failed>",
                    "a" => "a",
                    _ => "<email>",
                };
                assert!(item.masked);
                assert_eq!(text(item), expected);
            }
            assert_eq!(text(&items[4]), mail);
            assert_eq!(queue.stats().masking_failures, failures);
            // A line of the log was written just now, so that another one is suppressed.
            let admitted = queue.with(|state| state.notices.admit(Notice::MaskingFailed));
            assert_eq!(admitted.is_none(), failures > 0);
        }
    }
}
