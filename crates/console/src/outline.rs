//! The order in which a tree is drawn: parents before children, children by their start.
//! Called by `tree` with spans in any order; does not recurse, so a deep tree needs no deep stack.

use std::collections::HashMap;

use crate::tree_span::TreeSpan;

/// A span at its place in the tree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) span: &'a TreeSpan,
    /// 0 for a root.
    pub(crate) depth: usize,
    /// Whether no sibling follows.
    pub(crate) last: bool,
    pub(crate) has_children: bool,
}

/// Every span exactly once. A span whose parent is not among them is a root. So is the first of a cycle of parents,
/// which the answer of a server may contain.
pub(crate) fn outline(spans: &[TreeSpan]) -> Vec<Entry<'_>> {
    let mut sorted: Vec<&TreeSpan> = spans.iter().collect();
    sorted.sort_by_key(|span| span.start_ns);
    let known: HashMap<&str, ()> = spans.iter().map(|span| (span.id.as_str(), ())).collect();
    let mut children: HashMap<&str, Vec<&TreeSpan>> = HashMap::new();
    let mut roots = Vec::new();
    for &span in &sorted {
        match span.parent.as_deref().filter(|id| known.contains_key(id)) {
            Some(parent) => children.entry(parent).or_default().push(span),
            None => roots.push(span),
        }
    }
    let mut entries = Vec::with_capacity(spans.len());
    walk(&roots, &mut children, &mut entries);
    // What is left is below itself, in a cycle.
    while !children.is_empty() {
        let Some(first) = sorted.iter().find(|span| {
            let parent = span.parent.as_deref().unwrap_or_default();
            children.contains_key(parent)
        }) else {
            break;
        };
        if let Some(cycle) = first.parent.as_deref().and_then(|id| children.remove(id)) {
            walk(&cycle, &mut children, &mut entries);
        }
    }
    entries
}

fn walk<'a>(
    roots: &[&'a TreeSpan],
    children: &mut HashMap<&str, Vec<&'a TreeSpan>>,
    entries: &mut Vec<Entry<'a>>,
) {
    let mut stack: Vec<(&TreeSpan, usize, bool)> = Vec::new();
    let push = |stack: &mut Vec<_>, spans: &[&'a TreeSpan], depth| {
        let last = spans.len().saturating_sub(1);
        let pairs = spans.iter().enumerate().rev();
        stack.extend(pairs.map(|(at, &span)| (span, depth, at == last)));
    };
    push(&mut stack, roots, 0);
    while let Some((span, depth, last)) = stack.pop() {
        // Removed: of two spans with one id only the first has the children.
        let below = children.remove(span.id.as_str()).unwrap_or_default();
        entries.push(Entry {
            span,
            depth,
            last,
            has_children: !below.is_empty(),
        });
        push(&mut stack, &below, depth + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pairs: &[(&str, Option<&str>)], tree: &str) {
        let spans: Vec<TreeSpan> = pairs
            .iter()
            .map(|(id, parent)| {
                let span = TreeSpan::new(*id, *id, 0, 1);
                parent.map_or(span.clone(), |parent| span.parent(parent))
            })
            .collect();
        let drawn: Vec<String> = outline(&spans)
            .iter()
            .map(|entry| format!("{}{}", " ".repeat(entry.depth), entry.span.id))
            .collect();
        assert_eq!(drawn.join("\n"), tree);
    }

    #[test]
    fn children_are_below_their_parents_and_others_are_roots() {
        check(
            &[
                ("c", Some("b")),
                ("b", Some("a")),
                ("a", None),
                ("d", Some("a")),
            ],
            "a\n b\n  c\n d",
        );
        check(&[("b", Some("gone")), ("a", None)], "b\na");
    }

    #[test]
    fn rings_and_twins_lose_no_span_and_end() {
        check(&[("a", Some("b")), ("b", Some("a"))], "a\n b");
        check(&[("a", Some("a"))], "a");
        check(&[("a", None), ("a", None), ("b", Some("a"))], "a\n b\na");
    }

    #[test]
    fn a_chain_of_a_hundred_thousand_needs_no_stack() {
        let spans: Vec<TreeSpan> = (0..100_000u64)
            .map(|n| TreeSpan::new(n.to_string(), "s", n, n).parent((n + 1).to_string()))
            .collect();
        assert_eq!(outline(&spans).last().unwrap().depth, 99_999);
    }
}
