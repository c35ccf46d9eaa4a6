//! The page that may be written to a stream: safe text, our own colours, and newlines between lines.
//! Filled by `tree`, `compact` and `json`; written by `exporter`. Made of the lines of `paint`.

use std::fmt::Write as _;

use crate::paint::{DIM, DOT, Line, PLAIN};
use crate::sanitize::Sanitized;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paint::BOLD;

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
