//! Observations of a trace in tree order.
//! Called by `columns`, `subtree`, `align` and the page without scripts.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::model::ObservationRow;
use crate::store::SpanOutline;

/// What the tree reads of a span.
pub(super) trait Node {
    fn id(&self) -> &str;
    fn parent(&self) -> Option<&str>;
    fn start_ns(&self) -> i64;
}

impl Node for ObservationRow {
    fn id(&self) -> &str {
        &self.id
    }
    fn parent(&self) -> Option<&str> {
        self.parent.as_deref()
    }
    fn start_ns(&self) -> i64 {
        self.start_ns
    }
}

impl Node for SpanOutline {
    fn id(&self) -> &str {
        &self.id
    }
    fn parent(&self) -> Option<&str> {
        self.parent.as_deref()
    }
    fn start_ns(&self) -> i64 {
        self.start_ns
    }
}

/// A place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the observation in the list that was given.
    pub(super) index: usize,
    /// 0 for a root.
    pub(super) depth: usize,
}

/// The name of a parent that has not been received. Spans are sent when they end, so children come first.
const WAITING: &str = "(parent not received yet)";

/// Adds a row for each parent that is missing, so that its children are together. A span that the sender
/// marked as the beginning of the trace has its parent in another service, so nothing is missing.
pub(super) fn add_missing_parents(spans: &mut Vec<SpanOutline>) {
    let known: HashSet<&str> = spans.iter().map(|span| span.id.as_str()).collect();
    let mut missing: BTreeMap<&str, SpanOutline> = BTreeMap::new();
    for span in spans.iter().filter(|span| !span.is_root) {
        let Some(parent) = span
            .parent
            .as_deref()
            .filter(|parent| !known.contains(parent))
        else {
            continue;
        };
        let row = missing.entry(parent).or_insert_with(|| SpanOutline {
            id: parent.to_owned(),
            name: WAITING.to_owned(),
            start_ns: span.start_ns,
            end_ns: span.end_ns,
            ..SpanOutline::default()
        });
        row.start_ns = row.start_ns.min(span.start_ns);
        row.end_ns = row
            .end_ns
            .zip(span.end_ns)
            .map(|(one, other)| one.max(other));
    }
    let missing: Vec<SpanOutline> = missing.into_values().collect();
    spans.extend(missing);
}

/// Each observation once: children after their parent, siblings by start. Without a parent that is in the trace, or
/// in a circle of parents, it is a root.
pub(super) fn ordered<T: Node>(spans: &[T]) -> Vec<Place> {
    let mut by_id: HashMap<&str, usize> = HashMap::with_capacity(spans.len());
    for (index, span) in spans.iter().enumerate() {
        by_id.entry(span.id()).or_insert(index);
    }
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); spans.len()];
    let mut roots = Vec::new();
    for (index, span) in spans.iter().enumerate() {
        let parent = span.parent().and_then(|id| by_id.get(id));
        match parent.and_then(|parent| children.get_mut(*parent)) {
            Some(siblings) => siblings.push(index),
            None => roots.push(index),
        }
    }
    let by_start = |index: &usize| spans.get(*index).map(Node::start_ns);
    let mut places = Vec::with_capacity(spans.len());
    let mut is_placed = vec![false; spans.len()];
    let mut pending = Vec::new();
    roots.sort_by_key(by_start);
    // After the roots, what is left is in circles; the first of each circle is taken as its root.
    for root in roots.into_iter().chain(0..spans.len()) {
        pending.push(Place {
            index: root,
            depth: 0,
        });
        while let Some(place) = pending.pop() {
            let Some(is_placed) = is_placed.get_mut(place.index).filter(|placed| !**placed) else {
                continue;
            };
            *is_placed = true;
            places.push(place);
            let mut below = children
                .get_mut(place.index)
                .map(std::mem::take)
                .unwrap_or_default();
            below.sort_by_key(by_start);
            let depth = place.depth + 1;
            pending.extend(below.into_iter().rev().map(|index| Place { index, depth }));
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(spans: &[(&str, Option<&str>, i64)]) -> Vec<(String, usize)> {
        let row = |(id, parent, start): &(&str, Option<&str>, i64)| ObservationRow {
            id: (*id).to_owned(),
            parent: parent.map(str::to_owned),
            start_ns: *start,
            ..ObservationRow::default()
        };
        let rows: Vec<ObservationRow> = spans.iter().map(row).collect();
        let name = |place: Place| (rows[place.index].id.clone(), place.depth);
        ordered(&rows).into_iter().map(name).collect()
    }

    fn named(places: &[(&str, usize)]) -> Vec<(String, usize)> {
        places
            .iter()
            .map(|(id, depth)| ((*id).to_owned(), *depth))
            .collect()
    }

    #[test]
    fn children_follow_their_parent_by_start() {
        let spans = [
            ("late", Some("root"), 9),
            ("inner", Some("early"), 3),
            ("early", Some("root"), 2),
            ("root", None, 1),
            ("other", Some("gone"), 0),
        ];
        let expected = [
            ("other", 0),
            ("root", 0),
            ("early", 1),
            ("inner", 2),
            ("late", 1),
        ];
        assert_eq!(order(&spans), named(&expected));
    }

    #[test]
    fn a_circle_of_parents_is_shown_once() {
        let spans = [
            ("a", Some("b"), 1),
            ("b", Some("a"), 2),
            ("self", Some("self"), 3),
        ];
        assert_eq!(order(&spans), named(&[("a", 0), ("b", 1), ("self", 0)]));
    }

    #[test]
    fn children_wait_together_for_their_parent() {
        let row = |id: &str, parent: Option<&str>, start: i64, is_root: bool| SpanOutline {
            id: id.to_owned(),
            parent: parent.map(str::to_owned),
            start_ns: start,
            end_ns: Some(start + 5),
            is_root,
            ..SpanOutline::default()
        };
        let mut rows = vec![
            row("b", Some("gone"), 7, false),
            row("a", Some("gone"), 3, false),
            row("c", Some("a"), 4, false),
            row("entry", Some("other service"), 1, true),
        ];
        add_missing_parents(&mut rows);
        let added = rows.last().unwrap();
        assert_eq!(rows.len(), 5);
        assert_eq!(
            (added.id.as_str(), added.start_ns, added.end_ns),
            ("gone", 3, Some(12))
        );
        let ids: Vec<(&str, usize)> = ordered(&rows)
            .iter()
            .map(|place| (rows[place.index].id.as_str(), place.depth))
            .collect();
        assert_eq!(
            ids,
            [("entry", 0), ("gone", 0), ("a", 1), ("c", 2), ("b", 1)]
        );
    }

    #[test]
    fn a_deep_trace_needs_no_stack() {
        let ids: Vec<String> = (0..60_000).map(|id| id.to_string()).collect();
        let row = |place: usize| ObservationRow {
            id: ids[place].clone(),
            parent: place.checked_sub(1).map(|above| ids[above].clone()),
            ..ObservationRow::default()
        };
        let rows: Vec<ObservationRow> = (0..ids.len()).map(row).collect();
        assert_eq!(ordered(&rows).last().map(|place| place.depth), Some(59_999));
    }
}
