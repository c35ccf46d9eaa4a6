//! A report as text for the terminal: items, scores, what failed. Text of users and models is made safe to print.

use std::fmt;

use crate::cell::{CELL, cell, number, row, shown, write};
use crate::report::{ExperimentReport, ItemResult};

/// The most items that are shown; failed items first.
const ROWS: usize = 50;

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
