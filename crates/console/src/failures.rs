//! Counts the errors of a trace: one that spans return to their parents counts once.
//! Called by `header`; knows nothing of drawing.

use std::collections::{HashMap, HashSet};

use crate::model::Severity;
use crate::outline::Entry;
use crate::tree_span::TreeSpan;

/// Spans with level ERROR, without those that return an error of a span below: one of their messages (of an error,
/// of its sources, of the status) is a message of a failed span below, or all of its errors are marked so.
pub(crate) fn count(entries: &[Entry<'_>]) -> usize {
    let mut failures = 0;
    // Children before parents: messages of failed spans below a span, by the depth of the span.
    let mut below: HashMap<usize, HashSet<&str>> = HashMap::new();
    for entry in entries.iter().rev() {
        let span = entry.span;
        let mut known = below.remove(&(entry.depth + 1)).unwrap_or_default();
        if span.level == Severity::Error {
            let marked =
                !span.errors.is_empty() && span.errors.iter().all(|error| error.propagated);
            let returned = marked || span.messages().any(|message| known.contains(message));
            failures += usize::from(!returned);
            known.extend(messages(span));
        }
        if !known.is_empty() {
            match below.get_mut(&entry.depth) {
                // The smaller one into the larger: each message is moved a few times, however deep the tree.
                Some(siblings) => {
                    if siblings.len() < known.len() {
                        std::mem::swap(siblings, &mut known);
                    }
                    siblings.extend(known);
                }
                None => {
                    below.insert(entry.depth, known);
                }
            }
        }
    }
    failures
}

fn messages(span: &TreeSpan) -> impl Iterator<Item = &str> {
    span.messages().filter(|message| !message.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outline::outline;

    fn failed(id: &str, parent: &str, message: &str) -> TreeSpan {
        let span = TreeSpan::new(id, id, 0, 1).parent(parent).level("ERROR");
        span.exception(message, [])
    }

    #[test]
    fn an_error_that_is_returned_counts_once() {
        let fine = TreeSpan::new("between", "between", 0, 1).parent("root");
        for (spans, errors) in [
            (
                vec![
                    failed("root", "", "down"),
                    failed("a", "root", "down"),
                    failed("b", "a", "down"),
                ],
                1,
            ),
            // A span between that did not fail.
            (
                vec![
                    failed("root", "", "down"),
                    fine,
                    failed("a", "between", "down"),
                ],
                1,
            ),
            // With a context added: the cause is among its sources.
            (
                vec![
                    TreeSpan::new("root", "root", 0, 1)
                        .level("ERROR")
                        .exception("loading failed", ["down".into()]),
                    failed("a", "root", "down"),
                ],
                1,
            ),
            // Two attempts that failed, and what gave up after them.
            (
                vec![
                    failed("root", "", "down"),
                    failed("a", "root", "down"),
                    failed("b", "root", "down"),
                ],
                2,
            ),
            (
                vec![failed("root", "", "up"), failed("a", "root", "down")],
                2,
            ),
            (
                vec![failed("a", "root", "down"), failed("b", "root", "down")],
                2,
            ),
            (
                vec![
                    TreeSpan::new("a", "a", 0, 1).level("ERROR"),
                    TreeSpan::new("b", "b", 0, 1).parent("a").level("ERROR"),
                ],
                2,
            ),
            (vec![], 0),
        ] {
            assert_eq!(count(&outline(&spans)), errors, "{spans:?}");
        }
    }
}
