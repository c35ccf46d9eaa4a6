//! Experiments of Langfuse: a function over a dataset, one trace for each item, evaluators as scores (feature `experiments`).
//! See the [guide](https://github.com/tracefuse/tracefuse/blob/main/docs/guide/experiments.md).

pub use tracefuse_experiments::{
    ApiError, ApiProblem, Average, Case, Dataset, DatasetClient, DatasetRequest, Evaluation,
    Experiment, ExperimentReport, Failure, IntoEvaluations, Item, ItemResult,
};

use super::config_from_env;
use crate::config::ConfigError;

/// A client for the datasets of the server in the environment, see [`config_from_env`]. Opens no connection.
///
/// ```no_run
/// # async fn run() -> anyhow::Result<()> {
/// let datasets = tracefuse::langfuse::experiments::datasets_from_env()?;
/// let dataset = datasets.dataset("capitals").get().await?;
/// println!("{} items", dataset.items.len());
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`ConfigError`] names the setting that cannot be used.
pub fn datasets_from_env() -> Result<DatasetClient, ConfigError> {
    let client = DatasetClient::new(&config_from_env()?);
    client.map_err(|error| ConfigError::new(error.to_string()))
}
