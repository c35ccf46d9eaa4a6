//! References to a tracer that do not keep it open: for a subscriber, and for a reader of its numbers.
//! Used by bridges and by metrics.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::report::Stats;
use crate::span::feature::recorded;
use crate::span::shared::TracerShared;
use crate::trace::guard::TracerGuard;
use crate::trace::tracer::Tracer;

/// A weak reference to a tracer. A subscriber exists as long as the process; it must not keep the tracer open.
#[derive(Clone)]
pub struct WeakTracer(Weak<TracerGuard>);

impl WeakTracer {
    /// Of this tracer.
    #[must_use]
    pub fn new(tracer: &Tracer) -> Self {
        let owner: Option<&Arc<TracerGuard>> = tracer
            .owner
            .as_ref()
            .map(|owner| -> &Arc<TracerGuard> { owner });
        Self(owner.map_or_else(Weak::new, Arc::downgrade))
    }

    /// The tracer, unless its last handle is gone.
    #[must_use]
    pub fn upgrade(&self) -> Option<Tracer> {
        let owner = self.0.upgrade()?;
        let owner = Some(recorded(owner)?);
        Some(Tracer { owner })
    }
}

impl fmt::Debug for WeakTracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakTracer").finish_non_exhaustive()
    }
}

/// The numbers of a tracer. This does not keep the tracer open, and reading them does not shut it down.
#[derive(Clone)]
pub struct WeakStats(Weak<TracerShared>);

impl WeakStats {
    /// Of this tracer.
    #[must_use]
    pub fn new(tracer: &Tracer) -> Self {
        let shared = tracer
            .owner
            .as_ref()
            .map(|owner| Arc::downgrade(&owner.shared));
        Self(shared.unwrap_or_default())
    }

    /// The numbers so far; `None` if neither the tracer nor a span of it is left.
    #[must_use]
    pub fn read(&self) -> Option<Stats> {
        let shared = self.0.upgrade()?;
        Some(shared.complete_stats(shared.processor.stats()))
    }
}

impl fmt::Debug for WeakStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakStats").finish_non_exhaustive()
    }
}
