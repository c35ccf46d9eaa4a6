//! The nearest recorded ancestor of a span. Whether a span is recorded is known for sure when it ends, and children end
//! before their parents: a finished span waits for its parent, unless that is recorded in any case.
//! Called by `exporter` at each start and end; runs no code of the user.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::SpanData;

type Key = (TraceId, SpanId);

/// Open spans that are watched, finished spans that wait, and the parents of spans that were left out.
const BOUND: usize = 8192;
/// A finished span waits no longer for a parent that is still open, such as the span of a worker that never ends.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

#[derive(Default)]
pub(crate) struct Ancestors(Mutex<State>);

#[derive(Default)]
struct State {
    open: HashMap<Key, Open>,
    /// The parents of spans that have ended and were left out, and their keys by age.
    left_out: HashMap<Key, Parent>,
    by_age: VecDeque<Key>,
    waiting: usize,
}

#[derive(Clone, Copy)]
struct Parent {
    id: SpanId,
    is_remote: bool,
}

struct Open {
    parent: Parent,
    /// It is recorded whatever is set on it until it ends.
    is_certain: bool,
    /// Finished children.
    waiting: Vec<SpanData>,
}

impl Ancestors {
    /// Watches a span that has started.
    pub(crate) fn started(&self, key: Key, parent: (SpanId, bool), is_certain: bool) {
        let mut state = self.lock();
        if state.open.len() < BOUND {
            let parent = Parent {
                id: parent.0,
                is_remote: parent.1,
            };
            let open = Open {
                parent,
                is_certain,
                waiting: Vec::new(),
            };
            state.open.insert(key, open);
        }
    }

    /// Takes spans that have ended, each with whether it is recorded. Returns those to be recorded now, children before
    /// their parents; the parent of each is its nearest recorded ancestor, a span of another service, or none.
    pub(crate) fn ended(&self, spans: Vec<(SpanData, bool)>) -> Vec<SpanData> {
        let mut ready = Vec::new();
        let mut state = self.lock();
        let newest = spans.iter().map(|(span, _)| span.end_time).max();
        // The spans of one batch may come in any order.
        for (span, is_recorded) in &spans {
            if !is_recorded {
                state.leave_out(key(span), parent(span));
            }
        }
        for (span, is_recorded) in spans {
            let open = state.open.remove(&key(&span));
            let children = open.map(|open| open.waiting).unwrap_or_default();
            state.waiting -= children.len();
            for child in children {
                // Below a recorded span it is ready. Below another one it may have to wait again.
                state.settle(child, false, &mut ready);
            }
            if is_recorded {
                state.settle(span, false, &mut ready);
            }
        }
        if let Some(newest) = newest {
            state.release(|span| is_overdue(span, newest), &mut ready);
        }
        ready
    }

    /// Returns all spans that wait, as if open spans that may be left out were left out.
    pub(crate) fn release(&self) -> Vec<SpanData> {
        let mut ready = Vec::new();
        self.lock().release(|_| true, &mut ready);
        ready
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while the lock is locked, so the state is consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn leave_out(&mut self, key: Key, parent: Parent) {
        if self.left_out.insert(key, parent).is_none() {
            self.by_age.push_back(key);
        }
        while self.by_age.len() > BOUND {
            if let Some(oldest) = self.by_age.pop_front() {
                self.left_out.remove(&oldest);
            }
        }
    }

    /// Finds the parent of a span that is recorded. It waits below an open span that may be left out, unless `now`.
    fn settle(&mut self, mut span: SpanData, now: bool, ready: &mut Vec<SpanData>) {
        // Ids that were made by hand may form a circle, so the number of steps is limited.
        for _ in 0..BOUND {
            if span.parent_span_id == SpanId::INVALID || span.parent_span_is_remote {
                break;
            }
            let above = (span.span_context.trace_id(), span.parent_span_id);
            let next = match self.open.get_mut(&above) {
                Some(open) if open.is_certain => break,
                Some(open) if !now && self.waiting < BOUND => {
                    open.waiting.push(span);
                    self.waiting += 1;
                    return;
                }
                Some(open) => open.parent,
                None => match self.left_out.get(&above) {
                    Some(parent) => *parent,
                    // Recorded, or a span that is not known here.
                    None => break,
                },
            };
            span.parent_span_id = next.id;
            span.parent_span_is_remote = next.is_remote;
        }
        ready.push(span);
    }

    fn release(&mut self, which: impl Fn(&SpanData) -> bool, ready: &mut Vec<SpanData>) {
        if self.waiting == 0 {
            return;
        }
        let mut released = Vec::new();
        for open in self.open.values_mut() {
            released.extend(open.waiting.extract_if(.., |span| which(span)));
        }
        self.waiting -= released.len();
        released.sort_by_key(|span| span.end_time);
        for span in released {
            self.settle(span, true, ready);
        }
    }
}

fn is_overdue(span: &SpanData, now: SystemTime) -> bool {
    now.duration_since(span.end_time)
        .is_ok_and(|waited| waited > LONGEST_WAIT)
}

fn key(span: &SpanData) -> Key {
    (span.span_context.trace_id(), span.span_context.span_id())
}

fn parent(span: &SpanData) -> Parent {
    Parent {
        id: span.parent_span_id,
        is_remote: span.parent_span_is_remote,
    }
}
