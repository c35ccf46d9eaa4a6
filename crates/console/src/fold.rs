//! Shows equal siblings as one row with their number.
//! Called by `exporter` before a tree is drawn; the rule is documented at `ConsoleConfig::fold`.

use std::collections::{HashMap, HashSet};

use crate::choices::Text;
use crate::model::{Folded, Severity, TreeSpan};

/// Fewer equal siblings are shown one by one.
const LEAST: usize = 5;

/// What equal siblings have in common.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    parent: &'a str,
    kind: &'a str,
    name: &'a str,
    is_debug: bool,
    ok: bool,
    model: Option<&'a str>,
    prompt: Option<&'a str>,
    tags: &'a [String],
    /// Where whole texts are shown.
    texts: Option<Texts<'a>>,
}

#[derive(PartialEq, Eq, Hash)]
struct Texts<'a> {
    input: Option<&'a str>,
    output: Option<&'a str>,
    metadata: &'a [(String, String)],
    parameters: &'a [(String, String)],
}

impl<'a> Key<'a> {
    /// `None` if the span is always shown.
    fn of(span: &'a TreeSpan, text: Text) -> Option<Self> {
        let is_quiet = matches!(span.level, Severity::Normal | Severity::Debug)
            && span.status_message.is_none()
            && span.errors.is_empty()
            && span.scores.is_empty()
            && span.folded.is_none();
        let parent = span.parent.as_deref().filter(|_| is_quiet)?;
        Some(Self {
            parent,
            kind: &span.kind,
            name: &span.name,
            is_debug: span.level == Severity::Debug,
            ok: span.ok,
            model: span.model.as_deref(),
            prompt: span.prompt.as_deref(),
            tags: &span.tags,
            texts: (text == Text::Full).then_some(Texts {
                input: span.input.as_deref(),
                output: span.output.as_deref(),
                metadata: &span.metadata,
                parameters: &span.parameters,
            }),
        })
    }
}

/// The spans, where of equal siblings all but the first are replaced by one row.
pub(crate) fn fold(spans: Vec<TreeSpan>, text: Text) -> Vec<TreeSpan> {
    if spans.len() < LEAST {
        return spans;
    }
    let parents: HashSet<&str> = spans
        .iter()
        .filter_map(|span| span.parent.as_deref())
        .collect();
    let mut groups: HashMap<Key<'_>, Vec<usize>> = HashMap::new();
    for (at, span) in spans.iter().enumerate() {
        if !parents.contains(span.id.as_str())
            && let Some(key) = Key::of(span, text)
        {
            groups.entry(key).or_default().push(at);
        }
    }
    // By place: the row that replaces the others, or nothing.
    let mut replaced: HashMap<usize, Option<TreeSpan>> = HashMap::new();
    for mut group in groups.into_values().filter(|group| group.len() >= LEAST) {
        group.sort_by_key(|at| spans.get(*at).map(|span| span.start_ns));
        let rest: Vec<&TreeSpan> = group
            .iter()
            .skip(1)
            .filter_map(|at| spans.get(*at))
            .collect();
        let mut one = merged(&rest);
        for at in group.iter().skip(1) {
            replaced.insert(*at, one.take());
        }
    }
    let indexed = spans.into_iter().enumerate();
    indexed
        .filter_map(|(at, span)| replaced.remove(&at).unwrap_or(Some(span)))
        .collect()
}

fn merged(spans: &[&TreeSpan]) -> Option<TreeSpan> {
    let first = *spans.first()?;
    let mut one = TreeSpan {
        input: None,
        output: None,
        metadata: Vec::new(),
        parameters: Vec::new(),
        units: Vec::new(),
        buckets: Vec::new(),
        first_token_ns: None,
        tokens: crate::usage::Tokens::default(),
        cost: None,
        ..first.clone()
    };
    let mut folded = Folded {
        count: 0,
        total_ns: 0,
        shortest_ns: u64::MAX,
        longest_ns: 0,
    };
    for span in spans {
        one.end_ns = one.end_ns.max(span.end_ns);
        one.tokens.add(span.tokens);
        for (name, units) in &span.units {
            match one.units.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum = sum.saturating_add(*units),
                None => one.units.push((name.clone(), *units)),
            }
        }
        if let Some(cost) = span.cost {
            one.cost = Some(one.cost.unwrap_or(0.0) + cost);
        }
        folded.count += 1;
        folded.total_ns = folded.total_ns.saturating_add(span.duration());
        folded.shortest_ns = folded.shortest_ns.min(span.duration());
        folded.longest_ns = folded.longest_ns.max(span.duration());
    }
    one.folded = Some(folded);
    Some(one)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
