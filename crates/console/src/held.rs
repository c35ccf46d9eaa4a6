//! A trace whose root is still open: its spans and scores, and how a finished part of it is taken out.
//! Kept by `open`. Knows no bounds and no time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tracefuse_exporter::record::{SpanId, TraceAttributes, TraceId};

use crate::tree_span::TreeSpan;

/// A score as it is shown, and the span that it is of; of the trace if that is `None`.
pub(crate) type Score = (Option<SpanId>, String);

/// A trace as it was when one of its spans ended: shared with the span's record, so that keeping it costs nothing.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) attributes: Arc<TraceAttributes>,
    /// Of the span, for a trace without a name.
    pub(crate) name: String,
}

#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) seen: Seen,
    /// Place in the order in which traces were opened.
    pub(crate) number: u64,
    /// When the first of its spans ended, and the last so far.
    pub(crate) since: u64,
    pub(crate) last: u64,
    /// Its spans come from another tracing system, see [`Held::is_bridged`].
    pub(crate) bridged: bool,
    pub(crate) spans: Vec<Held>,
    /// Scores of the trace and of its spans.
    pub(crate) scores: Vec<Score>,
}

/// A span with its events.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    /// The first span of its part of the trace, see [`is_bridged`](Self::is_bridged).
    pub(crate) part: SpanId,
    pub(crate) end: u64,
    pub(crate) rows: Vec<TreeSpan>,
}

impl Held {
    /// Spans of other tracing systems come one by one, so their part names no span. The parent of such a span may
    /// have been left out, so that it never comes; the parent of a span of tracefuse always comes when it ends.
    pub(crate) fn is_bridged(&self, trace: TraceId) -> bool {
        SpanId::from_bytes(trace.low_bits().to_be_bytes()) == Some(self.part)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.rows.iter().map(TreeSpan::bytes).sum()
    }
}

impl Open {
    /// Gives spans below a root that has ended that root as their parent, where their own parent was left out: the root is the
    /// next span above them that is known.
    pub(crate) fn adopt(&mut self, trace: TraceId, root: SpanId, part: SpanId) {
        let ids: HashSet<SpanId> = self.spans.iter().map(|held| held.id).collect();
        for held in &mut self.spans {
            let known = held.id == root || held.parent.is_some_and(|parent| ids.contains(&parent));
            if !known && held.part == part && held.is_bridged(trace) {
                held.parent = Some(root);
                if let Some(row) = held.rows.first_mut() {
                    row.parent = Some(root.to_string());
                }
            }
        }
    }

    /// Takes out these spans and all below them, with their scores. A score of a span that is still open waits for it,
    /// unless nothing else does.
    pub(crate) fn take_below(&mut self, roots: &[SpanId]) -> (Vec<Held>, Vec<Score>) {
        let mut children: HashMap<SpanId, Vec<SpanId>> = HashMap::new();
        for held in &self.spans {
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
        let spans = std::mem::take(&mut self.spans).into_iter();
        let (taken, rest): (Vec<Held>, Vec<Held>) =
            spans.partition(|held| inside.contains(&held.id));
        self.spans = rest;
        let last = self.spans.is_empty();
        let (mine, rest) = std::mem::take(&mut self.scores)
            .into_iter()
            .partition(|(span, _)| last || span.is_none_or(|span| inside.contains(&span)));
        self.scores = rest;
        (taken, mine)
    }
}
