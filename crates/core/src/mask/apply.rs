//! Masks a finished span: each value by itself, so that a masker that panics costs one value and no span.
//! Called by delivery before any exporter sees the span.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::record::{
    ObservationType, Place, ScoreRecord, SpanRecord, TraceAttributes, Value, ValueRef,
};

use super::walk::Walk;
use super::{FAILED, Masker};

/// What masking did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MaskReport {
    /// Values that were changed, those that failed included.
    pub changed: u64,
    /// Values that became `<masking failed>` because the masker panicked on them.
    pub failed: u64,
}

/// Attributes of traces that were masked lately: the spans of a trace share them, before and after.
#[derive(Debug, Default)]
pub struct MaskMemo {
    /// As they were, which keeps them alive and their address theirs, and as they became.
    known: VecDeque<(Arc<TraceAttributes>, Arc<TraceAttributes>)>,
}

/// Traces that are written to at the same time, as a rule; another is masked once more.
const KNOWN: usize = 32;

impl SpanRecord {
    /// Shows input, output, metadata, model parameters, messages and event payloads to `masker`, and its
    /// trace's metadata, and keeps what it answers. Names, ids, tags, user and session are not shown.
    pub fn mask(&mut self, masker: &dyn Masker, memo: &mut MaskMemo) -> MaskReport {
        let mut report = MaskReport::default();
        let kind = self.observation_type();
        self.rewrite(|place, value| mask(masker, place, kind, value, &mut report));
        let trace = memo.masked(masker, self.trace(), &mut report);
        if !Arc::ptr_eq(&trace, self.trace()) {
            self.set_trace(trace);
        }
        report
    }
}

impl ScoreRecord {
    /// Shows comment, metadata and the words of a text score to `masker`, and keeps what it answers.
    pub fn mask(&mut self, masker: &dyn Masker) -> MaskReport {
        let mut report = MaskReport::default();
        self.rewrite(|place, value| mask(masker, place, ObservationType::Span, value, &mut report));
        report
    }
}

impl MaskMemo {
    fn masked(
        &mut self,
        masker: &dyn Masker,
        trace: &Arc<TraceAttributes>,
        report: &mut MaskReport,
    ) -> Arc<TraceAttributes> {
        if trace.metadata.is_empty() {
            return trace.clone();
        }
        let known = self
            .known
            .iter()
            .find(|(plain, _)| Arc::ptr_eq(plain, trace));
        if let Some((_, masked)) = known {
            return masked.clone();
        }
        let mut masked = trace.clone();
        for (at, (key, value)) in trace.metadata.iter().enumerate() {
            let (place, kind) = (Place::TraceMetadata(key), ObservationType::Span);
            if let Some(new) = mask(masker, place, kind, value.as_ref(), report)
                && let Some((_, value)) = Arc::make_mut(&mut masked).metadata.get_mut(at)
            {
                *value = new;
            }
        }
        if self.known.len() == KNOWN {
            self.known.pop_front();
        }
        self.known.push_back((trace.clone(), masked.clone()));
        masked
    }
}

fn mask(
    masker: &dyn Masker,
    place: Place<'_>,
    kind: ObservationType,
    value: ValueRef<'_>,
    report: &mut MaskReport,
) -> Option<Value> {
    // What a panic leaves broken is a copy of ours, which is dropped with it.
    let masked = catch_unwind(AssertUnwindSafe(|| {
        Walk::new(masker, place, kind).value(value)
    }));
    let new = masked.unwrap_or_else(|_| {
        report.failed += 1;
        Some(Value::Str(FAILED.to_owned()))
    });
    report.changed += u64::from(new.is_some());
    new
}
