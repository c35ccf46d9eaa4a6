//! The lines above a tree: name, totals, and whose trace it is. The only root of a tree is part of them, so that its
//! name is written once.
//! Called by `tree`; knows nothing of axes and columns.

use crate::choices::Look;
use crate::details::{self, Below, summary};
use crate::failures;
use crate::model::{Severity, TreeHeader};
use crate::outline::Entry;
use crate::page::{Page, wrapped};
use crate::paint::{BOLD, DIM, ERROR, GOOD, Line, PLAIN, WARNING, joined, style_of};
use crate::sanitize::Sanitized;
use crate::tree_span::TreeSpan;
use crate::units::{dollars, duration, tokens};
use crate::usage::Tokens;

/// Columns between the title and the totals, at the least.
const GAP: usize = 2;

/// `root` is drawn here if the tree has this one alone; `prefix` is for the lines below the title.
pub(crate) fn draw(
    page: &mut Page,
    header: &TreeHeader,
    entries: &[Entry<'_>],
    root: Option<&TreeSpan>,
    length: u64,
    prefix: &str,
    look: Look,
) {
    let errors = failures::count(entries);
    let mut title = Line::new();
    match (errors, &header.note) {
        (0, Some(_)) => title.own(WARNING, "◌ "),
        (0, None) if root.is_some_and(|root| root.level == Severity::Warning) => {
            title.own(WARNING, "! ");
        }
        (0, None) => title.own(GOOD, "● "),
        _ => title.own(ERROR, "✗ "),
    }
    match root {
        None => title.push(BOLD, Sanitized::new(&header.name)),
        Some(root) => {
            if root.name != header.name {
                title.push(BOLD, Sanitized::new(&header.name));
                title.own(DIM, " · ");
            }
            title.push(
                style_of(&root.kind),
                Sanitized::of(format_args!("{} ", root.kind)),
            );
            title.push(BOLD, Sanitized::new(&root.name));
        }
    }
    if let Some(note) = &header.note {
        title.push(WARNING, Sanitized::of(format_args!("  {note}")));
    }

    let totals = totals(entries, root, length, errors);
    let beside = joined(&totals);
    if title.width() + GAP + beside.width() <= look.width {
        title.pad_to(look.width - beside.width());
        title.append(beside);
        page.line(&title);
    } else {
        page.line(&title.cut(look.width));
        wrapped(page, totals, prefix, look.width);
    }

    let mut below = Below {
        page,
        prefix,
        width: look.width,
        text: look.text,
    };
    let mut facts = vec![Line::new().with(DIM, Sanitized::new(&header.trace_id))];
    facts.extend(details::of_trace(header));
    below.pieces(facts);
    below.metadata("metadata ", &header.metadata);
    below.scores(&header.scores);
    if let Some(root) = root {
        let alone = entries.len() == 1;
        let mut root = root.clone();
        if alone {
            // The totals are its own.
            root.tokens = Tokens::default();
            root.cost = None;
        }
        below.pieces(summary(&root));
        below.span(
            &root,
            if header.metadata.is_empty() {
                "metadata "
            } else {
                "span metadata "
            },
        );
    }
}

fn totals(entries: &[Entry<'_>], root: Option<&TreeSpan>, length: u64, errors: usize) -> Vec<Line> {
    let mut all = Tokens::default();
    entries.iter().for_each(|entry| all.add(entry.span.tokens));
    let costs = entries.iter().filter_map(|entry| entry.span.cost);
    let cost = costs.fold(None, |sum, cost| Some(sum.unwrap_or(0.0) + cost));
    let took = root.map_or(length, TreeSpan::duration);
    let mut totals = vec![Line::new().with(BOLD, Sanitized::of(duration(took)))];
    if took < length {
        let text = format!("{} to its last span", duration(length));
        totals.push(Line::new().with(PLAIN, Sanitized::new(&text)));
    }
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
    totals
}
