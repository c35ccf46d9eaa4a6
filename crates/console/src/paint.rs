//! Lines made of safe text and our own colours.
//! Filled by `tree` and `compact`; written through `page`. Takes text as `Sanitized` only.

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
    pub(crate) parts: Vec<(Style, Sanitized)>,
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

pub(crate) const DOT: &str = " · ";

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
}
