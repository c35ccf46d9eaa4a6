//! Experiments of Langfuse: a function over a dataset, one trace for each item, evaluators as scores.
//!
//! ```no_run
//! # async fn answer(_: tracefuse_experiments::Item) -> Result<String, std::io::Error> { Ok(String::new()) }
//! # async fn run(tracer: tracefuse_core::Tracer) -> Result<std::process::ExitCode, Box<dyn std::error::Error>> {
//! use tracefuse_experiments::{Case, DatasetClient, Experiment, LangfuseConfig};
//!
//! let datasets = DatasetClient::new(&LangfuseConfig::new("pk-lf-..", "sk-lf-.."))?;
//! let report = Experiment::new(&tracer, "capitals")
//!     .evaluator("exact-match", |case: &Case| Some(case.output()) == case.expected())
//!     .run(datasets.dataset("capitals").get().await?, answer)
//!     .await;
//! println!("{report}"); // a table of items and scores
//! # Ok(
//! report.exit_code(0.9) // for CI
//! # ) }
//! ```
//!
//! In reading order: a [`Dataset`] has [`Item`]s; [`Experiment`] runs a function over them; an evaluator gets a [`Case`]
//! and returns an [`Evaluation`]; [`ExperimentReport`] has the results.
//!
//! # What is recorded
//! As Langfuse's Python SDK 5 does it. Each item is a trace of the environment `sdk-experiment` with a root
//! `experiment-item-run`, below it `experiment-item-task`, in which the function runs, and `experiment-item-evaluation` with
//! an observation for each evaluator. All of them have the attributes `langfuse.experiment.*`, by which Langfuse puts them
//! together: no dataset run is created through the API. Scores belong to the task; scores of run evaluators
//! belong to the run.
//!
//! An item or an evaluator that fails or panics is recorded, and the run goes on. At the end everything is flushed within
//! a deadline, and the report has the tracer's accounting.
//!
//! | feature | default | adds | its dependencies |
//! | --- | --- | --- | --- |
//! | `progress` | no | `Experiment::progress`: a progress bar on standard error | indicatif |

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod api_dataset;
mod cell;
mod dataset;
mod evaluation;
mod evaluator;
mod experiment;
mod into_evaluations;
mod item;
#[cfg_attr(not(feature = "progress"), path = "no_progress.rs")]
mod progress;
mod report;
mod run;
mod settings;
mod table;

pub use dataset::{Dataset, DatasetClient, DatasetRequest};
pub use evaluation::Evaluation;
pub use evaluator::Case;
pub use experiment::Experiment;
pub use into_evaluations::IntoEvaluations;
pub use item::Item;
pub use report::{Average, ExperimentReport, Failure, ItemResult};
/// The server and the keys, and what can go wrong with them and with reading from it.
pub use tracefuse_langfuse::{ApiError, ApiProblem, LangfuseConfig, SettingError};
