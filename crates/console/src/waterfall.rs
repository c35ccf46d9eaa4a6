//! Bars on a common time axis, two steps to a column.
//! Called by `tree` with times and a number of columns; knows nothing of names or terminals.

use anstyle::Style;

use crate::paint::{DIM, Line};
use crate::sanitize::Sanitized;
use crate::scale::{mark, nice_step};

/// The time that all bars of a tree share, and the columns it is drawn on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    start: u64,
    length: u64,
    columns: usize,
    /// Nanoseconds between two marks.
    step: u64,
}

/// Columns between two marks, at the least.
const MARK_EVERY: u64 = 10;

impl Axis {
    pub(crate) fn new(start: u64, end: u64, columns: usize) -> Self {
        let length = end.saturating_sub(start).max(1);
        let marks = (columns as u64 / MARK_EVERY).max(1);
        Self {
            start,
            length,
            columns,
            step: nice_step(length, marks),
        }
    }

    /// The marks with their times, counted from the start.
    pub(crate) fn scale(&self) -> Line {
        let mut line = Line::new();
        for (column, at) in self.marks() {
            let label = if at == 0 {
                Sanitized::own("╷0")
            } else {
                Sanitized::of(format_args!("╷{}", mark(at)))
            };
            if column >= line.width() && column + label.width() <= self.columns {
                line.pad_to(column);
                line.push(DIM, label);
            }
        }
        line.pad_to(self.columns);
        line
    }

    /// A heavy line from `start` to `end`; up to `lit`, the arrival of the first token, a light one.
    pub(crate) fn bar(&self, start: u64, end: u64, lit: Option<u64>, style: Style) -> Line {
        let from = self.step_of(start).min(self.columns * 2 - 1);
        let to = self.step_of(end).max(from + 1);
        let lit = lit.map_or(from, |lit| self.step_of(lit).clamp(from, to - 1));
        self.cells(|column| {
            let (left, right) = (column * 2, column * 2 + 1);
            let inside = |step| step >= from && step < to;
            let heavy = |step| inside(step) && step >= lit;
            let glyph = match (inside(left), inside(right)) {
                (true, true) => match (heavy(left), heavy(right)) {
                    (true, _) => "━",
                    (false, true) => "╼",
                    (false, false) => "─",
                },
                (true, false) if heavy(left) => "╸",
                (true, false) => "╴",
                (false, true) if heavy(right) => "╺",
                (false, true) => "╶",
                (false, false) => return None,
            };
            Some((style, glyph))
        })
    }

    /// The mark of one moment.
    pub(crate) fn point(&self, at: u64, style: Style) -> Line {
        let here = (self.step_of(at) / 2).min(self.columns.saturating_sub(1));
        self.cells(|column| (column == here).then_some((style, "◆")))
    }

    fn cells(&self, glyph: impl Fn(usize) -> Option<(Style, &'static str)>) -> Line {
        // The first mark is at the edge of the drawing: no line is drawn there.
        let mut marks = self.marks().skip(1).map(|(column, _)| column).peekable();
        let mut line = Line::new();
        // Adjacent marks of one style are one piece, which needs one pair of colour sequences.
        let mut run: Option<(Style, String)> = None;
        for column in 0..self.columns {
            let marked = marks.next_if(|mark| *mark <= column).is_some();
            let (style, glyph) = glyph(column).unwrap_or((DIM, if marked { "╎" } else { " " }));
            match &mut run {
                Some((same, text)) if *same == style => text.push_str(glyph),
                _ => {
                    if let Some((style, text)) = run.replace((style, glyph.to_owned())) {
                        line.push(style, Sanitized::new(&text));
                    }
                }
            }
        }
        if let Some((style, text)) = run {
            line.push(style, Sanitized::new(&text));
        }
        line
    }

    fn marks(&self) -> impl Iterator<Item = (usize, u64)> {
        let (axis, count) = (*self, self.length / self.step);
        (0..=count)
            .map(move |n| n.saturating_mul(axis.step))
            .map(move |at| (axis.step_of(axis.start.saturating_add(at)) / 2, at))
    }

    /// Half columns from the left edge.
    fn step_of(&self, time: u64) -> usize {
        let offset = time.saturating_sub(self.start).min(self.length);
        let steps = u128::from(offset) * (self.columns as u128 * 2) / u128::from(self.length);
        usize::try_from(steps).unwrap_or(self.columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Page;
    use crate::paint::PLAIN;

    fn text(line: &Line) -> String {
        let mut page = Page::new(false);
        page.line(line);
        page.into_string().trim_end().to_owned()
    }

    #[test]
    fn a_bar_is_drawn_where_its_time_is() {
        let axis = Axis::new(1000, 2000, 10);
        for (start, end, lit, bar) in [
            (1000, 2000, None, "━━━━━━━━━━"),
            (1000, 1500, None, "━━━━━"),
            (1250, 1750, None, "  ╺━━━━╸"),
            (1000, 2000, Some(1500), "─────━━━━━"),
            (1100, 1100, None, " ╸"),
            (2000, 2000, None, "         ╺"),
            (0, 9000, Some(9000), "─────────╼"),
        ] {
            let drawn = axis.bar(start, end, lit, PLAIN);
            assert_eq!(drawn.width(), 10);
            assert_eq!(text(&drawn), bar, "{start}..{end}");
        }
        assert_eq!(text(&axis.point(2000, PLAIN)), "         ◆");
    }

    #[test]
    fn marks_are_at_round_times() {
        for (length, columns, scale) in [
            (
                1_840_000_000,
                48,
                "╷0           ╷500 ms      ╷1 s         ╷1.5 s",
            ),
            (90_000_000_000, 24, "╷0              ╷1m 00s"),
            (1, 24, "╷0"),
        ] {
            assert_eq!(text(&Axis::new(0, length, columns).scale()), scale);
        }
        for length in [
            1,
            7,
            999,
            1_000_001,
            59_000_000_000,
            4_000_000_000_000,
            u64::MAX,
        ] {
            let axis = Axis::new(0, length, 60);
            assert!(axis.marks().count() <= 7, "{length}");
            assert_eq!(axis.scale().width(), 60);
        }
    }
}
