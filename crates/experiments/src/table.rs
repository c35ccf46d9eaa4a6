//! A report as text for the terminal: items, scores, what failed. Text of users and models is made safe to print.

use std::fmt;

use tracefuse_exporter::plain_text;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::evaluation::Evaluation;
use crate::item::text;
use crate::report::{ExperimentReport, ItemResult};

/// The most items that are shown; failed items first.
const ROWS: usize = 50;
/// The widest a cell is, in columns.
const CELL: usize = 32;

impl fmt::Display for ExperimentReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.duration.as_secs_f64();
        writeln!(
            f,
            "experiment {}, {} items in {seconds:.1} s",
            cell(&self.run_name, 100),
            self.items.len()
        )?;
        if let Some(description) = &self.description {
            writeln!(f, "{}", cell(description, 100))?;
        }
        writeln!(f)?;
        self.item_rows(f)?;
        let averages = self.averages();
        if !averages.is_empty() {
            let mut rows = vec![
                ["score", "items", "mean", "least", "most"]
                    .map(str::to_owned)
                    .to_vec(),
            ];
            for average in &averages {
                let items = format!("{} of {}", average.count, self.items.len());
                let numbers = [average.mean, average.least, average.most].map(number);
                let row = [cell(&average.name, CELL), items]
                    .into_iter()
                    .chain(numbers);
                rows.push(row.collect());
            }
            writeln!(f)?;
            write(f, &rows)?;
        }
        if !self.run_evaluations.is_empty() {
            writeln!(f)?;
            for evaluation in &self.run_evaluations {
                let comment = evaluation
                    .comment
                    .as_deref()
                    .map(|comment| format!("  {}", cell(comment, 80)));
                let (name, value) = (cell(&evaluation.name, CELL), shown(evaluation));
                writeln!(
                    f,
                    "run score {name} = {value}{}",
                    comment.unwrap_or_default()
                )?;
            }
        }
        self.notes(f)
    }
}

impl ExperimentReport {
    fn item_rows(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<&str> = Vec::new();
        for evaluation in self.items.iter().flat_map(|result| &result.evaluations) {
            if !names.contains(&evaluation.name.as_str()) {
                names.push(&evaluation.name);
            }
        }
        let mut head = vec![String::new(), "input".to_owned(), "output".to_owned()];
        head.extend(names.iter().map(|name| cell(name, CELL)));
        let mut rows = vec![head];
        let failed_first = || {
            let numbered = || self.items.iter().enumerate();
            let failed = numbered().filter(|(_, result)| result.output.is_err());
            failed.chain(numbered().filter(|(_, result)| result.output.is_ok()))
        };
        let mut shown: Vec<(usize, &ItemResult)> = failed_first().take(ROWS).collect();
        shown.sort_by_key(|(index, _)| *index);
        for (index, result) in shown {
            rows.push(row(index, result, &names));
        }
        write(f, &rows)?;
        match self.items.len().saturating_sub(ROWS) {
            0 => Ok(()),
            more => writeln!(f, "and {more} more"),
        }
    }

    fn notes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut notes = Vec::new();
        let failed = self.failed_items();
        if failed > 0 {
            notes.push(format!("{failed} of {} items failed", self.items.len()));
        }
        let of_items = self.items.iter().flat_map(|result| &result.failures);
        let failures: Vec<_> = of_items.chain(&self.run_failures).collect();
        if let Some(first) = failures.first() {
            let (name, error) = (cell(&first.evaluator, CELL), cell(&first.error, 80));
            notes.push(format!(
                "evaluators failed {} times, first {name}: {error}",
                failures.len()
            ));
        }
        match self.unrecorded_items() {
            0 => {}
            all if all == self.items.len() => {
                notes.push("nothing was recorded: the tracer is off or samples".to_owned())
            }
            some => notes.push(format!(
                "{some} items were not recorded: the tracer's sampler left their traces out"
            )),
        }
        if let Err(incomplete) = &self.delivery {
            notes.push(format!("not everything was delivered: {incomplete}"));
        }
        notes.extend(self.url.clone());
        if !notes.is_empty() {
            writeln!(f)?;
        }
        notes.iter().try_for_each(|note| writeln!(f, "{note}"))
    }
}

fn row(index: usize, result: &ItemResult, names: &[&str]) -> Vec<String> {
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

fn shown(evaluation: &Evaluation) -> String {
    match (evaluation.value.data_type(), evaluation.number()) {
        ("NUMERIC", Some(value)) => number(value),
        _ => cell(&evaluation.value.to_string(), CELL),
    }
}

/// At most three decimal places, without zeros at the end.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text on one line, cut to a width.
fn cell(text: &str, width: usize) -> String {
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
fn write(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
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
