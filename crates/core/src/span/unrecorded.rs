//! Why a span is not recorded, and what its trace forwards to the services it calls.
//! Part of `Span` and of the stack of current spans; read by `propagation`. Must not know handles.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::record::{SpanId, TraceId};

/// The reason why a span is not recorded, and the key of what its trace forwards.
///
/// One word that is copied: a span of an unsampled trace costs no reference count. The low two bits are the
/// reason, the others the key in [`TABLE`], zero if there is nothing to forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unrecorded(usize);

/// The handle was made to do nothing, or its tracer is disabled.
const NOOP: usize = 0;
/// The sampler left the trace out.
const UNSAMPLED: usize = 1;
/// `Span::current()` where no span is current.
const OUTSIDE: usize = 2;
/// The tracer does not record at the moment, or is disabled and forwards what it was given.
const OFF: usize = 3;
const REASON: usize = 3;

impl Unrecorded {
    pub(crate) const NOOP: Self = Self(NOOP);
    pub(crate) const UNSAMPLED: Self = Self(UNSAMPLED);
    pub(crate) const OUTSIDE: Self = Self(OUTSIDE);
    pub(crate) const OFF: Self = Self(OFF);

    pub(crate) fn is_unsampled(self) -> bool {
        self.0 & REASON == UNSAMPLED
    }

    #[inline]
    pub(crate) fn is_outside(self) -> bool {
        self.0 == OUTSIDE
    }

    /// Whether spans below find it as the current span, so that none of them begins a trace.
    #[inline]
    pub(crate) fn is_carried(self) -> bool {
        self.0 & UNSAMPLED != 0
    }

    /// Its key in [`TABLE`], zero if there is nothing to forward.
    #[inline]
    const fn key(self) -> usize {
        self.0 >> 2
    }

    /// Keeps what is forwarded until the guard is dropped, for work that can outlive the trace; `None` if there is
    /// nothing to keep.
    #[inline]
    pub(crate) fn guard(self) -> Option<ForwardGuard> {
        if self.key() == 0 {
            return None;
        }
        ForwardGuard::share(self)
    }

    /// What is sent to the next service; `None` if nothing was received.
    pub(crate) fn forwarded(self) -> Option<Arc<Forwarded>> {
        let known = table(|table| Some(table.contexts.get(&self.key())?.forwarded.clone()));
        // The context was removed: the decision is still sent, with ids that no service records.
        let unknown = || Arc::new(Forwarded::unsampled());
        known.or_else(|| self.is_unsampled().then(unknown))
    }
}

/// The headers of a request that other systems wrote. They are sent on unchanged.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Received {
    /// The header `tracestate`.
    pub(crate) tracestate: Option<String>,
    /// The members of the header `baggage` that can be sent on.
    pub(crate) baggage: String,
}

/// What a trace that is not recorded here sends to the services it calls.
#[derive(Debug)]
pub(crate) struct Forwarded {
    /// Ids and flags of `traceparent`.
    pub(crate) parent: Option<(TraceId, SpanId, u8)>,
    pub(crate) received: Option<Arc<Received>>,
}

impl Forwarded {
    fn unsampled() -> Self {
        Self {
            parent: Some((TraceId::random(), SpanId::random(), 0)),
            received: None,
        }
    }
}

struct Table {
    contexts: BTreeMap<usize, Entry>,
    /// Keys that had no guard any more, oldest first.
    retired: VecDeque<usize>,
}

struct Entry {
    forwarded: Arc<Forwarded>,
    /// How many guards keep it.
    guards: usize,
}

/// Contexts that are kept after their last guard, for spans that outlive their trace.
const RETIRED: usize = 1024;

static TABLE: Mutex<Table> = Mutex::new(Table {
    contexts: BTreeMap::new(),
    retired: VecDeque::new(),
});

fn table<R>(f: impl FnOnce(&mut Table) -> R) -> R {
    // No code that can panic runs under the lock.
    f(&mut TABLE.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Keeps the context of a trace in the table. The trace's handles share one; each future and closure that carries a
/// span of the trace has one too.
#[derive(Debug)]
pub(crate) struct ForwardGuard(Unrecorded);

impl ForwardGuard {
    pub(crate) fn new(reason: Unrecorded, forwarded: Forwarded) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let key = NEXT.fetch_add(1, Ordering::Relaxed) & (usize::MAX >> 2);
        let entry = Entry {
            forwarded: Arc::new(forwarded),
            guards: 1,
        };
        table(|table| table.contexts.insert(key, entry));
        Self(Unrecorded(key << 2 | reason.0 & REASON))
    }

    /// One more guard of a context that is still in the table.
    fn share(unrecorded: Unrecorded) -> Option<Self> {
        table(|table| {
            table.contexts.get_mut(&unrecorded.key())?.guards += 1;
            Some(Self(unrecorded))
        })
    }

    pub(crate) fn unrecorded(&self) -> Unrecorded {
        self.0
    }
}

impl Drop for ForwardGuard {
    fn drop(&mut self) {
        let gone = table(|table| {
            let key = self.0.key();
            let entry = table.contexts.get_mut(&key)?;
            entry.guards -= 1;
            if entry.guards > 0 {
                return None;
            }
            table.retired.push_back(key);
            if table.retired.len() <= RETIRED {
                return None;
            }
            let oldest = table.retired.pop_front()?;
            // A context that has a guard again is retired again later.
            let unused = table.contexts.get(&oldest)?.guards == 0;
            unused.then(|| table.contexts.remove(&oldest))
        });
        drop(gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_outlives_its_trace_for_a_while_and_memory_is_bounded() {
        let parent = Some((TraceId::random(), SpanId::random(), 0));
        let first = ForwardGuard::new(
            Unrecorded::UNSAMPLED,
            Forwarded {
                parent,
                received: None,
            },
        );
        let kept = first.unrecorded();
        drop(first);
        assert_eq!(kept.forwarded().unwrap().parent, parent);
        let again = kept.guard();
        let retire = || {
            for _ in 0..2 * RETIRED {
                drop(ForwardGuard::new(Unrecorded::OFF, Forwarded::unsampled()));
            }
        };
        retire();
        assert_eq!(kept.forwarded().unwrap().parent, parent, "a guard keeps it");
        // Guards that come and go retire nothing while another one is left.
        let other = ForwardGuard::new(Unrecorded::OFF, Forwarded::unsampled());
        let retired = ForwardGuard::new(
            Unrecorded::OFF,
            Forwarded {
                parent,
                received: None,
            },
        );
        let key = retired.unrecorded();
        drop(retired);
        for _ in 0..2 * RETIRED {
            drop(other.unrecorded().guard());
        }
        assert_eq!(key.forwarded().unwrap().parent, parent);
        drop((again, other));
        retire();
        assert!(table(|table| table.retired.len()) <= RETIRED);
        assert!(table(|table| table.contexts.len()) <= RETIRED + 1);
        assert!(kept.guard().is_none());
        let (trace, _, flags) = kept.forwarded().unwrap().parent.unwrap();
        assert_eq!(flags, 0, "the decision is still sent");
        assert_ne!(Some(trace), parent.map(|(trace, ..)| trace));
        assert!(Unrecorded::OFF.forwarded().is_none());
        assert!(Unrecorded::NOOP.forwarded().is_none());
        assert!(Unrecorded::OUTSIDE.forwarded().is_none());
    }
}
