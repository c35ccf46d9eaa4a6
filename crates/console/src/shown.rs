//! Which spans of the latest traces were printed, to recognise spans that come after their tree.
//! Kept by `open`; bounded by the number of spans.

use std::collections::{HashMap, HashSet, VecDeque};

use tracefuse_exporter::record::{SpanId, TraceId};

#[derive(Debug, Default)]
pub(crate) struct Shown {
    traces: HashMap<TraceId, Trace>,
    order: VecDeque<TraceId>,
    ids: usize,
}

#[derive(Debug, Default)]
struct Trace {
    ids: HashSet<SpanId>,
    /// The parts of the trace whose root was printed, and when that root ended.
    ended: HashMap<SpanId, u64>,
    /// Spans printed since the last root: before theirs.
    without_root: usize,
}

/// Ids remembered. A span that comes later still is printed as incomplete, by a flush or by its age.
const REMEMBERED: usize = 20_000;

impl Shown {
    pub(crate) fn has(&self, trace: TraceId, span: SpanId) -> bool {
        self.traces
            .get(&trace)
            .is_some_and(|trace| trace.ids.contains(&span))
    }

    /// When the root of this part ended, if it was printed.
    pub(crate) fn root_end(&self, trace: TraceId, part: SpanId) -> Option<u64> {
        self.traces.get(&trace)?.ended.get(&part).copied()
    }

    /// Spans of the trace that were printed before their root.
    pub(crate) fn without_root(&self, trace: TraceId) -> usize {
        self.traces
            .get(&trace)
            .map_or(0, |trace| trace.without_root)
    }

    /// Spans printed with the root of their part, which ended then.
    pub(crate) fn add_tree(
        &mut self,
        trace: TraceId,
        part: SpanId,
        ended: u64,
        spans: impl Iterator<Item = SpanId>,
    ) {
        self.insert(trace, spans);
        if let Some(known) = self.traces.get_mut(&trace) {
            known.ended.insert(part, ended);
            known.without_root = 0;
        }
        self.trim();
    }

    /// Spans printed without their root.
    pub(crate) fn add(&mut self, trace: TraceId, spans: impl Iterator<Item = SpanId>) {
        let added = self.insert(trace, spans);
        if let Some(known) = self.traces.get_mut(&trace) {
            known.without_root += added;
        }
        self.trim();
    }

    fn insert(&mut self, trace: TraceId, spans: impl Iterator<Item = SpanId>) -> usize {
        let known = self.traces.entry(trace).or_insert_with(|| {
            self.order.push_back(trace);
            Trace::default()
        });
        let before = known.ids.len();
        known.ids.extend(spans);
        let added = known.ids.len() - before;
        self.ids += added;
        added
    }

    fn trim(&mut self) {
        while self.ids > REMEMBERED {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            self.ids -= self
                .traces
                .remove(&oldest)
                .map_or(0, |trace| trace.ids.len());
        }
    }
}
