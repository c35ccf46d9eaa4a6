//! Aligns the trees of two traces: spans below the same parent, by name and order.
//! Called by `compare`; pure.

use std::collections::{HashMap, VecDeque};

use super::tree::{Place, ordered};
use crate::model::ObservationRow;

/// One line of the comparison; the numbers are those of the two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) depth: usize,
    pub(super) left: Option<usize>,
    pub(super) right: Option<usize>,
}

/// A span with the spans below it.
type Children = HashMap<Option<usize>, Vec<usize>>;

/// All spans of both traces, in tree order. The second span named `search` below a parent is beside the second one
/// named so on the other side.
pub(super) fn aligned(left: &[ObservationRow], right: &[ObservationRow]) -> Vec<Pair> {
    let (left_below, right_below) = (children(left), children(right));
    let mut pairs = Vec::new();
    // What is pending: the parents whose children come next, in the order of the page.
    let mut pending = siblings(
        (Some(None), Some(None)),
        0,
        (left, &left_below),
        (right, &right_below),
    );
    while let Some(pair) = pending.pop_front() {
        pairs.push(pair);
        let parents = (pair.left.map(Some), pair.right.map(Some));
        let below = siblings(
            parents,
            pair.depth + 1,
            (left, &left_below),
            (right, &right_below),
        );
        for pair in below.into_iter().rev() {
            pending.push_front(pair);
        }
    }
    pairs
}

type Side<'a> = (&'a [ObservationRow], &'a Children);

fn siblings(
    parents: (Option<Option<usize>>, Option<Option<usize>>),
    depth: usize,
    left: Side<'_>,
    right: Side<'_>,
) -> VecDeque<Pair> {
    let below = |parent: Option<Option<usize>>, side: Side<'_>| {
        parent
            .and_then(|parent| side.1.get(&parent))
            .cloned()
            .unwrap_or_default()
    };
    let (lefts, rights) = (below(parents.0, left), below(parents.1, right));
    let key = |side: Side<'_>, index: usize| {
        side.0
            .get(index)
            .map(|span| (span.name.clone(), span.kind.as_str()))
    };
    let mut waiting: HashMap<_, VecDeque<usize>> = HashMap::new();
    for (place, index) in rights.iter().enumerate() {
        waiting
            .entry(key(right, *index))
            .or_default()
            .push_back(place);
    }
    let mut partner = vec![None; lefts.len()];
    let mut is_paired = vec![false; rights.len()];
    for (found, index) in partner.iter_mut().zip(&lefts) {
        let place = waiting
            .get_mut(&key(left, *index))
            .and_then(VecDeque::pop_front);
        if let Some(is_paired) = place.and_then(|place| is_paired.get_mut(place)) {
            *is_paired = true;
            *found = place;
        }
    }
    let mut out = VecDeque::new();
    let mut next = 0;
    let only_right = |from: usize, to: usize, out: &mut VecDeque<Pair>| {
        for (index, _) in rights
            .iter()
            .zip(&is_paired)
            .take(to)
            .skip(from)
            .filter(|(_, paired)| !**paired)
        {
            out.push_back(Pair {
                depth,
                left: None,
                right: Some(*index),
            });
        }
    };
    for (place, index) in partner.iter().zip(&lefts) {
        // A span that is only on the right keeps its place on the right.
        if let Some(place) = *place {
            only_right(next, place, &mut out);
            next = next.max(place);
        }
        let right = place.and_then(|place| rights.get(place)).copied();
        out.push_back(Pair {
            depth,
            left: Some(*index),
            right,
        });
    }
    only_right(next, rights.len(), &mut out);
    out
}

fn children(spans: &[ObservationRow]) -> Children {
    let mut children: Children = HashMap::new();
    let mut above: Vec<usize> = Vec::new();
    for Place { index, depth } in ordered(spans) {
        above.truncate(depth);
        children
            .entry(above.last().copied())
            .or_default()
            .push(index);
        above.push(index);
    }
    children
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(names: &[(&str, Option<usize>)]) -> Vec<ObservationRow> {
        let row = |(place, (name, parent)): (usize, &(&str, Option<usize>))| ObservationRow {
            id: place.to_string(),
            parent: parent.map(|parent| parent.to_string()),
            name: (*name).to_owned(),
            start_ns: place as i64,
            ..ObservationRow::default()
        };
        names.iter().enumerate().map(row).collect()
    }

    fn check(left: &[(&str, Option<usize>)], right: &[(&str, Option<usize>)], expected: &[&str]) {
        let (left, right) = (spans(left), spans(right));
        let line = |pair: Pair| {
            let name = |side: &[ObservationRow], index: Option<usize>| {
                index.map_or_else(
                    || "-".to_owned(),
                    |index| format!("{}{index}", side[index].name),
                )
            };
            format!(
                "{}{} {}",
                " ".repeat(pair.depth),
                name(&left, pair.left),
                name(&right, pair.right)
            )
        };
        let lines: Vec<String> = aligned(&left, &right).into_iter().map(line).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn spans_of_a_name_are_paired_in_order() {
        check(
            &[
                ("run", None),
                ("plan", Some(0)),
                ("search", Some(0)),
                ("search", Some(0)),
                ("answer", Some(0)),
            ],
            &[
                ("run", None),
                ("search", Some(0)),
                ("rerank", Some(0)),
                ("answer", Some(0)),
                ("check", Some(0)),
            ],
            &[
                "run0 run0",
                " plan1 -",
                " search2 search1",
                " search3 -",
                " - rerank2",
                " answer4 answer3",
                " - check4",
            ],
        );
    }

    #[test]
    fn below_an_unpaired_span_nothing_is_paired() {
        check(
            &[("a", None), ("x", Some(0))],
            &[("b", None), ("x", Some(0))],
            &["a0 -", " x1 -", "- b0", " - x1"],
        );
    }

    #[test]
    fn the_order_may_differ() {
        check(
            &[("a", None), ("b", None)],
            &[("b", None), ("c", None), ("a", None)],
            &["- c1", "a0 a2", "b1 b0"],
        );
        check(&[], &[], &[]);
    }
}
