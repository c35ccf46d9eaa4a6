//! Lines made of safe text and our own colours, and the page that may be written to a stream.
//! Filled by `tree`, `compact` and `json`; written by `exporter`. Takes text as `Sanitized` only.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::sanitize::Sanitized;

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const ERROR: Style = AnsiColor::Red.on_default();
pub(crate) const WARNING: Style = AnsiColor::Yellow.on_default();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();

/// One line, in pieces that have a style each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    parts: Vec<(Style, Sanitized)>,
    width: usize,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn push(&mut self, style: Style, text: Sanitized) {
        self.width += text.width();
        self.parts.push((style, text));
    }

    pub(crate) fn with(mut self, style: Style, text: Sanitized) -> Self {
        self.push(style, text);
        self
    }

    pub(crate) fn with_line(mut self, other: Self) -> Self {
        self.append(other);
        self
    }

    /// Text of our own source code.
    pub(crate) fn own(&mut self, style: Style, text: &'static str) {
        self.push(style, Sanitized::own(text));
    }

    pub(crate) fn append(&mut self, other: Self) {
        self.width += other.width;
        self.parts.extend(other.parts);
    }

    /// Spaces up to this column.
    pub(crate) fn pad_to(&mut self, column: usize) {
        if let Some(missing) = column.checked_sub(self.width).filter(|n| *n > 0) {
            self.push(PLAIN, Sanitized::new(&" ".repeat(missing)));
        }
    }

    /// At most this wide, ending in `…` if it was wider.
    pub(crate) fn cut(self, columns: usize) -> Self {
        if self.width <= columns {
            return self;
        }
        let mut cut = Self::new();
        for (style, text) in self.parts {
            let room = columns - cut.width;
            // A piece that just fits and is not the last is shortened: the ellipsis needs a column.
            if text.width() < room {
                cut.push(style, text);
                continue;
            }
            cut.push(style, text.shorten(room));
            break;
        }
        cut
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}

/// What may be written to a stream: safe text, our own colours, and newlines between lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    text: String,
    color: bool,
    /// Longer lines are cut.
    limit: Option<usize>,
}

impl Page {
    pub(crate) fn new(color: bool) -> Self {
        Self {
            text: String::new(),
            color,
            limit: None,
        }
    }

    pub(crate) fn limited_to(mut self, columns: usize) -> Self {
        self.limit = Some(columns);
        self
    }

    pub(crate) fn line(&mut self, line: &Line) {
        let cut;
        let line = match self.limit {
            Some(limit) if line.width() > limit => {
                cut = line.clone().cut(limit);
                &cut
            }
            _ => line,
        };
        // Trailing spaces are padding with nothing after it.
        let blank = |text: &Sanitized| text.as_str().trim_end_matches(' ').is_empty();
        let used = line.parts.iter().rposition(|(_, text)| !blank(text));
        let count = used.map_or(0, |last| last + 1);
        for (at, (style, text)) in line.parts.iter().take(count).enumerate() {
            let last = at + 1 == count;
            let text = if last {
                text.as_str().trim_end_matches(' ')
            } else {
                text.as_str()
            };
            if self.color && *style != PLAIN && !text.is_empty() {
                let _ = write!(self.text, "{style}{text}{style:#}");
            } else {
                self.text.push_str(text);
            }
        }
        self.text.push('\n');
    }

    pub(crate) fn append(&mut self, other: &Self) {
        self.text.push_str(&other.text);
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.text.push('\n');
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    pub(crate) fn into_string(self) -> String {
        self.text
    }
}

const DOT: &str = " · ";

/// The pieces on one line.
pub(crate) fn joined(pieces: &[Line]) -> Line {
    let mut line = Line::new();
    for piece in pieces {
        if !line.is_empty() {
            line.own(DIM, DOT);
        }
        line.append(piece.clone());
    }
    line
}

/// The pieces on as many lines as they need, each line after the prefix.
pub(crate) fn wrapped(page: &mut Page, pieces: Vec<Line>, prefix: &str, width: usize) {
    let room = width.saturating_sub(Sanitized::new(prefix).width());
    let mut line = Line::new();
    let mut end = |line: Line| {
        let prefix = Line::new().with(DIM, Sanitized::new(prefix));
        page.line(&prefix.with_line(line).cut(width));
    };
    for piece in pieces {
        if !line.is_empty() && line.width() + DOT.chars().count() + piece.width() > room {
            end(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.own(DIM, DOT);
        }
        line.append(piece);
    }
    if !line.is_empty() {
        end(line);
    }
}

/// The colour of a kind of observation, in names, bars and compact lines alike.
pub(crate) fn style_of(kind: &str) -> Style {
    known_style(kind).unwrap_or(PLAIN)
}

/// `None` for a kind that this table does not have.
fn known_style(kind: &str) -> Option<Style> {
    Some(match kind {
        "agent" => AnsiColor::Magenta.on_default(),
        "generation" => AnsiColor::BrightBlue.on_default(),
        "tool" => AnsiColor::Yellow.on_default(),
        "retriever" | "embedding" => AnsiColor::Cyan.on_default(),
        "evaluator" | "guardrail" => AnsiColor::Green.on_default(),
        "event" => AnsiColor::BrightBlack.on_default(),
        // There are dark and light terminals: the default colour is readable on both.
        "span" | "chain" => PLAIN,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracefuse_exporter::record::ObservationType;

    #[test]
    fn each_observation_type_has_a_colour() {
        for kind in ObservationType::ALL {
            assert!(known_style(kind.as_str()).is_some(), "{kind}");
        }
        assert!(known_style("another").is_none());
    }

    #[test]
    fn a_cut_line_says_so_and_keeps_its_width() {
        let line = Line::new()
            .with(BOLD, Sanitized::new("hello"))
            .with(PLAIN, Sanitized::new("日本"));
        for (columns, shown) in [
            (9, "hello日本"),
            (8, "hello日…"),
            (6, "hello…"),
            (5, "hell…"),
            (1, "…"),
            (0, ""),
        ] {
            let mut page = Page::new(false);
            page.line(&line.clone().cut(columns));
            assert_eq!(page.into_string(), format!("{shown}\n"), "{columns}");
        }
    }

    #[test]
    fn colours_surround_text_only_where_wanted() {
        let line = Line::new()
            .with(BOLD, Sanitized::new("a"))
            .with(PLAIN, Sanitized::new(" "));
        for (color, shown) in [(true, "\u{1b}[1ma\u{1b}[0m\n"), (false, "a\n")] {
            let mut page = Page::new(color);
            page.line(&line);
            assert_eq!(page.into_string(), shown);
        }
    }
}
