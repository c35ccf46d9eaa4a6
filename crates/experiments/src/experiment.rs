//! The settings of an experiment: names, evaluators, limits. `run` does the work.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use tracefuse_core::{AsException, Tracer};

use crate::dataset::Dataset;
use crate::evaluator::{Case, Evaluator};
use crate::into_evaluations::IntoEvaluations;
use crate::item::{Item, value};
use crate::report::{ExperimentReport, ItemResult, Results};
use crate::run;
use crate::settings::Settings;

/// The range of [`Experiment::item_timeout`].
const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs a function over the items of a dataset and judges its outputs.
///
/// ```
/// # tokio_test();
/// # fn tokio_test() {
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use tracefuse_experiments::{Case, Experiment, Item};
///
/// # let tracer = tracefuse_core::Tracer::noop();
/// let items = vec![Item::new("France").expected("Paris"), Item::new("Japan").expected("Tokyo")];
/// let report = Experiment::new(&tracer, "capitals")
///     .evaluator("exact-match", |case: &Case| Some(case.output()) == case.expected())
///     .run(items, async |item: Item| match item.input_text() {
///         Some("France") => Ok("Paris"),
///         _ => Err("unknown"),
///     })
///     .await;
/// assert_eq!((report.items.len(), report.failed_items()), (2, 1));
/// # });
/// # }
/// ```
#[must_use = "an experiment does nothing until `run`"]
pub struct Experiment(Settings);

impl Experiment {
    /// An experiment whose traces are recorded by `tracer`.
    pub fn new(tracer: &Tracer, name: impl Into<String>) -> Self {
        Self(Settings::new(tracer.clone(), name.into()))
    }

    /// The exact name of the run; the experiment's name and the time by default. Runs of one name on one dataset of Langfuse
    /// are one experiment there.
    pub fn run_name(mut self, name: impl Into<String>) -> Self {
        self.0.run_name = Some(name.into());
        self
    }

    /// The id of the run, over the one that is made of project, dataset and run name: the same id in several processes
    /// records their items as one experiment.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.0.id = Some(id.into());
        self
    }

    /// Its description, free text.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.0.description = Some(description.into());
        self
    }

    /// Adds metadata to the run, such as the model or the commit.
    pub fn metadata<T: Serialize>(mut self, key: &str, metadata: T) -> Self {
        self.0.metadata.insert(key.to_owned(), value(metadata));
        self
    }

    /// Adds a function that judges each output. It returns a number, a boolean, a text, [`Evaluation`](crate::Evaluation)s,
    /// or an error, see [`IntoEvaluations`]. Its judgement becomes a score of the item's observation.
    pub fn evaluator<R: IntoEvaluations>(
        mut self,
        name: impl Into<String>,
        judge: impl Fn(&Case) -> R + Send + Sync + 'static,
    ) -> Self {
        self.0.evaluators.push(Evaluator::sync(name.into(), judge));
        self
    }

    /// Adds an async function that judges each output, such as a model that is asked.
    pub fn evaluator_async<R: IntoEvaluations, F: Future<Output = R> + Send + 'static>(
        mut self,
        name: impl Into<String>,
        judge: impl Fn(Case) -> F + Send + Sync + 'static,
    ) -> Self {
        self.0
            .evaluators
            .push(Evaluator::asynchronous(name.into(), judge));
        self
    }

    /// Adds a function that judges the whole run. Its judgement becomes a score of the run.
    pub fn run_evaluator<R: IntoEvaluations>(
        mut self,
        name: impl Into<String>,
        judge: impl Fn(&[ItemResult]) -> R + Send + Sync + 'static,
    ) -> Self {
        let judge = move |results: &Results| judge(results);
        self.0
            .run_evaluators
            .push(Evaluator::sync(name.into(), judge));
        self
    }

    /// Adds an async function that judges the whole run.
    pub fn run_evaluator_async<R: IntoEvaluations, F: Future<Output = R> + Send + 'static>(
        mut self,
        name: impl Into<String>,
        judge: impl Fn(std::sync::Arc<Vec<ItemResult>>) -> F + Send + Sync + 'static,
    ) -> Self {
        self.0
            .run_evaluators
            .push(Evaluator::asynchronous(name.into(), judge));
        self
    }

    /// How many items run at the same time; 50 by default, as in the official SDKs. A number outside of 1 to 10,000 is
    /// replaced by the nearest one in this range.
    pub fn max_concurrency(mut self, items: usize) -> Self {
        self.0.max_concurrency = items.clamp(1, 10_000);
        self
    }

    /// The longest an item may take, its evaluators not included; no limit by default. One that takes longer has failed.
    /// A function that blocks its thread cannot be stopped. A time outside of 1 ms to 30 days is replaced by the nearest one
    /// in this range.
    pub fn item_timeout(mut self, timeout: Duration) -> Self {
        self.0.item_timeout = Some(timeout.clamp(SHORTEST, LONGEST));
        self
    }

    /// The longest the delivery at the end may take; 30 s by default. With 0 the run does not wait for it; a time of more
    /// than a day is replaced by a day.
    pub fn flush_timeout(mut self, timeout: Duration) -> Self {
        self.0.flush_timeout = timeout.min(DAY);
        self
    }

    /// Whether a progress bar is shown on standard error; no by default. Nothing is shown if that is not a terminal.
    #[cfg(feature = "progress")]
    #[cfg_attr(docsrs, doc(cfg(feature = "progress")))]
    pub fn progress(mut self, show: bool) -> Self {
        self.0.progress = show;
        self
    }

    /// Runs the function over all items and the evaluators over the outputs, flushes, and reports.
    ///
    /// Each item is a trace. Inside the function the item's task is the current span, so that what the function records is
    /// below it. An item that fails or panics is recorded as failed, and the others go on; the same holds for evaluators.
    /// Items run concurrently on the task that awaits this, so a function should not block its thread.
    ///
    /// It needs a tokio runtime with a clock if [`item_timeout`](Self::item_timeout) is set, and otherwise runs on any
    /// executor.
    pub async fn run<O, E, Via>(
        &self,
        dataset: impl Into<Dataset>,
        task: impl AsyncFn(Item) -> Result<O, E>,
    ) -> ExperimentReport
    where
        O: Serialize,
        E: AsException<Via>,
    {
        run::all(&self.0, dataset.into(), task).await
    }
}

impl fmt::Debug for Experiment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let evaluators = self.0.evaluators.iter();
        let names: Vec<&str> = evaluators.map(|one| one.name.as_str()).collect();
        f.debug_struct("Experiment")
            .field("name", &self.0.name)
            .field("evaluators", &names)
            .field("max_concurrency", &self.0.max_concurrency)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_become_the_nearest_that_work() {
        let experiment = || Experiment::new(&Tracer::noop(), "capitals");
        for (items, used) in [(0, 1), (7, 7), (usize::MAX, 10_000)] {
            assert_eq!(experiment().max_concurrency(items).0.max_concurrency, used);
        }
        for (timeout, used) in [(Duration::ZERO, SHORTEST), (Duration::MAX, LONGEST)] {
            assert_eq!(
                experiment().item_timeout(timeout).0.item_timeout,
                Some(used)
            );
        }
        for (timeout, used) in [(Duration::ZERO, Duration::ZERO), (Duration::MAX, DAY)] {
            assert_eq!(experiment().flush_timeout(timeout).0.flush_timeout, used);
        }
    }
}
