//! Spans as indented text, for assertions. Called by `testing` and by `InMemoryExporter`, so that both order siblings alike.

use std::fmt::Write as _;

use super::{SpanId, SpanRecord};

/// Spans as text: one line with the name of each span, indented by two spaces below its parent.
///
/// Siblings are ordered by start time, then by end time, then as they are in `spans`. A span whose parent is not in `spans`
/// is written without indent.
#[must_use]
pub fn tree(spans: &[SpanRecord]) -> String {
    let mut sorted: Vec<&SpanRecord> = spans.iter().collect();
    sorted.sort_by_key(|span| (span.start_time(), span.end_time()));
    let known: Vec<SpanId> = spans.iter().map(SpanRecord::span_id).collect();
    let mut text = String::new();
    for span in &sorted {
        let parent = span.parent_span_id();
        if parent.is_none_or(|parent| !known.contains(&parent)) {
            branch(&mut text, &sorted, span, 0);
        }
    }
    text
}

fn branch(text: &mut String, spans: &[&SpanRecord], span: &SpanRecord, depth: usize) {
    // Records read from outside may name each other as parents; the depth ends that circle.
    if depth == spans.len() {
        return;
    }
    let _ = writeln!(text, "{:indent$}{}", "", span.name(), indent = depth * 2);
    for child in spans {
        if child.parent_span_id() == Some(span.span_id()) && child.trace_id() == span.trace_id() {
            branch(text, spans, child, depth + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Recorder;

    #[test]
    fn spans_are_below_their_parents_also_in_a_circle() {
        let recorder = Recorder::new();
        recorder.tracer().trace("a").run(|trace| {
            trace.span("b").run(|b| b.span("c").run(|_| {}));
        });
        let mut spans = recorder.spans();
        assert_eq!(tree(&spans), "a\n  b\n    c\n");
        spans.pop();
        assert_eq!(tree(&spans), "b\n  c\n", "its parent is not there");
        // Two spans of one id, of which one is its own parent.
        let mut root = recorder.named("a");
        let mut own = root.clone();
        own.copy_with(
            Some("own"),
            |_, _, _| {},
            |buffer| buffer.head.set_parent(Some(buffer.head.span_id())),
        );
        root.copy_with(None, |_, _, _| {}, |_| {});
        assert_eq!(tree(&[root, own]), "a\n  own\n");
    }
}
