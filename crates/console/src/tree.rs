//! Draws a trace: its header, and a row per span with name, bar, time and what it used.
//! Called by `exporter` and by programs that have `TreeSpan`s; knows neither records nor streams.

use crate::choices::{Look, Text};
use crate::details::{Below, summary};
use crate::header;
use crate::model::{Severity, TreeHeader};
use crate::outline::{Entry, outline};
use crate::page::Page;
use crate::paint::{BOLD, DIM, ERROR, Line, PLAIN, WARNING, joined, style_of};
use crate::sanitize::Sanitized;
use crate::tree_span::TreeSpan;
use crate::units::{count, duration};
use crate::waterfall::Axis;

/// Draws a trace `width` columns wide, with ANSI colours if `color`; ends in a newline. It is laid out for at least
/// 40 columns; on fewer its lines are truncated.
///
/// Text of the spans is sanitized as [`Sanitized`] describes. The spans may come in any order;
/// their times need only share an origin. The only root of a trace is drawn as the title.
///
/// ```
/// use tracefuse_console::{TreeHeader, TreeSpan, render_tree};
///
/// let header = TreeHeader::new("chat", "4bf92f3577b34da6a3ce929d0e0e4736").user("ada");
/// let spans = [
///     TreeSpan::new("1", "chat", 0, 1_840_000_000),
///     TreeSpan::new("2", "answer", 240_000_000, 1_800_000_000).parent("1").kind("generation").model("gpt-4o"),
/// ];
/// print!("{}", render_tree(&header, &spans, 80, false));
/// ```
#[must_use]
pub fn render_tree(header: &TreeHeader, spans: &[TreeSpan], width: usize, color: bool) -> String {
    let text = Text::Line;
    let look = Look { width, color, text };
    tree(header, spans, look).into_string()
}

/// Columns that a tree is laid out for at the least.
const NARROWEST: usize = 40;
/// Columns of the bars, at the least and at the most.
const BAR: (usize, usize) = (8, 64);
const GAP: usize = 2;

pub(crate) fn tree(header: &TreeHeader, spans: &[TreeSpan], look: Look) -> Page {
    let mut page = Page::new(look.color).limited_to(look.width);
    let width = look.width.max(NARROWEST);
    let look = Look { width, ..look };
    let entries = outline(spans);
    let start = spans.iter().map(|s| s.start_ns).min().unwrap_or(0);
    let end = spans.iter().map(|s| s.end_ns).max().unwrap_or(0);
    let mut guides = Guides::new(width / 10);

    // The only root is part of the header.
    let roots = entries.iter().filter(|entry| entry.depth == 0).count();
    let root = entries.first().filter(|_| roots == 1);
    let (_, prefix) = root.map_or_else(
        || (String::new(), "  ".to_owned()),
        |root| guides.step(root),
    );
    let span = root.map(|entry| entry.span);
    header::draw(
        &mut page,
        header,
        &entries,
        span,
        end - start,
        &prefix,
        look,
    );
    let entries = entries
        .get(usize::from(root.is_some())..)
        .unwrap_or_default();
    if entries.is_empty() {
        return page;
    }

    let rows: Vec<Row> = entries
        .iter()
        .map(|entry| Row::new(entry, &mut guides, start))
        .collect();
    let columns = Columns::of(&rows, width);
    let axis = Axis::new(start, end, columns.bar);

    let mut scale = Line::new().with(
        DIM,
        Sanitized::new(if root.is_some() { &prefix } else { "" }),
    );
    scale.pad_to(columns.label + GAP);
    scale.append(axis.scale());
    page.line(&scale);
    for (row, entry) in rows.into_iter().zip(entries) {
        row.draw(&mut page, entry.span, &axis, columns, look);
    }
    page
}

/// The vertical lines of the levels above.
#[derive(Debug)]
struct Guides {
    /// By level: whether a sibling follows further down.
    open: Vec<bool>,
    /// Levels shown; deeper ones lose their outermost guides.
    most: usize,
}

impl Guides {
    fn new(most: usize) -> Self {
        Self {
            open: Vec::new(),
            most: most.max(3),
        }
    }

    /// The prefixes of a row and of the lines below it.
    fn step(&mut self, entry: &Entry<'_>) -> (String, String) {
        let Some(level) = entry.depth.checked_sub(1) else {
            self.open.clear();
            return (
                String::new(),
                if entry.has_children { "│ " } else { "  " }.to_owned(),
            );
        };
        self.open.truncate(level);
        let mut prefix = String::new();
        if level > self.most {
            prefix.push_str("⋯ ");
        }
        for open in self.open.iter().skip(level.saturating_sub(self.most)) {
            prefix.push_str(if *open { "│ " } else { "  " });
        }
        self.open.push(!entry.last);
        let below = if entry.last { "  " } else { "│ " };
        let children = if entry.has_children { "│ " } else { "  " };
        (
            format!("{prefix}{}", if entry.last { "└ " } else { "├ " }),
            format!("{prefix}{below}{children}"),
        )
    }
}

/// Widths of the columns of one tree.
#[derive(Clone, Copy, Debug)]
struct Columns {
    label: usize,
    bar: usize,
    time: usize,
    /// 0 if details are below their row.
    details: usize,
}

impl Columns {
    fn of(rows: &[Row], width: usize) -> Self {
        let longest = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0);
        let label = longest(|row| row.label.width()).min(width * 45 / 100);
        let time = longest(|row| row.time.width());
        let details = longest(|row| joined(&row.details).width());
        let rest = width.saturating_sub(label + GAP + GAP + time);
        let beside = rest.saturating_sub(GAP + details);
        let details = if details > 0 && beside >= width / 4 {
            details
        } else {
            0
        };
        let bar = if details > 0 { beside } else { rest };
        Self {
            label,
            bar: bar.clamp(BAR.0, BAR.1),
            time,
            details,
        }
    }
}

/// A span, ready to be aligned.
#[derive(Debug)]
struct Row {
    label: Line,
    time: Line,
    details: Vec<Line>,
    below: String,
}

impl Row {
    fn new(entry: &Entry<'_>, guides: &mut Guides, start: u64) -> Self {
        let span = entry.span;
        let (prefix, below) = guides.step(entry);
        let mut label = Line::new().with(DIM, Sanitized::new(&prefix));
        let name = match span.level {
            Severity::Error => {
                label.own(ERROR, "✗ ");
                ERROR.bold()
            }
            Severity::Warning => {
                label.own(WARNING, "! ");
                BOLD
            }
            Severity::Debug => DIM,
            Severity::Normal if span.kind == "event" => PLAIN,
            Severity::Normal => BOLD,
        };
        label.push(
            style_of(&span.kind),
            Sanitized::of(format_args!("{} ", span.kind)),
        );
        label.push(name, Sanitized::new(&span.name));
        if let Some(folded) = span.folded {
            let times = count(folded.count);
            label.push(DIM, Sanitized::of(format_args!(" ×{times}")));
        }

        let time = if is_moment(span) {
            let after = duration(span.start_ns.saturating_sub(start));
            Line::new().with(DIM, Sanitized::of(format_args!("+{after}")))
        } else {
            Line::new().with(PLAIN, Sanitized::of(duration(span.duration())))
        };
        Self {
            label,
            time,
            details: summary(span),
            below,
        }
    }

    fn draw(mut self, page: &mut Page, span: &TreeSpan, axis: &Axis, columns: Columns, look: Look) {
        let mut line = self.label.cut(columns.label);
        line.pad_to(columns.label + GAP);
        line.append(match span.level {
            Severity::Error if is_moment(span) => axis.point(span.start_ns, ERROR),
            _ if is_moment(span) => axis.point(span.start_ns, DIM),
            Severity::Error => axis.bar(span.start_ns, span.end_ns, span.first_token_ns, ERROR),
            _ => axis.bar(
                span.start_ns,
                span.end_ns,
                span.first_token_ns,
                style_of(&span.kind),
            ),
        });
        line.pad_to(columns.label + GAP + columns.bar + GAP + columns.time - self.time.width());
        line.append(self.time);
        if columns.details > 0 && !self.details.is_empty() {
            line.pad_to(columns.label + GAP + columns.bar + GAP + columns.time + GAP);
            line.append(joined(&std::mem::take(&mut self.details)));
        }
        page.line(&line.cut(look.width));

        let mut below = Below {
            page,
            prefix: &self.below,
            width: look.width,
            text: look.text,
        };
        below.pieces(self.details);
        below.span(span, "metadata ");
    }
}

fn is_moment(span: &TreeSpan) -> bool {
    span.kind == "event" && span.start_ns == span.end_ns
}
