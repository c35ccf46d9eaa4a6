//! The attributes that the spans of a trace share, in their present state. Written by trace handles while spans of the trace
//! end on other threads; read when a span is appended to a chunk. Must not know span handles.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::id::{SpanId, TraceId};
use super::resource::TraceAttributes;

/// Ids and attributes of a trace.
pub(crate) struct SharedTrace {
    pub(crate) id: TraceId,
    /// Its first span in this process.
    pub(crate) root: SpanId,
    /// Copied on write, so that ended spans share the attributes that they ended with.
    attributes: Mutex<Arc<TraceAttributes>>,
    /// The number of this state of this trace. No two states in this process have the same number.
    version: AtomicU64,
}

/// Zero is no version.
static NEXT_VERSION: AtomicU64 = AtomicU64::new(1);

fn new_version() -> u64 {
    NEXT_VERSION.fetch_add(1, Ordering::Relaxed)
}

impl SharedTrace {
    pub(crate) fn new(id: TraceId, root: SpanId, attributes: Arc<TraceAttributes>) -> Self {
        Self {
            id,
            root,
            attributes: Mutex::new(attributes),
            version: AtomicU64::new(new_version()),
        }
    }

    /// The number of its state. A chunk with the same number already has the attributes.
    #[inline]
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The attributes as they are now, and the number of this state.
    pub(crate) fn state(&self) -> (Arc<TraceAttributes>, u64) {
        let attributes = self.lock();
        // Read under the lock: number and attributes belong together.
        (attributes.clone(), self.version())
    }

    /// The attributes as they are now.
    pub(crate) fn attributes(&self) -> Arc<TraceAttributes> {
        self.lock().clone()
    }

    pub(crate) fn update(&self, f: impl FnOnce(&mut TraceAttributes)) {
        let mut attributes = self.lock();
        f(Arc::make_mut(&mut attributes));
        self.version.store(new_version(), Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, Arc<TraceAttributes>> {
        // A panic of `f` leaves the attributes whole: each is set at once.
        self.attributes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
