//! The lines above a tree: name, totals, and whose trace it is.
//! Fed by `tree`; knows nothing of rows and columns.

use crate::model::{Severity, TreeHeader, TreeSpan};
use crate::paint::{BOLD, DIM, ERROR, GOOD, Line, PLAIN, Page, WARNING, joined, style_of, wrapped};
use crate::sanitize::Sanitized;
use crate::units::{dollars, duration, tokens};
use crate::usage::Tokens;

/// Columns between the title and the totals, at the least.
const GAP: usize = 2;

pub(crate) fn draw(
    page: &mut Page,
    header: &TreeHeader,
    spans: &[TreeSpan],
    length: u64,
    width: usize,
) {
    let errors = spans.iter().filter(|s| s.level == Severity::Error).count();
    let mut title = Line::new();
    match (errors, &header.note) {
        (0, None) => title.own(GOOD, "● "),
        (0, Some(_)) => title.own(WARNING, "◌ "),
        _ => title.own(ERROR, "✗ "),
    }
    title.push(BOLD, Sanitized::new(&header.name));
    if let Some(note) = &header.note {
        title.push(WARNING, Sanitized::of(format_args!("  {note}")));
    }

    let mut all = Tokens::default();
    spans.iter().for_each(|span| all.add(span.tokens));
    let costs = spans.iter().filter_map(|span| span.cost);
    let cost = costs.fold(None, |sum, cost| Some(sum.unwrap_or(0.0) + cost));
    let mut totals = vec![Line::new().with(BOLD, Sanitized::of(duration(length)))];
    if !all.is_zero() {
        totals.push(Line::new().with(PLAIN, tokens(all)));
    }
    if let Some(cost) = cost {
        totals.push(Line::new().with(PLAIN, Sanitized::of(dollars(cost))));
    }
    if errors > 0 {
        let plural = if errors == 1 { "" } else { "s" };
        let text = Sanitized::of(format_args!("{errors} error{plural}"));
        totals.push(Line::new().with(ERROR, text));
    }
    let beside = joined(&totals);
    if title.width() + GAP + beside.width() <= width {
        title.pad_to(width - beside.width());
        title.append(beside);
        page.line(&title);
    } else {
        page.line(&title.cut(width));
        wrapped(page, totals, "  ", width);
    }

    let mut facts = vec![Line::new().with(DIM, Sanitized::new(&header.trace_id))];
    for (word, fact) in [("user ", &header.user), ("session ", &header.session)] {
        if let Some(fact) = fact {
            let word = Line::new().with(DIM, Sanitized::own(word));
            facts.push(word.with(PLAIN, Sanitized::new(fact)));
        }
    }
    for tag in &header.tags {
        let tag = Sanitized::of(format_args!("#{tag}"));
        facts.push(Line::new().with(style_of("retriever"), tag));
    }
    wrapped(page, facts, "  ", width);
}
