//! Cells and rows of a table of text: cut to a width, safe to print.
//! Used by `table`. Knows no report.

use std::fmt;

use tracefuse_exporter::plain_text;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::evaluation::Evaluation;
use crate::item::text;
use crate::report::ItemResult;

/// The widest a cell is, in columns.
pub(crate) const CELL: usize = 32;

pub(crate) fn row(index: usize, result: &ItemResult, names: &[&str]) -> Vec<String> {
    let output = match &result.output {
        Ok(output) => cell(&text(output), CELL),
        Err(error) => format!("failed: {}", cell(error, CELL)),
    };
    let score = |name: &&str| {
        let mut evaluations = result.evaluations.iter();
        let found = evaluations.find(|evaluation| evaluation.name == *name);
        found.map(shown).unwrap_or_default()
    };
    let mut row = vec![
        index.saturating_add(1).to_string(),
        cell(&text(&result.item.input), CELL),
        output,
    ];
    row.extend(names.iter().map(score));
    row
}

pub(crate) fn shown(evaluation: &Evaluation) -> String {
    match (evaluation.value.data_type(), evaluation.number()) {
        ("NUMERIC", Some(value)) => number(value),
        _ => cell(&evaluation.value.to_string(), CELL),
    }
}

/// At most three decimal places, without zeros at the end.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text on one line, cut to a width.
pub(crate) fn cell(text: &str, width: usize) -> String {
    let start: String = text.chars().take(width.saturating_mul(4)).collect();
    let is_whole = start.len() == text.len();
    let text = plain_text(&start);
    if text.width() <= width && is_whole {
        return text.into_owned();
    }
    let mut cut = String::new();
    let mut used: usize = 1;
    for c in text.chars() {
        used = used.saturating_add(c.width().unwrap_or(0));
        if used > width {
            break;
        }
        cut.push(c);
    }
    cut.push('…');
    cut
}

/// Columns are as wide as their widest cell, two spaces apart.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widest = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.width())
            .max()
    };
    let widths: Vec<usize> = (0..columns)
        .map(|column| widest(column).unwrap_or_default())
        .collect();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let pad = width.saturating_sub(cell.width());
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', pad.saturating_add(2)));
        }
        writeln!(f, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_one_line_of_limited_width() {
        for (text, width, expected) in [
            ("Paris", 10, "Paris"),
            ("two\nlines", 12, "two\\nlines"),
            ("0123456789", 10, "0123456789"),
            ("0123456789a", 10, "012345678…"),
            ("東京都東京都", 7, "東京都…"),
            ("\u{1b}[31mred", 20, "\\u{1b}[31mred"),
        ] {
            assert_eq!(cell(text, width), expected);
            assert!(cell(text, width).width() <= width);
        }
    }

    #[test]
    fn numbers_have_at_most_three_decimal_places() {
        for (value, text) in [
            (1.0, "1"),
            (0.91666, "0.917"),
            (0.5, "0.5"),
            (0.0, "0"),
            (-2.25, "-2.25"),
            (100.0, "100"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
