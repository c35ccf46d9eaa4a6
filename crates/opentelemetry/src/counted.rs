//! Which spans have counted tokens below them: an agent's own sum of them must not be counted again.
//! Called by `exporter` for each span that ends, children before their parents.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use opentelemetry::trace::{SpanId, TraceId};

type Key = (TraceId, SpanId);

/// How many spans are kept; the tokens of a parent that ends after that many others may be counted twice.
const REMEMBERED: usize = 8192;

#[derive(Debug, Default)]
pub(crate) struct Counted(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    open: HashSet<Key>,
    /// The same spans by age, and spans that have ended since.
    order: VecDeque<Key>,
}

impl Counted {
    /// Notes that tokens were counted below this span, which has not ended.
    pub(crate) fn mark(&self, trace: TraceId, span: SpanId) {
        let mut state = self.lock();
        if state.open.insert((trace, span)) {
            state.order.push_back((trace, span));
        }
        while state.order.len() > REMEMBERED {
            if let Some(oldest) = state.order.pop_front() {
                state.open.remove(&oldest);
            }
        }
    }

    /// Whether tokens were counted below this span, which has ended.
    pub(crate) fn take(&self, trace: TraceId, span: SpanId) -> bool {
        self.lock().open.remove(&(trace, span))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is locked, so the state is consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_remembers_a_bounded_number_of_spans_and_each_until_it_ends() {
        let (counted, trace) = (Counted::default(), TraceId::from(1u128));
        for id in 0..=REMEMBERED as u64 {
            counted.mark(trace, SpanId::from(id));
        }
        let seen = |id: u64| counted.take(trace, SpanId::from(id));
        assert!(!seen(0), "the oldest is forgotten");
        assert!(seen(1) && !seen(1) && seen(REMEMBERED as u64));
        assert!(counted.0.lock().unwrap().order.len() <= REMEMBERED);
    }
}
