//! Traces whose root is still open: when each is printed. One such trace is in `held`.
//! Called by `exporter` for each span; returns trees that are ready to be drawn. Its only clock is
//! the times in the spans, so its results depend on its input alone.
//!
//! A tree is given at the end of the batch that brought its root: spans of one batch may come in any order. A span that
//! comes in a later batch is shown by itself, and marked as late only if it ended after its root.

use std::collections::HashMap;
use std::time::Duration;

use tracefuse_exporter::record::{ScoreRecord, ScoreTarget, SpanId, SpanRecord, TraceId};

use crate::choices::Text;
use crate::convert;
use crate::held::{Held, Open, Score, Seen};
use crate::model::TreeHeader;
use crate::shown::Shown;
use crate::text::short;
use crate::tree_span::TreeSpan;

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
    /// Rows in `traces`: spans, events and scores.
    held: usize,
    /// Bytes of their texts.
    held_bytes: usize,
    /// The latest end seen, which is used as the present time.
    now: u64,
    /// How many traces were opened so far: their order.
    opened: u64,
    shown: Shown,
    /// Roots that ended in this batch.
    ended: Vec<(TraceId, SpanId, Seen)>,
    /// Spans whose parent, or the root of whose part, was printed before they came.
    late: Vec<(TraceId, SpanId)>,
    max_held: usize,
    max_age: u64,
    text: Text,
}

/// Bytes of texts held at most: whole texts may be large.
const MAX_HELD_BYTES: usize = 64 * 1024 * 1024;

/// How long a trace of another tracing system may get no span, in nanoseconds: its root may have been left out.
const QUIET: u64 = 30_000_000_000;

impl OpenTraces {
    pub(crate) fn new(max_held: usize, max_age: Duration, text: Text) -> Self {
        Self {
            traces: HashMap::new(),
            held: 0,
            held_bytes: 0,
            now: 0,
            opened: 0,
            shown: Shown::default(),
            ended: Vec::new(),
            late: Vec::new(),
            max_held,
            max_age: u64::try_from(max_age.as_nanos()).unwrap_or(u64::MAX),
            text,
        }
    }

    pub(crate) fn take(&mut self, record: &SpanRecord) {
        let (trace, id) = (record.trace_id(), record.span_id());
        let end = record.end_time().as_unix_nanos();
        self.now = self.now.max(end);
        let held = Held {
            id,
            parent: record.parent_span_id(),
            part: record.local_root_id(),
            end,
            rows: convert::spans(record, self.text),
        };
        self.held += held.rows.len();
        self.held_bytes += held.bytes();
        let seen = Seen {
            attributes: record.trace().clone(),
            name: short(record.name()),
        };
        if record.is_local_root() {
            self.ended.push((trace, id, seen.clone()));
        } else if held
            .parent
            .is_some_and(|parent| self.shown.has(trace, parent))
            || (held.is_bridged(trace) && self.shown.root_end(trace, held.part).is_some())
        {
            self.late.push((trace, id));
        }
        self.opened += 1;
        let number = self.opened;
        let open = self.traces.entry(trace).or_insert_with(|| Open {
            seen: seen.clone(),
            number,
            since: end,
            last: end,
            bridged: false,
            spans: Vec::new(),
            scores: Vec::new(),
        });
        open.last = open.last.max(end);
        open.bridged |= held.is_bridged(trace);
        open.seen = seen;
        open.spans.push(held);
    }

    /// Takes a score if its trace is open: it is shown in the tree.
    pub(crate) fn take_score(&mut self, score: &ScoreRecord) -> bool {
        let (trace, span) = match &score.target {
            ScoreTarget::Trace(trace) => (trace, None),
            ScoreTarget::Observation(trace, span) => (trace, Some(*span)),
            _ => return false,
        };
        let Some(open) = self.traces.get_mut(trace) else {
            return false;
        };
        // The span is in a tree that is printed already.
        if span.is_some_and(|span| self.shown.has(*trace, span)) {
            return false;
        }
        open.scores.push((span, convert::score(score)));
        self.held += 1;
        true
    }

    /// At the end of a batch: trees whose root has ended, what came after its tree, and what was held for too long.
    pub(crate) fn settle(&mut self) -> Vec<Ready> {
        let mut ready = Vec::new();
        for (trace, root, seen) in std::mem::take(&mut self.ended) {
            ready.extend(self.tree(trace, root, seen));
        }
        let mut late: Vec<(TraceId, Vec<SpanId>)> = Vec::new();
        for (trace, id) in std::mem::take(&mut self.late) {
            match late.iter_mut().find(|(known, _)| *known == trace) {
                Some((_, ids)) => ids.push(id),
                None => late.push((trace, vec![id])),
            }
        }
        for (trace, ids) in late {
            ready.extend(self.remainder(trace, &ids));
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
        let mut ready = Vec::new();
        for (_, trace) in traces {
            let note = if self.traces.get(&trace).is_some_and(|open| open.bridged) {
                "incomplete: its root has not ended or is not recorded"
            } else {
                "incomplete: its root has not ended"
            };
            ready.extend(self.give_up(trace, note));
        }
        ready
    }

    /// The trace that is printed first because a bound is reached, and the reason; `None` if none is.
    fn overdue(&self) -> Option<(TraceId, String)> {
        let quiet = self.traces.iter().find(|(_, open)| {
            open.bridged && self.now.saturating_sub(open.last) > QUIET.min(self.max_age)
        });
        if let Some((trace, _)) = quiet {
            let note = "incomplete: its root has not ended or is not recorded";
            return Some((*trace, note.to_owned()));
        }
        let (trace, open) = self
            .traces
            .iter()
            .min_by_key(|(_, open)| (open.since, open.number))?;
        let note = if self.held > self.max_held {
            let spans = plural(self.max_held, "span");
            let wait = if self.max_held == 1 { "waits" } else { "wait" };
            format!("incomplete: more than {spans} {wait} for a root")
        } else if self.held_bytes > MAX_HELD_BYTES {
            "incomplete: too much text waits for a root".to_owned()
        } else if self.now.saturating_sub(open.since) > self.max_age {
            let age = crate::units::duration(self.max_age);
            format!("incomplete: its root has not ended for {age}")
        } else {
            return None;
        };
        Some((*trace, note))
    }

    /// The tree below a root that has ended.
    fn tree(&mut self, trace: TraceId, root: SpanId, seen: Seen) -> Option<Ready> {
        let open = self.traces.get_mut(&trace)?;
        let (part, end) = open
            .spans
            .iter()
            .find(|held| held.id == root)
            .map(|held| (held.part, held.end))?;
        open.adopt(trace, root, part);
        open.seen = seen;
        let earlier = self.shown.without_root(trace);
        let (mut header, taken) = self.subtree(trace, &[root])?;
        let ids = taken.iter().map(|held| held.id);
        self.shown.add_tree(trace, part, end, ids);
        if earlier > 0 {
            let spans = plural(earlier, "span");
            header = header.note(format!("continued: {spans} shown before"));
        }
        Some(self.ready(header, taken))
    }

    /// Spans whose tree was shown before they came.
    fn remainder(&mut self, trace: TraceId, ids: &[SpanId]) -> Option<Ready> {
        let (mut header, taken) = self.subtree(trace, ids)?;
        if taken.is_empty() {
            return None;
        }
        let ended_after = taken.iter().any(|held| {
            let root = self.shown.root_end(trace, held.part);
            root.is_none_or(|root| held.end > root)
        });
        header = header.note(if ended_after {
            "late: ended after its trace was shown"
        } else {
            "continued: reached the console after its trace"
        });
        let ids = taken.iter().map(|held| held.id);
        self.shown.add(trace, ids);
        Some(self.ready(header, taken))
    }

    fn give_up(&mut self, trace: TraceId, note: &str) -> Option<Ready> {
        let open = self.traces.remove(&trace)?;
        self.late.retain(|(known, _)| *known != trace);
        self.shown.add(trace, open.spans.iter().map(|held| held.id));
        let header = self.header(trace, &open.seen);
        let (header, spans) = self.with_scores(header, open.spans, open.scores);
        Some(self.ready(header.note(note), spans))
    }

    /// Takes these spans and all below them out of their trace.
    fn subtree(&mut self, trace: TraceId, roots: &[SpanId]) -> Option<(TreeHeader, Vec<Held>)> {
        let open = self.traces.get_mut(&trace)?;
        let (taken, scores) = open.take_below(roots);
        let seen = open.seen.clone();
        if open.spans.is_empty() {
            self.traces.remove(&trace);
        }
        let header = self.header(trace, &seen);
        Some(self.with_scores(header, taken, scores))
    }

    fn header(&self, trace: TraceId, seen: &Seen) -> TreeHeader {
        convert::header(trace, &seen.attributes, &seen.name, self.text)
    }

    fn with_scores(
        &mut self,
        mut header: TreeHeader,
        mut spans: Vec<Held>,
        scores: Vec<Score>,
    ) -> (TreeHeader, Vec<Held>) {
        self.held = self.held.saturating_sub(scores.len());
        for (span, score) in scores {
            let held = spans.iter_mut().find(|held| Some(held.id) == span);
            match held.and_then(|held| held.rows.first_mut()) {
                Some(row) => row.scores.push(score),
                None => header.scores.push(score),
            }
        }
        (header, spans)
    }

    fn ready(&mut self, header: TreeHeader, held: Vec<Held>) -> Ready {
        let bytes: usize = held.iter().map(Held::bytes).sum();
        self.held_bytes = self.held_bytes.saturating_sub(bytes);
        let spans: Vec<TreeSpan> = held.into_iter().flat_map(|held| held.rows).collect();
        self.held = self.held.saturating_sub(spans.len());
        Ready { header, spans }
    }
}

fn plural(n: usize, noun: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {noun}{s}", crate::units::count(n as u64))
}
