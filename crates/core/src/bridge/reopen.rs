//! A span that another tracing system has begun and measured, opened once more to be written to.
//! Used by bridges whose spans come alone and in any order.

use std::sync::Arc;

use crate::record::{ObservationType, SpanId, Timestamp, TraceAttributes, TraceId};
use crate::span::feature::recorded;
use crate::span::handle::Span;
use crate::span::open::{OpenSpan, TraceState};
use crate::span::unrecorded::{ForwardGuard, Forwarded, Unrecorded};
use crate::trace::sampler::SamplingInput;
use crate::trace::tracer::Tracer;

/// A span that another tracing system has begun, whose ids and times are known.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a bridge gives all of it, and is changed with it"
)]
pub struct Measured<'a> {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// The span above it.
    pub parent: Option<SpanId>,
    /// Whether that is a span of another process.
    pub parent_is_remote: bool,
    /// Its name, which is also that of the trace if it is a root.
    pub name: &'a str,
    /// When it began.
    pub start: Timestamp,
}

/// Opens it once more, to be written to and ended at its time. The handle does nothing if it is not
/// recorded: the tracer is off or closed, or its sampler leaves the trace out.
///
/// Spans of one trace come alone and in any order. So each has its own trace attributes, and the
/// sampler is asked for each.
#[must_use]
pub fn reopen(tracer: &Tracer, span: &Measured<'_>) -> Span {
    let Some(core) = tracer.owner.as_ref().map(|owner| &owner.shared) else {
        return Span::noop();
    };
    if !core.admits() {
        return Span::noop();
    }
    let is_root = span.parent.is_none();
    let mut attributes = TraceAttributes::default();
    if is_root {
        span.name.clone_into(&mut attributes.name);
    }
    let remote_parent = span.parent.filter(|_| span.parent_is_remote);
    let input = SamplingInput {
        trace_id: span.trace_id,
        attributes: &attributes,
        observation_type: ObservationType::Span,
        remote_parent,
        remote_sampled: None,
    };
    let mut unsampled = None;
    if !core.sampler.should_sample(&input) {
        if is_root || remote_parent.is_some() {
            core.note_unsampled();
        }
        if !core.measures {
            return Span::unrecorded(Unrecorded::UNSAMPLED);
        }
        let forwarded = Forwarded {
            parent: None,
            received: None,
        };
        unsampled = Some(ForwardGuard::new(Unrecorded::UNSAMPLED, forwarded));
    }
    // Which span of this process is the first is not known, but that all of a trace belong together.
    let part = SpanId::from_bytes(span.trace_id.low_bits().to_be_bytes()).unwrap_or(span.span_id);
    let mut trace = TraceState::new(
        core.clone(),
        span.trace_id,
        part,
        core.clock.anchor(),
        attributes,
    );
    trace.unsampled = unsampled;
    let (draft, mut buffer) =
        OpenSpan::draft(&Arc::new(trace), || span.span_id, ObservationType::Span);
    buffer.begin_name(span.name);
    buffer.head.set_parent(span.parent);
    buffer.head.set_remote_parent(remote_parent.is_some());
    let open = OpenSpan::open(draft, buffer);
    open.write(|buffer| buffer.head.set_start(span.start));
    Span {
        open: recorded(open),
        unrecorded: Unrecorded::NOOP,
    }
}
