//! `render_tree` with arbitrary spans.

use proptest::prelude::*;
use tracefuse_console::{TreeHeader, TreeSpan, render_tree};
use unicode_width::UnicodeWidthStr;

fn spans() -> impl Strategy<Value = Vec<TreeSpan>> {
    let kinds = prop::sample::select(vec!["span", "GENERATION", "event", "tool", "\u{1b}[2J"]);
    let levels = prop::sample::select(vec!["DEFAULT", "ERROR", "WARNING", "DEBUG", "?"]);
    let times = (any::<u64>(), any::<u64>(), any::<u64>(), 0..3u8);
    let text = prop::option::of(any::<String>());
    let one = (kinds, levels, times, text, prop::option::of(0..12usize));
    prop::collection::vec(one, 0..12).prop_map(|all| {
        let spans = all.into_iter().enumerate();
        let span = |(id, (kind, level, times, text, parent))| {
            let (start, end, first, scale): (u64, u64, u64, u8) = times;
            // Times that are alike and times that are not.
            let shift = u32::from(scale) * 20;
            let id: usize = id;
            let parent: Option<usize> = parent;
            let mut span = TreeSpan::new(
                id.to_string(),
                format!("s{id}"),
                start >> shift,
                end >> shift,
            );
            span = span.kind(kind).level(level).first_token_ns(first >> shift);
            if let Some(parent) = parent {
                span = span.parent(parent.to_string());
            }
            if let Some(text) = text {
                let text: String = text;
                span = span
                    .metadata(text.as_str(), text.as_str())
                    .tag(text.as_str());
                span = span.parameter(text.as_str(), "1").prompt(text.as_str(), 1);
                span = span
                    .model(text.as_str())
                    .status_message(text.as_str())
                    .cost(text.len() as f64);
                span = span
                    .exception(text.as_str(), [text.clone()])
                    .usage([(text.as_str(), start)]);
                span = span.input(text.as_str()).output(text);
            }
            span
        };
        spans.map(span).collect()
    })
}

proptest! {
    #[test]
    fn no_line_is_wider_than_asked_and_no_span_is_missing(
        spans in spans(), width in 0..200usize, name in any::<String>(), tag in any::<String>(),
    ) {
        let header = TreeHeader::new(name.as_str(), "4bf9").user(name.as_str()).tag(tag);
        let text = render_tree(&header, &spans, width, false);
        prop_assert!(text.ends_with('\n'));
        prop_assert!(!text.contains(|c: char| c.is_control() && c != '\n'));
        for line in text.lines() {
            prop_assert!(line.width() <= width, "{} > {width}: {line}", line.width());
        }
        // The only root is the title, without a bar.
        let rows = text.lines().filter(|line| line.contains(['━', '╺', '╸', '─', '╴', '╶', '◆', '╼']));
        prop_assert!(width < 40 || rows.count() + 1 >= spans.len());

        let colored = render_tree(&header, &spans, width, true);
        prop_assert_eq!(anstream::adapter::strip_str(&colored).to_string(), text);
    }
}

#[test]
fn a_deep_tree_keeps_its_bars_and_its_size() {
    let spans: Vec<TreeSpan> = (0..2_000u64)
        .map(|n| {
            let span = TreeSpan::new(n.to_string(), "step", n, 4_000 - n);
            if n == 0 {
                span
            } else {
                span.parent((n - 1).to_string())
            }
        })
        .collect();
    let text = render_tree(&TreeHeader::new("deep", "4bf9"), &spans, 80, false);
    let last = text.lines().last().unwrap();
    assert!(
        last.starts_with("⋯ ") && last.contains('└') && last.contains("span step"),
        "{last}"
    );
    assert!(text.lines().all(|line| line.width() <= 80));
}
