//! Masks a finished span: each value by itself, so that a masker that panics costs one value and no span.
//! Called by delivery before any exporter sees the span.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tracefuse_core::record::{
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

/// The masked attributes of the last traces, so that the spans of one trace share one masked copy. One for each
/// thread that masks.
#[derive(Debug, Default)]
pub struct MaskMemo {
    /// (original, masked). Keeping the original prevents that its address is used again for other attributes.
    known: VecDeque<(Arc<TraceAttributes>, Arc<TraceAttributes>)>,
}

/// How many traces are kept: about as many as are usually recorded at the same time. The attributes of any other trace are
/// masked again.
const KNOWN: usize = 32;

/// Masks a finished span: shows its input, output, metadata, model parameters, messages and event payloads, and the
/// metadata of its trace, to `masker`, and replaces each value by what the masker returns. Names, ids, tags, user and
/// session are not shown. A masker that panics costs the value it was shown, see [`MaskReport::failed`].
///
/// ```
/// use std::sync::{Arc, Mutex};
///
/// use tracefuse_core::record::{SpanRecord, ValueRef};
/// use tracefuse_core::{Processor, Tracer};
/// use tracefuse_mask::Mask;
/// use tracefuse_mask::apply::{MaskMemo, mask_span};
///
/// #[derive(Clone, Default)]
/// struct Keep(Arc<Mutex<Vec<SpanRecord>>>);
/// impl Processor for Keep {
///     fn on_end(&self, span: SpanRecord) {
///         self.0.lock().unwrap().push(span);
///     }
/// }
///
/// let keep = Keep::default();
/// let tracer = Tracer::builder(keep.clone()).build();
/// tracer.trace("mail").run(|trace| trace.set_input("write to joe@example.com"));
///
/// let mut span = keep.0.lock().unwrap().remove(0);
/// let report = mask_span(&mut span, &Mask::new().emails(), &mut MaskMemo::default());
/// assert_eq!(report.changed, 1);
/// assert_eq!(span.input(), Some(ValueRef::Str("write to <email>")));
/// ```
pub fn mask_span(span: &mut SpanRecord, masker: &dyn Masker, memo: &mut MaskMemo) -> MaskReport {
    let mut report = MaskReport::default();
    let kind = span.observation_type();
    span.rewrite(|place, value| mask(masker, place, kind, value, &mut report));
    let trace = memo.masked(masker, span.trace(), &mut report);
    if !Arc::ptr_eq(&trace, span.trace()) {
        span.set_trace(trace);
    }
    report
}

/// Masks a score: shows its comment, its metadata and the words of a text score to `masker`, and replaces each by what
/// the masker returns. Names, ids, numbers and categories are not shown.
pub fn mask_score(score: &mut ScoreRecord, masker: &dyn Masker) -> MaskReport {
    let mut report = MaskReport::default();
    score.rewrite(|place, value| mask(masker, place, ObservationType::Span, value, &mut report));
    report
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
    // A panic can only damage our own copy, which is dropped.
    let masked = catch_unwind(AssertUnwindSafe(|| {
        Walk::new(masker, place, kind).value(value)
    }));
    let new = masked.unwrap_or_else(|panic| {
        // Its `Drop` may panic again.
        std::mem::forget(panic);
        report.failed += 1;
        Some(Value::Str(FAILED.to_owned()))
    });
    report.changed += u64::from(new.is_some());
    new
}
