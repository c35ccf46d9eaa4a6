//! Traces whose root is still open, and which spans were printed already.
//! Fed by `exporter`, span by span; gives back trees that are ready to be drawn. Its only clock are
//! the times in the spans, so that what it does follows from what it was given.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use tracefuse_exporter::record::{SpanId, SpanRecord, TraceId};

use crate::convert;
use crate::model::{TreeHeader, TreeSpan};

/// A tree that can be drawn.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) header: TreeHeader,
    pub(crate) spans: Vec<TreeSpan>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct OpenTraces {
    traces: HashMap<TraceId, Open>,
    /// Spans in `traces`, events among them.
    held: usize,
    /// The latest end seen: what time it is.
    now: u64,
    /// How many traces were opened so far: their order.
    opened: u64,
    printed: Printed,
    /// Spans that ended after the span above them was printed.
    late: Vec<(TraceId, SpanId)>,
    max_held: usize,
    max_age: u64,
}

#[derive(Debug)]
struct Open {
    header: TreeHeader,
    /// Place in the order in which traces were opened.
    number: u64,
    /// When the first of its spans ended.
    since: u64,
    spans: Vec<Held>,
}

/// A span with its events.
#[derive(Debug)]
struct Held {
    id: SpanId,
    parent: Option<SpanId>,
    rows: Vec<TreeSpan>,
}

impl OpenTraces {
    pub(crate) fn new(max_held: usize, max_age: Duration) -> Self {
        Self {
            traces: HashMap::new(),
            held: 0,
            now: 0,
            opened: 0,
            printed: Printed::default(),
            late: Vec::new(),
            max_held,
            max_age: u64::try_from(max_age.as_nanos()).unwrap_or(u64::MAX),
        }
    }

    /// Takes a span; gives the tree if it was the root of one.
    pub(crate) fn take(&mut self, record: &SpanRecord, io: bool) -> Option<Ready> {
        let (trace, id) = (record.trace_id(), record.span_id());
        let ended = record.end_time().as_unix_nanos();
        self.now = self.now.max(ended);
        let opened = self.opened;
        let open = self.traces.entry(trace).or_insert_with(|| Open {
            header: TreeHeader::default(),
            number: opened,
            since: ended,
            spans: Vec::new(),
        });
        self.opened += 1;
        open.header = convert::header(record);
        let rows = convert::spans(record, io);
        self.held += rows.len();
        open.spans.push(Held {
            id,
            parent: record.parent_span_id(),
            rows,
        });
        if record.is_local_root() {
            let earlier = self.printed.partly(trace);
            let mut ready = self.subtree(trace, &[id])?;
            if earlier > 0 {
                let spans = plural(earlier, "span");
                ready.header = ready
                    .header
                    .note(format!("continued: {spans} shown before"));
            }
            return Some(ready);
        }
        if record
            .parent_span_id()
            .is_some_and(|parent| self.printed.has(trace, parent))
        {
            self.late.push((trace, id));
        }
        None
    }

    /// At the end of a batch: what came too late for its tree, and what was held for too long.
    pub(crate) fn settle(&mut self) -> Vec<Ready> {
        let mut ready = Vec::new();
        let mut late: Vec<(TraceId, Vec<SpanId>)> = Vec::new();
        for (trace, id) in std::mem::take(&mut self.late) {
            match late.iter_mut().find(|(known, _)| *known == trace) {
                Some((_, ids)) => ids.push(id),
                None => late.push((trace, vec![id])),
            }
        }
        for (trace, ids) in late {
            if let Some(mut tree) = self.subtree(trace, &ids) {
                tree.header = tree.header.note("late: ended after its trace was shown");
                ready.push(tree);
            }
        }
        while let Some((trace, note)) = self.overdue() {
            ready.extend(self.give_up(trace, &note));
        }
        ready
    }

    /// Everything that is held, as it is.
    pub(crate) fn drain(&mut self) -> Vec<Ready> {
        let mut traces: Vec<(u64, TraceId)> = self
            .traces
            .iter()
            .map(|(id, open)| (open.number, *id))
            .collect();
        traces.sort_unstable();
        let note = "incomplete: its root has not ended";
        traces
            .into_iter()
            .filter_map(|(_, trace)| self.give_up(trace, note))
            .collect()
    }

    /// The trace that has to go first, and why, if one has to go.
    fn overdue(&self) -> Option<(TraceId, String)> {
        let (trace, open) = self
            .traces
            .iter()
            .min_by_key(|(_, open)| (open.since, open.number))?;
        if self.held > self.max_held {
            let spans = plural(self.max_held, "span");
            return Some((
                *trace,
                format!("incomplete: more than {spans} wait for a root"),
            ));
        }
        if self.now.saturating_sub(open.since) > self.max_age {
            let age = crate::units::duration(self.max_age);
            return Some((
                *trace,
                format!("incomplete: its root has not ended for {age}"),
            ));
        }
        None
    }

    fn give_up(&mut self, trace: TraceId, note: &str) -> Option<Ready> {
        let open = self.traces.remove(&trace)?;
        self.late.retain(|(known, _)| *known != trace);
        self.printed
            .add(trace, open.spans.iter().map(|held| held.id), true);
        Some(self.ready(open.header.note(note), open.spans))
    }

    /// Takes these spans and all below them out of their trace.
    fn subtree(&mut self, trace: TraceId, roots: &[SpanId]) -> Option<Ready> {
        let open = self.traces.get_mut(&trace)?;
        let mut children: HashMap<SpanId, Vec<SpanId>> = HashMap::new();
        for held in &open.spans {
            if let Some(parent) = held.parent {
                children.entry(parent).or_default().push(held.id);
            }
        }
        let mut stack = roots.to_vec();
        let mut inside = HashSet::new();
        while let Some(id) = stack.pop() {
            if inside.insert(id) {
                stack.extend(children.remove(&id).unwrap_or_default());
            }
        }
        let spans = std::mem::take(&mut open.spans).into_iter();
        let (taken, rest): (Vec<Held>, Vec<Held>) =
            spans.partition(|held| inside.contains(&held.id));
        open.spans = rest;
        let header = open.header.clone();
        if open.spans.is_empty() {
            self.traces.remove(&trace);
        }
        self.printed.add(trace, inside.into_iter(), false);
        Some(self.ready(header, taken))
    }

    fn ready(&mut self, header: TreeHeader, held: Vec<Held>) -> Ready {
        let spans: Vec<TreeSpan> = held.into_iter().flat_map(|held| held.rows).collect();
        self.held = self.held.saturating_sub(spans.len());
        Ready { header, spans }
    }
}

/// Which spans were printed, of the latest traces: how a late span is told from one whose parent is open.
#[derive(Debug, Default)]
struct Printed {
    traces: HashMap<TraceId, (HashSet<SpanId>, usize)>,
    order: VecDeque<TraceId>,
    ids: usize,
}

/// Ids remembered. What comes later still than this is printed as incomplete, by flush or by age.
const REMEMBERED: usize = 20_000;

impl Printed {
    fn has(&self, trace: TraceId, span: SpanId) -> bool {
        self.traces
            .get(&trace)
            .is_some_and(|(ids, _)| ids.contains(&span))
    }

    /// Spans of the trace that were shown before their root.
    fn partly(&self, trace: TraceId) -> usize {
        self.traces.get(&trace).map_or(0, |(_, partly)| *partly)
    }

    fn add(&mut self, trace: TraceId, spans: impl Iterator<Item = SpanId>, partly: bool) {
        let (ids, shown) = self.traces.entry(trace).or_insert_with(|| {
            self.order.push_back(trace);
            Default::default()
        });
        let before = ids.len();
        ids.extend(spans);
        let added = ids.len() - before;
        self.ids += added;
        *shown = if partly { *shown + added } else { 0 };
        while self.ids > REMEMBERED {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            self.ids -= self.traces.remove(&oldest).map_or(0, |(ids, _)| ids.len());
        }
    }
}

fn plural(n: usize, noun: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {noun}{s}", crate::units::count(n as u64))
}
