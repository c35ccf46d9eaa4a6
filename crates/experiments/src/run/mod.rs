//! Runs the items: one trace for each, the function below it, the evaluators after it. Called by `experiment`. `attributes`
//! says what the spans have, `judge` calls the evaluators.
//! The observations and attributes are those of Langfuse's Python SDK 5.

mod attributes;
mod judge;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt as _, StreamExt as _};
use serde::Serialize;
use serde_json::Value;
use tracefuse_core::record::Timestamp;
use tracefuse_core::{AsException, Clock, Exception, InSpan as _, Span, SpanId, Status, bridge};

use crate::dataset::Dataset;
use crate::item::Item;
use crate::progress::Progress;
use crate::report::{ExperimentReport, ItemResult, Results};
use crate::settings::Settings;

/// What the items of a run have in common.
struct Run<'a> {
    settings: &'a Settings,
    name: String,
    id: String,
    version: Option<String>,
    clock: Clock,
}

pub(crate) async fn all<O: Serialize, E: AsException<Via>, Via>(
    settings: &Settings,
    dataset: Dataset,
    task: impl AsyncFn(Item) -> Result<O, E>,
) -> ExperimentReport {
    let clock = Clock::system();
    let begun = clock.monotonic_nanos();
    let name = match &settings.run_name {
        Some(name) => name.clone(),
        None => format!("{} - {}", settings.name, now(&clock)),
    };
    let run = Run {
        settings,
        id: run_id(settings, &dataset, &name),
        name,
        version: dataset.version.clone(),
        clock,
    };
    let progress = Progress::new(settings, dataset.items.len());
    let (run, task, progress) = (&run, &task, &progress);
    let items = futures::stream::iter(dataset.items.into_iter().enumerate());
    let running = items.map(|(index, item)| async move {
        let result = run.item(item, task).await;
        progress.item_done(&result);
        (index, result)
    });
    let mut results: Vec<(usize, ItemResult)> = running
        .buffer_unordered(settings.max_concurrency)
        .collect()
        .await;
    progress.done();
    results.sort_by_key(|(index, _)| *index);
    let results: Results = Arc::new(results.into_iter().map(|(_, result)| result).collect());
    let (run_evaluations, run_failures) = run.judge_run(&results).await;
    let delivery = settings
        .tracer
        .flush_async_within(settings.flush_timeout)
        .await;
    ExperimentReport {
        name: settings.name.clone(),
        run_name: run.name.clone(),
        description: settings.description.clone(),
        url: dataset
            .project
            .map(|project| project.experiment_url(&run.id)),
        id: run.id.clone(),
        items: Arc::unwrap_or_clone(results),
        run_evaluations,
        run_failures,
        duration: Duration::from_nanos(run.clock.monotonic_nanos().saturating_sub(begun)),
        delivery,
    }
}

/// In milliseconds, which people compare.
fn now(clock: &Clock) -> String {
    let mut text = Timestamp::from_unix_nanos(clock.unix_nanos()).to_string();
    text.truncate(text.len().saturating_sub(7));
    text.push('Z');
    text
}

/// Of a dataset in Langfuse the id that its SDKs make, else a random one.
fn run_id(settings: &Settings, dataset: &Dataset, run_name: &str) -> String {
    if let Some(id) = &settings.id {
        return id.clone();
    }
    // Items of several datasets belong to the first one's experiment.
    let of_items = || {
        dataset
            .items
            .iter()
            .find_map(|item| item.dataset_id.as_deref())
    };
    let id = dataset.id.as_deref().or_else(of_items);
    match (&dataset.project, id) {
        (Some(project), Some(id)) => project.experiment_id(id, run_name),
        _ => SpanId::random().to_string(),
    }
}

impl Run<'_> {
    async fn item<O: Serialize, E: AsException<Via>, Via>(
        &self,
        item: Item,
        task: &impl AsyncFn(Item) -> Result<O, E>,
    ) -> ItemResult {
        let begun = self.clock.monotonic_nanos();
        let item = Arc::new(item);
        let trace = self
            .settings
            .tracer
            .trace(ITEM_RUN)
            .input(&item.input)
            .start();
        let root = trace.root().clone();
        let span = trace.span(ITEM_TASK).input(&item.input).start();
        self.mark_trace(&root, &span, &item);
        let metadata = self.metadata(&item);
        for span in [&root, &span] {
            self.mark_span(span, &item);
            for (key, value) in &metadata {
                span.add_metadata(key, value);
            }
        }
        let outcome = self.task(&item, task, &span).await;
        let output = match outcome {
            Ok(output) => {
                span.set_output(&output);
                root.set_output(&output);
                Ok(Arc::new(output))
            }
            Err(failed) => {
                let words = failed.message.clone();
                for span in [&span, &root] {
                    span.set_output(format!("Error: {words}"));
                }
                bridge::record_returned_exception(&span, failed);
                root.set_status(Status::error(&words));
                Err(words)
            }
        };
        span.end();
        let took = Duration::from_nanos(self.clock.monotonic_nanos().saturating_sub(begun));
        let (evaluations, failures) = match &output {
            Ok(output) => self.judge_item(&trace, &span, &item, output).await,
            Err(_) => (Vec::new(), Vec::new()),
        };
        let trace_id = trace.id();
        trace.end();
        ItemResult {
            item: Arc::unwrap_or_clone(item),
            output: output.map(Arc::unwrap_or_clone),
            evaluations,
            failures,
            trace_id,
            duration: took,
        }
    }

    async fn task<O: Serialize, E: AsException<Via>, Via>(
        &self,
        item: &Item,
        task: &impl AsyncFn(Item) -> Result<O, E>,
        span: &Span,
    ) -> Result<Value, Exception> {
        let working = async {
            match task(item.clone()).await {
                Ok(output) => serde_json::to_value(output).map_err(|error| {
                    let words = format!("the output cannot be serialized: {error}");
                    Exception::new("NotSerializable", words)
                }),
                Err(error) => Err(error.to_exception()),
            }
        };
        let limited = async {
            match self.settings.item_timeout {
                None => working.await,
                Some(limit) => tokio::time::timeout(limit, working)
                    .await
                    .unwrap_or_else(|_| {
                        let words = format!("the item took more than {limit:?}");
                        Err(Exception::new("Timeout", words))
                    }),
            }
        };
        // A panic is caught inside of the span, so that the span is still open when the error is recorded.
        let guarded = AssertUnwindSafe(limited).catch_unwind();
        let ended = guarded.in_span(span.clone()).await;
        ended.unwrap_or_else(|panic| Err(Exception::new("panic", panic_text(&*panic))))
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}

const ITEM_RUN: &str = "experiment-item-run";
const ITEM_TASK: &str = "experiment-item-task";
