//! What a bridge from another tracing system needs and applications do not.
//! Used by `tracefuse-tracing`, and by `tracefuse-runtime` to mark its threads. Not covered by semantic versioning.

use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, Weak};

pub use crate::present::RECORDS;
use crate::present::present;
use crate::record::TraceAttributes;
use crate::span::Span;
use crate::tracer::{Owner, Tracer};

/// A tracer that is not kept open by this: a subscriber lives as long as the process, a tracer does not.
#[derive(Clone)]
pub struct WeakTracer(Weak<Owner>);

impl WeakTracer {
    /// Of this tracer.
    #[must_use]
    pub fn new(tracer: &Tracer) -> Self {
        let owner: Option<&Arc<Owner>> =
            tracer.owner.as_ref().map(|owner| -> &Arc<Owner> { owner });
        Self(owner.map_or_else(Weak::new, Arc::downgrade))
    }

    /// The tracer, unless its last handle is gone.
    #[must_use]
    pub fn upgrade(&self) -> Option<Tracer> {
        let owner = self.0.upgrade()?;
        let owner = Some(present(owner)?);
        Some(Tracer { owner })
    }
}

impl fmt::Debug for WeakTracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakTracer").finish_non_exhaustive()
    }
}

/// Writes to what all spans of this span's trace share. `f` runs under a lock: nothing of the user's in it.
pub fn update_trace(span: &Span, f: impl FnOnce(&mut TraceAttributes)) {
    if let Some(live) = &span.live {
        live.trace.update(f);
    }
}

/// Whether this is a span of a trace that the sampler left out.
#[must_use]
pub fn is_unsampled(span: &Span) -> bool {
    span.unsampled
}

thread_local! {
    static SUPPRESSED: Cell<bool> = const { Cell::new(false) };
}

/// Marks this thread as one that delivers: what other tracing systems see on it is never recorded,
/// since recording a delivery would need a delivery.
pub fn suppress_thread() {
    // A thread that is ending records nothing anyway.
    let _ = SUPPRESSED.try_with(|cell| cell.set(true));
}

/// Whether this thread delivers.
#[must_use]
pub fn is_suppressed() -> bool {
    SUPPRESSED.try_with(Cell::get).unwrap_or(true)
}
