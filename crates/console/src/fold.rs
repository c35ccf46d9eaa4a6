//! Shows equal siblings as one row with their number.
//! Called by `exporter` before a tree is drawn; the rule is documented at `ConsoleConfig::fold`.

use std::collections::HashMap;

use crate::choices::Text;
use crate::merged::merged;
use crate::shapes::Tree;
use crate::tree_span::TreeSpan;

/// Fewer equal siblings are shown one by one.
const LEAST: usize = 5;

/// The spans, where of equal siblings all but the first are replaced by one row.
pub(crate) fn fold(spans: Vec<TreeSpan>, text: Text) -> Vec<TreeSpan> {
    if spans.len() <= LEAST {
        return spans;
    }
    let tree = Tree::of(&spans);
    let shapes = tree.shapes(&spans, text);
    let mut groups: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
    for (at, shape) in shapes.into_iter().enumerate() {
        if let Some((parent, shape)) = tree.parent(at).zip(shape) {
            groups.entry((parent, shape)).or_default().push(at);
        }
    }
    // By place: a row that replaces others, or nothing.
    let mut replaced: HashMap<usize, Option<TreeSpan>> = HashMap::new();
    let mut hidden = vec![false; spans.len()];
    for mut group in groups.into_values().filter(|group| group.len() >= LEAST) {
        group.sort_by_key(|at| spans.get(*at).map(|span| span.start_ns));
        let rest = group.get(1..).unwrap_or_default();
        let mut row = merged(&spans, &tree, rest);
        for at in rest {
            replaced.insert(*at, row.take());
            for below in tree.below(*at) {
                if let Some(hidden) = hidden.get_mut(below) {
                    *hidden = true;
                }
            }
        }
    }
    let rows = spans.into_iter().zip(hidden).enumerate();
    rows.filter(|(_, (_, hidden))| !hidden)
        .filter_map(|(at, (span, _))| replaced.remove(&at).unwrap_or(Some(span)))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Severity;

    fn forest() -> impl Strategy<Value = Vec<TreeSpan>> {
        let level = prop::sample::select(vec!["DEFAULT", "DEFAULT", "DEFAULT", "ERROR"]);
        let one = (0..2u8, level, 0..60usize, 0..5u64, 0..9u64);
        prop::collection::vec(one, 0..60).prop_map(|all| {
            let span = |(id, (name, level, parent, start, units)): (
                usize,
                (u8, &str, usize, u64, u64),
            )| {
                let span = TreeSpan::new(id.to_string(), format!("s{name}"), start, start + 1);
                // Mostly few parents, sometimes cycles.
                let parent = if parent % 3 == 0 { parent } else { parent % 2 };
                span.parent(parent.to_string())
                    .level(level)
                    .usage([("input", units)])
            };
            all.into_iter().enumerate().map(span).collect()
        })
    }

    proptest! {
        #[test]
        fn folding_loses_no_error_and_no_token(spans in forest(), whole in any::<bool>()) {
            let text = if whole { Text::Full } else { Text::Line };
            let folded = fold(spans.clone(), text);
            let tokens = |spans: &[TreeSpan]| spans.iter().map(|span| span.tokens.input).sum::<u64>();
            prop_assert_eq!(tokens(&folded), tokens(&spans));
            let errors = |spans: &[TreeSpan]| {
                let errors = spans.iter().filter(|span| span.level == Severity::Error);
                errors.map(|span| span.id.clone()).collect::<Vec<_>>()
            };
            prop_assert_eq!(errors(&folded), errors(&spans));
            prop_assert!(folded.iter().filter_map(|span| span.folded).all(|row| row.count as usize >= LEAST - 1));
        }
    }

    fn children(count: u64) -> Vec<TreeSpan> {
        let root = TreeSpan::new("0", "root", 0, 10 * count);
        let child = |n: u64| {
            let span = TreeSpan::new(n.to_string(), "step", n, n + 10);
            span.parent("0").input(n.to_string())
        };
        std::iter::once(root)
            .chain((1..=count).map(child))
            .collect()
    }

    fn rows(spans: Vec<TreeSpan>, text: Text) -> usize {
        fold(spans, text).len()
    }

    #[test]
    fn of_equal_siblings_the_first_is_shown_and_the_others_are_counted() {
        let folded = fold(children(200), Text::Line);
        assert_eq!(folded.len(), 3);
        let rest = folded[2].folded.unwrap();
        assert_eq!((rest.count, rest.total_ns), (199, 1_990));
        assert_eq!((folded[2].start_ns, folded[2].end_ns), (2, 210));
        assert_eq!(rows(children(4), Text::Line), 5, "four are few");
        assert_eq!(rows(children(5), Text::Line), 3);
    }

    #[test]
    fn what_differs_or_failed_is_never_folded() {
        assert_eq!(rows(children(50), Text::Full), 51, "their inputs differ");
        let change = |f: fn(TreeSpan) -> TreeSpan| {
            let mut spans = children(50);
            let odd = spans.remove(25);
            spans.push(f(odd));
            rows(spans, Text::Line)
        };
        assert_eq!(change(|span| span), 3);
        assert_eq!(change(|span| span.level("ERROR")), 4);
        assert_eq!(change(|span| span.level("WARNING")), 4);
        assert_eq!(change(|span| span.status_message("cancelled")), 4);
        assert_eq!(change(|span| span.exception("e", [])), 4);
        assert_eq!(change(|span| span.kind("tool")), 4);
        assert_eq!(change(|span| span.model("m")), 4);
        assert_eq!(change(|span| span.tag("t")), 4);
        let mut spans = children(50);
        spans.push(TreeSpan::new("x", "child", 0, 1).parent("25"));
        assert_eq!(rows(spans, Text::Line), 5, "one has a child");
    }

    #[test]
    fn siblings_with_equal_children_are_folded_with_them() {
        let with_children = |change: fn(TreeSpan) -> TreeSpan| {
            let mut spans = children(50);
            for n in 1..=50 {
                for name in ["call", "parse"] {
                    let id = format!("{name}{n}");
                    let span = TreeSpan::new(id, name, n, n + 1).parent(n.to_string());
                    let span = span.usage([("input", 2)]).cost(0.5);
                    spans.push(if n == 25 { change(span) } else { span });
                }
            }
            fold(spans, Text::Line)
        };
        let folded = with_children(|span| span);
        // The root, the first with its children, the others.
        assert_eq!(folded.len(), 5);
        let rest = folded.iter().find(|span| span.folded.is_some()).unwrap();
        assert_eq!((rest.folded.unwrap().count, rest.tokens.input), (49, 196));
        assert_eq!(rest.cost, Some(49.0));
        assert_eq!(
            with_children(|span| span.level("ERROR")).len(),
            8,
            "one failed below"
        );
    }

    #[test]
    fn rings_are_left_as_they_are_and_twins_end() {
        let mut spans = children(5);
        spans.push(TreeSpan::new("a", "a", 0, 1).parent("b"));
        spans.push(TreeSpan::new("b", "b", 0, 1).parent("a"));
        spans.push(TreeSpan::new("c", "c", 0, 1).parent("c"));
        assert_eq!(rows(spans, Text::Line), 6);
        let twins = (0..10).map(|_| TreeSpan::new("t", "t", 0, 1).parent("t"));
        // Nine of them are below the first.
        assert_eq!(rows(twins.collect(), Text::Line), 3);
    }
}
