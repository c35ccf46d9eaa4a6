//! One row in place of several equal ones: with their number, their total times and their usage.
//! Used by `fold`.

use crate::model::Folded;
use crate::shapes::Tree;
use crate::tree_span::TreeSpan;
use crate::usage::Tokens;

/// One row for these spans and all below them.
pub(crate) fn merged(spans: &[TreeSpan], tree: &Tree, places: &[usize]) -> Option<TreeSpan> {
    let first = spans.get(*places.first()?)?;
    let mut row = TreeSpan {
        input: None,
        output: None,
        metadata: Vec::new(),
        parameters: Vec::new(),
        units: Vec::new(),
        buckets: Vec::new(),
        first_token_ns: None,
        tokens: Tokens::default(),
        cost: None,
        ..first.clone()
    };
    let mut folded = Folded {
        count: 0,
        total_ns: 0,
        shortest_ns: u64::MAX,
        longest_ns: 0,
    };
    for at in places {
        let Some(span) = spans.get(*at) else { continue };
        row.end_ns = row.end_ns.max(span.end_ns);
        folded.count += 1;
        folded.total_ns = folded.total_ns.saturating_add(span.duration());
        folded.shortest_ns = folded.shortest_ns.min(span.duration());
        folded.longest_ns = folded.longest_ns.max(span.duration());
        add_usage(&mut row, span);
        for below in tree.below(*at) {
            if let Some(span) = spans.get(below) {
                add_usage(&mut row, span);
            }
        }
    }
    row.folded = Some(folded);
    Some(row)
}

fn add_usage(row: &mut TreeSpan, span: &TreeSpan) {
    row.tokens.add(span.tokens);
    if let Some(cost) = span.cost {
        row.cost = Some(row.cost.unwrap_or(0.0) + cost);
    }
    for (name, units) in &span.units {
        match row.units.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum = sum.saturating_add(*units),
            None => row.units.push((name.clone(), *units)),
        }
    }
}
