//! The results of a run: by item, means by evaluator, whether it is good enough, and whether all was delivered.
//! Made by `run`; shown by `table`.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tracefuse_core::{Incomplete, Report, TraceId};

use crate::evaluation::Evaluation;
use crate::item::Item;

/// The results of a run. Its `Display` is a table for the terminal.
///
/// ```no_run
/// # async fn run(experiment: tracefuse_experiments::Experiment) -> std::process::ExitCode {
/// # use tracefuse_experiments::Item;
/// let report = experiment.run(vec![Item::new("2 + 2")], async |_| Ok::<_, String>("4")).await;
/// println!("{report}");
/// report.exit_code(0.8) // for CI
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct ExperimentReport {
    /// Name of the experiment.
    pub name: String,
    /// Name of the run, which Langfuse shows.
    pub run_name: String,
    /// Its description.
    pub description: Option<String>,
    /// Id of the run.
    pub id: String,
    /// The address of the run in Langfuse, for a dataset that was fetched from there.
    pub url: Option<String>,
    /// One for each item, in their order.
    pub items: Vec<ItemResult>,
    /// The judgements of the run evaluators.
    pub run_evaluations: Vec<Evaluation>,
    /// Run evaluators that failed.
    pub run_failures: Vec<Failure>,
    /// How long it took, without the delivery.
    pub duration: Duration,
    /// Whether everything recorded was delivered in time: what the flush at the end said.
    pub delivery: Result<Report, Incomplete>,
}

/// The results of an item.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ItemResult {
    /// The item.
    pub item: Item,
    /// The output of the function, or why there is none.
    pub output: Result<Value, String>,
    /// The judgements of the evaluators.
    pub evaluations: Vec<Evaluation>,
    /// Evaluators that failed.
    pub failures: Vec<Failure>,
    /// Its trace; `None` if it was not recorded: the tracer is off, or its sampler left the trace out.
    pub trace_id: Option<TraceId>,
    /// How long the function took.
    pub duration: Duration,
}

/// The results of a run, as its evaluators get them.
pub(crate) type Results = Arc<Vec<ItemResult>>;

/// An evaluator that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// Its name.
    pub evaluator: String,
    /// Why it failed.
    pub error: String,
}

/// What one score is over all items that have it as a number.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Average {
    /// Name of the score.
    pub name: String,
    /// Items that have it.
    pub count: usize,
    /// Mean; yes counts as 1, no as 0.
    pub mean: f64,
    /// The lowest value.
    pub least: f64,
    /// The highest value.
    pub most: f64,
}

impl ExperimentReport {
    /// The scores that are numbers or yes and no, by name in the order of their first use. A text has no mean.
    #[must_use]
    pub fn averages(&self) -> Vec<Average> {
        let mut averages: Vec<Average> = Vec::new();
        for evaluation in self.items.iter().flat_map(|result| &result.evaluations) {
            let Some(number) = evaluation.number() else {
                continue;
            };
            match averages
                .iter_mut()
                .find(|known| known.name == evaluation.name)
            {
                Some(known) => {
                    known.count = known.count.saturating_add(1);
                    known.mean += (number - known.mean) / known.count as f64;
                    known.least = known.least.min(number);
                    known.most = known.most.max(number);
                }
                None => averages.push(Average {
                    name: evaluation.name.clone(),
                    count: 1,
                    mean: number,
                    least: number,
                    most: number,
                }),
            }
        }
        averages
    }

    /// Items without an output.
    #[must_use]
    pub fn failed_items(&self) -> usize {
        self.items
            .iter()
            .filter(|result| result.output.is_err())
            .count()
    }

    /// Items that were not recorded, because the tracer is off or its sampler left their traces out.
    #[must_use]
    pub fn unrecorded_items(&self) -> usize {
        self.items
            .iter()
            .filter(|result| result.trace_id.is_none())
            .count()
    }

    /// Why the run is not good enough, as sentences; empty if it is: at least one item ran, none failed, no evaluator failed, and
    /// the mean of each score is at least `threshold`.
    #[must_use]
    pub fn shortcomings(&self, threshold: f64) -> Vec<String> {
        let mut reasons = Vec::new();
        if self.items.is_empty() {
            reasons.push("no item ran".to_owned());
        }
        let failed = self.failed_items();
        if failed > 0 {
            reasons.push(format!("{failed} of {} items failed", self.items.len()));
        }
        let judges = self
            .items
            .iter()
            .map(|result| result.failures.len())
            .sum::<usize>();
        let judges = judges.saturating_add(self.run_failures.len());
        if judges > 0 {
            reasons.push(format!("evaluators failed {judges} times"));
        }
        for average in self.averages() {
            if average.mean < threshold || threshold.is_nan() {
                let Average { name, mean, .. } = average;
                reasons.push(format!(
                    "the mean of {name} is {mean:.3}, less than {threshold}"
                ));
            }
        }
        reasons
    }

    /// An exit code for CI: 0 if the run is good enough (see [`shortcomings`](Self::shortcomings)), 1 if it is not, 2 if it
    /// is but not everything was delivered.
    #[must_use]
    pub fn exit_code(&self, threshold: f64) -> ExitCode {
        ExitCode::from(self.code(threshold))
    }

    /// The number of [`exit_code`](Self::exit_code).
    #[must_use]
    pub fn code(&self, threshold: f64) -> u8 {
        match (self.shortcomings(threshold).is_empty(), &self.delivery) {
            (false, _) => 1,
            (true, Err(_)) => 2,
            (true, Ok(_)) => 0,
        }
    }
}
